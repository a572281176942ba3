/** Scales of a chart. */

/** From a domain to a range, linear. */
export function linear([d0, d1], [r0, r1]) {
  return (value) => r0 + ((value - d0) / (d1 - d0 || 1)) * (r1 - r0);
}

/** From a positive domain to a range, logarithmic. */
export function logarithmic(domain, range) {
  const scale = linear(domain.map(Math.log10), range);
  return (value) => scale(Math.log10(value));
}

/** Round numbers that lie in a domain, at most about `n`; their step is 1, 2 or 5 times ten^k. */
export function ticks([from, to], n = 5) {
  const rough = (to - from || 1) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  const places = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toFixed(places)),
  );
}

/** The powers of ten around values, as a domain and as its ticks. */
export function decades(values) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1);
  const powers = Array.from({ length: high - low + 1 }, (_, i) =>
    Number((10 ** (low + i)).toPrecision(1)),
  );
  return { domain: [powers[0], powers.at(-1)], ticks: powers };
}

/** A domain that holds values and zero, with a little room. */
export function roomy(values) {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const room = 0.05 * (high - low) || 1;
  return [low - room, high + room];
}
