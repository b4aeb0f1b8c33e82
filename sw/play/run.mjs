/**
 * Runs images through the page's engine, outside a browser.
 *
 *     node run.mjs SKELETON_DIR IMAGES.npy STEPS OUT.npy
 *
 * IMAGES is uint8 (n, image, image); OUT becomes int8 (n, STEPS + 1, channels, height, width): the
 * state after every step, its delta applied. The gate.safetensors of the folder is used if it is
 * there.
 */

import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";

import { headerOf, parseBytes } from "./node/npy.mjs";
import { openMachine, replace, runProgram } from "./node/files.mjs";
import { InputError } from "./page/engine/errors.js";

const USAGE = "usage: node run.mjs SKELETON_DIR IMAGES.npy STEPS OUT.npy";

/** Yield the states of a run: the encoded image, then the state after each step. */
function* trace(machine, image, steps) {
  let state = machine.rule.encode(image);
  yield state;
  for (let step = 1; step <= steps; step++) {
    ({ state } = machine.advance(state, step));
    yield state;
  }
}

function main(words) {
  if (words.length !== 4) throw new InputError(USAGE);
  const [folder, source, count, output] = words;
  if (!/^\d{1,7}$/.test(count)) throw new InputError(`STEPS must be an integer from 0 to 9999999, not ${count}`);
  const steps = Number(count);
  const machine = openMachine(folder);
  const { channels, height, width, image: side } = machine.spec;
  const { shape, data } = parseBytes(readFileSync(source), source);
  if (shape.length !== 3 || shape[1] !== side || shape[2] !== side) {
    throw new InputError(`${source} must have shape (n, ${side}, ${side}), not (${shape.join(", ")})`);
  }
  replace(output, (path) => {
    const file = openSync(path, "w");
    try {
      appendFileSync(file, headerOf([shape[0], steps + 1, channels, height, width]));
      for (let n = 0; n < shape[0]; n++) {
        const image = data.subarray(n * side * side, (n + 1) * side * side);
        for (const state of trace(machine, image, steps)) appendFileSync(file, state);
      }
    } finally {
      closeSync(file);
    }
  });
}

await runProgram(main);
