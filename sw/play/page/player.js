/**
 * Plays a run: calls the worker, has a device follow call by call, and compares. All calls are made
 * in their order, one at a time.
 */

import { Comparison } from "./device/compare.js";
import { sha256 } from "./engine/sha256.js";

export class Player {
  /** `show` takes each new snapshot, `complain` a line. */
  constructor(simulation, { show, complain }) {
    this.simulation = simulation;
    this.show = show;
    this.complain = complain;
    this.device = null;
    this.running = false;
    this.rate = 10; // steps a second
    this.busy = 0; // calls under way
    this.line = Promise.resolve();
  }

  /** Put a call behind those under way; what goes wrong is a line, and the run pauses. */
  enqueue(work) {
    this.busy++;
    this.line = this.line
      .then(work)
      .catch((error) => {
        this.pause();
        this.complain(error.message);
      })
      .finally(() => this.busy--);
    return this.line;
  }

  /** Take a skeleton's text and its gate's bytes, or null; `ready` gets spec and digest. */
  open(files, ready) {
    return this.enqueue(async () => {
      const found = await this.simulation.call("open", files);
      this.files = { ...files, spec: found.spec };
      this.snapshot = null;
      ready(found);
      await this.greet();
    });
  }

  /** Have a device follow from now on, or none. */
  follow(device) {
    return this.enqueue(async () => {
      await this.device?.close();
      this.device = device;
      if (this.files) await this.greet();
      if (this.snapshot) await this.settle(this.snapshot, null);
    });
  }

  async greet() {
    this.met = false;
    this.comparison = new Comparison();
    if (!this.device) return;
    try {
      await this.device.begin(this.files);
      this.met = true;
    } catch (error) {
      this.complain(`${this.device.name}: ${error.message}`);
    }
  }

  load(image, lanes) {
    return this.begin("load", { image, lanes }, (device) => device.load(image));
  }

  noise(seed, lanes) {
    return this.begin("noise", { seed, lanes }, null);
  }

  begin(call, values, echo) {
    this.lanes = values.lanes;
    return this.enqueue(async () => {
      this.comparison = new Comparison();
      this.synced = echo !== null;
      await this.settle(await this.simulation.call(call, values), echo);
    });
  }

  step() {
    return this.enqueue(async () => {
      const gated = this.lanes[0];
      await this.settle(await this.simulation.call("advance"), (device) => device.step(gated));
    });
  }

  back() {
    return this.enqueue(async () => {
      await this.settle(await this.simulation.call("back"), null);
    });
  }

  wipe(cells) {
    return this.enqueue(async () => {
      await this.settle(await this.simulation.call("wipe", { cells }), (device) => device.wipe(cells));
    });
  }

  /** Open or close the gate from the next step on; for a single lattice. */
  gate(open) {
    this.lanes = [open];
    return this.enqueue(async () => {
      this.snapshot = await this.simulation.call("gate", { open });
      this.show(this.snapshot);
    });
  }

  /**
   * Take a new snapshot. The device makes the same call by `echo`; without one, or where it missed
   * a call, it is given the page's lattice.
   */
  async settle(snapshot, echo) {
    this.snapshot = snapshot;
    if (this.device && this.met) {
      const [lane] = snapshot.lanes;
      const call = this.synced && echo ? echo : (device) => device.state(lane.state, snapshot.step);
      this.synced = false;
      try {
        const found = await call(this.device);
        this.synced = true;
        this.comparison.add(found, lane, snapshot.step, this.files.spec);
        this.snapshot.device = { sha256: sha256(found.state), lost: false };
      } catch (error) {
        this.snapshot.device = { sha256: null, lost: true };
        this.pause();
        this.complain(`${this.device.name}: ${error.message}`);
      }
    }
    this.show(this.snapshot);
  }

  run() {
    if (this.running) return;
    this.running = true;
    let due = performance.now();
    const turn = (now) => {
      if (!this.running) return;
      if (!this.busy && now >= due) {
        due = Math.max(due + 1000 / this.rate, now - 1000 / this.rate);
        this.step();
      }
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }

  pause() {
    this.running = false;
  }
}
