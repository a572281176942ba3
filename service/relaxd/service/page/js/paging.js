/** Results of a job, page by page. */

/** Results in one page; the most that the server gives. */
export const LIMIT = 1000;

/**
 * Yield the pages of results that are there, from a cursor.
 *
 * @param {(path: string) => Promise<Response>} get
 * @param {string} job its id
 * @param {number | string} cursor of the first page
 * @yields {{results: object[], next: string | null}} none is empty
 */
export async function* resultPages(get, job, cursor = 0) {
  let next = cursor;
  while (next !== null) {
    const response = await get(`/v1/jobs/${job}/results?cursor=${next}&limit=${LIMIT}`);
    const page = await response.json();
    if (!page.results.length) return;
    yield page;
    next = page.next;
  }
}

/**
 * Yield the pages of a file of results.
 *
 * @param {(path: string) => Promise<Response>} get
 * @param {string} job its id
 * @param {"sdf" | "extxyz"} format
 * @yields {{text: string, leftOut: number}} `leftOut` is how many the format cannot hold
 */
export async function* filePages(get, job, format) {
  let cursor = "0";
  let before = null;
  // While a job runs, the page after the last has the cursor that was asked for.
  while (cursor !== null && cursor !== before) {
    const path = `/v1/jobs/${job}/results?format=${format}&cursor=${cursor}&limit=${LIMIT}`;
    const response = await get(path);
    const leftOut = Number(response.headers.get("X-Left-Out") ?? 0);
    yield { text: await response.text(), leftOut };
    before = cursor;
    cursor = response.headers.get("X-Next-Cursor");
  }
}

/** One result of a job, by its index. */
export async function oneResult(get, job, index) {
  const response = await get(`/v1/jobs/${job}/results?cursor=${index}&limit=1`);
  return (await response.json()).results[0];
}
