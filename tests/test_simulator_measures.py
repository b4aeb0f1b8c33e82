"""What is measured on simulators, these played: what runs, for how long, and what is counted."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import Counters, GoldenDevice, restore
from golden.errors import Difference
from golden.spec import Spec
from hw.shapes import Geometry
from sim.devices.account import Account, ThinkingNetwork
from sim.devices.wire import TurningPort
from sim.measure import speed, throughput, toggles
from sim.measure.throughput import WIRES, Case, gate_seconds, links
from sim.proof import prove as proof
from tests.device_suite import SPEC, gate_network, lattices, skeletons

GATED = skeletons()[0]
IMAGES = np.random.default_rng(8).integers(0, 256, (9, SPEC.image, SPEC.image), np.uint8)


class Chip(GoldenDevice):
    """A golden device that counts clocks: 1000 of a run's start, 10 a step and lattice."""

    made = ()

    def __init__(self, skeletons, *, filters=5, contexts=2, **options):
        super().__init__(skeletons, contexts=contexts)
        self.options = {"filters": filters, "contexts": contexts} | options
        self.simulated_clocks, self.done = 0, []
        type(self).made += (self,)

    def start(self, steps, *, gated=True):
        super().start(steps, gated=gated)
        self.done.append((steps, len(self._states), self._gate is not None))
        self.simulated_clocks += 1000 + 10 * steps * len(self._states)

    def counters(self):
        steps, count, gated = self.done[-1]
        return Counters(300 * steps * count + gated, 100 * steps * count)


@pytest.fixture
def chip(monkeypatch):
    """Play every simulated device by a golden one."""
    for module in (speed, throughput, toggles, proof):
        monkeypatch.setattr(module, "SimulatedDevice", Chip)
    Chip.made = ()
    return Chip


@pytest.fixture
def processes(monkeypatch):
    """Have processes be calls; return what was asked of them."""
    asked = []

    def in_processes(function, jobs, workers):
        asked.append((jobs, workers))
        yield from (function(*job) for job in jobs[::-1])

    monkeypatch.setattr(proof, "in_processes", in_processes)
    return asked


@pytest.mark.parametrize(("cores", "workers"), [(2, 2), (64, 3), (None, 1)])
def test_a_proof_takes_every_image_once_and_sums_what_was_compared(
    monkeypatch, chip, processes, cores, workers
):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    done, given = [], {"filters": 2, "stall": 7}
    restorer = proof.Restorer(GATED, gate_network(), 3)
    found = proof.prove(restorer, IMAGES, **given, progress=done.append)
    ((jobs, used),) = processes
    assert used == workers and [job[1] for job in jobs] == [0, 4, 8]
    assert np.array_equal(np.concatenate([job[0] for job in jobs]), IMAGES)
    first, *others = (made.options for made in chip.made)
    assert first == {"filters": 2, "contexts": 2}
    wanted = [{"filters": 2, "contexts": 2, "stall": 7, "seed": seed} for seed in (8, 4, 0)]
    assert others == wanted
    openings = 2 * SPEC.cells  # after steps 2 and 3
    assert found.codes == 9 * (SPEC.channels * SPEC.cells + SPEC.image**2 + openings)
    assert (found.images, found.clocks, done) == (9, 5 * 1000 + 10 * 3 * 9, [1, 4, 4])


def test_a_proof_counts_images_from_the_first_of_all(chip, processes, monkeypatch):
    class Wrong(Chip):
        def read_images(self):
            return super().read_images() ^ np.uint8(self.options.get("seed") == 4)

    monkeypatch.setattr(proof, "SimulatedDevice", Wrong)
    with pytest.raises(Difference, match=r"^image 4: pixel \(0, 0\) is "):
        proof.prove(proof.Restorer(GATED, None, 1), IMAGES)


def test_a_proof_says_what_differs_before_it_looks_for_the_step(chip):
    class Wrong(Chip):
        def read_images(self):
            return super().read_images() ^ np.uint8(1)

    said, done, restorer = [], [], proof.Restorer(GATED, None, 1)
    with pytest.raises(Difference):
        given = {"first": 6, "say": said.append, "progress": done.append}
        proof.compare_device(Wrong((GATED,)), restorer, IMAGES[:2], **given)
    assert len(said) == 1 and said[0].startswith("image 6: pixel (0, 0) is ")
    assert said[0].endswith("; looking for the first step that differs") and not done
    proof.compare_device(chip((GATED,)), restorer, IMAGES[:3], progress=done.append)
    assert done == [2, 1]


