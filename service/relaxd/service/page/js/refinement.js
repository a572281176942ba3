/** One refinement by DFT: a job with one molecule, and its steps as they come. */

import { call, callJson, post } from "./api.js";
import { formula } from "./elements.js";
import { jobEvents } from "./events.js";
import { oneResult } from "./paging.js";

/** The molecule of a result in its relaxed geometry, as the API takes it. */
export function relaxedMolecule(result) {
  const { sdf, atomic_numbers, positions } = result;
  return { ...(sdf ? { sdf } : { atomic_numbers, positions }), ...common(result) };
}

/** The molecule of a result in the geometry that its relaxation started from. */
export function startMolecule(result) {
  const { atomic_numbers, start_positions: positions } = result;
  return { atomic_numbers, positions, ...common(result) };
}

function common({ id, smiles, atomic_numbers, charge, multiplicity }) {
  const name = id || smiles || formula(atomic_numbers);
  return { id: name.slice(0, 200), charge, multiplicity };
}

/** A refinement that was sent. */
export class Refinement {
  steps = [];
  result = null;

  /**
   * @param {object} job as the server knows it
   * @param {string} name of this refinement among others
   */
  constructor(job, name) {
    this.job = job;
    this.state = job.state;
    this.name = name;
  }

  /** Send a molecule to be refined from the geometry it has. */
  static async send(molecule, level, name) {
    const refine = { level, start: "given" };
    const title = `${molecule.id} ${name}, ${level}`.slice(0, 256);
    const body = { kind: "refine", molecules: [molecule], refine, name: title };
    return new Refinement(await post("/v1/jobs", body), name);
  }

  /** Follow it to its end; `tell` is called after each step and each change of state. */
  async follow(signal, tell) {
    for await (const { event, data } of jobEvents(this.job.id, signal)) {
      if (event === "step") this.steps.push(data);
      if (event === "state") this.state = data.state;
      tell();
    }
    this.state = (await callJson(`/v1/jobs/${this.job.id}`, { signal })).state;
    this.result = await oneResult((path) => call(path, { signal }), this.job.id, 0);
    tell();
  }

  cancel() {
    return call(`/v1/jobs/${this.job.id}`, { method: "DELETE" });
  }
}
