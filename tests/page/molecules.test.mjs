import assert from "node:assert/strict";
import { test } from "node:test";
import { resultsFile } from "../../service/relaxd/service/page/js/files.js";
import { mediaType, readMolecules } from "../../service/relaxd/service/page/js/molecules.js";
import { fileName } from "../../service/relaxd/service/page/js/save.js";
import { writeXyz } from "../../service/relaxd/service/page/js/xyz.js";

const WATER = {
  id: 'my "water"',
  smiles: "[H]O\\C",
  charge: 0,
  multiplicity: 1,
  atomic_numbers: [8, 1],
  positions: [
    [0, 0, -1.25],
    [0.5, 0, 1e-9],
  ],
  verdict: { method: "diffusion" },
  sdf: "water\n$$$$\n",
};

test("lines are molecules, with names", () => {
  assert.deepEqual(readMolecules("CCO\n\n  c1ccccc1 benzene ring \r\n# none\n", "smiles"), [
    { smiles: "CCO" },
    { smiles: "c1ccccc1", id: "benzene ring" },
  ]);
  assert.deepEqual(readMolecules("propan-2-ol", "iupac"), [{ iupac: "propan-2-ol" }]);
  assert.deepEqual(readMolecules(" \n", "smiles"), []);
});

test("an extension in bars belongs to its SMILES", () => {
  const [molecule] = readMolecules("C[C@H](N)O |o1:1| mine", "smiles");
  assert.deepEqual(molecule, { smiles: "C[C@H](N)O |o1:1|", id: "mine" });
});

test("options are those of every molecule", () => {
  const [, second] = readMolecules("C\nN", "smiles", { charge: 1 });
  assert.deepEqual(second, { smiles: "N", charge: 1 });
});

test("files are known by the end of their names", () => {
  assert.equal(mediaType("a.b.SDF"), "chemical/x-mdl-sdfile");
  assert.equal(mediaType("a.extxyz"), "chemical/x-xyz");
  assert.equal(mediaType("a.smi"), "chemical/x-daylight-smiles");
  assert.equal(mediaType("sdf.pdf"), undefined);
});

test("XYZ has one line for each atom, and a comment that readers understand", () => {
  const [n, comment, first, second, end] = writeXyz(WATER).split("\n");
  assert.equal(n, "2");
  assert.equal(
    comment,
    'Properties=species:S:1:pos:R:3 id="my \\"water\\"" smiles="[H]O\\\\C" charge=0 ' +
      'multiplicity=1 method="diffusion"',
  );
  assert.deepEqual(first.split(/\s+/), ["O", "0.00000000", "0.00000000", "-1.25000000"]);
  assert.deepEqual(second.split(/\s+/), ["H", "0.50000000", "0.00000000", "0.00000000"]);
  assert.equal(end, "");
});

test("a refined geometry carries its level and energy", () => {
  const dft = { level: "fast", energy_hartree: -76.5 };
  assert.match(writeXyz({ ...WATER, dft }), /method="fast" energy_hartree=-76.5\n/);
});

test("a file holds every result that its format can", () => {
  const failed = { status: "error", positions: null, error: { detail: "no" } };
  const bare = { ...WATER, sdf: null };
  const results = [WATER, failed, bare];
  assert.deepEqual(resultsFile(results, "sdf"), { parts: [WATER.sdf], leftOut: 1 });
  assert.equal(resultsFile(results, "extxyz").parts.length, 2);
  assert.deepEqual(JSON.parse(resultsFile(results, "json").parts.join("")), results);
});

test("file names hold nothing that troubles a file system", () => {
  assert.equal(fileName("C/C=C\\C"), "C_C_C_C");
  assert.equal(fileName("../x"), "x");
  assert.equal(fileName(null), "molecule");
  assert.equal(fileName("a".repeat(99)).length, 60);
});
