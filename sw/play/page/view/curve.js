/** The curve of motion: how many codes each step moved, on a scale of powers of ten. */

import { isOpen } from "../engine/gate.js";

const SHOWN = 120; // latest steps
const HEIGHT = 100;

export class Curve {
  constructor(svg) {
    this.svg = svg;
    this.lines = [...svg.querySelectorAll("path.line")];
    this.area = svg.querySelector("path.area");
    this.ticks = svg.querySelector("path.ticks");
    this.moved = [];
  }

  clear() {
    this.moved = [];
  }

  /** Note a snapshot, and draw. */
  add({ step, lanes }, { codes, gate }, gated) {
    this.moved.length = Math.min(this.moved.length, step);
    if (step > 0) this.moved[step] = lanes.map((lane) => lane.moved);
    const first = Math.max(1, step - SHOWN + 1);
    const x = (at) => (SHOWN * (at - first + 0.5)) / Math.max(20, Math.min(SHOWN, step - first + 1));
    const y = (count) => HEIGHT * (1 - Math.log1p(count) / Math.log1p(codes));
    const paths = this.lines.map((_, lane) => this.points(first, step, lane).map(([at, count]) => `${x(at).toFixed(2)},${y(count).toFixed(2)}`));
    this.lines.forEach((line, lane) => line.setAttribute("d", paths[lane].length ? `M${paths[lane].join("L")}` : ""));
    const [main] = paths;
    const ends = main.length ? [main[0], main.at(-1)].map((point) => point.split(",")[0]) : [];
    this.area.setAttribute("d", main.length ? `M${ends[0]},${HEIGHT}L${main.join("L")}L${ends[1]},${HEIGHT}Z` : "");
    const openings = [];
    for (let at = first; gate && gated && at <= step; at++) if (isOpen(gate, at)) openings.push(`M${x(at).toFixed(2)},${HEIGHT}v-4`);
    this.ticks.setAttribute("d", openings.join(""));
    const now = lanes[0].moved;
    this.svg.setAttribute("aria-label", now === null ? "Motion: no step was made yet" : `Motion: step ${step} moved ${now} of ${codes} codes`);
  }

  points(first, last, lane) {
    const points = [];
    for (let at = first; at <= last; at++) {
      const count = this.moved[at]?.[lane];
      if (count !== undefined && count !== null) points.push([at, count]);
    }
    return points;
  }
}
