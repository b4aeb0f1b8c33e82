/**
 * The gate: a two-layer int8 network that reads a plane and answers with a delta (`golden/gate.py`),
 * when it opens, and which cells its delta changes (`golden/spec.py`).
 */

import { InputError } from "./errors.js";
import { clamp, roundShift } from "./fixed.js";
import { KernelSums } from "./kernel.js";
import { readSafetensors } from "./safetensors.js";

const PARTS = {
  weight: { dtype: "I8", low: -127, high: 127 },
  bias: { dtype: "I32", low: -(1 << 17), high: (1 << 17) - 1 },
  shift: { dtype: "U8", low: 0, high: 23 },
};
const MOST_INPUTS = 1024; // so that every sum stays below 2**24

/** Read a gate.safetensors; its numbers must be in range. */
export function readGate(buffer) {
  const { metadata, tensors } = readSafetensors(buffer);
  const wanted = ["hidden", "output"].flatMap((layer) => Object.keys(PARTS).map((part) => `${layer}.${part}`));
  for (const name of wanted) {
    if (!tensors[name]) throw new InputError(`A gate must have the tensor '${name}'`);
  }
  for (const name of Object.keys(tensors)) {
    if (!wanted.includes(name)) throw new InputError(`A gate must not have the tensor '${name}'`);
  }
  const hidden = layerFrom(tensors, "hidden", null);
  const output = layerFrom(tensors, "output", hidden.outputs);
  return new GateNetwork(hidden, output, metadata.skeleton ?? null);
}

function layerFrom(tensors, layer, inputs) {
  const { shape } = tensors[`${layer}.weight`];
  if (shape.length !== 2 || (inputs !== null && shape[1] !== inputs) || shape[1] > MOST_INPUTS) {
    const wanted = inputs === null ? `at most ${MOST_INPUTS}` : inputs;
    throw new InputError(`${layer}.weight must have shape (outputs, ${wanted}), not (${shape.join(", ")})`);
  }
  const found = { outputs: shape[0], inputs: shape[1] };
  for (const [part, { dtype, low, high }] of Object.entries(PARTS)) {
    const tensor = tensors[`${layer}.${part}`];
    const sizes = part === "weight" ? shape : shape.slice(0, 1);
    if (tensor.dtype !== dtype || tensor.shape.join() !== sizes.join()) {
      throw new InputError(`${layer}.${part} must be ${dtype} (${sizes.join(", ")})`);
    }
    const wrong = tensor.data.find((code) => code < low || code > high);
    if (wrong !== undefined) {
      throw new InputError(`${layer}.${part} must be an integer from ${low} to ${high}, not ${wrong}`);
    }
    found[part] = tensor.data;
  }
  return found;
}

/** The sum of each row's products with the codes, in plain JavaScript. */
class PlainSums {
  of({ inputs, outputs, weight }, codes) {
    const sums = new Int32Array(outputs);
    for (let row = 0, place = 0; row < outputs; row++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++, place++) sum = (sum + weight[place] * codes[i]) | 0;
      sums[row] = sum;
    }
    return sums;
  }
}

export class GateNetwork {
  constructor(hidden, output, skeleton) {
    this.hidden = hidden;
    this.output = output;
    this.skeleton = skeleton; // digest of the skeleton that it was trained with, or null
    this.sums = new PlainSums();
  }

  /** Compute with a kernel from now on. */
  speedUp(kernel) {
    this.sums = new KernelSums([this.hidden, this.output], kernel);
  }

  /** Map a plane, Int8Array (cells), to a delta, Int8Array (cells / 4). */
  delta(plane) {
    const hidden = this.apply(this.hidden, plane, new Uint8Array(this.hidden.outputs), 0, 127);
    return this.apply(this.output, hidden, new Int8Array(this.output.outputs), -128, 127);
  }

  /** Write `clamp(roundShift(W codes + b, n))` into `results`. */
  apply(layer, codes, results, low, high) {
    const { bias, shift } = layer;
    this.sums.of(layer, codes).forEach((sum, row) => {
      results[row] = clamp(roundShift(sum + bias[row], shift[row]), low, high);
    });
    return results;
  }

  /** Throw unless this network fits the lattice and was trained with this skeleton. */
  requireFit({ spec, digest }) {
    if (spec.gate === null) throw new InputError("A gate needs a skeleton that has one; this has none");
    const { inputs } = this.hidden;
    const { outputs } = this.output;
    if (inputs !== spec.cells || outputs !== spec.cells / 4) {
      throw new InputError(`The gate must map ${spec.cells} codes to ${spec.cells / 4}, not ${inputs} to ${outputs}`);
    }
    if (this.skeleton !== null && this.skeleton !== digest) {
      const trained = String(this.skeleton).slice(0, 12);
      throw new InputError(`The gate was trained with the skeleton ${trained}…, not with ${digest.slice(0, 12)}…`);
    }
  }
}

/** Whether the gate acts after `step`; steps count from 1. */
export function isOpen(gate, step) {
  return step >= gate.start && (step - gate.start) % gate.every === 0;
}

/** Steps after which the gate acts on an unchanged lattice as before. */
export function periodOf(gate) {
  return gate.every * (gate.mapping === "phase4" ? 4 : 1);
}

/** Add the delta of the opening after `step` to a state, in place. */
export function addDelta(spec, state, delta, step) {
  const { gate, height, width, cells } = spec;
  const opening = Math.floor((step - gate.start) / gate.every);
  const phased = gate.mapping === "phase4";
  const stride = phased ? 2 : 1;
  const base = gate.output_channel * cells;
  for (let y = phased ? (opening >> 1) & 1 : 0; y < height; y += stride) {
    for (let x = phased ? opening & 1 : 0; x < width; x += stride) {
      const place = base + y * width + x;
      state[place] = clamp(state[place] + delta[(width >> 1) * (y >> 1) + (x >> 1)], -128, 127);
    }
  }
}
