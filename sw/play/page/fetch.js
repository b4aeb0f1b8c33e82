/** Fetching the page's own files, with progress. */

import { InputError } from "./engine/errors.js";

/** Fetch a file as an ArrayBuffer; `tell` gets shares from 0 to 1 while it comes. */
export async function fetchBytes(url, tell = () => {}) {
  const name = String(url).split("/").pop();
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    throw new InputError(`${name} could not be fetched: is the server still there?`);
  }
  if (!answer.ok) throw new InputError(`${name} could not be fetched: the server says ${answer.status}`);
  const total = Number(answer.headers.get("Content-Length")) || Infinity;
  const parts = [];
  let count = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    count += value.length;
    tell(Math.min(count / total, 1));
  }
  return new Blob(parts).arrayBuffer();
}

/** Fetch a file that is compressed as zlib does it. */
export async function fetchPacked(url) {
  return unpackBytes(await fetchBytes(url));
}

/** Expand what zlib compressed. */
export async function unpackBytes(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}