def test_toggles_are_those_of_the_steps_alone(monkeypatch, chip):
    seen = []

    class Traced(Chip):
        def load_states(self, states, step):
            seen.append(("load", states.shape, step))
            super().load_states(states, step)

        def read_states(self):
            seen.append(("read",))
            return super().read_states()

        @contextmanager
        def trace(self, path):
            seen.append(("trace", path.name))
            yield
            seen.append(("end", self._step, self._gate is not None))
            path.write_text("(INSTANCE TOP (INSTANCE x (INSTANCE array (a (TC 7)))))")

    monkeypatch.setattr(toggles, "SimulatedDevice", Traced)
    state = lattices(1)[0]
    given = {"filters": 2, "progress": print}
    assert toggles.count(GATED, gate_network(), state, 3, 4, **given) == {"array": 7}
    assert chip.made == () and Traced.made[0].options == {
        "filters": 2, "contexts": 2, "traced": True, "progress": print}  # fmt: skip
    trace = [("trace", "steps.saif"), ("end", 7, True)]
    assert seen == [("load", (1, *SPEC.lattice), 3), ("read",), *trace]
    toggles.count(GATED, None, state, 0, 1)
    assert seen[-1] == ("end", 1, False)


def test_clocks_of_digits_are_counted_without_and_with_the_gate():
    chip = Chip((GATED,))
    found = speed.clocks(chip, IMAGES[:2], gate_network())
    steps = SPEC.steps
    assert found == {
        "clocks_ungated": 300 * steps,
        "digits_ungated": 1,
        "occupancy_ungated": 0.3333,
        "clocks_gated": 600 * steps + 1,
        "digits_gated": 2,
        "occupancy_gated": round(200 * steps / (600 * steps + 1), 4),
    }
    assert chip.done == [(steps, 1, False), (steps, 2, True)]


FIVE = 2  # place of the chip with five filters


def test_both_simulations_of_one_chip_are_timed_side_by_side(monkeypatch, chip):
    asked = []

    def rate(work, count):
        before = chip.made[FIVE].done[:]
        work()
        asked.append((count, chip.made[FIVE].done[len(before) :]))
        return 5000.0

    monkeypatch.setattr(speed, "rate", rate)
    monkeypatch.setattr(speed, "cocotb_clock_rate", lambda *given: (asked.append(given), 300.0)[1])
    monkeypatch.setattr(speed, "clocks", lambda chip, images, gate: (chip, len(images)))
    found = speed.measure(progress=print)
    assert [each.options["filters"] for each in chip.made] == [1, 2, 5, 10]
    assert {each.options["progress"] for each in chip.made} == {print}
    (timed, done), (geometry, skeleton) = asked
    assert (timed, done) == (1000 + 10 * 10 * 2, [(10, 2, False)])
    assert geometry == Geometry(spec=Spec(), filters=5)
    assert skeleton is chip.made[FIVE].skeletons[0]
    assert found == {
        "simulated_clocks_per_second": 5000.0,
        "cocotb_clocks_per_second": 300.0,
        "simulated_to_cocotb": 16.7,
        "engine": {n: (chip.made[k], 2) for k, n in enumerate(("1", "2", "5", "10"))},
    }


def test_the_cocotb_bench_of_the_chip_tells_its_rate(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path))
    monkeypatch.setattr(speed, "write_chip", lambda *given: (asked.append(given), "it.v")[1])

    def bench(source, name, folder, *, env):
        asked.append((source, name, folder, env))
        (folder / "rate.json").write_text(json.dumps(123.456))

    monkeypatch.setattr(speed, "run_bench", bench)
    assert speed.cocotb_clock_rate("geometry", "skeleton") == 123.5
    folder = tmp_path.resolve() / "sim" / "speed"
    env = {"BENCH": str(folder), "FILTERS": "5"}
    written = ("geometry", ("skeleton",), folder)
    assert asked == [written, ("it.v", "speed", folder, env)]


