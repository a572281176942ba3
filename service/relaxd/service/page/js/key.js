/** The API key of this tab, and the dialog that asks for it. */

import { byId, say } from "./dom.js";

const STORED = "relaxd-key";

/** The event of the window that tells of another key. */
export const KEY_GIVEN = "relaxd-key-given";

/** The key, or null. */
export function key() {
  return sessionStorage.getItem(STORED);
}

let asking = null;

/**
 * Ask for a key; calls that fail at the same time share one dialog.
 *
 * @param {string} reason why it is needed, in the server's words
 * @param {string | null} refused the key that was sent
 * @returns {Promise<boolean>} whether there is another key now
 */
export function askForKey(reason, refused) {
  if (key() !== refused) return Promise.resolve(true);
  asking ??= ask(reason).finally(() => {
    asking = null;
  });
  return asking;
}

function ask(reason) {
  const [dialog, field] = ["key-dialog", "key-field"].map(byId);
  const asked = new AbortController();
  const on = (id, event, run) => byId(id).addEventListener(event, run, { signal: asked.signal });
  say(byId("key-reason"), reason);
  field.value = "";
  dialog.returnValue = "";
  on("key-form", "submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(STORED, field.value.trim());
    dialog.close("given");
    dispatchEvent(new Event(KEY_GIVEN));
  });
  on("key-cancel", "click", () => dialog.close());
  dialog.showModal();
  return new Promise((resolve) => {
    on("key-dialog", "close", () => {
      asked.abort();
      resolve(dialog.returnValue === "given");
    });
  });
}
