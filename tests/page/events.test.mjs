import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { isFinal, jobEvents } from "../../service/relaxd/service/page/js/events.js";

globalThis.sessionStorage = { getItem: () => "secret" };
const { fetch } = globalThis;
afterEach(() => {
  globalThis.fetch = fetch;
});

/** Answers the calls in their order; returns what they asked for. */
function serve(...answers) {
  const asked = [];
  globalThis.fetch = async (path, options) => {
    asked.push([path, options.headers.get("Authorization")]);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return asked;
}

const event = (id, name, data) => `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const state = (value) => new Response(JSON.stringify({ state: value }));

/** A stream that breaks after what it holds. */
function broken(text) {
  const chunks = [new TextEncoder().encode(text)];
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (chunks.length) controller.enqueue(chunks.shift());
        else controller.error(new TypeError("network error"));
      },
    }),
  );
}

async function all(signal = new AbortController().signal) {
  const found = [];
  for await (const one of jobEvents("j", signal)) found.push(one);
  return found;
}

test("events come in their order, with the key", async () => {
  const text = event(1, "state", { state: "running" }) + event(2, "progress", { ok: 1 });
  const asked = serve(new Response(text), state("succeeded"));
  assert.deepEqual(await all(), [
    { event: "state", data: { state: "running" } },
    { event: "progress", data: { ok: 1 } },
  ]);
  assert.deepEqual(asked[0], ["/v1/jobs/j/events?after=0", "Bearer secret"]);
});

test("after a broken connection they go on, none lost and none twice", async () => {
  const asked = serve(
    broken(event(7, "step", { n: 1 })),
    new TypeError("refused"),
    new Response(event(8, "step", { n: 2 })),
    state("succeeded"),
  );
  assert.deepEqual(
    (await all()).map((one) => one.data.n),
    [1, 2],
  );
  assert.equal(asked[2][0], "/v1/jobs/j/events?after=7");
});

test("a stream that ends before its job does is opened again", async () => {
  serve(
    new Response(event(1, "step", { n: 1 })),
    state("running"),
    new Response(event(2, "step", { n: 2 })),
    state("cancelled"),
  );
  assert.equal((await all()).length, 2);
});

test("what the server refuses is an error in its words", async () => {
  const problem = { status: 404, title: "Unknown job", detail: "There is no job 'j'." };
  serve(new Response(JSON.stringify(problem), { status: 404 }));
  await assert.rejects(all(), { name: "ApiError", status: 404, message: problem.detail });
});

test("an abort ends the wait for a server that is away", async () => {
  const controller = new AbortController();
  serve(new TypeError("refused"));
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(all(controller.signal), { name: "AbortError" });
});

test("final states are those that a job does not leave", () => {
  assert.deepEqual(["queued", "running", "failed", "cancelled"].map(isFinal), [
    false,
    false,
    true,
    true,
  ]);
});
