/** Files for the user to keep. */

import { element } from "./dom.js";

const RELEASE_MS = 60_000;

/**
 * Let the browser save something.
 *
 * @param {Blob | BlobPart[]} content
 * @param {string} name of the file
 */
export function save(content, name) {
  const blob = content instanceof Blob ? content : new Blob(content, { type: "text/plain" });
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), RELEASE_MS);
}

/** A name for files about something: nothing in it troubles a file system. */
export function fileName(text) {
  return (
    (text ?? "")
      .replace(/[^\w.-]+/g, "_")
      .replace(/^[._]+|[._]+$/g, "")
      .slice(0, 60) || "molecule"
  );
}
