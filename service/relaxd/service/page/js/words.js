/** Numbers as people say them. */

/** A number with so many significant digits, never in powers of ten. */
export function significant(value, digits = 2) {
  const places = value === 0 ? 0 : digits - 1 - Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(Math.max(places, 0), 12));
}

/** A number of things, for example "1 step", "3 steps", "10,000 molecules". */
export function count(n, thing) {
  return `${n.toLocaleString("en")} ${thing}${n === 1 ? "" : "s"}`;
}

/** A time, for example "9 ms", "1.3 s", "2 min 5 s". */
export function duration(seconds) {
  if (seconds < 0.9995) return `${significant(seconds * 1000, seconds < 0.01 ? 1 : 2)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Electrical energy, for example "0.11 mWh", "1.2 Wh". */
export function electricity(wattHours) {
  if (wattHours < 1) return `${significant(wattHours * 1000)} mWh`;
  return `${significant(wattHours)} Wh`;
}

/** Things in a row, for example "S", "S and F", "S, F and Cl". */
export function listed(things) {
  if (things.length < 2) return things.join("");
  return `${things.slice(0, -1).join(", ")} and ${things.at(-1)}`;
}

/** An error in the server's words: its detail, and every field at fault. */
export function problemText(problem) {
  const faults = (problem.errors ?? []).map((fault) => `${fault.path}: ${fault.message}`);
  return [problem.detail ?? problem.title, ...faults].join("\n");
}
