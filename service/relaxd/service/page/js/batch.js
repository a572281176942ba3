/** The panel of a batch: molecules of one call or one job, their progress, their download. */

import { call } from "./api.js";
import { byId, say } from "./dom.js";
import { attemptAnew } from "./errors.js";
import { isFinal, jobEvents } from "./events.js";
import { jobFile, resultsFile } from "./files.js";
import { oneResult, resultPages } from "./paging.js";
import { rowOf, STATUSES } from "./rows.js";
import { fileName, save } from "./save.js";
import { Table } from "./table.js";
import { count } from "./words.js";

/** Shows one batch at a time; `onOpen` is called with the result of a row that is opened. */
export class Batch {
  #table;
  #onOpen;
  #job = null;
  #results = [];
  #watching = new AbortController();

  constructor(onOpen) {
    this.#onOpen = onOpen;
    this.#table = new Table((row) => this.#try(() => this.#open(row.index)));
    byId("download").addEventListener("click", () => this.#try(() => this.#download()));
    byId("batch-cancel").addEventListener("click", () =>
      this.#try(() => call(`/v1/jobs/${this.#job.id}`, { method: "DELETE" })),
    );
  }

  /** Show results that are all there. */
  showResults(results) {
    this.#begin(null, `Batch of ${count(results.length, "molecule")}`);
    this.#results = results;
    this.#table.add(results.map(rowOf));
    this.#summarise(results.length);
  }

  /** Show a job, and its results as they come. */
  showJob(job) {
    this.#begin(job, job.name ?? `Job ${job.id.slice(0, 8)}`);
    this.#try(() => this.#watch(job, this.#watching.signal));
  }

  #begin(job, title) {
    this.#watching.abort();
    this.#watching = new AbortController();
    this.#job = job;
    this.#results = [];
    byId("batch").hidden = false;
    byId("batch-title").textContent = title;
    byId("batch-progress").hidden = !job;
    byId("batch-cancel").hidden = !job || isFinal(job.state);
    say(byId("batch-error"), "");
    this.#table.clear();
  }

  async #watch(job, signal) {
    let cursor = 0;
    let { state, counts } = job;
    const load = async () => {
      for await (const page of resultPages((path) => call(path, { signal }), job.id, cursor)) {
        cursor = page.next;
        this.#table.add(page.results.map((result) => rowOf(result, result.index)));
        this.#summarise(counts.total, state);
        if (cursor === null) return;
      }
    };
    for await (const { event, data } of jobEvents(job.id, signal)) {
      if (event === "state") state = data.state;
      if (event === "progress") counts = data;
      this.#summarise(counts.total, state);
      if (cursor !== null && event === "progress") await load();
    }
    if (cursor !== null) await load();
    byId("batch-cancel").hidden = byId("batch-progress").hidden = true;
    if (counts.total === 1) await this.#open(0);
  }

  #summarise(total, state = "succeeded") {
    const rows = this.#table.rows;
    const statuses = STATUSES.map((status) => {
      const n = rows.filter((row) => row.status === status).length;
      return n ? `${n.toLocaleString("en")} ${status}` : "";
    });
    const done = rows.length < total ? `${rows.length.toLocaleString("en")} of ` : "";
    const counts = statuses.filter(Boolean).join(", ");
    const standing = state === "succeeded" || state === "failed" ? "" : ` (${state})`;
    byId("batch-status").textContent =
      `${done}${count(total, "molecule")}${standing}${counts && `: ${counts}`}.`;
    byId("batch-progress").max = total;
    byId("batch-progress").value = rows.length;
  }

  async #open(index) {
    const { signal } = this.#watching;
    const result = this.#job
      ? await oneResult((path) => call(path, { signal }), this.#job.id, index)
      : this.#results[index];
    this.#onOpen(result);
  }

  async #download() {
    const format = byId("format").value;
    const name = fileName(byId("batch-title").textContent.replace(/\.\w+$/, ""));
    const tell = (n) => say(byId("download-note"), `${count(n, "molecule")} fetched…`);
    const file = this.#job
      ? await jobFile(this.#job.id, format, tell)
      : resultsFile(this.#results, format);
    save(file.parts, `${name}.${format}`);
    const note = `Not in the file: ${count(file.leftOut, "molecule")} whose bonds are not known.`;
    say(byId("download-note"), file.leftOut ? `${note} Extended XYZ has them.` : "");
  }

  #try(run) {
    return attemptAnew(byId("batch-error"), run);
  }
}
