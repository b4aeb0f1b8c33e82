"""What an experiment tells and keeps on its way: progress that adds up, parts that last."""

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from golden.samples import network
from golden.skeleton import SHIPPED
from sw.experiments.memory import compute, holding
from sw.experiments.memory.batchwise import Batch, batchwise
from sw.experiments.memory.catalogue import find_experiments
from tests.memory_toys import REAL, blanked, digits, real, scores
from tests.test_memory_chip import Pending

OTHER = network(REAL, np.random.default_rng(7))
SIZES = {
    "falling": {"LOOKS": (0, 1, 3)},
    "landscape": {"GRID": 3, "PATH": 3, "HELD": 4, "STEPS": 4},
    "valleys": {"LIMIT": 8, "EARLY": 2, "LATE": 4, "SHAKES": (4, 8), "TOUCH": 12},
    "damage": {"RATES": (0.01,), "DEAD": (), "SHARES": (0.3,), "LATER": 1},
    "compute": {"HELD": 5},
    "holding": {"HOLD": (10, 12), "LATER": 1},
    "letters": {"BATCH": 2},
    "batchwise": {"SIZE": 2},
    "attractors": {"BATCH": 2},
}
TOLD = {
    "falling": [("on the chip", 2), ("on the chip", 2)],
    "holding": [("holding", 3), ("digits", 3), ("on the chip", 2)],
    "valleys": [("noise falling", 7), ("shaking valleys", 3), ("on the chip", 5)],
    "landscape": [("landscape", 4), ("on the chip", 5)],
    "saliency": [("saliency", 2)],
    "damage": [("damage", 3), ("faults on the chip", 5)],
    "letters": [("letters", 2 * (4 + 3))],
    "compute": [("rule", 3), ("rule and gate", 3), ("toggles", 9)],
}
KEYS = {
    "holding": ["holding-0", "holding-2", "digits-0", "digits-2"],
    "damage": ["damage-0", "damage-2"],
    "compute": [f"{name}-{start}" for name in ("rule", "rule-and-gate") for start in (0, 2)],
}


@pytest.fixture
def task(monkeypatch):
    """A small task of everything there is, and its chip."""
    for module, sizes in SIZES.items():
        for name, value in sizes.items():
            monkeypatch.setattr(f"sw.experiments.memory.{module}.{name}", value)
    monkeypatch.setattr(compute, "autoencoder", lambda task: None)
    found = real(3, noise=7, chip=Pending, toggles=lambda *run: {"a": 1})
    monkeypatch.setattr(
        "sw.experiments.memory.holding.load_run", lambda name: (found.skeleton, OTHER)
    )
    labels = np.array([7, 2, 7])
    return replace(
        found,
        digits=found.digits._replace(labels=labels, rows="some"),
        letters=digits(4, 6, seed=3),
        gates={"only": OTHER},
    )


@pytest.mark.parametrize("name", TOLD)
def test_progress_adds_up_to_what_was_announced(task, name, monkeypatch):
    told, done = [], []
    monkeypatch.setattr("sw.experiments.memory.saliency.gradient", lambda *given: np.zeros((4, 4)))

    @contextmanager
    def progress(label, total):
        told.append((label, total))
        done.append(0)
        place = len(done) - 1

        def advance(count):
            done[place] += count

        yield advance

    find_experiments([name])[0].measure(replace(task, progress=progress))
    assert told == TOLD[name]
    assert done == [total for _, total in told]


@pytest.mark.parametrize("name", KEYS)
def test_each_part_has_a_key_of_its_own_and_gives_the_same_outcome_again(task, name):
    kept = {}

    def keep(key, make):
        assert key not in kept
        kept[key] = make()
        return kept[key]

    measure = find_experiments([name])[0].measure
    first = measure(replace(task, keep=keep))
    assert list(kept) == KEYS[name]
    again = measure(replace(task, keep=lambda key, make: kept[key]))
    assert first.results == again.results
    for key, array in first.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[key])
    if name != "compute":
        assert first.results["chip"]["lattices"] == 2
    assert (first.results["rows"], first.results["digits"]) == ("some", 3)


def test_pictures_are_kept_of_the_first_ten_digits_alone(monkeypatch):
    monkeypatch.setattr("sw.experiments.memory.batchwise.SIZE", 12)
    task, parts = real(13), defaultdict(list)

    def work(batch):
        parts["indices"].append(batch.indices)
        np.testing.assert_array_equal(
            batch.damaged, blanked(task.digits.images[batch.part], batch.part.start)
        )
        batch.look("given", batch.damaged)

    found = batchwise(task, "x", work)
    assert parts["indices"] == [range(12), range(12, 13)]
    want = blanked(task.digits.images)
    np.testing.assert_array_equal(found["shown given"], want[:10])
    np.testing.assert_array_equal(found["given"], task.judge(want, slice(0, 13)))
    assert list(Batch(task, slice(1, 3)).found) == []


def test_the_restoring_machine_is_the_shipped_one_and_an_outcome_depends_on_it(monkeypatch, task):
    asked, given, hold = [], [], holding.batchwise

    def record(task, label, work):
        given.append((label, task.network))
        return hold(task, label, work)

    monkeypatch.setattr(holding, "load_run", lambda name: asked.append(name) or (task.skeleton, 0))
    monkeypatch.setattr(holding, "batchwise", record)
    with pytest.raises(AttributeError):  # 0 is no network: the second machine is the loaded one
        holding.measure(task)
    assert asked == ["digits"] and given == [("holding", task.network), ("digits", 0)]
    assert holding.BESIDES == tuple(
        SHIPPED / "digits" / name for name in ("skeleton.json", "gate.safetensors")
    )


def line():
    """Return an auto-encoder of one weight and one bias."""
    layer = torch.nn.Conv2d(1, 1, 1)
    layer.weight.data[:], layer.bias.data[:] = 1.25, -0.125
    return layer


def test_an_auto_encoder_is_judged_on_the_same_damaged_digits(monkeypatch):
    monkeypatch.setattr("sw.experiments.memory.batchwise.SIZE", 2)
    asked, kept = [], {}

    def record(task, label, work):
        kept[label] = batchwise(task, label, work)
        return kept[label]

    monkeypatch.setattr(compute, "batchwise", record)
    monkeypatch.setattr(compute, "load_shipped", lambda name: asked.append(name) or line())
    task = real(5)
    found = compute.autoencoder(task)
    grey = blanked(task.digits.images) * 1.25 - 255 * 0.125
    want = np.rint(grey).clip(0, 255).astype(np.uint8)
    assert (grey > 256).any() and (grey < -1).any()
    assert found == {"macs": 784} | scores(want, task.digits)
    assert asked == [*kept] == ["autoencoder"]
    np.testing.assert_array_equal(kept["autoencoder"]["shown restored"], want[:2])


def test_without_a_shipped_auto_encoder_there_is_none(monkeypatch, tmp_path):
    assert compute.BESIDES[0].name == "autoencoder.safetensors"
    monkeypatch.setattr(compute, "BESIDES", (tmp_path / "none", *compute.BESIDES[1:]))
    monkeypatch.setattr(compute, "load_shipped", None)
    assert compute.autoencoder(SimpleNamespace()) is None
