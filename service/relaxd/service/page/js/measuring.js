/** Measures distances, angles and torsions, by clicking atoms or by naming them. */

import { byId, element, onSubmit, say } from "./dom.js";
import { atomName } from "./elements.js";
import { measured, measureKind, parseAtoms } from "./measure.js";

const MOST = 4;

/** The controls of measuring; `onChange` is called when other atoms are picked. */
export class Measuring {
  #result = null;
  #picked = [];
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
    onSubmit(byId("measure-form"), () => this.#read());
    byId("measure-clear").addEventListener("click", () => this.#set([]));
  }

  /** Indices of the atoms that are picked, in their order. */
  get picked() {
    return this.#picked;
  }

  setMolecule(result) {
    this.#result = result;
    this.#picked = [];
    byId("measure-atoms").value = "";
    this.#tell();
  }

  /** Pick one more atom; a picked one is let go, and a fifth begins anew. */
  pick(atom) {
    const others = this.#picked.filter((other) => other !== atom);
    const isNew = others.length === this.#picked.length;
    this.#set(isNew ? [...(others.length < MOST ? others : []), atom] : others);
  }

  #read() {
    try {
      this.#set(parseAtoms(byId("measure-atoms").value, this.#result.atomic_numbers.length));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      say(byId("measure-error"), error.message);
    }
  }

  #set(picked) {
    this.#picked = picked;
    byId("measure-atoms").value = picked.map((atom) => atom + 1).join(" ");
    this.#tell();
    this.#onChange();
  }

  #tell() {
    say(byId("measure-error"), "");
    byId("measure-values").replaceChildren(...this.#sentences().map((s) => element("p", {}, s)));
  }

  #sentences() {
    const { atomic_numbers: numbers, positions, start_positions: start } = this.#result;
    const picked = this.#picked;
    const names = picked.map((atom) => atomName(numbers, atom)).join("–");
    if (!picked.length) return [];
    const kind = measureKind(picked.length);
    if (!kind) return [`Atom ${names}`];
    const before = start ? `; start ${measured(start, picked)}` : "";
    return [`${kind.kind} ${names}: relaxed ${measured(positions, picked)}${before}.`];
  }
}
