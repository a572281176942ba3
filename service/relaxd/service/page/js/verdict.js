/** The panel of the verdict: what is known about the result that is shown. */

import { byId, element } from "./dom.js";
import { judge } from "./judgement.js";
import { displacements } from "./superpose.js";
import { duration, electricity, problemText, significant } from "./words.js";

const SAID = { good: "Good: ", look: "Needs a look: ", plain: "" };

/**
 * Show what is known about a result.
 *
 * @param {object} result of any status
 * @param {object} [model] what the server says of its model
 */
export function showVerdict(result, model) {
  const lines = result.positions ? judge(result, model) : [];
  if (result.error) lines.unshift({ state: "look", text: problemText(result.error) });
  byId("verdict-empty").hidden = true;
  byId("verdict-title").textContent = headline(result, lines);
  byId("verdict-lines").replaceChildren(...lines.map(asItem));
  byId("verdict-facts").replaceChildren(...facts(result).flatMap(asFact));
}

function headline(result, lines) {
  const name = result.id ? `: ${result.id}` : "";
  if (result.status === "error") return `Failed${name}`;
  const doubtful = lines.some((line) => line.state === "look");
  return `${result.dft ? "Refined by DFT" : "Relaxed"}${doubtful ? ", needs a look" : ""}${name}`;
}

function asItem({ state, text }) {
  const said = element("span", { className: "said" }, SAID[state]);
  return element("li", { className: state }, said, text);
}

function asFact([name, value]) {
  return [element("dt", {}, name), element("dd", {}, value)];
}

function facts(result) {
  const {
    relaxation,
    dft,
    usage,
    positions,
    start_positions: start,
    charge,
    multiplicity,
  } = result;
  return [
    ["Time", relaxation && `${duration(relaxation.seconds)} for the relaxation`],
    ["DFT time", dft && duration(dft.seconds)],
    ["DFT energy", dft && `${dft.energy_hartree.toFixed(6)} Hartree`],
    ["Processor time", usage && duration(usage.cpu_seconds)],
    [
      "Energy used",
      usage && `${electricity(usage.energy_wh)}${usage.estimated ? " (estimated)" : ""}`,
    ],
    ["CO₂ equivalent", usage?.co2e_g != null && `${significant(usage.co2e_g)} g`],
    ["RMSD from the start", relaxation && `${relaxation.rmsd_from_start.toFixed(3)} Å`],
    ["Farthest moved atom", positions && start && `${farthest(start, positions).toFixed(3)} Å`],
    ["Charge, multiplicity", charge != null && `${charge}, ${multiplicity}`],
  ].filter(([, value]) => value);
}

function farthest(start, positions) {
  return Math.max(...displacements(start, positions));
}
