/** Errors, shown where they arise. */

import { ApiError } from "./api.js";
import { say } from "./dom.js";

/**
 * Run something; where the server refuses, say so in its words.
 *
 * @param {HTMLElement} place where to say it
 * @param {() => Promise<unknown>} run
 */
export async function attempt(place, run) {
  try {
    await run();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ApiError)) throw error;
    say(place, error.message);
  }
}

/** As `attempt`, for what the user asks for: what was said before is forgotten. */
export function attemptAnew(place, run) {
  say(place, "");
  return attempt(place, run);
}
