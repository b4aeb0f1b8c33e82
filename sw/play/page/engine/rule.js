/**
 * The rule of a skeleton on integers: encode, step and read-out, every code as golden's.
 *
 * A state is an Int8Array (channels, height, width). All sums stay below 2**24 (docs/arithmetic.md),
 * so 32 bits hold them.
 */

import { clamp, roundShift, truncShift } from "./fixed.js";

export class Rule {
  constructor(skeleton) {
    this.skeleton = skeleton;
    this.spec = skeleton.spec;
    const { channels, filters, height, width, cells } = this.spec;
    this.stride = width + 2;
    this.padded = new Int8Array(channels * (height + 2) * this.stride);
    this.hidden = new Int32Array(width * filters); // of a row, the filters of a cell side by side
    this.sums = new Int32Array(channels);
    this.mix = new Int32Array(filters * channels); // the channels of a filter side by side
    const { weight } = skeleton.update;
    for (let k = 0; k < filters; k++) {
      for (let c = 0; c < channels; c++) this.mix[k * channels + c] = weight[c * filters + k];
    }
    this.cells = cells;
  }

  /** Return the lattice of an image, Uint8Array; cells outside the image are encoded from 0. */
  encode(image) {
    const { channels, height, width, image: side, top, left } = this.spec;
    const { weight, bias, shift } = this.skeleton.encode;
    const state = new Int8Array(this.spec.codes);
    for (let c = 0, place = 0; c < channels; c++) {
      for (let y = -top; y < height - top; y++) {
        for (let x = -left; x < width - left; x++, place++) {
          const inside = y >= 0 && y < side && x >= 0 && x < side;
          const pixel = inside ? image[y * side + x] : 0;
          state[place] = clamp(roundShift(weight[c] * pixel + bias[c], shift[c]), -128, 127);
        }
      }
    }
    return state;
  }

  /** Return the state after one more step, without the gate. */
  step(state) {
    this.pad(state);
    const next = new Int8Array(state.length);
    for (let y = 0; y < this.spec.height; y++) {
      this.perceive(y);
      this.update(y, state, next);
    }
    return next;
  }

  /** Copy a state into a lattice with a rim: zeros, or the cells of the other edge. */
  pad(state) {
    const { channels, height, width, boundary } = this.spec;
    const { stride, padded } = this;
    const rows = height + 2;
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        const row = (c * height + y) * width;
        padded.set(state.subarray(row, row + width), (c * rows + y + 1) * stride + 1);
      }
      if (boundary === "wrap") this.wrap(c * rows * stride);
    }
  }

  /** Fill the rim of the channel that begins at `base` from the opposite edges. */
  wrap(base) {
    const { height, width } = this.spec;
    const { stride, padded } = this;
    for (let y = 1; y <= height; y++) {
      const row = base + y * stride;
      padded[row] = padded[row + width];
      padded[row + width + 1] = padded[row + 1];
    }
    padded.copyWithin(base, base + height * stride, base + (height + 1) * stride);
    padded.copyWithin(base + (height + 1) * stride, base + stride, base + 2 * stride);
  }

  /** Compute the hidden codes of row `y`. */
  perceive(y) {
    const { filters, multiplier, height, width } = this.spec;
    const { weight, bias, shift } = this.skeleton.perceive;
    const { stride, padded, hidden } = this;
    for (let k = 0; k < filters; k++) {
      const [a, b, c, d, e, f, g, h, i] = weight.subarray(9 * k, 9 * k + 9);
      const n = shift[k];
      const start = bias[k];
      const half = (1 << n) >> 1;
      let p = (((k / multiplier) | 0) * (height + 2) + y) * stride;
      for (let x = 0, place = k; x < width; x++, p++, place += filters) {
        const q = p + stride;
        const r = q + stride;
        const sum =
          (start +
            a * padded[p] + b * padded[p + 1] + c * padded[p + 2] +
            d * padded[q] + e * padded[q + 1] + f * padded[q + 2] +
            g * padded[r] + h * padded[r + 1] + i * padded[r + 2]) | 0;
        const code = sum > 0 ? (sum + half) >> n : 0;
        hidden[place] = code > 255 ? 255 : code;
      }
    }
  }

  /** Mix the hidden codes of row `y`, and add the change to the state. */
  update(y, state, next) {
    const { channels, filters, width } = this.spec;
    const { bias, shift } = this.skeleton.update;
    const { hidden, sums, mix, cells } = this;
    for (let x = 0; x < width; x++) {
      sums.set(bias);
      for (let k = 0, place = x * filters; k < filters; k++, place++) {
        const code = hidden[place];
        if (code === 0) continue; // about half of them
        for (let c = 0, at = k * channels; c < channels; c++, at++) {
          sums[c] = (sums[c] + mix[at] * code) | 0;
        }
      }
      for (let c = 0, place = y * width + x; c < channels; c++, place += cells) {
        next[place] = clamp(state[place] + truncShift(sums[c], shift[c]), -128, 127);
      }
    }
  }

  /** Return what every cell shows, Uint8Array (height, width): the image and its margins. */
  readoutAll(state) {
    const { channels, cells } = this.spec;
    const { weight, bias, shift } = this.skeleton.readout;
    const shown = new Uint8Array(cells);
    for (let place = 0; place < cells; place++) {
      let sum = bias[0];
      for (let c = 0; c < channels; c++) sum += weight[c] * state[c * cells + place];
      shown[place] = clamp(roundShift(sum, shift[0]), 0, 255);
    }
    return shown;
  }

  /** Return the image that a state shows, Uint8Array (image, image). */
  readout(state) {
    return this.window(this.readoutAll(state));
  }

  /** Cut the image out of a field of all cells. */
  window(field) {
    const { width, image, top, left } = this.spec;
    const cut = new Uint8Array(image * image);
    for (let v = 0; v < image; v++) {
      const begin = (v + top) * width + left;
      cut.set(field.subarray(begin, begin + image), v * image);
    }
    return cut;
  }
}
