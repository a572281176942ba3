/** Molecules as somebody types them, and files as somebody drops them. */

const MEDIA_TYPES = {
  smi: "chemical/x-daylight-smiles",
  smiles: "chemical/x-daylight-smiles",
  sdf: "chemical/x-mdl-sdfile",
  mol: "chemical/x-mdl-sdfile",
  xyz: "chemical/x-xyz",
  extxyz: "chemical/x-xyz",
};

/** The media type of a file by the end of its name; undefined if it is none that is read. */
export function mediaType(name) {
  return MEDIA_TYPES[name.toLowerCase().split(".").at(-1)];
}

/**
 * The molecules in a text, one a line.
 *
 * @param {string} text lines of SMILES, each with a name if anything follows it; or IUPAC names
 * @param {"smiles" | "iupac"} form which of the two
 * @param {object} [options] charge and multiplicity, for all of them
 * @returns {object[]} as the API takes them
 */
export function readMolecules(text, form, options = {}) {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const read = form === "smiles" ? readSmiles : (name) => ({ iupac: name });
  return lines
    .filter((line) => line && !line.startsWith("#"))
    .map((l) => ({ ...read(l), ...options }));
}

/** What begins with a bar belongs to the SMILES, as ChemAxon extends it. */
function readSmiles(line) {
  const [, smiles, id] = /^(\S+(?:\s+\|.*\|)?)\s*(.*)$/.exec(line);
  return id ? { smiles, id } : { smiles };
}
