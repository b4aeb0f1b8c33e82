/** The main thread's end of the worker: its calls as promises. */

import { InputError } from "./engine/errors.js";

export class Simulation {
  constructor() {
    this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.count = 0;
    this.worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new InputError(error));
    };
  }

  /** Call one of the worker's functions; calls are answered in their order. */
  call(call, values) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, call, values });
    });
  }
}
