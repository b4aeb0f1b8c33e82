/**
 * Measures the page's engine on node, one lattice at a time.
 *
 *     node speed.mjs SKELETON_DIR OUT.json
 */

import { writeFileSync } from "node:fs";

import { openMachine, replace, runProgram } from "./node/files.mjs";

const ROUNDS = 7;
const ROUND_MS = 400;

/** Return the median rate a second of `work`, called for a while in each round. */
function rate(work) {
  const rates = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const begin = performance.now();
    let [count, passed] = [0, 0];
    for (; passed < ROUND_MS; passed = performance.now() - begin) count += work();
    if (round > 0) rates.push((1000 * count) / passed); // the first warms up
  }
  return Math.round(rates.sort((a, b) => a - b)[ROUNDS >> 1]);
}

await runProgram("node speed.mjs SKELETON_DIR OUT.json", async (folder, output) => {
  const machine = openMachine(folder);
  const { image: side, steps } = machine.spec;
  const image = Uint8Array.from({ length: side * side }, (_, i) => (i * i) % 251);
  const restored = (gated) => {
    let state = machine.rule.encode(image);
    for (let step = 1; step <= steps; step++) ({ state } = machine.advance(state, step, gated));
    machine.rule.readout(state);
  };
  const found = {
    page_steps_per_second: rate(() => (restored(false), steps)),
    page_digits_per_second: rate(() => (restored(true), 1)),
  };
  await replace(output, (path) => writeFileSync(path, JSON.stringify(found)));
});
