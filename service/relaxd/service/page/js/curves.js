/** The curves of refinements, drawn and as a table. */

import { drawChart } from "./chart.js";
import { byId, element } from "./dom.js";
import { KCAL_PER_HARTREE } from "./units.js";
import { significant } from "./words.js";

/**
 * Show the steps of refinements.
 *
 * @param {{name: string, steps: object[]}[]} runs steps as the server's events tell them; energies
 *   are shown relative to the last of the first run that has any
 */
export function showCurves(runs) {
  const begun = runs.filter((run) => run.steps.length);
  byId("curves").hidden = !begun.length;
  if (!begun.length) return;
  const last = begun[0].steps.at(-1).energy_hartree;
  const energy = (step) => (step.energy_hartree - last) * KCAL_PER_HARTREE;
  const force = (step) => Math.max(step.max_force, 1e-6);
  const series = (y) => runs.map(({ steps }) => ({ points: steps.map((step) => point(step, y)) }));
  drawChart(byId("energy-chart"), {
    y: "relative energy, kcal/mol",
    log: false,
    series: series(energy),
  });
  drawChart(byId("force-chart"), { y: "max force, eV/Å", log: true, series: series(force) });
  const hollow = element("li", {}, "hollow: on a coarse grid");
  byId("curves-legend").replaceChildren(...runs.map(legend), hollow);
  byId("steps-body").replaceChildren(
    ...begun.flatMap((run) => run.steps.map((s) => row(run, s, energy))),
  );
}

function point(step, y) {
  return { x: step.n_gradients, y: y(step), coarse: step.coarse };
}

function legend({ name }, i) {
  return element("li", { className: `series-${i}` }, name);
}

function row({ name }, step, energy) {
  const grid = step.coarse ? "coarse" : "fine";
  const texts = [step.n_gradients, energy(step).toFixed(3), significant(step.max_force, 3), grid];
  return element(
    "tr",
    {},
    element("td", {}, name),
    ...texts.map((t) => element("td", {}, String(t))),
  );
}
