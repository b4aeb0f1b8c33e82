"""The checks of a device as a whole: identity, flags, counters, link, and golden itself."""

from __future__ import annotations

import numpy as np

from golden import naive
from golden.errors import InputError
from golden.fixed import GATE_HIDDEN, STATE
from golden.model import Model
from sw.check.bench import Bench, Check
from sw.check.pair import Tally
from sw.check.target import Subject, Unavailable

__all__ = ["FIRST", "LAST"]

TURNS = 4
"""Skeletons that take turns: the places of the smallest chip."""

STEPS = (1, 2, 10)
"""Steps of the runs whose clocks are counted."""


def measure_golden(bench: Bench) -> None:
    """Compare golden with plain Python integers: everything else is compared with golden."""
    for subject in bench.subjects[: bench.count]:
        measure_rule(bench, subject)
        if subject.network is not None:
            planes = bench.rng.integers(-128, 128, (1, subject.network.inputs), np.int8)
            hidden = naive.gate_layer(
                subject.network.hidden, planes[0].tolist(), 0, GATE_HIDDEN.max
            )
            want = naive.gate_layer(subject.network.output, hidden, STATE.min, STATE.max)
            found = subject.network.deltas(planes)
            note_unequal(bench.tally, found, np.array([want], np.int8), "the gate's network")


def measure_rule(bench: Bench, subject: Subject) -> None:
    """Compare encoder, a step and read-out of a skeleton with plain integers."""
    skeleton, model = subject.skeleton, Model(subject.skeleton)
    size = skeleton.spec.image
    image = bench.rng.integers(0, 256, (1, size, size), np.uint8)
    state = bench.rng.integers(-128, 128, (1, *skeleton.spec.lattice), np.int8)
    codes = state[0].tolist()
    for name, found, want in (
        ("encoder", model.encode(image), naive.encode(skeleton, image[0].tolist())),
        ("rule", model.step(state), naive.step(skeleton, codes)),
        ("read-out", model.readout(state), naive.readout(skeleton, codes)),
    ):
        note_unequal(bench.tally, found, np.array([want], found.dtype), f"{skeleton.name}: {name}")


def note_unequal(tally: Tally, found: np.ndarray, want: np.ndarray, what: str) -> None:
    """Compare arrays of any shape, and note how many codes differ."""
    count = int(np.count_nonzero(found != want))
    if count:
        tally.note(f"{what}: golden differs from plain integers in codes: {count:,}", count)
    tally.codes += want.size


def identify(bench: Bench) -> None:
    """Compare digests with those on disk, and what the chip says of itself now and at first."""
    target, tally = bench.target, bench.tally
    held = None if target.facts is None else target.facts.digests
    for subject in bench.subjects:
        name, digest = subject.skeleton.name, subject.skeleton.digest
        for what, found in (("recorded with it", subject.recorded), ("held", held)):
            if found is not None:
                tally.codes += 1
                if digest not in ((found,) if isinstance(found, str) else found):
                    tally.note(f"{name} is {digest[:12]}… on disk, not what is {what}")
    if target.identify is not None and target.facts is not None:
        first, now = (facts.to_bytes() for facts in (target.facts, target.identify()))
        tally.codes += len(first)
        differing = sum(a != b for a, b in zip(first, now, strict=False))
        differing += abs(len(first) - len(now))
        if differing:
            tally.note(f"the chip says other facts than at first, in bytes: {differing}", differing)
    if not tally.codes:
        raise Unavailable("nothing tells the digests of these skeletons")


def look_for_damage(bench: Bench) -> None:
    """Require that no place of the skeleton memory is damaged."""
    if bench.target.damaged is None:
        raise Unavailable("the device has no skeleton memory")
    for place, damaged in bench.target.damaged().items():
        bench.tally.codes += 1
        if damaged:
            bench.tally.note(f"{place}: the chip found its skeleton damaged")


def take_turns(bench: Bench) -> None:
    """Run lattices by one skeleton after the other, twice round."""
    skeletons = tuple(
        subject.skeleton
        for subject in bench.subjects
        if subject.skeleton.spec.ungated == bench.spec.ungated
    )[:TURNS]
    if len(skeletons) < 2:
        raise Unavailable("one skeleton is at hand")
    pair = bench.pair(*skeletons)
    for states in bench.split(pair, bench.random_states(bench.count // 2)):
        pair.load_states(states)
        for turn in range(2 * len(skeletons)):
            pair.choose(turn % len(skeletons))
            pair.run(2)
            pair.compare_states(f"lattice {{}}, turn {turn}")
            pair.compare_images()


def count_clocks(bench: Bench) -> None:
    """Count the clocks of runs: those that the chip's facts predict, and none at rest."""
    expect = bench.target.clocks
    if expect is None:
        raise Unavailable("the device counts no clocks")
    try:
        wanted = [expect(steps) for steps in STEPS]
    except InputError as error:  # of a build that is not known here
        raise Unavailable(f"the chip's clocks are not known: {error}") from error
    pair, clocks, busy = bench.pair(), 0, 0
    pair.load_states(bench.random_states(1))
    for steps, due in zip(STEPS, wanted, strict=True):
        pair.run(steps)
        clocks, busy = clocks + due.clocks, busy + due.busy
        bench.tally.details = {"clocks expected": clocks, "busy expected": busy}
        for _ in range(2):  # the second time nothing has run since
            found = pair.device.counters()
            for name, got, want in (("clocks", found.clocks, clocks), ("busy", found.busy, busy)):
                bench.tally.codes += 1
                if got != want:
                    bench.tally.note(
                        f"{name} after a run of {steps} steps is {got:,}, the facts say {want:,}"
                    )


def look_at_link(bench: Bench) -> None:
    """Require that no request was repeated and no frame was lost."""
    if bench.target.link is None:
        raise Unavailable("the device has no link")
    bench.tally.details = dict(bench.target.link())
    (_, requests), *unwanted = bench.tally.details.items()
    bench.tally.codes += requests
    for name, count in unwanted:
        if count:
            bench.tally.note(f"{name}: {count:,}, none is expected", count)


FIRST = (
    Check(
        name="golden",
        what="encoder, a step, read-out and gate of golden are those of plain integers",
        work=measure_golden,
        whole=True,
    ),
    Check(
        name="identity",
        what="digests are those on disk; the chip says the same facts twice",
        work=identify,
        whole=True,
        unit="digests and bytes",
    ),
    Check(
        name="damage flags",
        what="no place of the skeleton memory is reported damaged",
        work=look_for_damage,
        whole=True,
        unit="places",
    ),
    Check(
        name="counters",
        what="clocks and busy clocks of runs are what the chip's facts predict",
        work=count_clocks,
        whole=True,
        unit="counts",
    ),
)
"""What is checked of a device before its skeletons."""

LAST = (
    Check(
        name="skeletons in turn",
        what="lattices are run by one skeleton after the other",
        work=take_turns,
        whole=True,
    ),
    Check(
        name="link",
        what="no request was repeated, no frame was lost, since the device was opened",
        work=look_at_link,
        whole=True,
        unit="requests",
    ),
)
"""What is checked after them; the link last, since it has carried all the others."""
