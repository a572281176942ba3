/** The table of a batch as data: what is kept of each molecule, and which rows are shown. */

import { problemText } from "./words.js";

export const PAGE = 100;

/** The type of the error of a molecule that was not done because its job was cancelled. */
const CANCELLED = "urn:relaxd:error:resource:cancelled";

/** The statuses of rows. */
export const STATUSES = ["ok", "needs a look", "failed", "cancelled"];

/** What the table needs of a result. */
export function rowOf(result, index) {
  const { verdict, relaxation, dft, error } = result;
  return {
    index,
    id: result.id ?? "",
    smiles: result.smiles ?? "",
    status: statusOf(result),
    method: verdict?.method ?? "",
    converged: dft?.converged ?? relaxation?.converged ?? null,
    kept: keptOf(verdict),
    rmsd: relaxation?.rmsd_from_start ?? null,
    reason: error ? problemText(error) : "",
  };
}

function statusOf({ status, verdict, relaxation, dft, error }) {
  if (error?.type === CANCELLED) return "cancelled";
  if (status === "error") return "failed";
  const converged = dft?.converged ?? relaxation?.converged ?? true;
  const doubtful = keptOf(verdict) === false || verdict?.in_domain === false;
  return converged && !doubtful ? "ok" : "needs a look";
}

/** Whether it still is the same molecule; null where this is not known. */
function keptOf(verdict) {
  const kept = [verdict?.connectivity_kept, verdict?.stereo_kept];
  if (kept.includes(false)) return false;
  return kept[0] ?? null;
}

/**
 * The rows to show, in their order.
 *
 * @param {object[]} rows
 * @param {{text?: string, show?: string, by?: string, descending?: boolean}} wish `show` is a
 *   status, or empty for all; `text` is found in any column of text, whatever its case
 */
export function selectRows(rows, { text = "", show = "", by = "index", descending = false }) {
  const sought = text.trim().toLowerCase();
  const found = rows.filter((row) => (!show || row.status === show) && matches(row, sought));
  const sign = descending ? -1 : 1;
  return found.sort((a, b) => compare(a[by], b[by], sign) || a.index - b.index);
}

function matches(row, sought) {
  const texts = [row.id, row.smiles, row.method, row.reason];
  return !sought || texts.some((text) => text.toLowerCase().includes(sought));
}

/** What is not known comes last in either direction. */
function compare(a, b, sign) {
  const [noA, noB] = [isUnknown(a), isUnknown(b)];
  if (noA || noB) return noA - noB;
  if (typeof a === "string") return sign * collator.compare(a, b);
  return sign * (a - b);
}

const isUnknown = (value) => value === null || value === "";
const collator = new Intl.Collator("en", { numeric: true });
