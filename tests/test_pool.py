"""What noise shall become, and the states that a run carries on."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.spec import Spec
from sw.data.load import show_digits
from sw.train.draw import lost_cells, noise_states
from sw.train.hold import (
    AGED,
    STRIDE,
    Lesson,
    begin_holding,
    holding,
    price_of_motion,
    run_fresh,
)
from sw.train.learner import begin
from sw.train.options import Options, spec_for
from sw.train.pool import Pool, Prototypes, medoids

SPEC = Spec()
RNG = np.random.default_rng(3)


def test_a_medoid_is_the_digit_closest_to_its_fellows():
    images = np.zeros((30, 28, 28), np.uint8)
    images[:, 0, 0] = np.tile([10, 100, 110], 10)  # 100 is between the others, nearer to 110
    labels = np.repeat(np.arange(10), 3)

    found = medoids(images, labels)
    assert found.shape == (10, 28, 28)
    assert found[:, 0, 0].tolist() == [100.0] * 10


def test_clear_planes_are_assigned_what_they_show():
    images, labels = show_digits()
    prototypes = Prototypes.of(medoids(images, labels))
    planes = torch.nn.functional.pad(prototypes.images, (2, 2, 2, 2))
    for _ in range(200):  # until mean and spread are known
        prototypes.assign(planes, SPEC)

    assert prototypes.assign(planes, SPEC).tolist() == list(range(10))
    digits, clear = prototypes.read_digits(prototypes.images + 20)
    assert digits.tolist() == list(range(10))
    assert clear.all()
    assert not prototypes.read_digits(torch.full((1, 28, 28), 128.0))[1].any(), (
        "grey shows no digit"
    )


def test_lattices_deviate_from_the_mean_lattice_of_their_prototype():
    prototypes = Prototypes.of(torch.arange(10.0).view(10, 1, 1) * torch.ones(28, 28))
    seven, other = torch.full((28, 28), 7.0), torch.full((28, 28), 7.5)
    states = torch.tensor([10.0, 14.0, 90.0, 50.0]).view(4, 1, 1, 1) * torch.ones(SPEC.lattice)
    targets, weights = torch.stack([seven, seven, other, seven]), torch.tensor([1.0, 0.5, 1.0, 0.0])

    found = prototypes.deviations(states, targets, weights)
    assert found.tolist() == [4.0, 2.0, 0.0, 0.0], "the mean is 12: the last has no weight"
    prototypes.deviations(states[:1] + 20, targets[:1], weights[:1])
    assert prototypes.lattices[7].unique().item() == pytest.approx(12 + 0.05 * (30 - 12))
    assert prototypes.lattices[[*range(7), 8, 9]].isnan().all()


def test_all_digits_are_assigned_equally_often_to_noise():
    images, labels = show_digits()
    prototypes = Prototypes.of(medoids(images, labels))
    generator = torch.Generator().manual_seed(0)
    bright = torch.nn.functional.pad(prototypes.images[3], (2, 2, 2, 2))  # favours the three
    counts = torch.zeros(10)
    for batch in range(600):
        planes = 40 * torch.randn(4, 32, 32, generator=generator) + bright * torch.rand(
            4, 1, 1, generator=generator
        )
        chosen = prototypes.assign(planes, SPEC)
        if batch >= 200:
            counts += torch.bincount(chosen, minlength=10)

    share = counts / counts.sum()
    assert share.min() > 0.06
    assert share.max() < 0.14


def pool(ages):
    count = len(ages)
    return Pool(
        states=torch.zeros(count, 1, 2, 2),
        targets=torch.zeros(count, 28, 28),
        ages=torch.tensor(ages),
        open=torch.zeros(count, dtype=torch.bool),
    )


def test_new_states_take_the_place_of_the_oldest_if_they_are_old():
    states = pool([10, 900, 20, 500])
    states.put(torch.ones(2, 1, 2, 2), torch.ones(2, 28, 28), 10, True, RNG)

    assert states.ages.tolist() == [10, 10, 20, 10]
    assert states.states[:, 0, 0, 0].tolist() == [0, 1, 0, 1]
    assert states.open.tolist() == [False, True, False, True]


def test_states_that_are_not_old_make_room_by_chance():
    states = pool([40] * 8)
    for _ in range(8):
        states.put(torch.ones(1, 1, 2, 2), torch.ones(1, 28, 28), 10, False, RNG)
    assert 1 < (states.ages == 10).sum() < 8


def test_noise_settles_once_on_the_digit_it_shows():
    images, labels = show_digits()
    prototypes = Prototypes.of(medoids(images, labels))
    states = pool([10, 55, 55, 55])
    states.open[[0, 1, 3]] = True
    shown = torch.cat([prototypes.images[[7, 8, 9]], torch.full((1, 28, 28), 128.0)])
    states.carry(torch.arange(4), torch.zeros(4, 1, 2, 2), shown, 9, prototypes)

    assert states.ages.tolist() == [19, 64, 64, 64]
    assert states.open.tolist() == [True, False, False, True], "what shows no digit stays open"
    assert torch.equal(states.targets[1], prototypes.images[8])
    assert not states.targets[[0, 2, 3]].any()


def lesson_of(learner, options, rng=RNG):
    return Lesson(learner, learner.machine(options.dropout), show_digits()[0], options, rng)


def young(learner, options):
    """Digits and a lattice of noise that have run through the first steps."""
    return run_fresh(lesson_of(learner, options), 4, 1)


def test_what_lost_cells_is_not_carried_on():
    options = Options(recipe="memory", spec=spec_for("memory"), batch=8)
    learner = begin(options)
    learner.stage = "hold"
    begin_holding(learner, *show_digits(), options)
    ages, states = learner.pool.ages.clone(), learner.pool.states.clone()
    fresh = young(learner, options)
    holding(lesson_of(learner, options), len(ages), fresh)
    grown = learner.pool.ages - ages

    assert sorted(set(grown.tolist())) == [0, STRIDE]
    assert (grown == 0).sum() == len(ages) // 3
    kept = grown == 0
    assert torch.equal(learner.pool.states[kept], states[kept]), "they stay as they were"


def test_motion_costs_more_the_older_a_state_is():
    def loss(age):
        learner.pool = copy.deepcopy(pool)
        learner.pool.ages[:] = age
        torch.manual_seed(1)
        again = replace(lesson, rng=np.random.default_rng(1))
        return holding(again, 12, fresh).item()

    options = Options(recipe="memory", spec=spec_for("memory"), batch=8)
    learner = begin(options)
    learner.stage = "hold"
    begin_holding(learner, *show_digits(), options)
    pool, lesson = learner.pool, lesson_of(learner, options)
    fresh = young(learner, options)
    young_age, aged = AGED
    assert loss(aged) == loss(young_age), "in float all pay alike"

    learner.stage, learner.batch = "qat", options.stages()["qat"]
    free = loss(0)
    assert loss(young_age) == free
    assert loss((young_age + aged) // 2) - free == pytest.approx((loss(aged) - free) / 2, rel=1e-4)
    assert loss(5 * aged) == loss(aged) > free


def test_the_price_on_motion_rises_in_the_first_third():
    options = Options(recipe="memory", spec=spec_for("memory"), motion=21.0, qat_batches=300)
    learner = begin(options)
    learner.stage = "qat"
    prices = []
    for learner.batch in (0, 50, 100, 200, 299):
        prices.append(price_of_motion(learner, torch.tensor([AGED[1]]), options).item())
    assert prices == [1, 11, 21, 21, 21]


def test_noise_is_of_all_kinds():
    states = noise_states(SPEC, np.random.default_rng(0), 60)
    spreads = states.std((1, 2, 3))

    assert states.min() == -128
    assert states.max() == 127
    assert (states == states.round()).all()
    for sigma in (8, 16, 32):
        assert (abs(spreads - sigma) < 1).any()
    assert (spreads > 70).any()  # uniform


def test_cells_are_lost_whole_and_by_share():
    living = lost_cells(SPEC, 50, (0.25, 0.35), "cpu")

    assert living.shape == (50, 1, 32, 32)
    lost = 1 - living.mean((1, 2, 3))
    assert lost.min() >= 0.25
    assert lost.max() <= 0.351
