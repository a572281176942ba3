/** Geometries as extended XYZ, which every reader of XYZ takes, too. */

import { symbolOf } from "./elements.js";

/** A result with a geometry as one frame. */
export function writeXyz(result) {
  const { atomic_numbers: numbers, positions } = result;
  const atoms = numbers.map((number, i) => {
    const columns = positions[i].map((x) => x.toFixed(8).padStart(15));
    return symbolOf(number).padEnd(2) + columns.join("");
  });
  return `${[numbers.length, comment(result), ...atoms].join("\n")}\n`;
}

function comment({ id, smiles, charge, multiplicity, verdict, dft }) {
  const items = {
    id,
    smiles,
    charge,
    multiplicity,
    method: dft ? dft.level : verdict?.method,
    energy_hartree: dft?.energy_hartree,
  };
  const known = Object.entries(items).filter(([, value]) => value !== null && value !== undefined);
  const written = known.map(([key, value]) => `${key}=${quoted(value)}`);
  return ["Properties=species:S:1:pos:R:3", ...written].join(" ");
}

function quoted(value) {
  if (typeof value === "number") return String(value);
  return `"${value.replace(/[\\"]/g, "\\$&").replace(/\s/g, " ")}"`;
}
