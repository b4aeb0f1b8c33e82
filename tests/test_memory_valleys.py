"""Valleys of a table of codes whose every orbit is known, and what shakes them."""

import numpy as np
import pytest

from sw.experiments.memory import valleys
from sw.experiments.memory.attractors import Falls, fall
from sw.experiments.memory.spread import entropy
from sw.experiments.memory.starts import noise
from tests.memory_toys import SPEC, Toy, ToyTask, cool, cooled, digits, struck


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch):
    """Batches of two where there were 250."""
    monkeypatch.setattr("sw.experiments.memory.attractors.BATCH", 2)


# Where each code goes: 0 rests; 1, 2, 3 fall to it; 10 to 12 and 20 to 24 are rings, 30 falls to
# the first; 40 to 120 is a ring of 81, longer than counts.
AFTER = {0: 0, 1: 0, 2: 1, 3: 2, 10: 11, 11: 12, 12: 10, 30: 10}
AFTER |= {20 + i: 20 + (i + 1) % 5 for i in range(5)} | {
    40 + i: 40 + (i + 1) % 81 for i in range(81)
}
TABLE = np.array([AFTER.get(code, 0) for code in range(-128, 128)])
STARTS = (3, 1, 30, 12, 20, 100, 0)


def step_on(code, steps):
    for _ in range(steps):
        code = AFTER[code]
    return code


@pytest.mark.parametrize("looks", [range(40), (39, 0, 3)])
def test_looks_see_a_plain_run_whatever_cycle_is_closing(looks):
    codes = sorted(AFTER)
    starts = np.array(codes, np.int8).reshape(-1, 1, 1, 1)
    falls = fall(Toy(lambda c: TABLE[c + 128]), starts, limit=100, looks=tuple(looks))
    for look in looks:
        assert falls.seen[look].ravel().tolist() == [step_on(code, look) for code in codes], look
    found = dict(zip(codes, zip(falls.entry, falls.period, falls.rest, strict=True), strict=True))
    assert found[3] == (3, 1, True) and found[30] == (1, 3, False)
    assert found[22] == (0, 5, False) and found[41] == (0, 81, False)


def test_the_end_of_a_fall_without_a_cycle_is_its_last_lattice():
    starts = np.array([40, 100, 3], np.int8).reshape(-1, 1, 1, 1)
    falls = fall(Toy(lambda c: TABLE[c + 128]), starts, limit=30, looks=(30,))
    assert falls.ends.ravel().tolist() == [70, 49, 0] and falls.keys[:2] == ["", ""]
    assert falls.seen[30].ravel().tolist() == [70, 49, 0]


def test_valleys_of_a_table_of_codes(monkeypatch):
    states = np.zeros((7, *SPEC.lattice), np.int8)
    states[:] = np.array(STARTS).reshape(-1, 1, 1, 1)
    monkeypatch.setattr(valleys, "noise", lambda spec, count, seed: states[:count])
    for name, value in (("LIMIT", 100), ("EARLY", 7), ("LATE", 9), ("SHAKES", ())):
        monkeypatch.setattr(valleys, name, value)
    task = ToyTask(Toy(lambda codes: TABLE[codes + 128]), None, digits(2), noise=7, seed=5)
    results, arrays = valleys.measure(task)

    early = [step_on(code, 7) for code in STARTS]
    late = [step_on(code, 9) for code in STARTS]
    read, later = ([(code + 128) % 10 for code in codes] for codes in (early, late))
    assert early == [0, 0, 10, 10, 22, 107, 0] and late == [0, 0, 12, 12, 24, 109, 0]
    assert (results["at_rest"], results["in_cycles"], results["settled"]) == (42.86, 57.14, 85.71)
    assert results["periods"] == {"3": 2, "5": 1, "81": 1}
    entries = [3, 1, 1, 0, 0, 0, 0]
    assert results["entry_quartiles"] == np.quantile(entries, (0.25, 0.5, 0.75)).tolist()
    assert (results["last_entry"], results["by_step"], results["starts"]) == (3, 100, 7)
    assert results["sure"] == 100  # every pixel is above 90
    same = [a == b for a, b in zip(read, later, strict=True)]
    assert results["sure_and_same_later"] == round(100 * sum(same) / 7, 2) == 42.86
    assert results["digits"] == np.bincount(read, minlength=10).tolist()
    alike = [digit != 0 for digit in read]  # the second referee takes a 0 for a 1
    assert 0 < sum(alike) < 7
    assert results["second"]["agrees"] == round(100 * sum(alike) / 7, 2)
    by_digit = [None if digit not in read else 100 * (digit != 0) for digit in range(10)]
    assert results["second"]["by_digit"] == by_digit
    assert results["entropy_bits"] == round(entropy(np.array(results["digits"])), 3)
    kinds = results["by_kind"]
    assert list(kinds) == ["uniform", "sigma 8", "sigma 16", "sigma 32", "sigma 64"]
    for place, kind in enumerate(kinds):
        assert kinds[kind] == np.bincount(read[place::5], minlength=10).tolist()
    ends = results["attractors"]
    assert ends["distinct"] == 4 and ends["largest_basins"] == [3, 2, 1, 1]
    falls = fall(task.machine, states, limit=100)
    named = dict(zip(falls.keys, falls.ends[:, 0, 0, 0].tolist(), strict=True))
    of_end = [(code + 128) % 10 for code in named.values()]
    assert ends["by_digit"] == np.bincount(of_end, minlength=10).tolist() and 8 in of_end
    np.testing.assert_array_equal(arrays["read"], read)
    np.testing.assert_array_equal(arrays["shown"][:, 2, 3], np.array(early) + 128)


