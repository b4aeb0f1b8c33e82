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
    assert processes.told([]) == [15]
    monkeypatch.setattr(processes.distributed, "all_reduce", lambda number, how: None)
    assert processes.told([]) == []
    assert processes.told([2]) == [2]
