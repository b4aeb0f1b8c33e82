/** The lattice on the page: one canvas or two, the channels in small, and the scale of colours. */

import { Brush } from "./brush.js";
import { paint, palettes } from "./palette.js";

const WIPE = 1 / 13; // radius of a wipe, in lattice heights

export class LatticeView {
  /** `wipe` takes marks, a byte for each cell. */
  constructor(canvases, { channels, scale, wipe }) {
    this.canvases = canvases;
    this.channels = channels;
    this.scale = scale;
    this.wipe = wipe;
    this.view = "shown";
    this.marks = null;
    this.brush = new Brush(canvases[0], { stroke: (points) => this.mark(points) });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    this.palette = palettes(dark.matches);
    dark.addEventListener("change", () => {
      this.palette = palettes(dark.matches);
      if (this.snapshot) this.draw(this.snapshot);
    });
  }

  /** Make a choice for each channel of a spec; `chosen` gets the view. */
  open(spec, chosen) {
    this.spec = spec;
    const labels = Array.from({ length: spec.channels }, (_, channel) => {
      const label = document.createElement("label");
      label.className = "channel";
      label.innerHTML = `<input type="radio" name="view" value="${channel}" aria-label="channel ${channel}">` +
        `<canvas width="${spec.width}" height="${spec.height}"></canvas><span aria-hidden="true">${channel}</span>`;
      label.firstChild.addEventListener("change", () => chosen(String(channel)));
      return label;
    });
    this.channels.replaceChildren(...labels);
    this.small = labels.map((label) => label.querySelector("canvas"));
  }

  draw(snapshot) {
    this.snapshot = snapshot;
    const { width, cells } = this.spec;
    snapshot.lanes.forEach((lane, i) => paint(this.canvases[i], this.field(lane), width, this.palette));
    const { state } = snapshot.lanes[0];
    this.small.forEach((canvas, c) => paint(canvas, state.subarray(c * cells, (c + 1) * cells), width, this.palette));
    const pixels = this.view === "shown";
    const steps = pixels ? Uint8Array.from({ length: 256 }, (_, i) => i) : Int8Array.from({ length: 256 }, (_, i) => i - 128);
    paint(this.scale, steps, 256, this.palette);
  }

  /** The codes of a lattice that are looked at, one for each cell. */
  field({ shown, state, plane, delta }) {
    const { cells, width } = this.spec;
    if (this.view === "shown") return this.dimmed(shown);
    if (this.view === "plane") return plane ?? new Int8Array(cells);
    if (this.view === "delta") {
      const of = (cell) => (width >> 1) * (Math.floor(cell / width) >> 1) + ((cell % width) >> 1);
      return Int8Array.from({ length: cells }, (_, cell) => delta?.[of(cell)] ?? 0);
    }
    return state.subarray(this.view * cells, (Number(this.view) + 1) * cells);
  }

  /** What all cells show, the margins beyond the image a quarter as bright. */
  dimmed(shown) {
    const { width, image, top, left } = this.spec;
    return shown.map((pixel, cell) => {
      const [v, u] = [Math.floor(cell / width) - top, (cell % width) - left];
      return v >= 0 && v < image && u >= 0 && u < image ? pixel : pixel >> 2;
    });
  }

  /** Mark the cells around points; all of a frame are wiped together. */
  mark(points) {
    const { width, height, cells } = this.spec;
    if (!this.marks) {
      this.marks = new Uint8Array(cells);
      requestAnimationFrame(() => {
        this.wipe(this.marks);
        this.marks = null;
      });
    }
    const radius = Math.max(1, WIPE * height);
    this.marks.forEach((_, cell) => {
      const [x, y] = [(cell % width) + 0.5, Math.floor(cell / width) + 0.5];
      if (points.some(([px, py]) => Math.hypot(px - x, py - y) < radius)) this.marks[cell] = 1;
    });
  }
}
