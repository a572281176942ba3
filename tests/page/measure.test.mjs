import assert from "node:assert/strict";
import { test } from "node:test";
import {
  angle,
  distance,
  measured,
  measureKind,
  parseAtoms,
  torsion,
} from "../../service/relaxd/service/page/js/measure.js";

const near = (value, expected) => assert.ok(Math.abs(value - expected) < 1e-9, `${value}`);

test("distance, angle and torsion have known values", () => {
  near(distance([0, 0, 0], [1, 2, 2]), 3);
  near(angle([1, 0, 0], [0, 0, 0], [0, 2, 0]), 90);
  near(angle([1, 0, 0], [0, 0, 0], [-3, 0, 0]), 180);
  near(torsion([1, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 1]), 0);
  near(Math.abs(torsion([1, 0, 0], [0, 0, 0], [0, 0, 1], [-1, 0, 1])), 180);
});

test("a torsion is positive where the far bond is clockwise of the near one", () => {
  // Seen along +z, y is a quarter turn clockwise of x.
  near(torsion([1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 1]), 90);
  near(torsion([1, 0, 0], [0, 0, 0], [0, 0, 1], [0, -1, 1]), -90);
});

test("a mirror image has the opposite torsion", () => {
  const atoms = [
    [1, 0.2, 0.1],
    [0, 0, 0],
    [0.1, 0.3, 1.4],
    [0.9, 1.1, 1.8],
  ];
  const mirrored = atoms.map(([x, y, z]) => [-x, y, z]);
  near(torsion(...atoms), -torsion(...mirrored));
});

test("measured values are words with a unit", () => {
  const positions = [
    [0, 0, 0],
    [0, 0, 1.5],
    [0, 1, 1.5],
  ];
  assert.equal(measured(positions, [0, 1]), "1.500 Å");
  assert.equal(measured(positions, [0, 1, 2]), "90.0°");
  assert.equal(measureKind(1), undefined);
  assert.equal(measureKind(4).kind, "Torsion");
});

test("typed atoms are read, with any separator", () => {
  assert.deepEqual(parseAtoms("1 2", 9), [0, 1]);
  assert.deepEqual(parseAtoms("C3, O4 - 9", 9), [2, 3, 8]);
});

test("typed atoms that are none are refused with the reason", () => {
  assert.throws(() => parseAtoms("1", 9), /Name two atoms/);
  assert.throws(() => parseAtoms("1 2 3 4 5", 9), /Name two atoms/);
  assert.throws(() => parseAtoms("0 1", 9), /from 1 to 9/);
  assert.throws(() => parseAtoms("1 10", 9), /from 1 to 9/);
  assert.throws(() => parseAtoms("2 2", 9), /once/);
});
