"""The cocotb bench of the chip, on a chip that is played: one wrong code anywhere fails it."""

import importlib
import re
import sys
from collections import Counter

import numpy as np
import pytest

from golden.samples import calibrated, extreme, network
from golden.spec import Gate, Spec
from golden.wire import Operation
from hw.clocks import run_overhead
from hw.shapes import Geometry
from sim import cocotb_run
from sim.benches import host, streams
from sim.devices.designs import Port
from tests.played_bench import ChipDut, play
from tests.played_chip import PlayedChip

GATE = Gate(input_channel=3, output_channel=6, start=2)
SPEC = Spec(height=4, width=8, image=4, gate=GATE, steps=3)
GEOMETRY = Geometry(spec=SPEC.ungated, filters=5)
STEPS = 3


@pytest.fixture(scope="module")
def skeletons():
    return [make(SPEC, np.random.default_rng(4)) for make in (calibrated, extreme)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory, skeletons):
    """The bench's module, with its plan, as `run_chip_bench` leaves it."""
    rng = np.random.default_rng(5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THALWEG_BUILD", str(tmp_path_factory.mktemp("build")))
        patch.setattr(cocotb_run, "write_chip", lambda geometry, skeletons, folder: folder / "x.v")

        def run(source, name, folder, *, env, tests):
            patch.setenv("BENCH", env["BENCH"])
            sys.modules.pop("sim.benches.bench_chip", None)
            found.append(importlib.import_module("sim.benches.bench_chip"))

        found = []
        patch.setattr(cocotb_run, "run_bench", run)
        cocotb_run.run_chip_bench(
            GEOMETRY,
            skeletons,
            cocotb_run.Plan(adversarial_states=2, steps=STEPS),
            name="it",
            images=rng.integers(0, 256, (3, 4, 4), np.uint8),
            networks=[network(SPEC, rng)] * 2,
        )
    yield found[0]
    sys.modules.pop("sim.benches.bench_chip", None)


@pytest.fixture
def run(monkeypatch, bench, skeletons):
    """Return a function that runs a test of the bench on a chip, golden's or a wrong one."""

    def run(name, *given, chip=PlayedChip):
        chip = chip(GEOMETRY, skeletons, overhead=run_overhead(GEOMETRY))
        modules = (streams, host, bench)
        play(monkeypatch, getattr(bench, name), ChipDut(chip), *given, modules=modules)
        return chip

    return run


def after(count, method):
    """Return a chip of which one code is wrong in what a method returns the ``count``th time."""

    class Wrong(PlayedChip):
        calls = 0

    def wrong(self, *given):
        self.calls += 1
        found = getattr(PlayedChip, method)(self, *given)
        if self.calls == count:
            found = found.copy()
            found[(-1,) * found.ndim] ^= 1
        return found

    setattr(Wrong, method, wrong)
    return Wrong


def done_by(chip):
    """Count the commands that a chip was given."""
    return Counter(Operation(command.operation).name for command in chip.done)


def calls_of(chip, method):
    """Return a chip that counts how often a method is called."""

    class Counting(chip):
        calls = 0

    def counted(self, *given):
        self.calls += 1
        return getattr(chip, method)(self, *given)

    setattr(Counting, method, counted)
    return Counting


@pytest.mark.parametrize(
    ("place", "case"),
    [(0, ("nearest2", 0)), (1, ("phase4", 3)), (1, ("none", 0))],
    ids=["nearest2", "phase4", "none"],
)
def test_a_right_chip_passes_with_every_gate(run, place, case):
    chip = run("every_state_equals_golden", place, case)
    assert {command.skeleton for command in chip.done if command.steps} == {place}
    assert {command.gate.active for command in chip.done if command.steps} >= {case[0] != "none"}
    # Three lattices, two of them at once: run a step, three more, zeroed, and run another step.
    assert done_by(chip) == {
        "LOAD_STATE": 3,
        "RUN": 9,
        "ZERO": 3,
        "READ_STATE": 12,
        "READ_IMAGE": 3,
    }
    assert sum(command.steps for command in chip.done) == 3 * (1 + 3 + 1)


@pytest.mark.parametrize("mapping", ["own", "none"])
def test_a_right_chip_passes_with_every_image(run, mapping):
    chip = run("every_image_equals_golden", 1, mapping)
    assert any(command.gate.active for command in chip.done) == (mapping == "own")
    # Three images, step by step and once more in one go; their states are read after each.
    assert done_by(chip) == {"LOAD_IMAGE": 6, "RUN": 12, "READ_STATE": 18, "READ_IMAGE": 3}
    assert sum(command.steps for command in chip.done) == 3 * 2 * STEPS


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", ["every_state_equals_golden", "every_image_equals_golden"])
@pytest.mark.parametrize("method", ["step", "show", "encode"])
def test_one_wrong_code_fails_the_bench_wherever_it_comes(run, name, method, last):
    given = (1, ("phase4", 0)) if "state" in name else (1, "own")
    calls = run(name, *given, chip=calls_of(PlayedChip, method)).calls
    if method == "encode" and "state" in name:
        assert calls == 0
        return
    with pytest.raises(AssertionError, match=r"code \(.*\) is -?\d+, not -?\d+; \d+ are wrong$"):
        run(name, *given, chip=after(calls if last else 1, method))


def test_what_is_wrong_is_said_to_the_code(run, bench):
    name = re.escape(bench.SKELETONS[0].name)
    text = rf"^{name}, gate none, stall 0, after step 1: code \(0, 15, 3, 7\) is -?\d+, not -?\d+; "
    with pytest.raises(AssertionError, match=text + "1 are wrong$"):
        run("every_state_equals_golden", 0, ("none", 0), chip=after(1, "step"))


def test_a_cell_that_is_not_zeroed_fails_the_bench(run):
    class Lazy(PlayedChip):
        def zero(self, state, cells):
            first = tuple(np.argwhere(cells)[0])
            kept = state[(slice(None), *first)].copy()
            super().zero(state, cells)
            state[(slice(None), *first)] = kept

    with pytest.raises(AssertionError, match="after zeroing: code "):
        run("every_state_equals_golden", 0, ("none", 0), chip=Lazy)


def test_an_opening_too_many_fails_the_bench(run):
    class Twice(PlayedChip):
        def openings(self, codes):
            return [codes, codes]

    with pytest.raises(AssertionError, match=r"^skeleton0.*: \d+ openings, not \d+$"):
        run("every_state_equals_golden", 0, ("nearest2", 0), chip=Twice)


def spoilt(place, bits):
    """Return a chip of which one entry of each plane has a wrong bit."""

    class Spoilt(PlayedChip):
        def offer(self, context, codes):
            super().offer(context, codes)
            self.queues[Port.PLANE][place] ^= bits

    return Spoilt


@pytest.mark.parametrize(
    ("place", "bits", "text"),
    [
        (0, 1 << 8, r"^a plane mixes the contexts \{"),
        (3, 1 << 9, "^`last` marks another code$"),
        (-1, 1 << 9, "^`last` marks another code$"),
        (5, 1, "code "),
    ],
)
def test_a_spoilt_plane_fails_the_bench(run, place, bits, text):
    with pytest.raises(AssertionError, match=text):
        run("every_state_equals_golden", 1, ("nearest2", 0), chip=spoilt(place, bits))


@pytest.mark.parametrize("steps", [1, 2, 10])
@pytest.mark.parametrize("count", [None, "busy", "engine"])
def test_one_clock_too_many_fails_the_bench(run, steps, count):
    class Slow(PlayedChip):
        def take(self, command):
            super().take(command)
            if count is not None and command.steps:
                setattr(self, count, getattr(self, count) + 1)

    if count is None:
        run("clocks_follow_the_formula", steps)
        return
    with pytest.raises(AssertionError, match=r"^\d+ clocks, not \d+$"):
        run("clocks_follow_the_formula", steps, chip=Slow)


def test_all_that_is_planned_is_run_and_in_time(bench):
    names = [name for name in dir(bench) if hasattr(getattr(bench, name), "generate_tests")]
    counts = {name: len(list(getattr(bench, name).generate_tests())) for name in names}
    assert counts == {
        "clocks_follow_the_formula": 3,
        "every_image_equals_golden": 2,
        "every_state_equals_golden": 4,
    }
    assert bench.STALL == 3 and not bench.every_image_equals_golden.skip
    # A walk of 32 cells of 16 codes, a pass of 32 cells of 16 slots, each code four clocks long.
    step = 32 * 16 + run_overhead(GEOMETRY) + 2 * 32 * 4
    assert bench.deadline(3, 5, 7) == 20 * (1000 + 3 * (5 * (32 * 16 * 4 + 32) + 7 * step))
