/**
 * A canvas of cells that is brushed with pointer or keyboard: arrows move a cursor, Space brushes
 * where it is, and Shift with an arrow brushes on the way.
 */

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export class Brush {
  /** `stroke` takes the cells of a stroke, [[x, y], …] in cells; `ended` is called after it. */
  constructor(canvas, { stroke, ended = () => {} }) {
    this.canvas = canvas;
    this.stroke = stroke;
    this.ended = ended;
    this.last = null;
    this.cursor = null;
    this.ring = document.createElement("span");
    this.ring.className = "ring";
    this.ring.hidden = true;
    canvas.after(this.ring);
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.up());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => (this.ring.hidden = true));
  }

  place({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((clientX - box.left) / box.width) * this.canvas.width,
      ((clientY - box.top) / box.height) * this.canvas.height,
    ];
  }

  down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.stroke([this.last]);
  }

  move(event) {
    if (!this.last) return;
    const points = [];
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const next = this.place(each);
      points.push(...between(this.last, next));
      this.last = next;
    }
    if (points.length) this.stroke(points);
  }

  up() {
    if (!this.last) return;
    this.last = null;
    this.ended();
  }

  key(event) {
    const way = ARROWS[event.key];
    const brushes = event.key === " " || event.key === "Enter" || (way && event.shiftKey);
    if (!way && !brushes) return;
    event.preventDefault();
    const { width, height } = this.canvas;
    this.cursor ??= [Math.floor(width / 2), Math.floor(height / 2)];
    if (way) this.cursor = this.cursor.map((at, i) => Math.min(Math.max(at + way[i], 0), [width, height][i] - 1));
    this.ring.hidden = false;
    this.ring.style.left = `${(100 * (this.cursor[0] + 0.5)) / width}%`;
    this.ring.style.top = `${(100 * (this.cursor[1] + 0.5)) / height}%`;
    if (brushes) {
      this.stroke([this.cursor.map((at) => at + 0.5)]);
      this.ended();
    }
  }
}

/** Points from one place to another, half a cell apart. */
function between([x, y], [toX, toY]) {
  const count = Math.ceil(2 * Math.hypot(toX - x, toY - y));
  return Array.from({ length: count }, (_, i) => {
    const share = (i + 1) / count;
    return [x + share * (toX - x), y + share * (toY - y)];
  });
}
