/** What is known about a result, in plain words. */

import { symbolOf } from "./elements.js";
import { count, duration, listed, significant } from "./words.js";

/** How people know the methods that the server names. */
const METHODS = { diffusion: "the diffusion model", "gfn2-xtb": "GFN2-xTB", mmff94: "MMFF94" };

/** Where DFT starts, as people say it. */
const STARTS = {
  relaxd: "the geometry of the diffusion model",
  given: "the geometry as given",
  "gfn2-xtb": "the geometry of GFN2-xTB",
};

/** The name of a method. */
export function methodName(method) {
  return METHODS[method] ?? method;
}

/**
 * The lines of a verdict.
 *
 * @param {object} result one that has a geometry
 * @param {object} [model] what the server says of its model
 * @returns {{text: string, state: "good" | "look" | "plain"}[]} `look` is what needs attention
 */
export function judge(result, model) {
  const { verdict, relaxation, dft } = result;
  return [
    ...(dft ? refinement(dft) : []),
    ...(relaxation ? [convergence(relaxation)] : []),
    ...(verdict ? [identity(verdict), domain(verdict), maker(result, model)] : []),
    ...(verdict && !dft ? [expectation(verdict, model)] : []),
  ];
}

const line = (good, text) => ({ state: good ? "good" : "look", text });
const plain = (text) => ({ state: "plain", text });

function refinement(dft) {
  const took = `${count(dft.n_gradients, "gradient")} and ${duration(dft.seconds)}`;
  const force = `The largest force left is ${significant(dft.max_force)} eV/Å.`;
  const lines = [
    line(dft.converged, `DFT (${dft.level}) ${converged(dft.converged)} after ${took}. ${force}`),
  ];
  if (dft.is_minimum !== null && dft.is_minimum !== undefined) {
    const text = dft.is_minimum ? "All frequencies are real: a minimum." : "It is no minimum.";
    lines.push(line(dft.is_minimum, text));
  }
  return lines;
}

const converged = (yes) => (yes ? "converged" : "did not converge");

function convergence({ converged: yes, n_evaluations: n, seconds }) {
  const text = `${yes ? "Converged" : "Did not converge"} after ${count(n, "evaluation")}`;
  return line(yes, `${text} in ${duration(seconds)}.`);
}

function identity({ connectivity_kept: bonds, stereo_kept: stereo }) {
  if (bonds === false) return line(false, "Bonds are not those of the start.");
  if (stereo === false) return line(false, "Bonds are as they were, but stereochemistry is not.");
  if (bonds && stereo) return line(true, "Bonds and stereochemistry are as they were.");
  if (bonds) return line(true, "Bonds are as they were; stereochemistry is not known.");
  return plain("Bonds of the start are not known, so they were not compared.");
}

function domain({ in_domain: inside }) {
  return line(inside, `${inside ? "Inside" : "Outside"} what the model was trained on.`);
}

function maker(result, model) {
  const { method, in_domain: inside } = result.verdict;
  if (result.dft) return plain(`DFT started from ${STARTS[result.dft.start] ?? result.dft.start}.`);
  if (method === "diffusion") {
    return plain(`Made by the diffusion model${model ? ` ${model.name}` : ""}.`);
  }
  const reason = inside ? "the model did not converge on it" : outside(result, model);
  return plain(`Made by ${methodName(method)}${reason && `, because ${reason}`}.`);
}

/** Why a molecule is outside the model's domain; empty where this is not known. */
function outside({ atomic_numbers: numbers, charge, multiplicity }, model) {
  if (!model) return "";
  const unknown = [...new Set(numbers)].filter((number) => !model.elements.includes(number));
  if (unknown.length) return `the model does not know ${listed(unknown.map(symbolOf))}`;
  if (numbers.length > model.max_atoms) {
    return `it has ${numbers.length} atoms and the model knows up to ${model.max_atoms}`;
  }
  if (charge) return "the model does not know charged molecules";
  if (multiplicity > 1) return "the model does not know open shells";
  return "an atom is in surroundings unlike those that the model was trained on";
}

function expectation({ expected_error_kcal_mol: error, method }, model) {
  const minimum = `the ${model ? `${model.level_of_theory} ` : "DFT "}minimum`;
  if (error !== null) {
    return plain(`Expected error: about ${significant(error)} kcal/mol above ${minimum}.`);
  }
  const { energy_error_median_kcal_mol: median, n_dft_molecules: n } = model?.accuracy ?? {};
  if (method !== "diffusion" || median === undefined || n === undefined) {
    return plain("Expected error: not known.");
  }
  const measured = `the median of ${count(n, "validation molecule")} was ${significant(median)}`;
  return plain(`Expected error: not known; ${measured} kcal/mol above ${minimum}.`);
}
