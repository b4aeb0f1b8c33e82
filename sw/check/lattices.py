"""The checks of a skeleton: what is loaded, run and read must be golden's, code for code."""

from __future__ import annotations

from functools import partial

import numpy as np

from golden.spec import MAPPINGS
from sw.check.bench import Bench, Check
from sw.check.pair import Answer
from sw.check.target import Unavailable

__all__ = ["CHECKS"]

LOST = 0.3
"""Share of the cells that a lattice loses."""

FEW = 2
"""Lattices that are read after every step."""


def read_images(bench: Bench) -> None:
    """Load images, and read what the lattices hold and show."""
    pair = bench.pair()
    for images in bench.split(pair, bench.images(bench.count)):
        pair.load_images(images)
        pair.compare_states()
        pair.compare_images()


def read_states(bench: Bench) -> None:
    """Load raw lattices and read them."""
    pair = bench.pair()
    states = np.concatenate([bench.random_states(bench.count), bench.adversarial_states()])
    for batch in bench.split(pair, states):
        pair.load_states(batch)
        pair.compare_states()


def read_every_step(bench: Bench) -> None:
    """Run the rule step by step, and read the lattices after each."""
    pair = bench.pair()
    for states in bench.split(pair, bench.random_states(FEW)):
        pair.load_states(states)
        for step in range(1, min(bench.spec.steps, 2 * bench.count) + 1):
            pair.run(1)
            pair.compare_states(f"lattice {{}}, step {step}")


def run_random(bench: Bench) -> None:
    """Run the rule alone on random lattices."""
    run_states(bench, bench.random_states(bench.count))


def run_adversarial(bench: Bench) -> None:
    """Run the rule alone on lattices at the ends of the range."""
    run_states(bench, bench.adversarial_states())


def run_states(bench: Bench, states: np.ndarray) -> None:
    """Run raw lattices, and read what they hold and show."""
    pair = bench.pair()
    for batch in bench.split(pair, states):
        pair.load_states(batch)
        pair.run(bench.spec.steps)
        pair.compare_states()
        pair.compare_images()


def restore_alone(bench: Bench) -> None:
    """Restore images by the rule alone."""
    restore(bench, None)


def restore_gated(bench: Bench) -> None:
    """Restore images with the gate's own network."""
    network = bench.subjects[0].network
    if bench.spec.gate is None:
        raise Unavailable("the skeleton has no gate")
    if network is None:
        raise Unavailable("the skeleton's gate has no gate.safetensors")
    restore(bench, network.deltas)


def restore(bench: Bench, answer: Answer | None) -> None:
    """Restore images, and read what the lattices hold and show."""
    pair = bench.pair()
    for images in bench.split(pair, bench.images(bench.count)):
        pair.load_images(images)
        pair.run(bench.spec.steps, answer)
        pair.compare_states()
        pair.compare_images()


def add_deltas(bench: Bench, mapping: str) -> None:
    """Run random lattices through a gate of a mapping, from any step on, with random deltas."""
    pair = bench.pair(bench.draw_gate(mapping, every=2))
    for states in bench.split(pair, bench.random_states(bench.count // 2)):
        pair.load_states(states, int(bench.rng.integers(0, 100)))
        pair.run(bench.spec.steps, bench.draw_deltas())
        pair.compare_states()
        pair.compare_images()


def lose_cells(bench: Bench) -> None:
    """Zero cells halfway, without a gate and behind a pending delta, and run on."""
    half = bench.spec.steps // 2
    pair = bench.pair(bench.draw_gate())
    for answer in (None, bench.draw_deltas()):
        for states in bench.split(pair, bench.random_states(bench.count // 2)):
            pair.load_states(states)
            pair.run(half, answer)
            pair.zero_cells(bench.cells(len(states), LOST))
            pair.compare_states()
            pair.run(bench.spec.steps - half, answer)
            pair.compare_states()


def interleave_contexts(bench: Bench) -> None:
    """Run lattices in all contexts at once, then each alone: the same deltas, the same codes."""
    pair = bench.pair(bench.draw_gate())
    count = min(pair.device.contexts, bench.count)
    if count < 2:
        raise Unavailable("the device has one context")
    states, steps = bench.random_states(count), bench.spec.steps
    deltas = bench.rng.integers(-128, 128, (count, steps, bench.spec.deltas), np.int8)
    for chosen in (slice(0, count), *(slice(one, one + 1) for one in range(count))):
        pair.first = chosen.start
        pair.load_states(states[chosen])
        pair.run(steps, answer_from(deltas[chosen]), backwards=True)
        pair.compare_states()
        pair.compare_images()


def answer_from(deltas: np.ndarray) -> Answer:
    """Return an answer that gives deltas int8 (n, openings, codes), one opening after the other."""
    openings = iter(np.moveaxis(deltas, 1, 0))
    return lambda planes: next(openings)


CHECKS = (
    Check(
        name="images, read back",
        what="images are encoded; lattices and images are read before any step",
        work=read_images,
    ),
    Check(
        name="states, read back",
        what="random and adversarial lattices are loaded and read",
        work=read_states,
    ),
    Check(
        name="every step",
        what="random lattices are read after each of the first steps",
        work=read_every_step,
    ),
    Check(
        name="random lattices",
        what="random lattices are run by the rule alone",
        work=run_random,
    ),
    Check(
        name="adversarial lattices",
        what="lattices at the ends of the range are run by the rule alone",
        work=run_adversarial,
    ),
    Check(
        name="images, rule alone",
        what="damaged digits and random images are restored without gate",
        work=restore_alone,
    ),
    Check(
        name="images, gated",
        what="damaged digits and random images are restored with the gate's network",
        work=restore_gated,
    ),
    *(
        Check(
            name=f"deltas, {mapping}",
            what=f"random lattices get random deltas by the mapping {mapping}, at any step",
            work=partial(add_deltas, mapping=mapping),
        )
        for mapping in MAPPINGS
    ),
    Check(
        name="lost cells",
        what=f"{LOST:.0%} of the cells are zeroed, also behind a pending delta",
        work=lose_cells,
    ),
    Check(
        name="contexts",
        what="all contexts run interleaved, then each lattice alone",
        work=interleave_contexts,
    ),
)
"""What is checked of each skeleton, in order."""
