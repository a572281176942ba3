/** All results of a batch as one file. */

import { call } from "./api.js";
import { filePages, LIMIT, resultPages } from "./paging.js";
import { writeXyz } from "./xyz.js";

/**
 * The results of one call as a file.
 *
 * @param {object[]} results
 * @param {"sdf" | "extxyz" | "json"} format
 * @returns {{parts: string[], leftOut: number}} `leftOut` is how many the format cannot hold
 */
export function resultsFile(results, format) {
  const done = results.filter((result) => result.positions);
  if (format === "json") return { parts: [jsonList(results)], leftOut: 0 };
  if (format === "extxyz") return { parts: done.map(writeXyz), leftOut: 0 };
  const records = done.filter((result) => result.sdf).map((result) => result.sdf);
  return { parts: records, leftOut: done.length - records.length };
}

/**
 * The results of a job as a file; `tell` is called with how many molecules were fetched.
 *
 * @returns {Promise<{parts: string[], leftOut: number}>}
 */
export async function jobFile(job, format, tell) {
  const parts = [];
  let leftOut = 0;
  if (format === "json") {
    const results = [];
    for await (const page of resultPages(call, job)) {
      results.push(...page.results);
      tell(results.length);
    }
    return { parts: [jsonList(results)], leftOut };
  }
  for await (const page of filePages(call, job, format)) {
    parts.push(page.text);
    leftOut += page.leftOut;
    tell(parts.length * LIMIT);
  }
  return { parts, leftOut };
}

function jsonList(results) {
  return `[\n${results.map((result) => JSON.stringify(result)).join(",\n")}\n]\n`;
}
