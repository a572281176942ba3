/** Distances, angles and torsions between atoms. */

const DEGREES = 180 / Math.PI;

const minus = (a, b) => a.map((x, i) => x - b[i]);
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const length = (a) => Math.sqrt(dot(a, a));

/** The distance between two points, in their unit. */
export function distance(a, b) {
  return length(minus(a, b));
}

/** The angle at `b`, in degrees; by atan2, which is exact near 0 and 180, too. */
export function angle(a, b, c) {
  const [u, v] = [minus(a, b), minus(c, b)];
  return Math.atan2(length(cross(u, v)), dot(u, v)) * DEGREES;
}

/** The torsion about b-c in degrees, -180 to 180, positive clockwise (IUPAC). */
export function torsion(a, b, c, d) {
  const axis = minus(c, b);
  const [m, n] = [cross(minus(b, a), axis), cross(axis, minus(d, c))];
  return Math.atan2(dot(cross(m, n), axis) / length(axis), dot(m, n)) * DEGREES;
}

const KINDS = {
  2: { kind: "Distance", unit: "Å", digits: 3, of: distance },
  3: { kind: "Angle", unit: "°", digits: 1, of: angle },
  4: { kind: "Torsion", unit: "°", digits: 1, of: torsion },
};

/** What a number of atoms measures; undefined for fewer than two or more than four. */
export function measureKind(n) {
  return KINDS[n];
}

/** The value between atoms, in words, for example "1.432 Å". */
export function measured(positions, atoms) {
  const { of, unit, digits } = KINDS[atoms.length];
  const value = of(...atoms.map((atom) => positions[atom])).toFixed(digits);
  return unit === "°" ? `${value}°` : `${value} ${unit}`;
}

/**
 * Atoms as somebody types them, numbered from one.
 *
 * @param {string} text numbers, with anything but digits between them
 * @param {number} n how many atoms the molecule has
 * @returns {number[]} two to four different indices from zero
 * @throws {RangeError} what is typed names no such atoms; the message says why
 */
export function parseAtoms(text, n) {
  const atoms = (text.match(/\d+/g) ?? []).map((digits) => Number(digits) - 1);
  if (!KINDS[atoms.length]) {
    throw new RangeError("Name two atoms for a distance, three for an angle, four for a torsion.");
  }
  if (atoms.some((atom) => atom < 0 || atom >= n)) {
    throw new RangeError(`Atoms are numbered from 1 to ${n}.`);
  }
  if (new Set(atoms).size < atoms.length) {
    throw new RangeError("Each atom may be named once.");
  }
  return atoms;
}
