/** Superposition of geometries: Horn, J. Opt. Soc. Am. A 4, 629 (1987). */

import { distance } from "./measure.js";

const SWEEPS = 30;
const SMALL = 1e-14;

/**
 * Positions turned and shifted to lie on others as closely as they can.
 *
 * @param {number[][]} moving shape (n, 3)
 * @param {number[][]} fixed shape (n, 3), in the same order
 * @returns {number[][]} shape (n, 3)
 */
export function superpose(moving, fixed) {
  const [from, to] = [centre(moving), centre(fixed)];
  const centred = moving.map((p) => p.map((x, k) => x - from[k]));
  const target = fixed.map((p) => p.map((x, k) => x - to[k]));
  const turn = rotation(quaternion(correlation(centred, target)));
  return centred.map((p) => turn.map((row, k) => row.reduce((s, r, j) => s + r * p[j], to[k])));
}

/** How far each atom is from where it was, after superposition; shape (n,). */
export function displacements(start, relaxed) {
  return superpose(start, relaxed).map((p, i) => distance(p, relaxed[i]));
}

function centre(points) {
  return [0, 1, 2].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
}

function correlation(a, b) {
  return [0, 1, 2].map((j) =>
    [0, 1, 2].map((k) => a.reduce((sum, p, i) => sum + p[j] * b[i][k], 0)),
  );
}

/** The unit quaternion of the best rotation: an eigenvector of Horn's matrix N. */
function quaternion([[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]]) {
  const matrix = [
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, -xx + yy - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, -xx - yy + zz],
  ];
  const vectors = diagonalise(matrix);
  const largest = [0, 1, 2, 3].reduce((a, b) => (matrix[b][b] > matrix[a][a] ? b : a));
  return vectors.map((row) => row[largest]);
}

/** Jacobi's method: leaves the eigenvalues on the diagonal, returns the eigenvectors as columns. */
function diagonalise(matrix) {
  const vectors = matrix.map((_, i) => matrix.map((__, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < matrix.length; p++) {
      for (let q = p + 1; q < matrix.length; q++) rotate(matrix, vectors, p, q);
    }
  }
  return vectors;
}

function rotate(matrix, vectors, p, q) {
  if (Math.abs(matrix[p][q]) < SMALL) return;
  const theta = Math.atan2(2 * matrix[p][q], matrix[q][q] - matrix[p][p]) / 2;
  const [c, s] = [Math.cos(theta), Math.sin(theta)];
  const mix = (row) => {
    [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
  };
  matrix.forEach(mix);
  const [upper, lower] = [matrix[p], matrix[q]];
  matrix[p] = upper.map((x, k) => c * x - s * lower[k]);
  matrix[q] = upper.map((x, k) => s * x + c * lower[k]);
  vectors.forEach(mix);
}

function rotation([w, x, y, z]) {
  return [
    [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
  ];
}
