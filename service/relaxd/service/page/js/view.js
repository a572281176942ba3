/** The panel of the geometry: the view, and what controls it. */

import { scaleColour, scaleEnd, scaleGradient } from "./colours.js";
import { byId, choose, chosen, say } from "./dom.js";
import { formula } from "./elements.js";
import { framesOf, interpolate } from "./frames.js";
import { Measuring } from "./measuring.js";
import { Player } from "./player.js";
import { fileName, save } from "./save.js";
import { displacements } from "./superpose.js";
import { Viewer } from "./viewer.js";
import { count } from "./words.js";
import { writeXyz } from "./xyz.js";

const NO_VIEW = "The 3D view needs WebGL, which this browser does not offer. All else works.";
const KEYS = {
  ArrowLeft: (viewer) => viewer.rotate(-10, "y"),
  ArrowRight: (viewer) => viewer.rotate(10, "y"),
  ArrowUp: (viewer) => viewer.rotate(-10, "x"),
  ArrowDown: (viewer) => viewer.rotate(10, "x"),
  "+": (viewer) => viewer.zoom(1.15),
  "-": (viewer) => viewer.zoom(1 / 1.15),
  0: (viewer) => viewer.reset(),
};

/** Shows one result at a time. */
export class View {
  #viewer = null;
  #result = null;
  #frames = [];
  #moved = [];
  #place = 0;
  #player = new Player((place) => this.#onPlace(place));
  #measuring = new Measuring(() => this.#draw());

  constructor() {
    for (const name of ["show", "colour", "numbered"]) {
      for (const input of document.querySelectorAll(`[name="${name}"]`)) {
        input.addEventListener("change", () => this.#draw());
      }
    }
    byId("save-png").addEventListener("click", () => this.#savePng());
    byId("save-sdf").addEventListener("click", () => this.#save("sdf", this.#result.sdf));
    byId("save-xyz").addEventListener("click", () => this.#save("xyz", writeXyz(this.#result)));
    byId("canvas").addEventListener("keydown", (event) => this.#onKey(event));
    byId("scale").style.background = scaleGradient();
  }

  /** Load what draws; until then, and where there is no WebGL, all else works. */
  async start() {
    try {
      this.#viewer = await Viewer.create(byId("canvas"));
    } catch {
      say(byId("view-missing"), NO_VIEW);
      byId("canvas").hidden = true;
      byId("save-png").disabled = true;
      return;
    }
    this.#paint();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
    new ResizeObserver(() => this.#viewer.resize()).observe(byId("canvas"));
    if (this.#result) this.#take();
  }

  /** Show a result that has a geometry. */
  show(result) {
    this.#result = result;
    this.#frames = framesOf(result);
    this.#moved = displacements(this.#frames[0], result.positions);
    this.#place = this.#frames.length - 1;
    this.#player.setFrames(this.#frames.length);
    this.#measuring.setMolecule(result);
    this.#describe();
    this.#take();
  }

  /** Show that a molecule has no geometry. */
  clear() {
    this.#result = null;
    this.#player.stop();
    this.#viewer?.clear();
    say(byId("view-title"), "");
    say(byId("view-empty"), "This molecule has no geometry.");
    byId("view-controls").hidden = true;
    byId("canvas").setAttribute("aria-label", "3D view, empty");
  }

  #describe() {
    const { atomic_numbers: numbers, sdf, smiles } = this.#result;
    const what = `${formula(numbers)}, ${count(numbers.length, "atom")}`;
    byId("canvas").setAttribute("aria-label", `3D view of ${what}`);
    say(byId("view-title"), [what, smiles].filter(Boolean).join(" · "));
    byId("view-empty").hidden = true;
    byId("view-controls").hidden = false;
    byId("save-sdf").disabled = !sdf;
    say(byId("save-note"), sdf ? "" : "No SDF: the bonds of this molecule are not known.");
    byId("scale-end").textContent = `${scaleEnd(this.#moved).toFixed(2)} Å`;
  }

  #take() {
    this.#viewer?.setMolecule(this.#result, (atom) => this.#measuring.pick(atom));
    this.#draw();
  }

  #draw() {
    const show = chosen("show");
    const moved = chosen("colour") === "moved";
    const end = scaleEnd(this.#moved);
    byId("legend").hidden = !moved;
    this.#viewer?.draw({
      relaxed: show === "start" ? null : interpolate(this.#frames, this.#place),
      start: show === "relaxed" ? null : this.#frames[0],
      colours: moved ? this.#moved.map((distance) => scaleColour(distance / end)) : null,
      numbered: byId("numbered").checked,
      picked: this.#measuring.picked,
    });
  }

  #onPlace(place) {
    this.#place = place;
    if (chosen("show") === "start") choose("show", "relaxed");
    this.#draw();
  }

  #onKey(event) {
    if (!KEYS[event.key] || !this.#viewer || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    KEYS[event.key](this.#viewer);
  }

  #paint() {
    const colour = getComputedStyle(byId("canvas")).getPropertyValue("--canvas");
    this.#viewer.setBackground(colour.trim());
  }

  #save(suffix, text) {
    save([text], `${this.#name()}.${suffix}`);
  }

  async #savePng() {
    save(await this.#viewer.png(), `${this.#name()}.png`);
  }

  #name() {
    return fileName(this.#result.id || this.#result.smiles);
  }
}
