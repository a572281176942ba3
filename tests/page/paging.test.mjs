import assert from "node:assert/strict";
import { test } from "node:test";
import { filePages, oneResult, resultPages } from "../../service/relaxd/service/page/js/paging.js";

/** A server that answers each path once, and remembers what it was asked. */
function server(answers) {
  const asked = [];
  const get = async (path) => {
    asked.push(path);
    return answers.shift();
  };
  return { get, asked };
}

const json = (value) => new Response(JSON.stringify(value));
const file = (text, headers) => new Response(text, { headers });

async function all(pages) {
  const found = [];
  for await (const page of pages) found.push(page);
  return found;
}

test("results are read to the last page", async () => {
  const pages = [
    { results: [{ index: 0 }], next: "1" },
    { results: [{ index: 1 }], next: null },
  ];
  const { get, asked } = server(pages.map(json));
  assert.deepEqual(await all(resultPages(get, "j")), pages);
  assert.deepEqual(asked, [
    "/v1/jobs/j/results?cursor=0&limit=1000",
    "/v1/jobs/j/results?cursor=1&limit=1000",
  ]);
});

test("while a job runs, what is not there yet is no page", async () => {
  const pages = [
    { results: [{ index: 5 }], next: "6" },
    { results: [], next: "6" },
  ];
  const { get } = server(pages.map(json));
  assert.deepEqual(await all(resultPages(get, "j", 5)), pages.slice(0, 1));
});

test("a file is read to its last page, and what was left out is told", async () => {
  const { get, asked } = server([
    file("one", { "X-Next-Cursor": "1000", "X-Left-Out": "2" }),
    file("two", { "X-Left-Out": "0" }),
  ]);
  assert.deepEqual(await all(filePages(get, "j", "sdf")), [
    { text: "one", leftOut: 2 },
    { text: "two", leftOut: 0 },
  ]);
  assert.match(asked[1], /format=sdf&cursor=1000&limit=1000$/);
});

test("the file of a job that runs ends where its results do", async () => {
  const { get } = server([
    file("one", { "X-Next-Cursor": "7" }),
    file("", { "X-Next-Cursor": "7" }),
  ]);
  assert.equal((await all(filePages(get, "j", "extxyz"))).length, 2);
});

test("one result is asked for by its index", async () => {
  const { get, asked } = server([json({ results: [{ index: 41 }], next: "42" })]);
  assert.deepEqual(await oneResult(get, "j", 41), { index: 41 });
  assert.deepEqual(asked, ["/v1/jobs/j/results?cursor=41&limit=1"]);
});
