"""What a batch that holds is made of, and what its parts hand each other."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sw.train.hold as holds
from sw.train.hold import Fresh, Lesson, begin_holding, hold, holding, run_fresh
from sw.train.learner import begin
from sw.train.pool import Pool, Prototypes
from tests.test_recipes import CORNERS, GATE, LABELS, SMALL, learner_of, machine_of, memory

pytestmark = pytest.mark.usefixtures("one_thread")


def lesson_of(learner, machine, options, seed):
    """What the parts of a batch share; its digits are corners of show digits."""
    return Lesson(learner, machine, CORNERS, options, np.random.default_rng(seed))


def fresh_of(monkeypatch, steps=8, gate=GATE, seed=1, digits=10, noise=2):
    """Fresh digits and noise in a world that stands still, and what the parts were handed."""
    seen = {"planes": [], "steps": [], "states": []}
    spec, options = replace(SMALL, steps=steps, gate=gate), memory(batch=8)
    prototypes = Prototypes.of(torch.arange(10.0).view(10, 1, 1) * torch.ones(10, 8, 8))

    def lost_cells(spec, count, shares, device):
        seen["lost"] = (count, shares, device)
        return torch.zeros(count, 1, 1, 1)

    def assign(self, planes, spec):
        seen["planes"].append(planes)
        return torch.zeros(len(planes), dtype=torch.long)

    def encode(damaged):
        seen["laid"] = tuple(damaged.shape)
        return torch.ones(10, 4, 10, 10)

    def advance(states, step):
        seen["steps"].append(step)
        seen["states"].append(states)
        return states

    monkeypatch.setattr("sw.train.draw.lost_cells", lost_cells)
    monkeypatch.setattr(Prototypes, "assign", assign)
    learner = learner_of("hold", spec=spec, prototypes=prototypes)
    machine = machine_of(spec, encode=encode, advance=advance)
    fresh = run_fresh(lesson_of(learner, machine, options, seed), digits, noise)
    seen["born"] = seen["states"][0]
    return fresh, seen


@pytest.mark.parametrize(("gate", "channel"), [(GATE, 2), (None, 0)])
def test_noise_is_assigned_by_what_the_gate_reads(monkeypatch, gate, channel):
    _, seen = fresh_of(monkeypatch, gate=gate)
    assert torch.equal(seen["planes"][0], seen["born"][10:, channel])
    assert len(seen["planes"]) == 1 and seen["steps"] == list(range(1, 9))
    assert seen["lost"] == (2, (0.25, 0.35), "cpu")
    assert seen["laid"] == (10, 8, 8), "digits alone"
    assert seen["born"][10:].std() > 1, "of noise"


def test_noise_of_a_short_run_is_assigned_at_its_end(monkeypatch):
    _, seen = fresh_of(monkeypatch, steps=3)
    assert len(seen["planes"]) == 1


def test_digits_lose_cells_after_the_fourth_to_the_sixth_step(monkeypatch):
    found = set()
    for seed in range(20):
        states = fresh_of(monkeypatch, seed=seed)[1]["states"]
        found.add(sum(bool(each[0].any()) for each in states))  # steps that it is whole before
    assert found == {4, 5, 6}


def test_one_digit_at_least_loses_cells(monkeypatch):
    asked, seen = [], []

    def draw(images, options, rng, count):
        asked.append((images is CORNERS, count))
        return torch.full((count, 8, 8), 9.0), torch.full((count, 8, 8), 5.0)

    def encode(damaged):
        return damaged.mean() * torch.ones(len(damaged), *SMALL.lattice)

    monkeypatch.setattr(holds, "draw", draw)
    monkeypatch.setattr(Prototypes, "assign", lambda self, planes, spec: torch.arange(3))
    prototypes = Prototypes.of(torch.arange(10.0).view(10, 1, 1) * torch.ones(10, 8, 8))
    learner = learner_of(prototypes=prototypes)
    machine = machine_of(
        replace(SMALL, steps=8),
        encode=encode,
        advance=lambda states, step: seen.append(states) or states,
    )
    for digits, few in ((1, 1), (2, 1), (7, 1), (8, 2), (10, 2)):
        seen.clear()
        fresh = run_fresh(lesson_of(learner, machine, memory(batch=8), 0), digits, 3)
        born = seen[0]
        lost = [not torch.equal(*pair) for pair in zip(born, fresh.states, strict=True)]
        assert (fresh.digits, fresh.few) == (digits, few)
        assert lost == [True] * few + [False] * (digits + 3 - few)
        assert born[:digits].eq(5).all(), "damaged digits are laid,"
        shall = [9] * digits + [0, 1, 2]
        assert fresh.targets[:, 0, 0].tolist() == shall, "and shall be whole"
        assert asked.pop() == (True, digits)


def known(lesson, digits, noise):
    """Fresh digits and noise that are zero and shall be."""
    count = digits + noise
    return Fresh(torch.zeros(count, *SMALL.lattice), torch.zeros(count, 8, 8), digits, 1)


@pytest.mark.parametrize(("batch", "parts"), [(3, (1, 1, 1)), (32, (16, 13, 3)), (40, (20, 16, 4))])
def test_a_batch_is_of_held_states_fresh_digits_and_noise(monkeypatch, batch, parts):
    made = []

    def run(lesson, digits, noise):
        fresh = known(lesson, digits, noise)
        made.append((lesson, digits, noise, fresh))
        return fresh

    monkeypatch.setattr(holds, "run_fresh", run)
    monkeypatch.setattr(holds, "holding", lambda *given: made.append(given) or torch.zeros(()))
    kept = SimpleNamespace(put=lambda *given: None)
    learner, machines = learner_of("hold", pool=kept, prototypes="prototypes"), []
    machine = machine_of()
    learner.machine = lambda dropout: machines.append(dropout) or machine
    options = memory(batch=batch, dropout=0.25)
    hold(learner, CORNERS, options)
    held, digits, noise = parts
    lesson, *rest, fresh = made[0]
    assert rest == [digits, noise] and made[1:] == [(lesson, held, fresh)]
    assert lesson.learner is learner and lesson.machine is machine and machines == [0.25]
    assert lesson.images is CORNERS and lesson.options is options


def test_as_many_states_go_to_the_pool_as_chance_has_it(monkeypatch):
    counts = {True: [], False: []}
    monkeypatch.setattr(holds, "run_fresh", known)
    monkeypatch.setattr(holds, "holding", lambda *given: torch.zeros(()))
    put = lambda states, targets, age, noise, rng: counts[noise].append(len(states))  # noqa: E731
    learner = learner_of("hold", pool=SimpleNamespace(put=put), prototypes="prototypes")
    for learner.batch in range(400):
        hold(learner, CORNERS, memory(batch=32))
    assert np.mean(counts[True]) == pytest.approx(32 / 160, abs=0.05)
    assert np.mean(counts[False]) == pytest.approx(32 / 100, abs=0.05)
    assert set(counts[True]) == set(counts[False]) == {0, 1}


def carried(monkeypatch, seed, count=6, **told):
    """Hold a pool in a world that stands still; return what the parts were handed."""
    seen = {"machines": set(), "lost": [], "shown": 0}
    pool = Pool(
        torch.full((8, *SMALL.lattice), 20.0),
        torch.zeros(8, 8, 8),
        torch.full((8,), 40),
        torch.zeros(8, dtype=torch.bool),
    )
    fresh = SimpleNamespace(
        few=1, states=torch.full((4, *SMALL.lattice), 126.9), targets=torch.zeros(4, 8, 8)
    )

    def lost_cells(spec, number, shares, device):
        seen["lost"].append((number, shares))
        return torch.ones(number, 1, 1, 1)

    def shown(states):
        seen["shown"] += 1
        return torch.arange(float(len(states))).view(-1, 1, 1) * torch.ones(len(states), 8, 8)

    def machine(name):
        def advance(states, step):
            seen["machines"].add(name)
            seen.setdefault("first", states)
            return states

        return machine_of(
            advance=advance, readout=shown, stretched=lambda times: machine(f"{times} times")
        )

    monkeypatch.setattr(holds, "lost_cells", lost_cells)
    monkeypatch.setattr(Pool, "carry", lambda self, *given: seen.update(carried=given))
    learner = learner_of("hold", pool=pool, prototypes="prototypes")
    lesson = lesson_of(learner, machine("usual"), memory(batch=8, **told), seed)
    seen["value"] = holding(lesson, count, fresh)
    return seen


def test_half_of_the_batches_take_longer_steps(monkeypatch):
    found = [carried(monkeypatch, seed)["machines"] for seed in range(40)]
    assert all(each in ({"usual"}, {"1.5 times"}) for each in found)
    assert 12 <= found.count({"usual"}) <= 28
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rng.permutation(8)
        longer = rng.random() < 0.5
        assert found[seed] == ({"1.5 times"} if longer else {"usual"})


def test_what_lost_no_cells_is_carried_on_with_what_it_shows(monkeypatch):
    seen = carried(monkeypatch, 5)
    rows, states, shown, steps, prototypes = seen["carried"]
    order = np.random.default_rng(5).permutation(8)[:6].tolist()
    assert rows.tolist() == order[2:]
    assert shown[:, 0, 0].tolist() == [4, 5, 6, 7], "two young ones and two that lost cells before"
    assert (len(states), steps, prototypes) == (4, 10, "prototypes")
    assert seen["lost"] == [(3, (0.25, 0.35))] and seen["shown"] == 10


def test_what_is_disturbed_stays_within_the_codes(monkeypatch):
    monkeypatch.setattr(holds, "DISTURBANCE", 1000.0)
    torch.manual_seed(0)
    first = carried(monkeypatch, 5)["first"]
    assert (first.min(), first.max()) == (-128, 127)


def test_the_largest_disturbance_is_three_codes_of_deviation(monkeypatch):
    torch.manual_seed(0)
    spreads = [
        float(each.std()) for seed in range(30) for each in carried(monkeypatch, seed)["first"][4:6]
    ]
    assert 2.7 < max(spreads) < 3.3
    assert 1.2 < np.mean(spreads) < 1.8, "drawn evenly from none on"


def test_the_pool_has_eight_batches_drawn_apart_from_all_others(monkeypatch):
    options, made, puts = memory(batch=5), [], []

    def run(lesson, digits, noise):
        assert lesson.learner is learner and lesson.images is CORNERS and lesson.options is options
        made.append((digits, noise, lesson.rng.bit_generator.state["state"]["state"]))
        states = torch.arange(digits + noise)
        return Fresh(states, states + 100, digits, 1)

    monkeypatch.setattr(holds, "run_fresh", run)
    monkeypatch.setattr(
        Pool,
        "put",
        lambda self, states, targets, age, noise, rng: puts.append((
            states.tolist(),
            targets.tolist(),
            age,
            noise,
        )),
    )
    learner = begin(options)
    begin_holding(learner, CORNERS, LABELS, options)
    rng = np.random.default_rng([0, 3, 1 << 30])
    rng.integers(1 << 62)

    assert made == [(2, 2, rng.bit_generator.state["state"]["state"])] * 10
    assert puts == [([0, 1], [100, 101], 3, False), ([2, 3], [102, 103], 3, True)] * 10
    assert learner.pool.states.shape == (40, 4, 10, 10)
    assert learner.pool.targets.shape == (40, 8, 8)
    assert not learner.pool.open.any() and learner.pool.ages.eq(1 << 30).all()


def test_digits_are_weighed_by_decibels_where_told_and_noise_and_held_states_never(monkeypatch):
    def run(lesson, digits, noise):
        fresh = known(lesson, digits, noise)
        return replace(fresh, targets=fresh.targets + 51)

    monkeypatch.setattr(holds, "run_fresh", run)
    monkeypatch.setattr(holds, "holding", lambda *given: torch.zeros(()))
    learner = learner_of("hold", pool=SimpleNamespace(put=lambda *given: None), prototypes=1)
    found = hold(learner, CORNERS, memory(batch=32, loss="psnr"))
    decibels = 5e-3 * np.log(0.041)
    assert found.value.item() == pytest.approx(12 * decibels + 0.4 * 0.04)


def test_young_digits_that_are_held_are_weighed_by_decibels_where_told(monkeypatch):
    found = {}
    for loss in ("mse", "psnr"):
        with monkeypatch.context() as patch:
            patch.setattr(holds, "overflow", lambda states: 0.0)
            found[loss] = carried(patch, 5, loss=loss)["value"].item()
    # Each shows its row, 0 to 7, and shall show 0; the two young ones in the last six of ten steps.
    errors = [(row / 255) ** 2 for row in range(8)]
    young = [5e-3 * np.mean(np.log(np.add(errors[:2], 1e-3))), np.mean(errors[:2])]
    wanted = 0.6 * (young[0] - young[1])
    assert found["psnr"] - found["mse"] == pytest.approx(wanted, rel=1e-4)
