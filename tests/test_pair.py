"""A pair of machines: one restores, the other holds; in golden, on a device, in training."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.device import GoldenDevice
from golden.errors import Difference, InputError
from golden.machine import Machine, find_resting, follow
from golden.pair import Pair
from golden.samples import calibrated, network
from golden.skeleton import SHIPPED
from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.experiments.memory import pair as experiment
from sw.experiments.memory.holding import HOLD
from sw.experiments.memory.task import Task
from sw.train import first
from sw.train.draw import draw
from sw.train.first import restore_first
from sw.train.identity import weights_read
from sw.train.options import Options
from tests.memory_toys import Referee, blanked, digits, scores, struck

pytestmark = pytest.mark.usefixtures("one_thread")

GATE = Gate(input_channel=0, output_channel=1, start=2, every=3)
SPEC = Spec(height=12, width=12, channels=4, multiplier=2, image=8, steps=10, gate=GATE)
IMAGES = np.ascontiguousarray(show_digits()[0][:20, 8:16, 10:18])


def machine(seed, spec=SPEC):
    rng = np.random.default_rng(seed)
    return Machine(calibrated(spec, rng), network(spec, rng))


@pytest.fixture
def machines(monkeypatch):
    """Two machines that take the place of the shipped pair's."""
    found = {"digits-mend": machine(0), "digits-hold": machine(1)}

    def load(name):
        return found[name].skeleton, found[name].network

    for module in (experiment, first):
        monkeypatch.setattr(module, "load_run", load)
    first.first_machine.cache_clear()
    yield found
    first.first_machine.cache_clear()


def shown_by(given, steps, damaged):
    """Return what one machine shows after some steps of its own."""
    states = given.model.encode(damaged)
    return given.model.readout(given.carry_on(states, steps))


def test_the_second_machine_runs_from_the_image_that_the_first_one_shows():
    pair = Pair(machine(0), machine(1))
    seen = dict(follow(pair, pair.encode(IMAGES), 0, [9, 10, 11, 10 + 7]))
    np.testing.assert_array_equal(pair.readout(seen[9], 9), shown_by(pair.first, 9, IMAGES))
    handed = shown_by(pair.first, 10, IMAGES)
    np.testing.assert_array_equal(pair.readout(seen[10], 10), handed)
    np.testing.assert_array_equal(pair.readout(seen[11], 11), shown_by(pair.second, 1, handed))
    np.testing.assert_array_equal(pair.readout(seen[17], 17), shown_by(pair.second, 7, handed))


def test_phases_repeat_only_where_the_second_machine_repeats():
    pair = Pair(machine(0), machine(1))
    phases = [pair.phase(step) for step in range(30)]
    assert len(set(phases[:12])) == 12 and max(phases[:11]) < 0
    assert phases[11:] == [pair.second.phase(step) for step in range(1, 20)]
    assert (pair.period, pair.change, pair.spec) == (3, 10, SPEC)
    alone = Machine(pair.second.skeleton, None)
    assert [Pair(pair.first, alone).phase(step) for step in (9, 10, 11)] == [-2, -1, 0]


def test_a_machine_at_rest_before_the_change_goes_on_after_it():
    still = replace(SPEC, gate=None)
    skeleton = calibrated(still, np.random.default_rng(0))
    zero = replace(
        skeleton.update, weight=skeleton.update.weight * 0, bias=skeleton.update.bias * 0
    )
    pair = Pair(Machine(replace(skeleton, update=zero), None), machine(1))
    states = dict(follow(pair, pair.encode(IMAGES), 0, [10, 13]))
    np.testing.assert_array_equal(states[10], pair.encode(IMAGES))
    shown = pair.readout(states[10], 10)
    np.testing.assert_array_equal(pair.readout(states[13], 13), shown_by(pair.second, 3, shown))
    assert not find_resting(pair, states[10], 10).any()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"image": 6}, r"^A pair must have one spec.image, not 8 and 6$"),
        (
            {"channels": 8},
            r"^A pair must have one spec.lattice, not \(4, 12, 12\) and \(8, 12, 12\)$",
        ),
    ],
)
def test_a_pair_has_one_lattice(change, text):
    with pytest.raises(InputError, match=text):
        Pair(machine(0), machine(1, replace(SPEC, **change)))


class Chip(GoldenDevice):
    """A chip of one context; it flips a bit of a lattice that it reads at one step."""

    wrong = None

    def __init__(self, *skeletons):
        super().__init__(skeletons, contexts=1)
        self.reads = 0

    def read_states(self):
        states = super().read_states()
        self.reads += 1
        if self.reads == self.wrong:
            states[0, 2, 4, 5] ^= 1
        return states


class ToyTask(Task):
    """A task whose digits are read by a referee that anyone can follow."""

    @property
    def referee(self):
        return Referee()


