/** The list of recent jobs. */

import { call, callJson } from "./api.js";
import { byId, element, say } from "./dom.js";
import { attempt, attemptAnew } from "./errors.js";
import { isFinal } from "./events.js";
import { count } from "./words.js";

const SHOWN = 12;
const EVERY_MS = 5000;

/** Shows the latest jobs; `onOpen` is called with one that is opened. */
export class Jobs {
  #items = new Map();
  #onOpen;

  constructor(onOpen) {
    this.#onOpen = onOpen;
    byId("jobs-refresh").addEventListener("click", () => this.refresh({ quiet: false }));
    setInterval(() => document.hidden || this.refresh(), EVERY_MS);
  }

  /** Open a job by its id. */
  open(id) {
    return this.#try(async () => this.#onOpen(await callJson(`/v1/jobs/${id}`)));
  }

  /** Ask the server again; a quiet call asks for no key. */
  refresh({ quiet = true } = {}) {
    const place = byId("jobs-list-error");
    return attempt(place, async () => {
      const { jobs } = await callJson(`/v1/jobs?limit=${SHOWN}`, { quiet });
      say(place, "");
      this.#draw(jobs);
    });
  }

  #draw(jobs) {
    byId("jobs-empty").hidden = jobs.length > 0;
    const items = new Map(jobs.map((job) => [job.id, this.#items.get(job.id) ?? this.#make(job)]));
    for (const job of jobs) update(items.get(job.id), job);
    const ids = [...items.keys()].join();
    // Elements that stay are not moved, so that the focus stays, too.
    if (ids !== [...this.#items.keys()].join()) {
      byId("jobs-list").replaceChildren(...[...items.values()].map((item) => item.root));
    }
    this.#items = items;
  }

  #make({ id, name }) {
    const called = name ?? id.slice(0, 8);
    const text = element("span", { className: "job-text" });
    const bar = element("progress", { "aria-label": `Progress of job ${called}` });
    const open = element("button", { type: "button", "aria-label": `Open job ${called}` }, "Open");
    const cancel = element(
      "button",
      { type: "button", "aria-label": `Cancel job ${called}` },
      "Cancel",
    );
    open.addEventListener("click", () => this.open(id));
    cancel.addEventListener("click", () =>
      this.#try(async () => {
        await call(`/v1/jobs/${id}`, { method: "DELETE" });
        await this.refresh();
      }),
    );
    const title = element("strong", {}, called);
    const root = element(
      "li",
      {},
      title,
      text,
      bar,
      element("span", { className: "row" }, open, cancel),
    );
    return { root, text, bar, cancel };
  }

  #try(run) {
    return attemptAnew(byId("jobs-error"), run);
  }
}

function update(
  { text, bar, cancel },
  { kind, state, counts, created_at: created, cancel_requested: ending },
) {
  const done = counts.ok + counts.error + counts.cancelled;
  const standing = ending && !isFinal(state) ? "being cancelled" : state;
  const failed = counts.error ? `, ${counts.error.toLocaleString("en")} failed` : "";
  const time = new Date(created).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  const said = `${kind}, ${standing}: ${done.toLocaleString("en")} of ${count(counts.total, "molecule")}${failed}, sent ${time}`;
  if (text.textContent !== said) text.textContent = said;
  bar.max = counts.total;
  bar.value = done;
  bar.hidden = isFinal(state);
  cancel.hidden = isFinal(state) || ending;
}
