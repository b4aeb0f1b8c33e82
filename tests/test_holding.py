"""What teaching to hold computes, by hand: its loss, its pool, and what noise becomes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import sw.train.hold as holds
from golden.spec import Gate, Spec
from sw.data.load import show_digits
from sw.model.step import TrainingMachine
from sw.train.hold import (
    Fresh,
    Lesson,
    begin_holding,
    hold,
    holding,
    price_of_motion,
    run_fresh,
    stride,
)
from sw.train.learner import begin
from sw.train.options import Options
from sw.train.pool import Pool, Prototypes
from tests.test_recipes import machine_of

GATE = Gate(input_channel=0, output_channel=1, start=1, every=1)
SMALL = Spec(height=10, width=10, channels=4, multiplier=2, steps=3, image=8, gate=GATE)
CORNERS = np.ascontiguousarray(show_digits()[0][:64, 8:16, 10:18])

pytestmark = pytest.mark.usefixtures("one_thread")


def memory(**values):
    return Options(recipe="memory", spec=SMALL, **values)


@pytest.mark.parametrize(
    ("every", "mapping", "steps"),
    [(1, "nearest2", 10), (3, "nearest2", 9), (1, "phase4", 8), (4, "phase4", 16)],
)
def test_states_are_carried_on_by_whole_periods(every, mapping, steps):
    gate = replace(GATE, every=every, mapping=mapping)
    assert stride(replace(memory(), spec=replace(SMALL, gate=gate))) == steps


def pool_of(values, ages):
    """A pool whose state ``i`` is ``values[i]`` throughout, and shall show twice that."""
    values = torch.tensor(values)
    ones = torch.ones(len(values), *SMALL.lattice)
    return Pool(
        states=ones * values.view(-1, 1, 1, 1),
        targets=2 * values.view(-1, 1, 1) * torch.ones(len(values), 8, 8),
        ages=torch.tensor(ages),
        open=torch.zeros(len(values), dtype=torch.bool),
    )


class Growing:
    """Young digits, and a world in which every state grows by a tenth a step."""

    few = 1

    def __init__(self, monkeypatch):
        self.states = torch.full((3, *SMALL.lattice), 10.0)
        self.targets = torch.full((3, 8, 8), 30.0)
        monkeypatch.setattr(holds, "DISTURBANCE", 0.0)
        monkeypatch.setattr(holds, "STRETCHED", 0.0)
        monkeypatch.setattr(
            holds, "lost_cells", lambda spec, count, *rest: torch.ones(count, 1, 1, 1)
        )


def lesson_in(learner, options, advance=lambda states, step: states * 1.1):
    """What the parts of a batch share in that world; the third channel is shown."""
    exact, readout = learner.stage == "qat", lambda states: states[:, 2, 1:9, 1:9]
    machine = machine_of(SMALL, exact, advance=advance, readout=readout)
    return Lesson(learner, machine, CORNERS, options, np.random.default_rng(5))


def test_loss_of_holding_is_that_of_a_world_that_grows(monkeypatch):
    fresh, options = Growing(monkeypatch), memory(batch=8, motion=21.0, qat_batches=30)
    values, ages = [float(10 + 6 * i) for i in range(8)], [25 * i for i in range(8)]
    learner = begin(options)
    learner.stage, learner.batch = "qat", 10
    learner.pool = pool_of(values, ages)
    learner.prototypes = Prototypes.of(torch.zeros(10, 8, 8))
    order = np.random.default_rng(5).permutation(8)[:6].tolist()
    found = holding(lesson_in(learner, options), 6, fresh)

    value = motion = 0.0
    young = [(10.0, 30.0)] * 2
    held = [(values[row], 2 * values[row]) for row in order]  # two lose cells, two are shaken
    prices = [1 + 20 * min(1, max(0, (ages[row] - 50) / 100)) for row in order[4:]]
    for step in range(1, 11):
        errors = [((start * 1.1**step - aim) / 255) ** 2 for start, aim in young + held]
        if step >= 5:  # what lost cells, young ones too, has half of the steps
            value += np.mean(errors[:2]) + np.mean(errors[2:])
        else:
            value += np.mean(errors[4:])
        moved = [0.1 * values[row] * 1.1 ** (step - 1) / 32 for row in order[4:]]
        motion += np.mean(np.multiply(prices, moved)) + 0.1 * np.mean(np.square(moved))
        beyond = [max(0, start * 1.1**step - 120) for start, _ in young + held]
        motion += 0.1 * np.mean(beyond) / 32
    assert max(beyond) > 0 and len(set(prices)) == 2, "else a price is not seen"
    assert found.item() == pytest.approx((value + motion) / 10, rel=1e-5)


def test_what_old_lattices_of_a_prototype_have_apart_has_its_price(monkeypatch):
    values, ages = [float(10 + 6 * i) for i in range(8)], [25 * i for i in range(8)]
    order = np.random.default_rng(5).permutation(8)[:6].tolist()[2:]  # no cells lost

    def loss(price):
        learner, options = begin(memory(batch=8)), memory(batch=8, forget=price)
        learner.pool = pool_of(values, ages)
        learner.pool.targets[:] = 0  # as all prototypes
        learner.prototypes = Prototypes.of(torch.zeros(10, 8, 8))
        return holding(lesson_in(learner, options), 6, Growing(monkeypatch)).item()

    weights = [min(1, max(0, (ages[row] - 50) / 100)) for row in order]
    ends = [values[row] * 1.1**10 for row in order]
    mean = np.mean([end for end, weight in zip(ends, weights, strict=True) if weight])
    apart = np.mean([w * (end - mean) ** 2 for end, w in zip(ends, weights, strict=True)]) / 32**2
    assert apart > 0
    assert loss(3.0) - loss(0.0) == pytest.approx(3 * apart, rel=1e-3)


def test_states_that_lost_no_cells_are_carried_on(monkeypatch):
    fresh, options = Growing(monkeypatch), memory(batch=8)
    values = [float(10 + i) for i in range(8)]
    learner = begin(options)
    learner.stage = "hold"
    learner.pool = pool_of(values, [40] * 8)
    learner.prototypes = Prototypes.of(torch.zeros(10, 8, 8))
    order = np.random.default_rng(5).permutation(8)[:6].tolist()
    holding(lesson_in(learner, options), 6, fresh)

    carried = set(order[2:])
    for row, value in enumerate(values):
        wanted = value * 1.1**10 if row in carried else value
        assert learner.pool.states[row].mean().item() == pytest.approx(wanted)
        assert learner.pool.ages[row] == (50 if row in carried else 40)


def test_what_is_disturbed_is_a_third_and_what_lost_cells_comes_before(monkeypatch):
    fresh, options = Growing(monkeypatch), memory(batch=8)
    monkeypatch.setattr(holds, "DISTURBANCE", 3.0)
    monkeypatch.setattr(holds, "lost_cells", lambda _, count, *rest: torch.zeros(count, 1, 1, 1))
    seen = []
    advance = lambda states, step: seen.append((step, states)) or states  # noqa: E731
    learner = begin(options)
    learner.stage = "qat"
    learner.pool = pool_of([float(20 + i) for i in range(8)], [40] * 8)
    learner.prototypes = Prototypes.of(torch.zeros(10, 8, 8))
    torch.manual_seed(1)
    holding(lesson_in(learner, options, advance), 6, fresh)
    step, states = seen[0]
    spreads = states.flatten(1).std(1)

    assert step == SMALL.steps + 1, "the gate goes on"
    assert states[0].eq(10).all(), "the first of the young has lost its cells before"
    assert states[1:4].eq(0).all(), "the second of the young, and a third of the pool"
    assert spreads[4:6].min() > 0 and spreads[6:].eq(0).all()
    assert spreads[4:6].max() < 3.2 and states[4:6].eq(states[4:6].round()).all()


def test_motion_is_free_of_the_higher_price_in_float():
    learner = begin(memory(motion=21.0))
    learner.stage, learner.batch = "hold", 10_000
    assert price_of_motion(learner, torch.tensor([0, 500]), memory(motion=21.0)).eq(1).all()


def test_loss_of_a_batch_that_holds(monkeypatch):
    options = memory(batch=320)
    made, puts = [], []

    def run(lesson, digits, noise):
        made.append((digits, noise))
        states, targets = torch.zeros(digits + noise, *SMALL.lattice), torch.zeros(160, 8, 8)
        states[:, 3] = 124.0
        targets[:digits], targets[digits:] = 51.0, 102.0
        return Fresh(states, targets, digits, 1)

    monkeypatch.setattr(holds, "run_fresh", run)
    monkeypatch.setattr(TrainingMachine, "readout", lambda machine, states: states[:, 0, 1:9, 1:9])
    monkeypatch.setattr(holds, "holding", lambda lesson, count, fresh: torch.tensor(float(count)))
    learner = begin(options)
    learner.stage = "hold"
    learner.prototypes = Prototypes.of(torch.zeros(10, 8, 8))
    learner.pool = pool_of([0.0], [0])
    monkeypatch.setattr(Pool, "put", lambda self, *given: puts.append(given[:4]))
    found = hold(learner, CORNERS, options)

    assert made == [(128, 32)]
    price = 0.1 * (4 / 4) / 32
    assert found.value.item() == pytest.approx(12 * 0.04 + 0.4 * 0.16 + price + 160)
    assert found.errors.tolist() == pytest.approx([0.04] * 128)
    (_, noise, _, of_noise), (_, digits, age, of_digits) = puts
    assert (len(noise), of_noise, age) == (2, True, SMALL.steps)
    assert (len(digits) in (3, 4), of_digits) == (True, False)
    assert noise.eq(102).all() and digits.eq(51).all()


def test_fresh_digits_lose_cells_in_mid_run_and_noise_is_assigned_a_digit(monkeypatch):
    options = memory(batch=8)
    steps = replace(SMALL, steps=8)
    learner = begin(replace(options, spec=steps))
    prototypes = Prototypes.of(torch.arange(10.0).view(10, 1, 1) * torch.ones(10, 8, 8))
    learner.prototypes = prototypes
    planes, seen = [], []
    monkeypatch.setattr(
        Prototypes, "assign", lambda self, found, spec: planes.append(found) or torch.tensor([7, 3])
    )

    def advance(states, step):
        seen.append(states.clone())
        return states + 1

    machine = machine_of(
        steps, encode=lambda damaged: torch.ones(len(damaged), 4, 10, 10), advance=advance
    )
    monkeypatch.setattr(
        "sw.train.draw.lost_cells", lambda _, count, *rest: torch.zeros(count, 1, 1, 1)
    )
    lesson = Lesson(learner, machine, CORNERS, options, np.random.default_rng(1))
    fresh = run_fresh(lesson, 10, 2)
    born = seen[0]
    lost_after = next(step for step, states in enumerate(seen) if states[:2].eq(0).all())

    assert (fresh.digits, fresh.few) == (10, 2) and lost_after in (4, 5, 6)
    assert torch.equal(planes[0], born[10:, 0] + 4), "noise alone, after the fourth step"
    assert fresh.targets[10:, 0, 0].tolist() == [7, 3]
    assert fresh.targets[:10].eq(fresh.targets[:10].round()).all() and fresh.targets[:10].any()
    left = 8 - lost_after
    assert fresh.states[:2].eq(left).all()
    assert torch.equal(fresh.states[2:], born[2:] + 8)


def test_the_pool_begins_half_with_digits_and_half_with_noise_that_is_open():
    options = memory(batch=4)
    learner = begin(options)
    learner.stage = "hold"
    begin_holding(learner, CORNERS, show_digits()[1][:64], options)
    pool, images = learner.pool, learner.prototypes.images

    assert len(pool.ages) == 32 and pool.ages.eq(SMALL.steps).all()
    of_prototypes = [any(torch.equal(one, image) for image in images) for one in pool.targets]
    assert int(pool.open.sum()) == 16
    assert all(each for each, noise in zip(of_prototypes, pool.open, strict=True) if noise)
    assert not all(each for each, noise in zip(of_prototypes, pool.open, strict=True) if not noise)
    assert pool.states.flatten(1).std(1).min() > 0


def test_noise_settles_after_sixty_steps_and_not_before():
    pool = pool_of([0.0, 0.0], [50, 51])
    pool.open[:] = True
    prototypes = Prototypes.of(torch.arange(10.0).view(10, 1, 1) * 20 * torch.ones(10, 8, 8))
    pool.carry(torch.arange(2), pool.states.clone(), prototypes.images[[4, 4]], 10, prototypes)

    assert pool.open.tolist() == [True, False]
    assert pool.targets[:, 0, 0].tolist() == [0, 80]


@pytest.mark.parametrize(("apart", "clear"), [(57.0, True), (57.1, False)])
def test_a_digit_is_shown_up_to_a_twentieth_of_full_scale_squared(apart, clear):
    prototypes = Prototypes.of(torch.zeros(10, 8, 8))
    assert prototypes.read_digits(torch.full((1, 8, 8), apart))[1].item() is clear


@pytest.mark.parametrize(("age", "first"), [(401, True), (400, False)])
def test_what_ran_more_than_four_hundred_steps_makes_room_first(age, first):
    places = set()
    for seed in range(9):
        pool, rng = pool_of([0.0] * 8, [10] * 7 + [age]), np.random.default_rng(seed)
        pool.put(torch.ones(1, *SMALL.lattice), torch.ones(1, 8, 8), 3, True, rng)
        places.add(pool.ages.tolist().index(3))
    assert (places == {7}) is first


def test_a_digit_that_is_chosen_too_often_loses_favour():
    images = torch.zeros(2, 4, 4)
    images[0, 0, 0] = images[1, 3, 3] = 255.0
    prototypes = Prototypes.of(images)
    spec = replace(SMALL, height=4, width=4, image=4)
    planes = images[[0, 0, 1, 0]] * 0.2
    assert prototypes.assign(planes, spec).tolist() == [0, 0, 1, 0]
    patterns = (images - images.mean((1, 2), keepdim=True)).flatten(1)
    scores = planes.flatten(1) @ (patterns / patterns.norm(dim=1, keepdim=True)).T

    torch.testing.assert_close(prototypes.bias, torch.tensor([-0.05 * 0.25, 0.05 * 0.25]))
    torch.testing.assert_close(prototypes.mean, 0.01 * scores.mean(0))
    torch.testing.assert_close(prototypes.square, 0.99 + 0.01 * scores.square().mean(0))
