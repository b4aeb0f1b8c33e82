/** The pad: a drawing of 28 x 28 pixels, inked and rubbed with a soft pen. */

import { SIDE } from "../scene/scene.js";
import { Brush } from "./brush.js";

const RADIUS = 1.9; // pixels, to where the pen leaves nothing

export class Pad {
  /** `changed` takes the drawing after each stroke's part, and whether the stroke has ended. */
  constructor(canvas, changed) {
    this.image = new Uint8Array(SIDE * SIDE);
    this.rubs = false;
    this.brush = new Brush(canvas, {
      stroke: (points) => {
        this.image = this.image.slice();
        for (const point of points) this.dab(point);
        changed(this.image, false);
      },
      ended: () => changed(this.image, true),
    });
  }

  dab([x, y]) {
    for (let v = Math.max(0, Math.floor(y - RADIUS)); v <= Math.min(SIDE - 1, y + RADIUS); v++) {
      for (let u = Math.max(0, Math.floor(x - RADIUS)); u <= Math.min(SIDE - 1, x + RADIUS); u++) {
        const away = Math.hypot(u + 0.5 - x, v + 0.5 - y);
        const ink = Math.round(255 * Math.min(1, Math.max(0, RADIUS - away)));
        const place = v * SIDE + u;
        this.image[place] = this.rubs ? Math.min(this.image[place], 255 - ink) : Math.max(this.image[place], ink);
      }
    }
  }
}