def test_what_is_shaken_and_told_is_that_of_the_early_reading(monkeypatch):
    states = np.zeros((7, *SPEC.lattice), np.int8)
    states[:] = np.array(STARTS).reshape(-1, 1, 1, 1)
    asked, shaken, far = [], [], []
    monkeypatch.setattr(valleys, "noise", lambda *given: asked.append(given) or states)
    monkeypatch.setattr(valleys, "shaken", lambda task, *given: shaken.append(given))
    monkeypatch.setattr(valleys, "apart", lambda *given: far.append(given))
    for name, value in (("LIMIT", 100), ("EARLY", 7), ("LATE", 9)):
        monkeypatch.setattr(valleys, name, value)
    task = ToyTask(Toy(lambda codes: TABLE[codes + 128]), None, digits(2), noise=7, seed=5)
    results, arrays = valleys.measure(task)

    early = np.array([step_on(code, 7) for code in STARTS])
    assert asked == [(SPEC, 7, 5)] and results["seed"] == 5
    ((found, read),) = shaken
    assert found[:, 0, 0, 0].tolist() == early.tolist()
    assert read.tolist() == ((early + 128) % 10).tolist()
    np.testing.assert_allclose(arrays["sure"], (early + 128) / 100, rtol=1e-6)
    (lattices, groups), (images, same) = far
    assert lattices.dtype == np.int8 and images.dtype == np.uint8
    np.testing.assert_array_equal(images, lattices[:, 0].astype(int) + 128)
    assert groups.tolist() == same.tolist() == (images[:, 0, 0] % 10).tolist()


def falls_of(keys, periods):
    """Return falls that ended so; a period of 1 is rest."""
    count, periods = len(keys), np.array(periods)
    ends = np.zeros((count, *SPEC.lattice), np.int8)
    return Falls(np.arange(count), periods, periods == 1, keys, ends, {})


def test_the_ten_largest_basins_are_told_and_no_start_without_an_end_is_one():
    keys = [f"{n:02}" for n in range(1, 13) for _ in range(n)] + [""] * 20
    task = ToyTask(Toy(lambda codes: codes), None, digits(2))
    found = valleys.attractors(task, falls_of(keys, [1] * len(keys)))
    assert found["largest_basins"] == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]
    assert found["distinct"] == sum(found["by_digit"]) == 12


def test_cycles_of_up_to_64_steps_count_as_settled():
    found = valleys.fall_numbers(falls_of(["x"] * 8, [1, 1, 2, 64, 65, 64, 0, 0]))
    assert (found["at_rest"], found["in_cycles"], found["settled"]) == (25, 50, 62.5)
    assert found["periods"] == {"2": 1, "64": 2, "65": 1}
    assert (found["last_entry"], found["entry_quartiles"]) == (5, [1.25, 2.5, 3.75])


