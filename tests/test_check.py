"""The checks of a device: each finds the fault that it is for, and nothing in a device without."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import Counters, GoldenDevice
from golden.errors import Difference, InputError, SkeletonDamaged
from golden.model import Model
from golden.samples import adversarial_states, calibrated
from golden.wire import ChipFacts
from sw.check.bench import FULL, QUICK
from sw.check.report import line_of, summary
from sw.check.run import jobs_of, make
from sw.check.target import Subject, Target
from tests.device_suite import SPEC, gate_network, skeletons

FACTS = ChipFacts(
    filters=5,
    contexts=2,
    height=8,
    width=8,
    channels=16,
    multiplier=5,
    image=6,
    digests=tuple(each.digest for each in skeletons()),
)
LINK = {"requests": 9, "repeated requests": 0}


def clocks(steps):
    return Counters(7 + 100 * steps, 100 * steps)


class Counting(GoldenDevice):
    """Golden, two lattices at a time, that counts clocks."""

    counted = clocks

    def __init__(self, skeletons):
        super().__init__(skeletons, contexts=2)

    def load_states(self, states, step):
        super().load_states(states, step)
        self.counts = Counters(0, 0)

    def start(self, steps, *, gated=True):
        super().start(steps, gated=gated)
        self.counts = Counters(*map(sum, zip(self.counts, clocks(steps), strict=True)))

    def counters(self):
        return self.counts

    @property
    def steps(self):
        """Steps of the run under way."""
        return self._end - self._step

    def spoil(self, channel=3, row=2, column=1):
        """Change one code."""
        self._states[-1, channel, row, column] ^= 1


class Encodes(Counting):
    def load_images(self, images):
        super().load_images(images)
        self.spoil()


class Shows(Counting):
    def read_images(self):
        images = super().read_images()
        images[0, 0, 0] ^= 1
        return images


class Loads(Counting):
    def load_states(self, states, step):
        super().load_states(np.where(states == -128, -127, states).astype(np.int8), step)


class Steps(Counting):
    """One code is wrong after runs of so many steps, gated or not."""

    wrong, gated = 1, False

    def start(self, steps, *, gated=True):
        super().start(steps, gated=gated)
        self.due = steps == self.wrong and gated is self.gated

    def planes(self):
        found = super().planes()
        if self.due and not self.steps:
            self.spoil()
            self.due = False
        return found


class Runs(Steps):
    wrong = SPEC.steps


class Overflows(Runs):
    def load_states(self, states, step):
        super().load_states(states, step)
        self.chess = any(np.array_equal(each, adversarial_states(SPEC)[2]) for each in states)

    def spoil(self):
        if self.chess:
            super().spoil()


class Restores(Runs):
    def load_images(self, images):
        super().load_images(images)
        self.images = True

    def load_states(self, states, step):
        self.images = False
        super().load_states(states, step)

    def spoil(self):
        if self.images:
            super().spoil()


class Gates(Restores):
    gated = True


class Sends(Counting):
    """One code of the last plane is wrong."""

    def planes(self):
        indices, planes = super().planes()
        if len(indices) and not self.steps:
            planes = planes.copy()
            planes[-1, -1] ^= 1
        return indices, planes


class Adds(Counting):
    """One code of a delta of a mapping goes wrong."""

    mapping = "nearest2"

    def write_deltas(self, indices, deltas):
        deltas = deltas.copy()
        deltas[0, 5] ^= self._gate.mapping == self.mapping
        super().write_deltas(indices, deltas)


class Phases(Adds):
    mapping = "phase4"


class Keeps(Counting):
    """A cell that is to be lost is kept, behind a delta."""

    def zero_cells(self, cells):
        cells = cells.copy()
        if self._gate is not None:
            cells[0, np.flatnonzero(cells[0])[0]] = False
        super().zero_cells(cells)


class Mixes(Counting):
    """Deltas go to lattices in the order of their openings."""

    def write_deltas(self, indices, deltas):
        super().write_deltas(np.sort(indices), deltas)


class Stays(Counting):
    """Another skeleton is not taken while lattices are loaded."""

    def choose(self, index):
        if not len(self._states):
            super().choose(index)


class Idles(Counting):
    """A clock is counted at rest."""

    def counters(self):
        self.counts = self.counts._replace(clocks=self.counts.clocks + 1)
        return self.counts


class Misses(Counting):
    """A busy clock is missing in long runs."""

    def counters(self):
        return self.counts._replace(busy=self.counts.busy - (self.counts.busy > 300))


class Opens(Counting):
    """A lattice opens once too often."""

    def start(self, steps, *, gated=True):
        super().start(steps + gated, gated=gated)


class Sleeps(Counting):
    """A lattice does not open after the last step."""

    def planes(self):
        indices, planes = super().planes()
        return (indices, planes) if self.steps else (indices[:0], planes[:0])


class Refuses(Counting):
    def start(self, steps, *, gated=True):
        raise SkeletonDamaged("the chip found this skeleton damaged")


def target(device=Counting, **told):
    """Return a target of two skeletons that can tell everything."""
    gates = [gate_network(), gate_network()]
    subjects = tuple(
        Subject(skeleton, gate, skeleton.digest)
        for skeleton, gate in zip(skeletons(), gates, strict=True)
    )
    usual = {
        "subjects": subjects,
        "open": device,
        "facts": FACTS,
        "identify": lambda: FACTS,
        "damaged": lambda: {"place 0": False, "place 1": False},
        "clocks": clocks,
        "link": lambda: LINK,
    }
    return Target(**usual | told)


def result(name, found, count=QUICK, skeleton=0):
    """Return what a check of that name finds."""
    jobs = [job for job in jobs_of(found.subjects) if job.check.name == name]
    return make(found, jobs[min(skeleton, len(jobs) - 1)], count, 0)


FAULTS = {
    "images, read back": [Encodes, Shows],
    "states, read back": [Loads],
    "every step": [Steps, Loads],
    "random lattices": [Runs, Shows],
    "adversarial lattices": [Overflows, Shows],
    "images, rule alone": [Restores, Shows],
    "images, gated": [Gates, Sends, Adds, Opens, Sleeps, Shows],
    "deltas, nearest2": [Adds, Sends, Opens, Sleeps, Shows],
    "deltas, phase4": [Phases, Shows],
    "lost cells": [Keeps, Adds],
    "contexts": [Mixes, Adds, Shows],
    "skeletons in turn": [Stays, Shows],
    "counters": [Idles, Misses],
}
"""Devices that a check must find out."""

TOLD = {
    "identity": [
        {"identify": lambda: replace(FACTS, filters=2)},
        {"identify": lambda: replace(FACTS, digests=FACTS.digests[:1])},
        {"facts": replace(FACTS, digests=(None, None)), "identify": None},
        {"subjects": (Subject(skeletons()[0], None, skeletons()[1].digest),)},
    ],
    "damage flags": [{"damaged": lambda: {"place 0": False, "place 1": True}}],
    "counters": [
        {"clocks": lambda steps: Counters(8 + 100 * steps, 100 * steps)},
        {"clocks": lambda steps: Counters(7 + 100 * steps, 99 * steps)},
    ],
    "link": [
        {"link": lambda: {"requests": 9, "repeated requests": 1}},
        {"link": lambda: {"requests": 9, "x": 0, "frames with a wrong CRC at the chip": 1}},
    ],
}
"""What a device may tell that a check must find out."""


@pytest.mark.parametrize("count", [QUICK, FULL])
def test_golden_itself_passes_every_check(count):
    found = target()
    results = [make(found, job, count, 0) for job in jobs_of(found.subjects)]
    assert {each.word for each in results} == {"equal"}
    assert all(each.tally.codes > 0 and each.missing is None for each in results)
    assert {each.job.check.name for each in results} == {*FAULTS, *TOLD, "golden"}


@pytest.mark.parametrize(
    ("name", "device"),
    [(name, device) for name, devices in FAULTS.items() for device in devices],
)
@pytest.mark.parametrize("count", [QUICK, FULL])
def test_each_check_finds_a_device_that_errs_in_one_code(name, device, count):
    assert result(name, target()).word == "equal"
    found = result(name, target(device), count)
    assert (found.word, found.missing) == ("differs", None)
    assert found.tally.differing >= 1 and found.tally.first in line_of(found)


@pytest.mark.parametrize(
    ("name", "told"), [(name, told) for name, all_told in TOLD.items() for told in all_told]
)
def test_each_check_finds_a_device_that_tells_something_else(name, told):
    assert result(name, target()).word == "equal"
    assert result(name, target(**told)).word == "differs"


@pytest.mark.parametrize("part", ["encode", "step", "readout"])
def test_a_golden_model_that_errs_on_this_machine_is_found(monkeypatch, part):
    right = getattr(Model, part)

    def wrong(model, given):
        found = right(model, given)
        found.ravel()[7] ^= 1
        return found

    monkeypatch.setattr(Model, part, wrong)
    found = result("golden", target())
    assert found.tally.differing == 2  # one of each skeleton
    name = {"encode": "encoder", "step": "rule", "readout": "read-out"}[part]
    text = f"0: {name}: golden differs from plain integers in codes: 1"
    assert found.tally.first == text


def test_a_gate_that_errs_on_this_machine_is_found():
    network = gate_network()
    wrong = SimpleNamespace(
        hidden=network.hidden,
        output=network.output,
        inputs=network.inputs,
        deltas=lambda planes: network.deltas(planes) ^ 1,
    )
    found = target(subjects=(Subject(skeletons()[0], wrong),))
    assert result("golden", found).tally.differing == SPEC.deltas


def test_the_first_place_is_named_and_all_codes_are_counted():
    found = result("images, read back", target(Shows), FULL)
    assert found.tally.first.startswith("lattice 0: pixel (0, 0) is ")
    assert found.tally.differing == FULL // 2  # a pixel of each batch of two
    assert result("every step", target(Steps)).tally.first.startswith(
        "lattice 1, step 1: channel 3, cell (2, 1) is "
    )
    found = result("images, gated", target(Opens))
    assert found.tally.first.startswith("lattice 0 opens more than ")
    found = result("deltas, nearest2", target(Sleeps))
    assert found.tally.first == "lattice 0 opens 4 times, golden 5"


def test_a_damaged_skeleton_is_a_difference_and_ends_no_other_check():
    found = result("random lattices", target(Refuses))
    assert found.tally.first == "the chip found this skeleton damaged"
    assert result("states, read back", target(Refuses)).word == "equal"


def test_a_device_that_goes_away_ends_the_checks():
    class Gone(Counting):
        def read_states(self):
            raise InputError("/dev/x went away: input/output error")

    with pytest.raises(InputError, match=r"^/dev/x went away"):
        result("random lattices", target(Gone))


def test_what_a_device_cannot_do_is_said_and_not_passed():
    class One(Counting):
        def __init__(self, skeletons):
            super().__init__(skeletons)
            self.contexts = 1

    bare = {name: None for name in ("facts", "identify", "damaged", "clocks", "link")}
    ungated = replace(skeletons()[0], spec=SPEC)
    cases = {
        "identity": (bare | {"subjects": (Subject(ungated, None),)}, "nothing tells the digests"),
        "damage flags": (bare, "the device has no skeleton memory"),
        "counters": (bare, "the device counts no clocks"),
        "link": (bare, "the device has no link"),
        "contexts": ({"open": One}, "the device has one context"),
        "skeletons in turn": ({"subjects": (Subject(ungated, None),)}, "one skeleton is at hand"),
        "images, gated": ({"subjects": (Subject(ungated, None),)}, "the skeleton has no gate"),
    }
    results = []
    for name, (told, text) in cases.items():
        found = result(name, target(**told))
        assert found.word == "not available" and found.missing.startswith(text)
        assert line_of(found).endswith(f"not available: {found.missing}")
        results.append(found)
    assert summary(results) == "0 checks made, 0 differ, 7 not available"
    missing = result("images, gated", target(subjects=(Subject(skeletons()[0], None),)))
    assert missing.missing == "the skeleton's gate has no gate.safetensors"


def test_every_check_draws_its_own_numbers_by_the_seed():
    class Notes(Counting):
        def load_states(self, states, step):
            super().load_states(states, step)
            seen.append(states.tobytes())

    drawn = []
    for name, seed in (("random lattices", 0), ("random lattices", 0), ("random lattices", 1),
                       ("every step", 0)):  # fmt: skip
        seen = []
        job = next(job for job in jobs_of(target().subjects) if job.check.name == name)
        make(target(Notes), job, QUICK, seed)
        drawn.append(seen)
    assert drawn[0] == drawn[1] and drawn[0] != drawn[2] and drawn[0] != drawn[3]


def test_skeletons_of_another_lattice_take_no_turn():
    other = calibrated(replace(SPEC, height=4, image=4), np.random.default_rng(0))
    first = Subject(skeletons()[0], None)
    found = target(subjects=(first, Subject(other, None)))
    assert result("skeletons in turn", found).missing == "one skeleton is at hand"


def test_a_difference_of_the_tally_is_that_of_golden_compare():
    with pytest.raises(Difference, match="golden has"):
        raise Difference(result("random lattices", target(Runs)).tally.first)