@pytest.mark.parametrize(("steps", "looks"), [(10, 4), (12, 5)])
def test_the_experiment_measures_the_pair_and_not_the_tasks_machine(machines, steps, looks):
    machines["digits-mend"] = machine(0, replace(SPEC, steps=steps))
    given = digits(6, 8)
    task = ToyTask(machine(2).skeleton, None, given, chip=Chip)
    results, _ = experiment.measure(task)
    pair = Pair(*machines.values())
    states = dict(follow(pair, pair.encode(blanked(given.images)), 0, [5, 9, *HOLD]))
    assert results["steps"] == {
        str(step): scores(pair.readout(states[step], step), given) for step in HOLD
    }
    for step in (5, 9):
        ((_, later),) = follow(pair, struck(states[step], step, 0.3), step, [step + 10])
        assert results["struck"][str(step)] == scores(pair.readout(later, step + 10), given)
    assert results["chip"] == {"lattices": 2, "steps": 200, "codes_equal": 2 * looks * 4 * 144}
    table = experiment.tabulate(results).splitlines()
    assert table[3].startswith("| step 10 | `digits-mend` |")
    assert table[4].startswith("| step 20 | `digits-hold` |")
    assert len(experiment.EXPERIMENT.bars(results)) == 13


def test_a_wrong_code_on_the_chip_is_named(machines, monkeypatch):
    monkeypatch.setattr(Chip, "wrong", 6)  # the second digit's second look
    task = ToyTask(machine(2).skeleton, None, digits(6, 8), chip=Chip)
    with pytest.raises(Difference, match=r"^lattice 1, step 20: channel 2, cell \(4, 5\) is "):
        experiment.on_chip(task, Pair(*machines.values()))


OPTIONS = Options(recipe="memory", after="digits-mend", batch=10, spec=replace(SPEC, gate=GATE))


def test_what_the_first_one_restores_is_held_and_some_of_it_is_given_damaged(machines):
    damaged = torch.from_numpy(IMAGES[:10]).float()
    wanted, given = restore_first(damaged, OPTIONS, np.random.default_rng(3))
    restored = shown_by(machines["digits-mend"], 10, IMAGES[:10])
    np.testing.assert_array_equal(wanted.numpy(), restored)
    same = (given == wanted).flatten(1).all(1)
    assert same[:6].all() and not same[6:].any()
    again = restore_first(damaged, OPTIONS, np.random.default_rng(3))
    assert torch.equal(given, again[1])


def test_cells_are_lost_after_one_step_and_the_others_go_on(machines, monkeypatch):
    monkeypatch.setattr(first, "HURT", 1.0)
    monkeypatch.setattr(first, "LOST", (1.0, 1.0))
    rng = np.random.default_rng(3)
    lost_after = first.lost_after(SPEC, np.random.default_rng(3))
    _, given = restore_first(torch.from_numpy(IMAGES[:4]).float(), OPTIONS, rng)
    one = machines["digits-mend"]
    nothing = np.zeros((4, *SPEC.lattice), np.int8)
    ends = one.carry_on(nothing, 10 - lost_after, lost_after)
    np.testing.assert_array_equal(given.numpy(), one.model.readout(ends))


def test_cells_are_lost_after_any_step_but_the_last_and_late_more_often():
    rng = np.random.default_rng(0)
    counts = Counter(first.lost_after(replace(SPEC, steps=4), rng) for _ in range(900))
    assert {step: round(count / 100) for step, count in counts.items()} == {1: 1, 2: 3, 3: 5}


def test_every_draw_of_a_run_after_another_is_of_what_that_one_restores(machines):
    originals, damaged = draw(IMAGES, replace(OPTIONS, after=None), np.random.default_rng(1))
    wanted, _ = draw(IMAGES, OPTIONS, np.random.default_rng(1))
    restored = shown_by(machines["digits-mend"], 10, damaged.numpy().astype(np.uint8))
    np.testing.assert_array_equal(wanted.numpy(), restored)
    assert not torch.equal(wanted, originals)


def test_the_first_one_takes_images_of_the_same_size(machines):
    first.require_first(OPTIONS)
    with pytest.raises(
        InputError,
        match=r"^after must be a skeleton for images of 6 x 6, not digits-mend, for 8 x 8$",
    ):
        first.require_first(replace(OPTIONS, spec=replace(SPEC, image=6)))


def test_a_run_after_a_skeleton_that_is_not_there_is_refused(fails, tmp_path):
    known = ", ".join(sorted(path.parent.name for path in SHIPPED.glob("*/skeleton.json")))
    text = f"Skeleton must be a folder with a skeleton.json or one of {known}, not 'none'"
    fails(text, "train", "--recipe", "memory", "--after", "none", "--output", tmp_path)


def test_a_run_ends_otherwise_where_the_first_one_is_another(tmp_path, monkeypatch):
    for name in ("skeleton.json", "gate.safetensors"):
        (tmp_path / name).write_text(name)
    options = replace(OPTIONS, after=str(tmp_path))
    found = weights_read(options)
    assert [path.name for path in found] == ["skeleton.json", "gate.safetensors"]
    (tmp_path / "gate.safetensors").unlink()
    assert len(weights_read(options)) == 1 and weights_read(replace(options, after=None)) == []