def test_moves_are_counted_however_many_there_are(monkeypatch):
    monkeypatch.setattr(valleys, "SHAKES", ())
    states = np.zeros((300, *SPEC.lattice), np.int8)
    task = ToyTask(Toy(lambda codes: codes), None, digits(2))
    (move,) = valleys.shaken(task, states, np.full(300, 8))["moves"].values()
    assert move["from_to"][8][8] == 300 and move["returned"] == 100


def test_unsure_readings_do_not_count(monkeypatch):
    """A pixel of 89 is read with a confidence of 0.89, below what counts."""
    states = np.zeros((4, *SPEC.lattice), np.int8)
    states[:] = np.array([89, 90, 91, 10]).reshape(-1, 1, 1, 1) - 128
    monkeypatch.setattr(valleys, "noise", lambda spec, count, seed: states)
    monkeypatch.setattr(valleys, "SHAKES", ())
    task = ToyTask(Toy(lambda codes: codes), None, digits(2), noise=4)
    results, _ = valleys.measure(task)
    assert results["sure"] == results["sure_and_same_later"] == 50
    assert results["second"]["agrees"] == 25  # a 90 is a 0, which that takes for a 1
    assert results["at_rest"] == results["settled"] == 100 and results["in_cycles"] == 0


def test_shaken_lattices_are_followed_to_the_later_reading(monkeypatch):
    states = np.zeros((5, *SPEC.lattice), np.int8)
    states[:] = np.array([100, 61, 1, 2, 100]).reshape(-1, 1, 1, 1)
    monkeypatch.setattr(valleys, "SHAKEN", 3)
    monkeypatch.setattr(valleys, "EARLY", 7)
    monkeypatch.setattr(valleys, "LATE", 12)
    monkeypatch.setattr(valleys, "SHAKES", (4, 64))
    task = ToyTask(Toy(cool), None, digits(2), noise=5, seed=3)
    before = np.array([8, 9, 8])
    found = valleys.shaken(task, states[:3], before)

    def moves(hurt):
        after = [(int(code) + 128) % 10 for code in cooled(hurt, 5)[:, 0, 0, 0]]
        table = np.zeros((10, 10), int)
        for one, other in zip(before, after, strict=True):
            table[one, other] += 1
        same = sum(a == b for a, b in zip(before, after, strict=True))
        return {"returned": round(100 * same / 3, 2), "from_to": table.tolist()}

    assert found["moves"]["cells lost"] == moves(struck(states[:3], 7, 0.3))
    for sigma in (4, 64):
        hurt = np.stack([
            (
                state
                + np.rint(np.random.default_rng([3, index, sigma]).normal(0, sigma, state.shape))
            )
            .clip(-128, 127)
            .astype(np.int8)
            for index, state in enumerate(states[:3])
        ])
        assert found["moves"][f"noise {sigma}"] == moves(hurt)
    assert (found["starts"], found["share_of_cells"]) == (3, 0.3)


def test_only_so_many_starts_are_shaken(monkeypatch):
    monkeypatch.setattr(valleys, "SHAKEN", 2)
    monkeypatch.setattr(valleys, "SHAKES", (4,))
    task = ToyTask(Toy(cool), None, digits(2), noise=5)
    results, _ = valleys.measure(task)
    assert results["shaken"]["starts"] == 2 and results["starts"] == 5
    for move in results["shaken"]["moves"].values():
        assert np.sum(move["from_to"]) == 2


def test_noise_differs_by_start_and_by_seed():
    states = noise(SPEC, 12, seed=4)
    for index in (0, 5, 10):
        rng = np.random.default_rng([4, index])
        np.testing.assert_array_equal(states[index], rng.integers(-128, 128, SPEC.lattice))
    for index, sigma in ((1, 8), (7, 16), (3, 32), (9, 64)):
        drawn = np.rint(np.random.default_rng([4, index]).normal(0, sigma, SPEC.lattice))
        np.testing.assert_array_equal(states[index], drawn.clip(-128, 127))
    assert len({state.tobytes() for state in [*states, *noise(SPEC, 12, seed=5)]}) == 24


def test_entropy_is_counted_in_bits():
    assert entropy(np.array([4, 4, 4, 4])) == 2
    assert entropy(np.array([2, 1, 1])) == 1.5
