"""What the pool keeps of each state, and how prototypes are scored, by hand."""

import numpy as np
import pytest
import torch

from golden.spec import Spec
from sw.train.pool import Pool, Prototypes


def pool_of(*ages):
    """A pool whose every part tells the row."""
    rows = torch.arange(float(len(ages)))
    return Pool(
        states=rows.view(-1, 1, 1, 1) * torch.ones(len(ages), 2, 3, 3),
        targets=10 * rows.view(-1, 1, 1) * torch.ones(len(ages), 2, 2),
        ages=torch.tensor(ages),
        open=torch.zeros(len(ages), dtype=torch.bool),
    )


def parts(pool):
    """Return each row's state, target, age and whether it is open."""
    columns = (pool.states[:, 1, 2, 2], pool.targets[:, 1, 1], pool.ages, pool.open)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_new_state_brings_its_target_along():
    pool = pool_of(10, 900, 10, 600, 500)
    states = torch.stack([torch.full((2, 3, 3), value) for value in (7.0, 8.0)]).requires_grad_()
    targets = torch.stack([torch.full((2, 2), value) for value in (70.0, 80.0)])
    pool.put(states, targets, 4, True, np.random.default_rng(0))
    assert parts(pool) == [
        (0, 0, 10, False),
        (7, 70, 4, True),  # the oldest first
        (2, 20, 10, False),
        (8, 80, 4, True),
        (4, 40, 500, False),
    ]
    assert not pool.states.requires_grad
    pool.put(states[:1], targets[:1], 6, False, np.random.default_rng(0))
    assert parts(pool)[4] == (7, 70, 6, False)


def test_rows_that_ran_on_are_put_back_where_they_were():
    pool = pool_of(10, 20, 30, 40)
    by = Prototypes.of(torch.zeros(10, 2, 2))
    states = torch.stack([torch.full((2, 3, 3), value) for value in (7.0, 8.0)]).requires_grad_()
    pool.carry(torch.tensor([3, 1]), states, torch.zeros(2, 2, 2), 5, by)
    assert parts(pool) == [(0, 0, 10, 0), (8, 10, 25, 0), (2, 20, 30, 0), (7, 30, 45, 0)]
    assert not pool.states.requires_grad


def test_each_open_row_settles_on_the_digit_that_itself_shows():
    images = torch.arange(10.0).view(10, 1, 1) * 20 * torch.ones(10, 2, 2)
    pool, by = pool_of(*[90] * 4), Prototypes.of(images)
    pool.open[1:] = True
    pool.ages[3] = 1  # too young
    shown = images[[5, 6, 7, 8]]
    shown[1] += 999.0  # no digit
    pool.carry(torch.tensor([0, 1, 2, 3]), pool.states.clone(), shown, 1, by)
    assert parts(pool) == [(0, 0, 91, False), (1, 10, 91, True), (2, 140, 91, False), (3, 30, 2, 1)]


def test_the_nearest_prototype_is_shown():
    by = Prototypes.of(torch.tensor([0.0, 100.0, 200.0]).view(3, 1, 1) * torch.ones(3, 4, 4))
    found, clear = by.read_digits(
        torch.tensor([0.0, 51.0, 140.0, 255.0]).view(4, 1, 1).expand(4, 4, 4)
    )
    assert found.tolist() == [0, 1, 1, 2]
    assert clear.tolist() == [True] * 4
    assert not by.read_digits(torch.full((1, 4, 4), 258.0))[
        1
    ].item()  # 58 of 255, squared, is 0.052


@pytest.mark.parametrize("count", [1, 3])
def test_planes_are_scored_against_the_middle_of_the_lattice(count):
    spec = Spec(height=6, width=8, channels=2, multiplier=1, image=4)
    images = torch.zeros(2, 4, 4)
    images[0, 0, 1] = images[1, 3, 2] = 255.0
    by = Prototypes.of(images)
    by.square = torch.tensor([4.0, 4.0])
    by.bias = torch.tensor([0.0, 0.25])
    planes = torch.zeros(count, 6, 8)
    planes[:, 1, 3] = 1.0  # where the first has its ink: a row and two columns of margin
    chosen = by.assign(planes, spec)

    patterns = torch.zeros(2, 6, 8)
    patterns[0, 1, 3] = patterns[1, 4, 4] = 255.0
    patterns = patterns.flatten(1) - 255 / 48
    patterns /= patterns.norm(dim=1, keepdim=True)
    scores = patterns @ planes[0].flatten()
    mean, square = 0.01 * scores, 0.99 * 4 + 0.01 * scores**2
    spread = (square - mean**2).sqrt()
    wanted = ((scores - mean) / spread + torch.tensor([0.0, 0.25])).argmax().item()
    assert chosen.tolist() == [wanted] * count == [0] * count
    torch.testing.assert_close(by.mean, mean)
    torch.testing.assert_close(by.square, square)
    torch.testing.assert_close(by.bias, torch.tensor([0.0 - 0.025, 0.25 + 0.025]))


def test_experience_begins_at_nothing():
    by = Prototypes.of(torch.ones(3, 2, 2))
    assert by.mean.tolist() == by.bias.tolist() == [0, 0, 0] and by.square.tolist() == [1, 1, 1]
    assert by.bias is not by.mean and by.images.eq(1).all()
