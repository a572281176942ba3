/** The table of a batch in the document: a page of rows, sorted and filtered. */

import { byId, element } from "./dom.js";
import { methodName } from "./judgement.js";
import { PAGE, selectRows } from "./rows.js";
import { count } from "./words.js";

const yesNo = (value) => (value === null ? "" : value ? "yes" : "no");

const COLUMNS = [
  { by: "index", title: "No.", text: (row) => String(row.index + 1) },
  { by: "id", title: "Name", text: (row) => row.id },
  { by: "smiles", title: "SMILES", text: (row) => row.smiles },
  { by: "status", title: "Status", text: (row) => row.status },
  { by: "method", title: "Method", text: (row) => methodName(row.method).replace("the ", "") },
  { by: "converged", title: "Converged", text: (row) => yesNo(row.converged) },
  { by: "kept", title: "Identity kept", text: (row) => yesNo(row.kept) },
  { by: "rmsd", title: "RMSD, Å", text: (row) => row.rmsd?.toFixed(3) ?? "" },
  { by: "reason", title: "Reason", text: (row) => row.reason },
];

/** Shows rows; `onOpen` is called with the row that somebody opens. */
export class Table {
  #rows = [];
  #by = "index";
  #descending = false;
  #page = 0;
  #opened = null;
  #onOpen;

  constructor(onOpen) {
    this.#onOpen = onOpen;
    byId("table-head").replaceChildren(...COLUMNS.map((column) => this.#header(column)));
    byId("table-body").addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row && !getSelection().toString()) this.#open(Number(row.dataset.index));
    });
    byId("filter").addEventListener("input", () => this.#turn(0));
    byId("show-status").addEventListener("change", () => this.#turn(0));
    byId("page-before").addEventListener("click", () => this.#turn(this.#page - 1));
    byId("page-after").addEventListener("click", () => this.#turn(this.#page + 1));
  }

  /** All rows there are, in the order of their indices. */
  get rows() {
    return this.#rows;
  }

  clear() {
    this.#rows = [];
    this.#opened = null;
    this.#page = 0;
    this.#draw();
  }

  add(rows) {
    this.#rows.push(...rows);
    this.#draw();
  }

  #header({ by, title }) {
    const button = element("button", { type: "button" }, title);
    button.addEventListener("click", () => {
      this.#descending = this.#by === by && !this.#descending;
      this.#by = by;
      this.#turn(0);
    });
    return element("th", { scope: "col" }, button);
  }

  #turn(page) {
    this.#page = page;
    this.#draw();
  }

  #open(index) {
    this.#opened = index;
    for (const row of byId("table-body").rows) mark(row, index);
    this.#onOpen(this.#rows[index]);
  }

  #draw() {
    const wish = { text: byId("filter").value, show: byId("show-status").value };
    const found = selectRows(this.#rows, { ...wish, by: this.#by, descending: this.#descending });
    const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
    this.#page = Math.min(this.#page, last);
    const first = this.#page * PAGE;
    const shown = found.slice(first, first + PAGE);
    this.#drawRows(shown);
    this.#drawOrder();
    byId("page-before").disabled = this.#page === 0;
    byId("page-after").disabled = this.#page === last;
    const range = shown.length ? `${first + 1}–${first + shown.length} of ` : "";
    byId("page-text").textContent = range + count(found.length, "row");
  }

  #drawRows(shown) {
    const focused = document.activeElement?.closest("#table-body tr")?.dataset.index;
    const rows = shown.map((row) => this.#row(row));
    byId("table-body").replaceChildren(...rows);
    rows
      .find((row) => row.dataset.index === focused)
      ?.querySelector("button")
      .focus();
  }

  #row(row) {
    const [, ...others] = COLUMNS.map((column) => column.text(row));
    const label = `Show molecule ${row.index + 1}${row.id && `, ${row.id}`}`;
    const button = element(
      "button",
      { type: "button", "aria-label": label },
      String(row.index + 1),
    );
    const cells = others.map((text) => element("td", { title: text }, text));
    const made = element(
      "tr",
      { "data-index": row.index },
      element("th", { scope: "row" }, button),
      ...cells,
    );
    made.className = row.status.replaceAll(" ", "-");
    mark(made, this.#opened);
    return made;
  }

  #drawOrder() {
    [...byId("table-head").cells].forEach((cell, i) => {
      const order = this.#descending ? "descending" : "ascending";
      cell.setAttribute("aria-sort", COLUMNS[i].by === this.#by ? order : "none");
    });
  }
}

function mark(row, opened) {
  if (Number(row.dataset.index) === opened) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
}
