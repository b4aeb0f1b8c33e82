/**
 * The worker: computes runs off the main thread, so that the page never stalls. It answers each
 * request `{id, call, values}` with `{id, result}` or `{id, error}`.
 */

import { InputError } from "./engine/errors.js";
import { readGate } from "./engine/gate.js";
import { compileKernel } from "./engine/kernel.js";
import { Machine } from "./engine/machine.js";
import { Referee } from "./engine/referee.js";
import { Run } from "./engine/run.js";
import { sha256 } from "./engine/sha256.js";
import { readSkeleton } from "./engine/skeleton.js";
import { noiseLattice } from "./scene/damage.js";

const SIGMA = 32; // codes, of a start from noise
const SPEED_MS = 500; // for which the speed of the rule is measured

let machine = null;
let run = null;
let referee = null;
let kernel = null; // of WebAssembly; null computes in plain JavaScript

const calls = {
  /** Take the referee's weights, and the bytes of the kernel. */
  equip({ weights, kernel: bytes }) {
    referee = new Referee(weights);
    kernel = compileKernel(bytes);
  },

  /** Take a skeleton's text and the bytes of its gate, or null; return spec and digest. */
  open({ skeleton, gate }) {
    const next = new Machine(readSkeleton(skeleton), gate ? readGate(gate) : null, kernel);
    machine = next;
    run = null;
    return { spec: machine.spec, digest: machine.skeleton.digest };
  },

  /** Begin a run from an image. */
  load({ image, lanes }) {
    begin(lanes, machine.rule.encode(image));
    return snapshot();
  },

  /** Begin a run from a lattice of noise. */
  noise({ seed, lanes }) {
    begin(lanes, noiseLattice(machine.spec.codes, SIGMA, seed));
    return snapshot();
  },

  advance() {
    run.advance();
    return snapshot();
  },

  back() {
    run.back();
    return snapshot();
  },

  wipe({ cells }) {
    run.wipe(cells);
    return snapshot();
  },

  gate({ open }) {
    run.gate(open);
    return snapshot();
  },

  /** Return the steps a second of the rule alone, and of rule and gate as they are. */
  speed() {
    const { state, step } = { state: run.now.lanes[0].state, step: run.now.step };
    return { rule: rateOf((s) => machine.rule.step(s), state), run: rateOf((s, n) => machine.advance(s, step + n).state, state) };
  },
};

function begin(lanes, state) {
  run = new Run(machine, lanes);
  run.load(state);
}

function rateOf(advance, state) {
  const begin = performance.now();
  for (let count = 1; ; count++) {
    state = advance(state, count);
    const passed = performance.now() - begin;
    if (passed >= SPEED_MS) return Math.round((1000 * count) / passed);
  }
}

/** What the page shows: of each lattice its codes, what it shows, and how it moves. */
function snapshot() {
  const { step, lanes } = run.now;
  return { step, canGoBack: run.past.length > 0, lanes: lanes.map((lane) => ({ ...lane, ...lookAt(lane.state) })) };
}

function lookAt(state) {
  const { rule } = machine;
  const shown = rule.readoutAll(state);
  const image = rule.window(shown);
  const read = referee && rule.spec.image === 28 ? referee.read(image) : null;
  return { shown, image, read, sha256: sha256(state) };
}

self.onmessage = ({ data: { id, call, values } }) => {
  try {
    self.postMessage({ id, result: calls[call](values ?? {}) });
  } catch (error) {
    const text = error instanceof InputError ? error.message : `${call}: ${error}`;
    self.postMessage({ id, error: text });
  }
};
