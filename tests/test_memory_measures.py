"""Each measure of the memory experiments on a machine whose every code is known."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import GoldenDevice, run
from golden.model import Model
from sw.experiments.memory import compute, damage, falling, holding, letters
from sw.experiments.memory.faults import DeadRows, Flips, StuckChannel
from sw.experiments.memory.starts import noise
from tests.memory_toys import (
    GATE,
    Toy,
    ToyTask,
    blanked,
    cool,
    cooled,
    digits,
    real,
    scores,
    struck,
)


@pytest.fixture
def few_at_a_time(monkeypatch):
    """Batches of two where there were 250."""
    monkeypatch.setattr("sw.experiments.memory.batchwise.SIZE", 2)
    monkeypatch.setattr("sw.experiments.memory.attractors.BATCH", 2)
    monkeypatch.setattr(letters, "BATCH", 2)


def test_holding_of_a_machine_that_cools(few_at_a_time, monkeypatch):
    other = Toy(lambda codes: cool(cool(codes)))
    monkeypatch.setattr(holding, "load_run", lambda name: (other, None))
    given = digits(5)
    given.images[3] = 128 - 200 * (np.indices((4, 4)).sum(0) == 9)  # the middle grey: code 0
    results, arrays = holding.measure(ToyTask(Toy(cool), None, given))

    start = Toy.model.encode(blanked(given.images))
    for speed, found in ((1, results), (2, results["restoring"])):
        for step in (10, 20, 50, 200):
            shown = Toy.model.readout(cooled(start, speed * step))
            assert found["steps"][str(step)] == scores(shown, given)
        for step in (5, 9):
            hurt = struck(cooled(start, speed * step), step, 0.3)
            shown = Toy.model.readout(cooled(hurt, speed * 10))
            assert found["struck"][str(step)] == scores(shown, given)
        assert found["at_rest"] == 100
    assert results["blanked"] == scores(blanked(given.images), given)
    assert (results["rows"], results["digits"], results["share_of_cells"]) == ("test", 5, 0.3)
    assert results["restoring"]["skeleton"] == "digits" and results["chip"] is None
    np.testing.assert_array_equal(arrays["originals"], given.images[:2])


def test_rest_is_what_no_longer_changes_in_the_end(few_at_a_time, monkeypatch):
    monkeypatch.setattr(holding, "load_run", lambda name: (Toy(lambda codes: ~codes), None))
    slow = Toy(lambda codes: np.where(codes < 100, codes, (codes - 99) % 28 + 100))
    given = digits(5)
    restless = (blanked(given.images) >= 228).any(axis=(1, 2))
    assert 0 < restless.sum() < 5
    results, _ = holding.measure(ToyTask(slow, None, given))
    assert results["at_rest"] == round(100 - 20 * restless.sum(), 2)
    assert results["restoring"]["at_rest"] == 0


def golden_run(task, states, steps, step=0, network="own"):
    """Run lattices on the golden device, which keeps no batch and no shortcut."""
    device = GoldenDevice((task.skeleton,))
    network = task.network if network == "own" else network
    device.choose(0)
    device.load_states(states, step)
    run(device, network, steps)
    return device.read_states()


def test_damage_by_the_protocol_in_every_batch(few_at_a_time):
    task = real(5)
    results, arrays = damage.measure(task)
    given, model = task.digits, Model(task.skeleton)
    start = model.encode(blanked(given.images))
    assert results["whole"] == scores(model.readout(golden_run(task, start, 4)), given)
    assert list(results["lost"]) == ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]
    for share in ("0", "0.1", "0.3", "0.7"):
        assert list(results["lost"][share]) == [str(step) for step in range(1, 11)]
        for step in (1, 9, 10):
            hurt = struck(golden_run(task, start, step), step, float(share))
            shown = model.readout(golden_run(task, hurt, 10, step))
            assert results["lost"][share][str(step)] == scores(shown, given)
            if share != "0" and step == 9:
                np.testing.assert_array_equal(arrays[f"{float(share):.0%}"], shown[:2])
    for name, fault in (
        ("channel 2", StuckChannel(2)),
        ("rows 1", DeadRows((4,))),
        ("rows 2", DeadRows((2, 5))),
        ("flips 0.01", Flips(0.01, range(5))),
    ):
        states = fault.strike(start, 0)
        for step in range(1, 5):
            written = model.step(states)
            states = fault.strike(written, step)
            if GATE.is_open(step):
                model.add_deltas(states, task.network.deltas(model.planes(written)), step)
        assert results["faults"][name] == scores(model.readout(states), given), name
    assert len(results["faults"]) == 5 + 4 + 4
    assert (results["digits"], results["later"], results["chip"]) == (5, 10, None)


def test_letters_are_blanked_by_their_place_in_the_whole_set(few_at_a_time):
    task = real(5)
    others = digits(7, 6, seed=3)
    silent = type(task.network)(
        task.network.hidden,
        replace(task.network.output, weight=0 * task.network.output.weight),
    )
    task = replace(task, letters=others._replace(rows="runes"), gates={"only": silent})
    results, arrays = letters.measure(task)
    model = Model(task.skeleton)
    for name, network in (("own", task.network), ("only", silent)):
        shown = {
            kind: model.readout(
                golden_run(task, model.encode(blanked(given.images)), 4, network=network)
            )
            for kind, given in (("letters", others), ("digits", task.digits))
        }
        assert results["gates"][name]["digits"] == scores(shown["digits"], task.digits)
        want = scores(shown["letters"], others)
        del want["digit_id"]
        # The floor of a flawless image is one code of its own pixels: none is flawless here.
        assert results["gates"][name]["letters"] == want
        some = letters.spread(others.labels, 10)
        np.testing.assert_array_equal(arrays["letters"], others.images[some])
        np.testing.assert_array_equal(arrays[f"{name}: letters"], shown["letters"][some])
    assert results["gates"]["own"] != results["gates"]["only"]
    assert results["skeleton_digest"] == task.skeleton.digest
    assert results["letters"] == {"set": "runes", "count": 7}
    assert results["digits"] == {"set": "test", "count": 5}


def test_letters_shown_are_spread_over_the_alphabet():
    labels = np.array([5, 5, 0, 1, 2, 3, 4, 4])
    assert letters.spread(labels, 3).tolist() == [2, 4, 6]
    assert letters.spread(labels, 6).tolist() == [2, 3, 4, 5, 6, 0]


def test_a_judge_has_the_labels_and_originals_of_its_part():
    task = real(6)
    images, labels = task.digits.images, task.digits.labels
    judged = task.judge(images[2:5], slice(2, 5))
    right = (images[2:5, 0, 0] % 10 == labels[2:5]).astype(float)
    assert judged.tolist() == [[0, each] for each in right] and 0 < right.sum() < 3
    assert (task.judge(images[:3], slice(3, 6))[:, 0] > 0).all()


def test_lattices_of_a_part_are_blanked_by_their_place_in_the_whole_set():
    task = real(6)
    some = task.digits.images[4:6]
    want = task.machine.model.encode(blanked(some, begin=4))
    np.testing.assert_array_equal(task.encoded(slice(4, 6)), want)
    np.testing.assert_array_equal(task.encoded(slice(4, 9)), want)  # as many as there are


def test_compute_prices_each_step_and_each_opening(few_at_a_time, monkeypatch):
    monkeypatch.setattr(compute, "autoencoder", lambda task: None)
    task = real(3)
    results, _ = compute.measure(task)
    parts = results["macs"]
    assert parts["encode"] == 4 * 64 and parts["step"] == 64 * (8 * 9 + 8 * 4)
    assert parts["opening"] == 1024 * (64 + 16) and parts["readout"] == 4 * 36
    start = task.machine.model.encode(blanked(task.digits.images))
    for name, network in (("rule", None), ("rule and gate", task.network)):
        for step in range(1, 5):
            openings = 0 if network is None else sum(GATE.is_open(s) for s in range(1, step + 1))
            work = parts["encode"] + parts["readout"] + step * parts["step"]
            shown = task.machine.model.readout(golden_run(task, start, step, network=network))
            want = {"macs": work + openings * parts["opening"]} | scores(shown, task.digits)
            assert results["curves"][name][str(step)] == want
        assert results["per_restoration"][name] == want["macs"]
    assert (results["toggles"], results["autoencoder"], results["digits"]) == (None, None, 3)


def test_a_restoration_costs_what_its_last_step_does(monkeypatch):
    monkeypatch.setattr(compute, "autoencoder", lambda task: None)
    few = real(2)
    spec = replace(few.skeleton.spec, steps=11)  # in the order of letters "9" is the last
    task = replace(few, skeleton=replace(few.skeleton, spec=spec))
    results, _ = compute.measure(task)
    parts = results["macs"]
    work = parts["encode"] + 11 * parts["step"] + parts["readout"]
    gated = work + 4 * parts["opening"]  # after steps 2, 5, 8 and 11
    assert results["per_restoration"] == {"rule": work, "rule and gate": gated}


def test_toggles_are_those_of_three_runs():
    asked = []

    def toggles(skeleton, network, lattice, step, steps):
        assert skeleton is task.skeleton and network in (None, task.network)
        asked.append((network is not None, step, steps, lattice.tobytes()))
        return {"a": len(asked), "b": 10 * len(asked)}

    task = real(2, toggles=toggles)
    found = compute.count_toggles(task)
    start = task.machine.model.encode(blanked(task.digits.images[:1]))
    fallen = golden_run(task, start, 200)
    assert asked == [
        (False, 0, 4, start.tobytes()),
        (True, 0, 4, start.tobytes()),
        (True, 200, 1, fallen.tobytes()),
    ]
    assert found["rule"] == {"steps": 4, "total": 11, "by_part": {"a": 1, "b": 10}}
    assert found["rule and gate"]["total"] == 22 and found["a step of a fallen digit"]["steps"] == 1


def test_falls_are_read_in_the_end():
    task = real(7, seed=9)
    results, arrays = falling.measure(task)
    model = task.machine.model
    for name, start in (
        ("digits", model.encode(blanked(task.digits.images[:6]))),
        ("noise", noise(task.machine.spec, 6, 9)),
    ):
        for place, step in ((0, 0), (3, 3), (-1, 200)):
            shown = model.readout(golden_run(task, start, step))
            np.testing.assert_array_equal(arrays[name][place], shown)
        assert results["read"][name] == (shown[:, 0, 0] % 10).tolist()
    np.testing.assert_array_equal(arrays["originals"], task.digits.images[:6])
    np.testing.assert_array_equal(arrays["given"], blanked(task.digits.images[:6]))
    assert results["steps"] == 200 and results["chip"] == {"digits": None, "noise": None}


def test_fewer_digits_than_are_shown_fall_too(monkeypatch):
    monkeypatch.setattr(falling, "LOOKS", (0, 1))
    task = real(4)
    results, arrays = falling.measure(task)
    assert arrays["given"].shape == arrays["originals"].shape == (4, 6, 6)
    assert [len(results["read"][name]) for name in ("digits", "noise")] == [4, 6]
    assert falling.EXPERIMENT.bars(results) == []
