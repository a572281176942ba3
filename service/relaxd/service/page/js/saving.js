/** What relaxd saves DFT, as predicted and as measured, in words. */

import { KCAL_PER_HARTREE } from "./units.js";
import { count, duration, significant } from "./words.js";

/** Refinements that end closer than this are in the same minimum, kcal/mol. */
const SAME_MINIMUM = 0.1;

/** The saving that was measured on other molecules, by the model's `accuracy`. */
export function predictedSaving(accuracy) {
  const { dft_gradients_saved_factor_median: factor, n_refined_molecules: n } = accuracy ?? {};
  if (factor === undefined) return "Predicted saving: not known.";
  const among = n === undefined ? "" : ` (median of ${count(n, "molecule")})`;
  return (
    `Predicted saving: ${significant(factor)} times fewer DFT gradients than from MMFF94 with ` +
    `geomeTRIC${among}.`
  );
}

/**
 * The saving that two refinements show.
 *
 * @param {object} relaxed `dft` of the result that started from the relaxed geometry
 * @param {object} start `dft` of the one that started where the relaxation did
 */
export function measuredSaving(relaxed, start) {
  const cost = (dft) => `${count(dft.n_gradients, "gradient")}, ${duration(dft.seconds)}`;
  const both = `${cost(relaxed)} from the relaxed geometry; ${cost(start)} from the start.`;
  if (!relaxed.converged || !start.converged) {
    return `Measured: ${both} Not both converged, so they cannot be compared.`;
  }
  const apart = Math.abs(relaxed.energy_hartree - start.energy_hartree) * KCAL_PER_HARTREE;
  if (apart > SAME_MINIMUM) {
    const where = `${significant(apart)} kcal/mol apart: different minima, which cannot be compared`;
    return `Measured: ${both} They ended ${where}.`;
  }
  return (
    `Measured, both with relaxd's optimiser: ${both} ` +
    `${compared(start.n_gradients / relaxed.n_gradients, "gradients")} ` +
    `${compared(start.seconds / relaxed.seconds, "time")}`
  );
}

function compared(factor, what) {
  const less = what === "time" ? "less" : "fewer";
  if (factor > 1.005) return `${significant(factor, 3)} times ${less} ${what}.`;
  if (factor < 0.995) return `${significant(1 / factor, 3)} times more ${what}.`;
  return `As ${what === "time" ? "much" : "many"} ${what}.`;
}
