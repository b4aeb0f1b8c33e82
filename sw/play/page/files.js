/** The skeleton and gate of a run: shipped ones, fetched once, or files from the user's disk. */

import { folderOf } from "./catalogue.js";
import { InputError } from "./engine/errors.js";
import { fetchBytes } from "./fetch.js";

const LARGEST = 16 << 20; // bytes of a file from the disk

const kept = new Map();

/** Fetch a file of a shipped skeleton, once; `tell` gets shares while it comes. */
export function fetchShipped(skeleton, file, tell) {
  const url = new URL(file, folderOf(skeleton)).href;
  if (!kept.has(url)) {
    const coming = fetchBytes(url, tell);
    kept.set(url, coming);
    coming.catch(() => kept.delete(url)); // so that it is tried again
  }
  return kept.get(url);
}

/** Return `{skeleton: text, gate: bytes or null}` of a shipped skeleton. */
export async function shippedFiles(skeleton, gate, tell) {
  const text = new TextDecoder().decode(await fetchShipped(skeleton, "skeleton.json", () => {}));
  return { skeleton: text, gate: gate && (await fetchShipped(skeleton, `${gate}.safetensors`, tell)) };
}

/** Sort files from the disk into `{skeleton, gate, picture}` by their endings; read the first two. */
export async function sortFiles(list) {
  const found = { skeleton: null, gate: null, picture: null };
  for (const file of list) {
    if (file.size > LARGEST) throw new InputError(`${file.name} must have at most ${LARGEST >> 20} MiB`);
    if (file.name.endsWith(".json")) found.skeleton = await file.text();
    else if (file.name.endsWith(".safetensors")) found.gate = await file.arrayBuffer();
    else found.picture = file;
  }
  return found;
}
