/**
 * A run that can be looked at and taken back: one lattice, or two beside each other, with the gate
 * and without.
 */

const MOST_BYTES = 64 << 20; // of states that are kept to run back

export class Run {
  /** `lanes` says for each lattice whether its gate may act. */
  constructor(machine, lanes) {
    this.machine = machine;
    this.lanes = lanes;
    this.past = [];
  }

  /** Start from a state: the one after `step`. */
  load(state, step = 0) {
    const lane = { state, plane: null, delta: null, moved: null };
    this.now = { step, lanes: this.lanes.map(() => ({ ...lane, still: 0, rest: null })) };
    this.past = [];
  }

  /** Let the gate act, or not, from the next step on; only a single lattice can change so. */
  gate(open) {
    this.lanes = [open];
    this.now.lanes.forEach((lane) => Object.assign(lane, { still: 0, rest: null }));
  }

  /** Make one more step. */
  advance() {
    const { step, lanes } = this.now;
    this.keep();
    this.now = { step: step + 1, lanes: lanes.map((lane, i) => this.move(lane, step + 1, this.lanes[i])) };
  }

  move(before, step, gated) {
    const after = this.machine.advance(before.state, step, gated);
    const moved = countMoved(before.state, after.state);
    // Unchanged steps count only where the gate's openings repeat.
    const still = moved === 0 && this.machine.repeats(step - 1, gated) ? before.still + 1 : 0;
    const rests = still >= this.machine.period(gated);
    const rest = rests ? (before.rest ?? step - still) : null;
    const last = after.delta ?? before.delta; // the latest stays in sight while the gate is closed
    return { state: after.state, plane: after.plane ?? before.plane, delta: last, moved, still, rest };
  }

  /** Set all channels of the cells whose mark is not 0 to 0, as damage in mid-run. */
  wipe(cells) {
    this.keep();
    const { channels } = this.machine.spec;
    const lanes = this.now.lanes.map((lane) => {
      const state = lane.state.slice();
      for (let place = 0; place < cells.length; place++) {
        if (cells[place]) for (let c = 0; c < channels; c++) state[c * cells.length + place] = 0;
      }
      return { ...lane, state, still: 0, rest: null };
    });
    this.now = { step: this.now.step, lanes };
  }

  /** Return to before the last step or wipe; false if nothing is kept. */
  back() {
    if (!this.past.length) return false;
    this.now = this.past.pop();
    return true;
  }

  keep() {
    const most = Math.max(1, Math.floor(MOST_BYTES / (this.machine.spec.codes * this.lanes.length)));
    if (this.past.length >= most) this.past.shift();
    this.past.push(this.now);
  }
}

function countMoved(before, after) {
  let count = 0;
  for (let i = 0; i < before.length; i++) count += before[i] !== after[i];
  return count;
}
