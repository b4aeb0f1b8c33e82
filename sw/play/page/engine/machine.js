/** The loop of the automaton: a step of the rule, then the gate's answer where it is open. */

import { addDelta, isOpen, periodOf } from "./gate.js";
import { KernelRule } from "./kernel.js";
import { Rule } from "./rule.js";

export class Machine {
  /** `network` is the gate's; null runs the rule alone. Without a kernel, JavaScript computes. */
  constructor(skeleton, network, kernel = null) {
    network?.requireFit(skeleton);
    this.skeleton = skeleton;
    this.spec = skeleton.spec;
    this.network = network;
    this.rule = kernel ? new KernelRule(skeleton, kernel) : new Rule(skeleton);
    if (kernel) network?.speedUp(kernel);
  }

  /** Steps after which an unchanged lattice is treated the same way again. */
  period(gated = true) {
    return this.network && gated ? periodOf(this.spec.gate) : 1;
  }

  /** Whether openings repeat from `step` on: from the step before the first one, or without a gate. */
  repeats(step, gated = true) {
    return !(this.network && gated) || step + 1 >= this.spec.gate.start;
  }

  /** Return the plane that the gate reads. */
  plane(state) {
    const { gate, cells } = this.spec;
    return state.slice(gate.input_channel * cells, (gate.input_channel + 1) * cells);
  }

  /**
   * Return `{state, plane, delta}` after `step`, from the state before it; steps count from 1.
   * Plane and delta are null where the gate is closed.
   */
  advance(before, step, gated = true) {
    const state = this.rule.step(before);
    if (!this.network || !gated || !isOpen(this.spec.gate, step)) return { state, plane: null, delta: null };
    const plane = this.plane(state);
    const delta = this.network.delta(plane);
    addDelta(this.spec, state, delta, step);
    return { state, plane, delta };
  }
}
