/** Calls of the HTTP API. */

import { askForKey, key } from "./key.js";
import { problemText } from "./words.js";

/** What the server refused, in its words; `status` is 0 where it did not answer. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problemText(problem));
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
  }
}

/**
 * Call the server; where it needs a key, ask for one and call again.
 *
 * @param {string} path
 * @param {RequestInit & {quiet?: boolean}} [options] of fetch; a quiet call asks for no key
 * @returns {Promise<Response>} one that is ok
 * @throws {ApiError} the server refused, or did not answer
 */
export async function call(path, { quiet = false, ...options } = {}) {
  const sent = key();
  const response = await send(path, options, sent);
  if (response.ok) return response;
  const error = new ApiError(response.status, await problemOf(response));
  const mayAsk = response.status === 401 && !quiet;
  if (!mayAsk || !(await askForKey(error.message, sent))) throw error;
  return call(path, options);
}

/** Call the server and read JSON. */
export async function callJson(path, options) {
  return (await call(path, options)).json();
}

/** Post JSON and read JSON. */
export function post(path, body, options = {}) {
  const headers = { "Content-Type": "application/json" };
  return callJson(path, { method: "POST", headers, body: JSON.stringify(body), ...options });
}

async function send(path, options, token) {
  const headers = new Headers(options.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The server does not answer." });
  }
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { detail: `The server answered ${response.status} ${response.statusText}.` };
  }
}
