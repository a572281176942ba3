import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decades,
  linear,
  logarithmic,
  roomy,
  ticks,
} from "../../service/relaxd/service/page/js/scales.js";

test("scales map their domain onto their range", () => {
  const across = linear([1, 5], [60, 360]);
  assert.deepEqual([1, 3, 5].map(across), [60, 210, 360]);
  const up = logarithmic([0.01, 1], [100, 0]);
  assert.deepEqual(
    [0.01, 0.1, 1].map((x) => Math.round(up(x))),
    [100, 50, 0],
  );
  assert.equal(linear([2, 2], [0, 10])(2), 0);
});

test("ticks are round numbers inside the domain", () => {
  assert.deepEqual(ticks([1, 5]), [1, 2, 3, 4, 5]);
  assert.deepEqual(ticks([1, 37]), [10, 20, 30]);
  assert.deepEqual(ticks([-0.07, 1.43], 4), [0, 0.5, 1]);
  assert.deepEqual(ticks([0, 0.0012], 4), [0, 0.0005, 0.001]);
});

test("decades hold all values, and are at least one", () => {
  assert.deepEqual(decades([0.0012, 0.5]), { domain: [0.001, 1], ticks: [0.001, 0.01, 0.1, 1] });
  assert.deepEqual(decades([1]), { domain: [1, 10], ticks: [1, 10] });
});

test("a roomy domain holds zero and every value", () => {
  const [low, high] = roomy([2, 4]);
  assert.ok(low < 0 && high > 4);
  assert.ok(roomy([0])[0] < roomy([0])[1]);
});
