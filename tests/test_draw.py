"""What a batch draws: pixels blanked, cells lost, and chance that processes do not share."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.spec import Spec
from sw.runs import processes
from sw.train import draw
from sw.train.draw import lost_cells, random
from sw.train.options import Options


@pytest.mark.parametrize(("share", "count"), [(0.7, 549), (0.5, 392), (0.999, 783), (0.0, 0)])
def test_so_many_pixels_are_damaged(share, count):
    images, options = np.full((4, 28, 28), 9, np.uint8), Options(batch=3, damage=share)
    _, damaged = draw.draw(images, options, np.random.default_rng(0))
    assert damaged.eq(0).sum((1, 2)).tolist() == [count] * 3


def test_as_many_digits_are_drawn_as_asked():
    images = np.full((4, 28, 28), 9, np.uint8)
    originals, damaged = draw.draw(images, Options(batch=3), np.random.default_rng(0), 5)
    assert originals.shape == damaged.shape == (5, 28, 28)


def test_a_share_of_cells_is_lost_that_is_drawn_evenly(monkeypatch):
    drawn = torch.tensor([[0.0], [0.5], [1.0]])
    order = torch.linspace(0, 1, 1024).expand(3, -1)
    answers = iter([drawn, order])
    monkeypatch.setattr(draw.torch, "rand", lambda *size, device: next(answers))
    living = lost_cells(Spec(), 3, (0.25, 0.5), "cpu")
    assert (1024 - living.sum((1, 2, 3))).tolist() == [256, 384, 512]
    assert living.flatten(1)[0, 256:].eq(1).all()


def test_each_process_has_chance_of_its_own_and_draws_the_same(monkeypatch):
    found = []
    for rank in (0, 1):
        monkeypatch.setattr(draw, "place", lambda rank=rank: (rank, 2))
        rng = random(Options(), "float", 3)
        found.append((rng.random(), torch.rand(1).item()))
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1]


def test_stages_draw_differently():
    found = {stage: random(replace(Options(), seed=4), stage, 2).random() for stage in draw.DRAWS}
    assert len(set(found.values())) == len(draw.DRAWS)


def test_all_processes_are_told_of_a_signal_that_one_received(monkeypatch):
    monkeypatch.setattr(processes, "place", lambda: (0, 2))
    wanted = processes.distributed.ReduceOp.MAX

    def reduce(number, how):
        assert how == wanted
        number.clamp_(min=15)

    monkeypatch.setattr(processes.distributed, "all_reduce", reduce)
    assert processes.gather_signals([]) == [15]
    monkeypatch.setattr(processes.distributed, "all_reduce", lambda number, how: None)
    assert processes.gather_signals([]) == []
    assert processes.gather_signals([2]) == [2]


@pytest.mark.parametrize(
    ("stage", "number"),
    [("float", 0), ("qat", 1), ("calibration", 2), ("hold", 3), ("letters", 4), ("settle", 5)],
)
def test_chance_is_that_of_the_runs_on_record(stage, number):
    found = random(replace(Options(), seed=4), stage, 2)
    wanted = np.random.default_rng([4, number, 2])
    torch.manual_seed(int(wanted.integers(1 << 62)))
    chance = torch.rand(1)
    torch.manual_seed(0)
    random(replace(Options(), seed=4), stage, 2)

    assert torch.equal(torch.rand(1), chance), "dropout is seeded along"
    assert found.random() == wanted.random()


@pytest.mark.parametrize("noise", [0.0, 25.0])
def test_a_batch_by_hand(noise):
    images = np.random.default_rng(0).integers(0, 256, (7, 4, 4)).astype(np.uint8)
    options = Options(batch=50, damage=0.3, noise=noise)
    originals, damaged = draw.draw(images, options, np.random.default_rng(1))

    rng = np.random.default_rng(1)
    rows = rng.integers(7, size=50)
    order = rng.random((50, 16), dtype=np.float32).argsort(1)
    wanted = images[rows].reshape(50, 16).astype(float)
    wanted[order < 5] = 0  # 0.3 of 16 is 4.8
    if noise:
        wanted = np.clip(np.round(wanted + rng.normal(0, noise, (50, 16))), 0, 255)
    assert set(rows.tolist()) == set(range(7))
    assert (originals.dtype, damaged.dtype) == (torch.float32, torch.float32)
    np.testing.assert_array_equal(originals, images[rows])
    np.testing.assert_array_equal(damaged, wanted.reshape(50, 4, 4))


def test_calibration_has_sixty_four_digits_of_its_own():
    images = np.random.default_rng(0).integers(1, 256, (99, 4, 4)).astype(np.uint8)
    options = Options(batch=3, seed=5)
    found = draw.calibration_digits(images, options)
    assert found[0].shape == found[1].shape == (64, 4, 4)
    rng = np.random.default_rng([5, 2, 0])
    rng.integers(1 << 62)
    wanted = draw.draw(images, options, rng, 64)
    assert torch.equal(found[0], wanted[0]) and torch.equal(found[1], wanted[1])


def test_lattices_of_noise_are_drawn_kind_by_kind(monkeypatch):
    kinds = []
    monkeypatch.setattr(
        draw,
        "noise_lattice",
        lambda spec, rng, kind: kinds.append(kind) or np.full(spec.lattice, 7),
    )
    states = draw.noise_states(Spec(), np.random.default_rng(3), 40)
    assert kinds == np.random.default_rng(3).integers(5, size=40).tolist()
    assert set(kinds) == set(range(5))
    assert states.shape == (40, 16, 32, 32) and states.dtype == np.float32 and (states == 7).all()
