/** The panel of input: molecules that are typed, files that are dropped, examples. */

import { ApiError, callJson, post } from "./api.js";
import { byId, chosen, onSubmit, say } from "./dom.js";
import { attempt } from "./errors.js";
import { mediaType, readMolecules } from "./molecules.js";
import { count } from "./words.js";

/** The most molecules that are answered in the call itself; more are a job. */
const AT_ONCE = 256;

/** Files up to this size come back with all steps, bytes. */
const WITH_STEPS = 256 * 1024;

/** Sends what the user gives, and hands on what comes back. */
export class Input {
  #running = null;
  #on;

  /** @param {{result: Function, results: Function, job: Function}} on what comes back */
  constructor(on) {
    this.#on = on;
    onSubmit(byId("input-form"), () => this.relax());
    byId("smiles").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.relax();
    });
    for (const button of document.querySelectorAll("[data-example]")) {
      button.addEventListener("click", () => this.#example(button.dataset.example));
    }
    this.#takeFiles();
  }

  /** Put molecules into the box. */
  fill(text) {
    byId("smiles").value = text;
  }

  /** Relax what is in the box. */
  relax() {
    return this.#run(byId("smiles-error"), (signal) => this.#relax(signal));
  }

  #example(text) {
    byId("form-smiles").checked = true;
    this.fill(text.replaceAll(";", "\n"));
    this.relax();
  }

  async #relax(signal) {
    const molecules = readMolecules(byId("smiles").value, chosen("form"), options());
    if (!molecules.length) throw new ApiError(0, { detail: "Type a molecule, or drop a file." });
    if (molecules.length > AT_ONCE) {
      const name = count(molecules.length, "molecule");
      this.#on.job(await post("/v1/jobs", { kind: "relax", name, molecules }, { signal }));
      return `${name} sent as a job.`;
    }
    const body = { molecules, trajectory: true };
    const { results } = await post("/v1/relax", body, { signal });
    if (results.length > 1) {
      this.#on.results(results);
      return `${count(results.length, "molecule")} done.`;
    }
    const [result] = results;
    if (result.error) throw new ApiError(result.error.status, result.error);
    this.#on.result(result);
    return "Done.";
  }

  #takeFiles() {
    const field = byId("file");
    field.addEventListener("change", () => {
      if (field.files.length) this.#sendFile(field.files[0]);
      field.value = "";
    });
    addEventListener("dragover", (event) => {
      event.preventDefault();
      byId("drop").classList.add("over");
    });
    addEventListener("dragleave", () => byId("drop").classList.remove("over"));
    addEventListener("drop", (event) => {
      event.preventDefault();
      byId("drop").classList.remove("over");
      if (event.dataTransfer.files.length) this.#sendFile(event.dataTransfer.files[0]);
    });
  }

  #sendFile(file) {
    return this.#run(byId("file-error"), async (signal) => {
      const type = mediaType(file.name);
      if (!type) {
        const detail = `${file.name}: only .smi, .sdf, .xyz and .extxyz files are read.`;
        throw new ApiError(0, { detail });
      }
      const query = new URLSearchParams({ kind: "relax", name: file.name.slice(0, 256) });
      if (file.size < WITH_STEPS) query.set("trajectory", "true");
      const sent = { method: "POST", headers: { "Content-Type": type }, body: file, signal };
      this.#on.job(await callJson(`/v1/jobs?${query}`, sent));
      return `${file.name} sent.`;
    });
  }

  /** Run one request at a time; a new one ends the one before. */
  async #run(errorPlace, request) {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    for (const id of ["smiles-error", "file-error"]) say(byId(id), "");
    byId("input-status").textContent = "Working…";
    let said = "";
    await attempt(errorPlace, async () => {
      said = await request(running.signal);
    });
    if (this.#running === running) byId("input-status").textContent = said;
  }
}

function options() {
  const given = ["charge", "multiplicity"].map((id) => [id, byId(id).value]);
  return Object.fromEntries(given.filter(([, v]) => v !== "").map(([id, v]) => [id, Number(v)]));
}
