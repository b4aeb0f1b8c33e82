/** Comparison of a device's codes with the page's own. */

export class Comparison {
  constructor() {
    this.codes = 0; // compared and equal
    this.difference = null; // the first one, in words
  }

  /** Compare what a device gave with a lane of the page after the same call. */
  add(found, lane, step, { width, cells }) {
    if (this.difference) return;
    if (found.step !== step) {
      this.difference = `the device is at step ${found.step}, the page at ${step}`;
      return;
    }
    const code = firstDifference(found.state, lane.state);
    const pixel = firstDifference(found.image, lane.image);
    if (code !== null) {
      const cell = code % cells;
      const place = `channel ${Math.floor(code / cells)}, cell (${Math.floor(cell / width)}, ${cell % width})`;
      this.difference = `step ${step}: ${place} is ${found.state[code]} there, ${lane.state[code]} here`;
    } else if (pixel !== null) {
      this.difference = `step ${step}: pixel ${pixel} is ${found.image[pixel]} there, ${lane.image[pixel]} here`;
    } else {
      this.codes += lane.state.length + lane.image.length;
    }
  }

  toString() {
    return this.difference ? `differs at ${this.difference}` : `equal, ${this.codes.toLocaleString("en")} codes`;
  }
}

function firstDifference(found, wanted) {
  if (found.length !== wanted.length) return Math.min(found.length, wanted.length);
  const place = wanted.findIndex((code, i) => code !== found[i]);
  return place < 0 ? null : place;
}
