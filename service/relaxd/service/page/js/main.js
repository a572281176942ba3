/** Puts the parts of the page together. */

import { callJson } from "./api.js";
import { Batch } from "./batch.js";
import { byId, choose, chosen } from "./dom.js";
import { symbolOf } from "./elements.js";
import { attemptAnew } from "./errors.js";
import { Input } from "./input.js";
import { Jobs } from "./jobs.js";
import { KEY_GIVEN } from "./key.js";
import { Refine } from "./refine.js";
import { addSketcher } from "./sketch.js";
import { showVerdict } from "./verdict.js";
import { View } from "./view.js";
import { listed } from "./words.js";

let model;

const view = new View();
const refine = new Refine(show);
const batch = new Batch(show);
const jobs = new Jobs(openJob);
const input = new Input({
  result(result) {
    show(result);
    remember("smiles", chosen("form") === "smiles" ? byId("smiles").value.trim() : "");
  },
  results(results) {
    batch.showResults(results);
    byId("batch-title").focus();
  },
  job(job) {
    openJob(job);
    jobs.refresh();
  },
});

function show(result) {
  showVerdict(result, model);
  refine.setResult(result);
  if (result.positions) {
    view.show(result);
    byId("stage").scrollIntoView({ block: "nearest" });
  } else {
    view.clear();
  }
}

function openJob(job) {
  remember("job", job.id);
  if (job.kind === "refine" && job.counts.total === 1) {
    refine.showJob(job);
    byId("refine-title").focus();
  } else {
    batch.showJob(job);
    byId("batch-title").focus();
  }
}

/** Keep in the address what is shown, to be shared. */
function remember(name, value) {
  const hash = value ? `#${new URLSearchParams({ [name]: value })}` : location.pathname;
  history.replaceState(null, "", hash);
}

function recall() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has("smiles")) input.fill(given.get("smiles"));
  if (given.has("job")) jobs.open(given.get("job"));
}

function ask() {
  return attemptAnew(byId("model-error"), async () => {
    const { models, default: name, forms, levels } = await callJson("/v1/models");
    model = models.find((one) => one.name === name);
    const atoms = `${listed(model.elements.map(symbolOf))} up to ${model.max_atoms} atoms`;
    byId("model").textContent = `${model.name}: ${model.level_of_theory}, ${atoms}`;
    byId("forms").hidden = !forms.includes("iupac");
    refine.offer(levels, model.accuracy);
  });
}

addSketcher(
  () => byId("smiles").value,
  (smiles) => {
    choose("form", "smiles");
    input.fill(smiles);
  },
);
addEventListener("hashchange", recall);
addEventListener(KEY_GIVEN, () => model || ask());
// What is seen first does not wait for the viewer.
requestAnimationFrame(() => setTimeout(() => view.start()));
recall();
await ask();
jobs.refresh();
