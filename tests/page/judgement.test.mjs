import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, methodName } from "../../service/relaxd/service/page/js/judgement.js";
import { measuredSaving, predictedSaving } from "../../service/relaxd/service/page/js/saving.js";

const MODEL = {
  name: "relaxd-small",
  level_of_theory: "B3LYP/6-31G(2df,p)",
  elements: [1, 6, 7, 8],
  max_atoms: 29,
  accuracy: { energy_error_median_kcal_mol: 0.1758, n_dft_molecules: 12 },
};

const GOOD = {
  atomic_numbers: [8, 1, 1],
  charge: 0,
  multiplicity: 1,
  relaxation: { converged: true, n_evaluations: 4, rmsd_from_start: 0.02, seconds: 0.009 },
  verdict: {
    connectivity_kept: true,
    stereo_kept: true,
    in_domain: true,
    expected_error_kcal_mol: null,
    method: "diffusion",
  },
  dft: null,
};

const DFT = {
  level: "fast",
  converged: true,
  energy_hartree: -76,
  max_force: 0.004,
  n_gradients: 4,
  seconds: 8,
  start: "given",
  is_minimum: null,
};

const outside = (changes, verdict = {}) => ({
  ...GOOD,
  ...changes,
  verdict: { ...GOOD.verdict, in_domain: false, method: "gfn2-xtb", ...verdict },
});
const texts = (result, model = MODEL) => judge(result, model).map((line) => line.text);
const doubts = (result) => judge(result, MODEL).filter((line) => line.state === "look");

test("a good result is told in plain words, and nothing needs a look", () => {
  assert.deepEqual(texts(GOOD), [
    "Converged after 4 evaluations in 9 ms.",
    "Bonds and stereochemistry are as they were.",
    "Inside what the model was trained on.",
    "Made by the diffusion model relaxd-small.",
    "Expected error: not known; the median of 12 validation molecules was 0.18 kcal/mol above " +
      "the B3LYP/6-31G(2df,p) minimum.",
  ]);
  assert.deepEqual(doubts(GOOD), []);
});

test("an expected error is told where it is known", () => {
  const verdict = { ...GOOD.verdict, expected_error_kcal_mol: 0.21 };
  const said = "Expected error: about 0.21 kcal/mol above the B3LYP/6-31G(2df,p) minimum.";
  assert.equal(texts({ ...GOOD, verdict }).at(-1), said);
});

test("what did not converge or is another molecule needs a look", () => {
  const relaxation = { ...GOOD.relaxation, converged: false, n_evaluations: 1 };
  const broken = { ...GOOD.verdict, connectivity_kept: false };
  const flipped = { ...GOOD.verdict, stereo_kept: false };
  assert.match(doubts({ ...GOOD, relaxation })[0].text, /^Did not converge after 1 evaluation in/);
  assert.match(doubts({ ...GOOD, verdict: broken })[0].text, /^Bonds are not those/);
  assert.match(doubts({ ...GOOD, verdict: flipped })[0].text, /stereochemistry is not/);
});

test("bonds that are not known are neither good nor bad", () => {
  const verdict = { ...GOOD.verdict, connectivity_kept: null, stereo_kept: null };
  assert.equal(judge({ ...GOOD, verdict }, MODEL)[1].state, "plain");
});

test("a fallback says why the model was not used", () => {
  const reason = (result) => texts(result).find((text) => text.startsWith("Made by GFN2-xTB"));
  assert.match(reason(outside({ atomic_numbers: [16, 17, 1] })), /does not know S and Cl\.$/);
  assert.match(reason(outside({ atomic_numbers: Array(31).fill(6) })), /has 31 atoms .* up to 29/);
  assert.match(reason(outside({ charge: 1 })), /charged molecules/);
  assert.match(reason(outside({ multiplicity: 2 })), /open shells/);
  assert.equal(
    reason(outside({}, { in_domain: true })),
    "Made by GFN2-xTB, because the model did not converge on it.",
  );
  assert.equal(texts(outside({ charge: 1 }), null)[3], "Made by GFN2-xTB.");
});

test("DFT's verdict comes first, with where it started", () => {
  const refined = { ...GOOD, relaxation: null, dft: { ...DFT, is_minimum: false } };
  const lines = judge(refined, MODEL);
  assert.match(lines[0].text, /^DFT \(fast\) converged after 4 gradients and 8.0 s\. .* 0.0040 eV/);
  assert.deepEqual(lines[1], { state: "look", text: "It is no minimum." });
  assert.equal(lines.at(-1).text, "DFT started from the geometry as given.");
});

test("methods have their usual names", () => {
  assert.equal(methodName("gfn2-xtb"), "GFN2-xTB");
  assert.equal(methodName("other"), "other");
});

test("a predicted saving is told where it is known", () => {
  assert.equal(predictedSaving({}), "Predicted saving: not known.");
  const accuracy = { dft_gradients_saved_factor_median: 2.75, n_refined_molecules: 9 };
  assert.match(predictedSaving(accuracy), /2\.8 times fewer .* \(median of 9 molecules\)/);
});

test("a measured saving compares gradients and time", () => {
  const said = measuredSaving(DFT, { ...DFT, n_gradients: 10, seconds: 12 });
  assert.match(said, /4 gradients, 8\.0 s from the relaxed geometry; 10 gradients, 12\.0 s/);
  assert.match(said, /2\.50 times fewer gradients\. 1\.50 times less time\.$/);
});

test("a start that was better is said to be, too", () => {
  const said = measuredSaving({ ...DFT, seconds: 16 }, DFT);
  assert.match(said, /As many gradients\. 2\.00 times more time\.$/);
});

test("refinements that do not end alike are not compared", () => {
  assert.match(measuredSaving(DFT, { ...DFT, converged: false }), /cannot be compared/);
  const lower = { ...DFT, energy_hartree: -76.001 };
  assert.match(measuredSaving(DFT, lower), /0\.63 kcal\/mol apart: different minima/);
});
