/** Copies what the page needs of its libraries, each with its licence, to where the page is served. */

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PACKAGES = fileURLToPath(new URL("node_modules/", import.meta.url));
const VENDOR = fileURLToPath(new URL("relaxd/service/page/vendor/", import.meta.url));

/** Files that browsers load, and the name of each in the page. */
const SCRIPTS = {
  "3dmol/build/3Dmol-min.js": "3Dmol-min.js",
  "eventsource-parser/dist/index.js": "eventsource-parser.js",
  "openchemlib/dist/openchemlib.js": "openchemlib.js",
};

/** Packages whose code is in these files: 3Dmol's has those that it depends on. */
const LICENSED = [
  "3dmol",
  "eventsource-parser",
  "iobuffer",
  "netcdfjs",
  "openchemlib",
  "pako",
  "upng-js",
];

/** A script without the comment that points to a source map, which is not shipped. */
function withoutMap(source) {
  return source.replace(/^\/\/# sourceMappingURL=.*\n?/m, "");
}

rmSync(VENDOR, { recursive: true, force: true });
mkdirSync(`${VENDOR}licenses`, { recursive: true });
for (const [from, to] of Object.entries(SCRIPTS)) {
  writeFileSync(VENDOR + to, withoutMap(readFileSync(PACKAGES + from, "utf8")));
}
for (const name of LICENSED) {
  cpSync(`${PACKAGES}${name}/LICENSE`, `${VENDOR}licenses/${name}.txt`);
}
