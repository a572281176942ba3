import assert from "node:assert/strict";
import { test } from "node:test";
import { rowOf, selectRows } from "../../service/relaxd/service/page/js/rows.js";

const VERDICT = {
  connectivity_kept: true,
  stereo_kept: true,
  in_domain: true,
  method: "diffusion",
};
const OK = {
  id: "a",
  smiles: "CCO",
  status: "ok",
  verdict: VERDICT,
  relaxation: { converged: true, rmsd_from_start: 0.1 },
};

test("a row keeps what the table shows, and no geometry", () => {
  assert.deepEqual(rowOf({ ...OK, positions: [[0, 0, 0]] }, 3), {
    index: 3,
    id: "a",
    smiles: "CCO",
    status: "ok",
    method: "diffusion",
    converged: true,
    kept: true,
    rmsd: 0.1,
    reason: "",
  });
});

test("a failure has its reason", () => {
  const row = rowOf({ id: null, status: "error", error: { detail: "No SMILES." } }, 0);
  assert.equal(row.status, "failed");
  assert.equal(row.reason, "No SMILES.");
  assert.equal(row.converged, null);
  const cancelled = { type: "urn:relaxd:error:resource:cancelled", detail: "Cancelled." };
  assert.equal(rowOf({ status: "error", error: cancelled }, 0).status, "cancelled");
});

test("what is doubtful needs a look", () => {
  const status = (changes) => rowOf({ ...OK, ...changes }, 0).status;
  const relaxation = { converged: false, rmsd_from_start: 0 };
  assert.equal(status({ verdict: { ...VERDICT, stereo_kept: false } }), "needs a look");
  assert.equal(status({ verdict: { ...VERDICT, in_domain: false } }), "needs a look");
  assert.equal(status({ relaxation }), "needs a look");
  assert.equal(status({ dft: { converged: false } }), "needs a look");
  assert.equal(status({ relaxation, dft: { converged: true } }), "ok");
  assert.equal(
    status({ verdict: { ...VERDICT, connectivity_kept: null, stereo_kept: null } }),
    "ok",
  );
});

const ROWS = ["m10", "m9", "", "M1"].map((id, index) => ({
  index,
  id,
  smiles: "C".repeat(index + 1),
  status: index === 1 ? "failed" : "ok",
  method: "gfn2-xtb",
  rmsd: [0.2, null, 0.1, 0.2][index],
  reason: index === 1 ? "not a SMILES" : "",
}));
const order = (wish) => selectRows(ROWS, wish).map((row) => row.index);

test("rows sort by numbers and by names, the unknown last either way", () => {
  assert.deepEqual(order({}), [0, 1, 2, 3]);
  assert.deepEqual(order({ descending: true }), [3, 2, 1, 0]);
  assert.deepEqual(order({ by: "rmsd" }), [2, 0, 3, 1]);
  assert.deepEqual(order({ by: "rmsd", descending: true }), [0, 3, 2, 1]);
  assert.deepEqual(order({ by: "id" }), [3, 1, 0, 2]);
});

test("rows are filtered by status and by any text", () => {
  assert.deepEqual(order({ show: "failed" }), [1]);
  assert.deepEqual(order({ text: " M1 " }), [0, 3]);
  assert.deepEqual(order({ text: "not a" }), [1]);
  assert.deepEqual(order({ text: "xtb", show: "ok" }), [0, 2, 3]);
});

test("10,000 rows are sorted and filtered faster than anybody notices", () => {
  const rows = Array.from({ length: 10000 }, (_, index) => ({
    ...ROWS[index % 4],
    index,
    id: `molecule-${(index * 7919) % 10000}`,
  }));
  const began = performance.now();
  assert.equal(selectRows(rows, { by: "id", text: "molecule" })[0].id, "molecule-0");
  assert.ok(performance.now() - began < 500);
});