def case_of(connect=None):
    return Case.of(GATED, gate_network(), IMAGES[:4], connect)


def test_a_case_wants_what_golden_restores():
    case = case_of("connect")
    wanted = restore(GoldenDevice((GATED,)), gate_network(), IMAGES[:4], SPEC.steps)
    assert np.array_equal(case.wanted, wanted) and np.array_equal(case.damaged, IMAGES[:4])
    assert (case.skeleton, case.network, case.connect) == (GATED, gate_network(), "connect")


@pytest.mark.parametrize("contexts", [1, 2, 4])
def test_an_account_is_of_these_digits_alone_and_divided_by_their_number(contexts):
    accounts = iter([Account(7, 6, 5, 4, 3, 2, 1), Account(*range(1007, 7007, 1000)[:6], 7001)])
    thought = []
    machine = SimpleNamespace(account=lambda: next(accounts), think=thought.append)
    device = GoldenDevice((GATED,))
    found = case_of().account(device, machine, contexts, lambda count: 100 * count)
    assert device.contexts == contexts
    differences = (1000, 2001, 3002, 4003, 5004, 6005, 7000)
    names = ("clocks", "wire", "engine", "gate", "idle", "to_chip", "from_chip")
    assert found == dict(zip(names, (round(n / 4) for n in differences), strict=True))
    batches = 4 // contexts
    assert thought == [100 * contexts] * batches * GATED.spec.gate.openings(0, SPEC.steps)


def test_a_network_thinks_after_it_has_answered():
    seen = []
    network = SimpleNamespace(deltas=lambda planes: (seen.append(planes), "answer")[1])
    machine = SimpleNamespace(think=seen.append)
    assert ThinkingNetwork(network, machine, lambda n: 10 * n).deltas(["a", "b"]) == "answer"
    assert seen == [["a", "b"], 20]


def test_every_wire_has_its_pace_in_clocks_and_the_bare_port_none(monkeypatch, chip):
    paces, made = [], []

    def wire(*given, **options):
        made.append((given, options))
        return SimpleNamespace(pace=paces.append, patience=5)

    monkeypatch.setattr(throughput, "SimulatedWire", wire)
    case = case_of(lambda port, skeletons: (port, skeletons))
    found = list(links(case, 1, 160, print))
    geometry = Geometry(spec=SPEC, filters=1, contexts=2)
    assert made == [((geometry, (GATED,)), {"progress": print})]
    assert [name for name, *_ in found] == [*WIRES]
    assert paces == [160e6 / 300e3, 160e6 / 1_024_000]
    for _, machine, device in found[:2]:
        port, skeletons = device
        assert skeletons == (GATED,) and machine is found[0][1]
        assert isinstance(port, TurningPort)
    _, bare, device = found[2]
    assert bare is device is chip.made[0] and bare.skeletons == (GATED,)
    assert bare.options == {"filters": 1, "contexts": 2, "progress": print}


def test_the_gates_time_is_the_median_of_so_many_planes(monkeypatch):
    now, seen = [0.0], []

    def deltas(planes):
        seen.append(len(planes))
        slow = 90 if len(seen) % 3 == 0 else 1  # one of three is interrupted
        now[0] += slow * len(planes)

    monkeypatch.setattr(throughput.time, "perf_counter", lambda: now[0])
    case = SimpleNamespace(network=SimpleNamespace(deltas=deltas, inputs=64))
    assert gate_seconds(case, rounds=3) == {1: 1, 2: 2}
    assert seen == [1, 1, 1, 2, 2, 2]


def test_links_and_gates_are_measured_of_the_case_that_is_asked_for(monkeypatch):
    asked, said = [], []
    monkeypatch.setattr(throughput, "gate_seconds", lambda case: (asked.append(case), {})[1])
    monkeypatch.setattr(throughput, "links", lambda *given: (asked.append(given), [])[1])
    case = case_of()
    other = case_of()
    found = throughput.measure([case, other], 2, 99, said.append)
    assert asked == [case, *((each, 2, 99, said.append) for each in (case, other))]
    assert (found["digits"], found["rows"]) == (4, [])
