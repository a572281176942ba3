/** Molecules drawn by 3Dmol. */

import { atomName } from "./elements.js";
import { measured } from "./measure.js";
import { writeXyz } from "./xyz.js";

const SCRIPT = "/static/vendor/3Dmol-min.js";
/** Twice the pixels, 3Dmol's default, would take a machine without a GPU four times as long. */
const OPTIONS = { antialias: true, upscale: false };
const START_COLOUR = "#8e44ad";
const LABEL = {
  fontSize: 13,
  backgroundColor: "#1b2128",
  backgroundOpacity: 0.8,
  fontColor: "white",
};

/** Load 3Dmol, once the page is there. */
function load() {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SCRIPT;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error("3Dmol could not be loaded.")));
    document.head.append(script);
  });
}

/** The view of one molecule, as it was and as it is. */
export class Viewer {
  #gl;
  #relaxed;
  #start;
  #result;

  /**
   * @param {HTMLElement} place where to draw
   * @throws {Error} there is no WebGL, or no 3Dmol
   */
  static async create(place) {
    if (!new OffscreenCanvas(1, 1).getContext("webgl2")) throw new Error("There is no WebGL.");
    await load();
    return new Viewer($3Dmol.createViewer(place, OPTIONS));
  }

  constructor(gl) {
    this.#gl = gl;
  }

  /** Take another molecule, and call `onPick` with the index of each atom that is clicked. */
  setMolecule(result, onPick) {
    const gl = this.#gl;
    gl.removeAllModels();
    this.#result = result;
    [this.#relaxed, this.#start] = [0, 1].map(() => model(gl, result));
    const whole = { model: [this.#relaxed, this.#start] };
    gl.setClickable(whole, true, (atom) => onPick(atom.index));
    this.reset();
  }

  /**
   * Draw.
   *
   * @param {object} scene
   * @param {number[][] | null} scene.relaxed positions; null hides them
   * @param {number[][] | null} scene.start likewise
   * @param {string[] | null} scene.colours of the relaxed atoms; null shows the elements
   * @param {boolean} scene.numbered whether atoms are labelled
   * @param {number[]} scene.picked atoms to mark
   */
  draw({ relaxed, start, colours, numbered, picked }) {
    const shown = relaxed ?? start;
    const isBoth = relaxed !== null && start !== null;
    place(this.#relaxed, relaxed, isBoth ? slim(colours) : solid(colours));
    place(this.#start, start, isBoth ? ghost() : solid(null));
    this.#gl.removeAllShapes();
    this.#gl.removeAllLabels();
    if (numbered) this.#number(shown);
    this.#mark(shown, picked, numbered);
    this.#gl.render();
  }

  #mark(positions, picked, numbered) {
    picked.forEach((atom, i) => {
      const name = atomName(this.#result.atomic_numbers, atom);
      this.#gl.addSphere({
        center: point(positions[atom]),
        radius: 0.4,
        color: "#d9480f",
        opacity: 0.55,
      });
      if (!numbered) this.#label(positions[atom], name);
      if (i > 0) this.#line(positions[picked[i - 1]], positions[atom]);
    });
    if (picked.length > 1)
      this.#label(middle(picked.map((i) => positions[i])), measured(positions, picked));
  }

  #number(positions) {
    for (const [i, position] of positions.entries()) {
      this.#label(position, atomName(this.#result.atomic_numbers, i));
    }
  }

  #label(position, text) {
    this.#gl.addLabel(text, { ...LABEL, position: point(position) });
  }

  #line(a, b) {
    const ends = { start: point(a), end: point(b) };
    this.#gl.addCylinder({ ...ends, radius: 0.05, dashed: true, color: "#d9480f" });
  }

  clear() {
    this.#gl.clear();
    this.#gl.render();
  }

  setBackground(colour) {
    this.#gl.setBackgroundColor(colour, 1);
  }

  resize() {
    this.#gl.resize();
  }

  rotate(degrees, axis) {
    this.#gl.rotate(degrees, axis);
  }

  zoom(factor) {
    this.#gl.zoom(factor);
  }

  /** Fit the molecule into the view; 3Dmol looks at the height only. */
  reset() {
    const { width, height } = this.#gl.getCanvas().getBoundingClientRect();
    this.#gl.zoomTo();
    this.#gl.zoom(Math.min(1, width / height));
  }

  /** What is seen, as a PNG. */
  png() {
    return new Promise((resolve) => this.#gl.getCanvas().toBlob(resolve, "image/png"));
  }
}

/** A model with bonds: those of the SDF, or where they are not known by distance. */
function model(gl, result) {
  const n = result.atomic_numbers.length;
  if (result.sdf) {
    const made = gl.addModel(result.sdf, "sdf");
    if (made.selectedAtoms({}).length === n) return made;
    gl.removeModel(made);
  }
  return gl.addModel(writeXyz(result), "xyz");
}

function place(model, positions, style) {
  if (positions === null) {
    model.setStyle({}, {});
    return;
  }
  for (const atom of model.selectedAtoms({})) Object.assign(atom, point(positions[atom.index]));
  model.setStyle({}, style);
}

function solid(colours) {
  return ballsAndSticks(0.13, 0.24, coloured(colours));
}

/** Slim enough that what lies a tenth of an Angstrom beside it can be seen. */
function slim(colours) {
  return ballsAndSticks(0.06, 0.12, coloured(colours));
}

function ghost() {
  return ballsAndSticks(0.06, 0.1, { color: START_COLOUR, opacity: 0.6 });
}

function coloured(colours) {
  return colours ? { colorfunc: (atom) => colours[atom.index] } : { colorscheme: "Jmol" };
}

function ballsAndSticks(radius, scale, look) {
  return { stick: { radius, ...look }, sphere: { scale, ...look } };
}

const point = ([x, y, z]) => ({ x, y, z });

function middle(points) {
  return [0, 1, 2].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
}
