/** Runs of images whose states are written to a file of numpy's. */

import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";

import { InputError } from "../page/engine/errors.js";
import { replace } from "./files.mjs";
import { headerOf, parseBytes } from "./npy.mjs";

/** Return the number of steps in a word of the command line. */
export function readSteps(word) {
  if (!/^\d{1,7}$/.test(word)) throw new InputError(`STEPS must be an integer from 0 to 9999999, not ${word}`);
  return Number(word);
}

/**
 * Write the states of the runs of all images in `source`: int8 (n, steps + 1, channels, height,
 * width). `trace` yields the states of one run, and may be asynchronous.
 */
export async function runImages({ channels, height, width, image }, source, steps, output, trace) {
  const { shape, data } = parseBytes(readFileSync(source), source);
  if (shape.length !== 3 || shape[1] !== image || shape[2] !== image) {
    throw new InputError(`${source} must have shape (n, ${image}, ${image}), not (${shape.join(", ")})`);
  }
  await replace(output, async (path) => {
    const file = openSync(path, "w");
    try {
      appendFileSync(file, headerOf([shape[0], steps + 1, channels, height, width]));
      for (let n = 0; n < shape[0]; n++) {
        const pixels = data.subarray(n * image * image, (n + 1) * image * image);
        for await (const state of trace(pixels)) appendFileSync(file, state);
      }
    } finally {
      closeSync(file);
    }
  });
}
