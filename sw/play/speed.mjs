/**
 * Measures the page's engine on node, one lattice at a time: with WebAssembly, and in plain
 * JavaScript.
 *
 *     node speed.mjs SKELETON_DIR OUT.json
 */

import { writeFileSync } from "node:fs";

import { openMachine, replace, runProgram } from "./node/files.mjs";

const ROUNDS = 3;
const ROUND_MS = 200;

/**
 * Return the median rate of `work` a second of processor time, called for a while in each round: of
 * one thread, whatever else the machine does.
 */
function rate(work) {
  const rates = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const begin = process.cpuUsage().user;
    let [count, passed] = [0, 0];
    for (; passed < ROUND_MS; passed = (process.cpuUsage().user - begin) / 1000) count += work();
    if (round > 0) rates.push((1000 * count) / passed); // the first warms up
  }
  return Math.round(rates.sort((a, b) => a - b)[ROUNDS >> 1]);
}

/** Return the steps a second of the rule alone, and whole digits with the gate. */
function measure(machine) {
  const { image: side, steps } = machine.spec;
  const image = Uint8Array.from({ length: side * side }, (_, i) => (i * i) % 251);
  const restore = (gated) => {
    let state = machine.rule.encode(image);
    for (let step = 1; step <= steps; step++) ({ state } = machine.advance(state, step, gated));
    machine.rule.readout(state);
  };
  return { steps: rate(() => (restore(false), steps)), digits: rate(() => (restore(true), 1)) };
}

await runProgram("node speed.mjs SKELETON_DIR OUT.json", async (folder, output) => {
  const [fast, plain] = [false, true].map((without) => measure(openMachine(folder, without)));
  const found = {
    page_steps_per_second: fast.steps,
    page_digits_per_second: fast.digits,
    page_steps_per_second_plain: plain.steps,
    page_digits_per_second_plain: plain.digits,
  };
  await replace(output, (path) => writeFileSync(path, JSON.stringify(found)));
});
