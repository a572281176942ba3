/** The panel of DFT: refines the molecule that is shown, live. */

import { showCurves } from "./curves.js";
import { byId, element, onSubmit, say } from "./dom.js";
import { attemptAnew } from "./errors.js";
import { isFinal } from "./events.js";
import { Refinement, relaxedMolecule, startMolecule } from "./refinement.js";
import { measuredSaving, predictedSaving } from "./saving.js";
import { count, problemText, significant } from "./words.js";

const SENT = "from the relaxed geometry";
const SENT_START = "from the start geometry";

/** Refines; `onResult` is called with what DFT made of the molecule. */
export class Refine {
  #shown = null;
  #runs = [];
  #watching = new AbortController();
  #onResult;

  constructor(onResult) {
    this.#onResult = onResult;
    onSubmit(byId("refine-form"), () => this.#try(() => this.#start(this.#shown)));
    byId("refine-cancel").addEventListener("click", () =>
      this.#try(() =>
        Promise.all(this.#runs.filter((r) => !isFinal(r.state)).map((r) => r.cancel())),
      ),
    );
    byId("refine-show").addEventListener("click", () => this.#onResult(this.#runs[0].result));
  }

  /** Say what this server offers. */
  offer(levels, accuracy) {
    byId("level").replaceChildren(...levels.map((name) => element("option", {}, name)));
    say(byId("refine-missing"), levels.length ? "" : "This server has no DFT installed.");
    byId("refine-form").hidden = !levels.length;
    byId("saving-predicted").textContent = predictedSaving(accuracy);
  }

  /** Refine this result, if asked to. */
  setResult(result) {
    this.#shown = result;
    byId("refine-start").disabled = !result.positions;
    byId("refine-empty").hidden = true;
  }

  /** Show a job of one refinement that was sent before. */
  showJob(job) {
    return this.#try(() =>
      this.#follow([new Refinement(job, job.name ?? `job ${job.id.slice(0, 8)}`)]),
    );
  }

  async #start(result) {
    const runs = await this.#send(result);
    await this.#follow(runs);
    if (this.#runs === runs && this.#shown === result && runs[0].result?.dft) {
      this.#onResult(runs[0].result);
    }
  }

  async #send(result) {
    const level = byId("level").value;
    byId("refine-start").disabled = true;
    try {
      const runs = [await Refinement.send(relaxedMolecule(result), level, SENT)];
      if (byId("measure-saving").checked && result.start_positions) {
        runs.push(await Refinement.send(startMolecule(result), level, SENT_START));
      }
      return runs;
    } finally {
      byId("refine-start").disabled = false;
    }
  }

  async #follow(runs) {
    this.#watching.abort();
    this.#watching = new AbortController();
    this.#runs = runs;
    const { signal } = this.#watching;
    this.#draw();
    await Promise.all(
      runs.map((run) => run.follow(signal, () => this.#runs === runs && this.#draw())),
    );
  }

  #draw() {
    const runs = this.#runs;
    byId("refine-status").replaceChildren(...runs.map((run) => element("p", {}, standing(run))));
    byId("refine-cancel").hidden = runs.every((run) => isFinal(run.state));
    byId("refine-show").hidden = !runs[0].result?.positions;
    showCurves(runs);
    const [relaxed, start] = runs.map((run) => run.result?.dft);
    say(byId("saving-measured"), relaxed && start ? measuredSaving(relaxed, start) : "");
  }

  #try(run) {
    return attemptAnew(byId("refine-error"), run);
  }
}

function standing({ name, state, steps, result }) {
  const done = steps.length ? ` after ${count(steps.at(-1).n_gradients, "gradient")}` : "";
  if (result?.error) return `DFT ${name}: ${problemText(result.error)}`;
  if (result?.dft)
    return `DFT ${name}: ${result.dft.converged ? "converged" : "not converged"}${done}.`;
  const force = steps.length ? `, max force ${significant(steps.at(-1).max_force)} eV/Å` : "";
  return `DFT ${name}: ${state}${done}${force}.`;
}
