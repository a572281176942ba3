/** The steps of a relaxation, and what lies between them. */

import { superpose } from "./superpose.js";

/**
 * The geometries of a result from start to relaxed, all superposed on the relaxed one.
 *
 * @param {object} result as the server sends it; without a trajectory there are two
 * @returns {number[][][]} shape (k, n, 3)
 */
export function framesOf(result) {
  const last = result.positions;
  const steps = result.trajectory ?? [result.start_positions ?? last, last];
  return steps.map((positions) => superpose(positions, last));
}

/**
 * The geometry at a place between frames.
 *
 * @param {number[][][]} frames shape (k, n, 3)
 * @param {number} place from 0, the first frame, to k - 1, the last
 */
export function interpolate(frames, place) {
  const before = Math.min(Math.floor(place), frames.length - 1);
  const after = Math.min(before + 1, frames.length - 1);
  const share = place - before;
  return frames[before].map((p, i) => p.map((x, k) => x + share * (frames[after][i][k] - x)));
}
