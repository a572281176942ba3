import assert from "node:assert/strict";
import { test } from "node:test";
import { framesOf, interpolate } from "../../service/relaxd/service/page/js/frames.js";
import { displacements, superpose } from "../../service/relaxd/service/page/js/superpose.js";

const MOLECULE = [
  [0.1, 0.2, 0.3],
  [1.4, 0.1, -0.2],
  [2.0, 1.5, 0.4],
  [-0.6, -0.8, 1.1],
];

/** Turned about x by 0.7 and z by 1.9, then shifted. */
function moved(points) {
  const [c, s, d, t] = [Math.cos(0.7), Math.sin(0.7), Math.cos(1.9), Math.sin(1.9)];
  return points
    .map(([x, y, z]) => [x, c * y - s * z, s * y + c * z])
    .map(([x, y, z]) => [d * x - t * y + 5, t * x + d * y - 3, z + 1]);
}

function assertClose(a, b) {
  a.flat().forEach((x, i) => {
    assert.ok(Math.abs(x - b.flat()[i]) < 1e-9, `${x} is not ${b.flat()[i]}`);
  });
}

test("a geometry that was turned and shifted comes back", () => {
  assertClose(superpose(moved(MOLECULE), MOLECULE), MOLECULE);
});

test("half a turn, a line, two atoms and one atom are no exceptions", () => {
  const turned = MOLECULE.map(([x, y, z]) => [-x, -y, z]);
  assertClose(superpose(turned, MOLECULE), MOLECULE);
  const line = [
    [0, 0, 0],
    [0, 0, 1],
    [0, 0, 3],
  ];
  assertClose(superpose(moved(line), line), line);
  assertClose(superpose(moved(line.slice(1)), line.slice(1)), line.slice(1));
  assertClose(superpose([[4, 4, 4]], [[1, 2, 3]]), [[1, 2, 3]]);
});

test("a mirror image is not turned into its original", () => {
  const mirrored = MOLECULE.map(([x, y, z]) => [-x, y, z]);
  assert.ok(Math.max(...displacements(mirrored, MOLECULE)) > 0.1);
});

test("displacements are those of atoms, not of the whole", () => {
  const start = MOLECULE.map((p, i) => (i === 3 ? [p[0], p[1], p[2] + 0.01] : p));
  const found = displacements(moved(start), MOLECULE);
  assert.equal(found.indexOf(Math.max(...found)), 3);
  assert.ok(found[3] < 0.011);
});

test("no other rotation brings the geometries closer", () => {
  const start = MOLECULE.map(([x, y, z], i) => [x + 0.1 * i, y - 0.05 * i * i, z]);
  const squares = (points) =>
    points.flat().reduce((sum, x, i) => sum + (x - MOLECULE.flat()[i]) ** 2, 0);
  const best = superpose(start, MOLECULE);
  const [cx, cy] = [0, 1].map((k) => best.reduce((sum, p) => sum + p[k], 0) / best.length);
  for (const turn of [0.01, -0.01]) {
    const [c, s] = [Math.cos(turn), Math.sin(turn)];
    const other = best.map(([x, y, z]) => [
      cx + c * (x - cx) - s * (y - cy),
      cy + s * (x - cx) + c * (y - cy),
      z,
    ]);
    assert.ok(squares(other) > squares(best));
  }
});

test("the frames of a result end in its positions", () => {
  const start = moved(MOLECULE);
  assertClose(framesOf({ positions: MOLECULE, start_positions: start })[0], MOLECULE);
  assert.equal(framesOf({ positions: MOLECULE, start_positions: null }).length, 2);
  const trajectory = [start, start, MOLECULE];
  assert.equal(framesOf({ positions: MOLECULE, start_positions: start, trajectory }).length, 3);
});

test("between frames atoms go straight", () => {
  const frames = [[[0, 0, 0]], [[1, 0, 0]], [[1, 2, 0]]];
  assert.deepEqual(interpolate(frames, 0), [[0, 0, 0]]);
  assert.deepEqual(interpolate(frames, 0.25), [[0.25, 0, 0]]);
  assert.deepEqual(interpolate(frames, 1.5), [[1, 1, 0]]);
  assert.deepEqual(interpolate(frames, 2), [[1, 2, 0]]);
});
