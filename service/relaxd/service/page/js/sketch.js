/** The dialog of the sketcher, which is loaded when it is first opened. */

import { byId, say } from "./dom.js";

let library = null;
let editor = null;

/**
 * Let "Sketch" open a sketcher that begins with what is in the box.
 *
 * @param {() => string} read what is in the box
 * @param {(smiles: string) => void} write called with what was drawn
 */
export function addSketcher(read, write) {
  const dialog = byId("sketch-dialog");
  byId("sketch").addEventListener("click", async () => {
    dialog.showModal();
    try {
      await open(read());
    } catch {
      say(byId("sketch-error"), "The sketcher could not be loaded.");
    }
  });
  byId("sketch-cancel").addEventListener("click", () => dialog.close());
  byId("sketch-use").addEventListener("click", () => {
    const smiles = editor?.getMolecule().toIsomericSmiles() ?? "";
    dialog.close();
    if (smiles) write(smiles);
    byId("smiles").focus();
  });
}

async function open(text) {
  library ??= await import("../vendor/openchemlib.js");
  editor ??= new library.CanvasEditor(byId("sketch-place"));
  const molecule = parsed(text.trim().split(/\s/)[0]);
  molecule.inventCoordinates();
  editor.setMolecule(molecule);
}

/** The sketch begins empty where the box holds nothing that can be drawn. */
function parsed(smiles) {
  try {
    return library.Molecule.fromSmiles(smiles);
  } catch {
    return new library.Molecule(32, 32);
  }
}
