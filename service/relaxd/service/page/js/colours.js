/** The scale that shows how far atoms moved: blue to yellow, told apart by every kind of eye. */

const STOPS = [
  [58, 111, 176],
  [138, 144, 153],
  [240, 180, 41],
];

/** The colour of a share from 0 to 1, as CSS and 3Dmol write it. */
export function scaleColour(share) {
  const place = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const below = Math.min(Math.floor(place), STOPS.length - 2);
  const mixed = STOPS[below].map((x, k) => x + (place - below) * (STOPS[below + 1][k] - x));
  return `#${mixed.map((x) => Math.round(x).toString(16).padStart(2, "0")).join("")}`;
}

/** The scale as a CSS gradient, for a legend. */
export function scaleGradient() {
  return `linear-gradient(to right, ${STOPS.map((_, i) => scaleColour(i / (STOPS.length - 1)))})`;
}

/** Where the scale ends: the largest displacement, but no less than what can be seen, Angstrom. */
export function scaleEnd(displacements) {
  return Math.max(0.01, ...displacements);
}
