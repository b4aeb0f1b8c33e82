/**
 * Rule and gate in WebAssembly with SIMD (`sw/play/kernel.py`): several times as fast as plain
 * JavaScript, and equal to it code for code.
 */

import { Rule } from "./rule.js";

const RECORD = 36;
const CHANNEL = 20;
const BLOCK = 4;
const PAGE = 1 << 16;

/** Compile the kernel's bytes; null where WebAssembly or its SIMD is missing or forbidden. */
export function compileKernel(bytes) {
  try {
    return new WebAssembly.Module(bytes);
  } catch {
    return null;
  }
}

/** Memory whose parts are handed out one after another, at multiples of 16 bytes. */
class Memory {
  constructor(kernel, sizes) {
    const total = Object.values(sizes).reduce((sum, size) => sum + ceil(size + 16, 16), 0);
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(total / PAGE) + 1 });
    this.places = {};
    let place = 0;
    for (const [name, size] of Object.entries(sizes)) {
      this.places[name] = place;
      place += ceil(size + 16, 16); // loads may reach a vector beyond a part
    }
    this.calls = new WebAssembly.Instance(kernel, { page: { memory: this.memory } }).exports;
    this.view = new DataView(this.memory.buffer);
  }

  /** Return a part as an array of a type. */
  array(name, type, length) {
    return new type(this.memory.buffer, this.places[name], length);
  }
}

export class KernelRule extends Rule {
  constructor(skeleton, kernel) {
    super(skeleton);
    const { channels, filters, height, width } = this.spec;
    this.columns = ceil(width, 8);
    this.pairs = Math.ceil(filters / 2);
    this.blocks = Math.ceil(channels / BLOCK);
    this.memory = new Memory(kernel, {
      padded: this.padded.length + 16,
      after: (channels + 1) * height * this.columns, // the last one takes what is beyond the channels
      hidden: 4 * this.pairs * this.columns,
      filters: 2 * this.pairs * RECORD,
      channels: this.blocks * BLOCK * CHANNEL,
      mix: 4 * this.blocks * this.pairs * BLOCK,
    });
    this.padded = this.memory.array("padded", Int8Array, this.padded.length);
    this.writeFilters();
    this.writeChannels();
    this.writeMix();
  }

  writeFilters() {
    const { view, places } = this.memory;
    const { filters, multiplier, height } = this.spec;
    const { weight, bias, shift } = this.skeleton.perceive;
    for (let k = 0; k < filters; k++) {
      const record = places.filters + k * RECORD;
      const plane = places.padded + Math.floor(k / multiplier) * (height + 2) * this.stride;
      [plane, bias[k], (1 << shift[k]) >> 1, shift[k]].forEach((number, i) => view.setInt32(record + 4 * i, number, true));
      for (let tap = 0; tap < 9; tap++) view.setInt16(record + 16 + 2 * tap, weight[9 * k + tap], true);
    }
    if (filters % 2) view.setInt32(places.filters + filters * RECORD, places.padded, true); // of zeros
  }

  writeChannels() {
    const { view, places } = this.memory;
    const { channels, height } = this.spec;
    const { bias, shift } = this.skeleton.update;
    for (let c = 0; c < this.blocks * BLOCK; c++) {
      const own = c < channels;
      const before = places.padded + (own ? c * (height + 2) * this.stride : 0);
      const after = places.after + Math.min(c, channels) * height * this.columns;
      const numbers = [own ? bias[c] : 0, own ? shift[c] : 0, own ? (1 << shift[c]) - 1 : 0, before, after];
      numbers.forEach((number, i) => view.setInt32(places.channels + c * CHANNEL + 4 * i, number, true));
    }
  }

  writeMix() {
    const { view, places } = this.memory;
    const { channels, filters } = this.spec;
    const { weight } = this.skeleton.update;
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < filters; k++) {
        const place = ((Math.floor(c / BLOCK) * this.pairs + (k >> 1)) * BLOCK + (c % BLOCK)) * 4 + 2 * (k & 1);
        view.setInt16(places.mix + place, weight[c * filters + k], true);
      }
    }
  }

  /** Return the state after one more step, without the gate. */
  step(state) {
    const { channels, height, width } = this.spec;
    const { stride, columns, pairs, blocks } = this;
    const { calls, places } = this.memory;
    this.pad(state);
    for (let y = 0; y < height; y++) {
      calls.perceive(places.filters, pairs, y * stride, stride, columns, places.hidden);
      calls.update(places.channels, blocks, places.mix, pairs, places.hidden, columns, (y + 1) * stride + 1, y * columns);
    }
    const after = this.memory.array("after", Int8Array, channels * height * columns);
    if (columns === width) return after.slice();
    const next = new Int8Array(state.length);
    for (let row = 0; row < channels * height; row++) {
      next.set(after.subarray(row * columns, row * columns + width), row * width);
    }
    return next;
  }
}

/** Sums of a gate's layers, before their shifts. */
export class KernelSums {
  /** `layers` are those of a gate's network. */
  constructor(layers, kernel) {
    const rows = layers.map(({ inputs }) => ceil(inputs, 8));
    const most = (name) => Math.max(...layers.map((layer) => layer[name]));
    this.memory = new Memory(kernel, {
      codes: 2 * ceil(most("inputs"), 8),
      sums: 4 * most("outputs"),
      ...Object.fromEntries(layers.map(({ outputs }, i) => [`layer${i}`, outputs * rows[i]])),
    });
    this.layers = new Map();
    layers.forEach((layer, i) => {
      const { inputs, outputs, weight } = layer;
      const own = this.memory.array(`layer${i}`, Int8Array, outputs * rows[i]);
      for (let row = 0; row < outputs; row++) own.set(weight.subarray(row * inputs, (row + 1) * inputs), row * rows[i]);
      this.layers.set(layer, { place: this.memory.places[`layer${i}`], row: rows[i] });
    });
  }

  /** Return the sum of each row's products with the codes. */
  of(layer, codes) {
    const { place, row } = this.layers.get(layer);
    const { calls, places } = this.memory;
    const own = this.memory.array("codes", Int16Array, row);
    own.fill(0);
    own.set(codes);
    calls.dense(place, row, layer.outputs, places.codes, places.sums);
    return this.memory.array("sums", Int32Array, layer.outputs);
  }
}

function ceil(count, step) {
  return Math.ceil(count / step) * step;
}
