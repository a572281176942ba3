/** The events of a job: server-sent, over fetch, which can send a key. */

import { createParser } from "../vendor/eventsource-parser.js";
import { ApiError, call, callJson } from "./api.js";

const FINAL = new Set(["succeeded", "failed", "cancelled"]);
const RETRY_MS = 1000;

/** Whether a job in this state stays in it. */
export function isFinal(state) {
  return FINAL.has(state);
}

/**
 * Yield all events of a job, from its first to its last; goes on where a connection ended.
 *
 * @param {string} job its id
 * @param {AbortSignal} signal ends it
 * @yields {{event: string, data: object}}
 * @throws {ApiError} the server refuses
 */
export async function* jobEvents(job, signal) {
  let after = 0;
  for (;;) {
    try {
      for await (const { id, event, data } of stream(
        `/v1/jobs/${job}/events?after=${after}`,
        signal,
      )) {
        after = Number(id);
        yield { event, data: JSON.parse(data) };
      }
      if (isFinal((await callJson(`/v1/jobs/${job}`, { signal })).state)) return;
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await pause(signal);
  }
}

/** A server that is away, or that starts anew, comes back. */
function isPassing(error) {
  return error instanceof ApiError
    ? error.status === 0 || error.status >= 502
    : error instanceof TypeError;
}

async function* stream(path, signal) {
  const response = await call(path, { signal });
  const arrived = [];
  const parser = createParser({ onEvent: (event) => arrived.push(event) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      parser.feed(value);
      yield* arrived.splice(0);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function pause(signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, RETRY_MS);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
