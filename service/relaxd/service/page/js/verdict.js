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
  return `${deed(result)}${doubtful ? ", needs a look" : ""}${name}`;
}

function deed({ dft, sample }) {
  if (sample) return "Sampled, in its most populated conformer";
  return dft ? "Refined by DFT" : "Relaxed";
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
    sample,
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
    ["Sampled at", sample && `${sample.temperature} K`],
    ["Effective samples", sample && effective(sample)],
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

function effective({ effective_samples: n, n_samples: drawn, weighed_by: method }) {
  return method ? `${Math.round(n)} of ${drawn}` : `${drawn} drawn, not weighed`;
}

function farthest(start, positions) {
  return Math.max(...displacements(start, positions));
}
