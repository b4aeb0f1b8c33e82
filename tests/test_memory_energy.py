import numpy as np
import pytest

from sw.experiments.memory.energy import Plane, energy, field_numbers, minima, plane_through, reach
from sw.experiments.memory.landscape import PATH, between


class Halving:
    """Each step halves every code, towards zero: all that is falls to 0."""

    period = 1

    def advance(self, states, step):
        return np.trunc(states / 2).astype(np.int8)

    def phase(self, step):
        return 0


def test_energy_of_a_known_fall():
    states = np.zeros((2, 1, 2, 2), np.int8)
    states[0] = 64
    found = energy(Halving(), states, 5, 20)
    assert found.to_end.tolist() == [64, 0] and found.motion.tolist() == [32, 0]
    assert not found.ends.any()


def test_energy_is_a_root_mean_square_over_all_channels():
    states = np.zeros((2, 3, 2, 2), np.int8)
    states[0, 1], states[1, :, 0, 0] = 6, -48
    found = energy(Halving(), states, 5, 20)
    np.testing.assert_allclose(found.to_end, [np.sqrt(36 / 3), np.sqrt(48**2 / 4)], rtol=1e-6)
    np.testing.assert_allclose(found.motion, [np.sqrt(9 / 3), np.sqrt(24**2 / 4)], rtol=1e-6)


def test_a_plane_goes_through_what_lies_on_it():
    rng = np.random.default_rng(0)
    one, two = np.zeros((2, 1, 4, 4))
    one[0, 0, 0], two[0, 2, 1] = 1, 1
    places = np.rint(rng.normal(0, [[20, 5]], (30, 2)))
    states = np.einsum("nk,kchw->nchw", places, np.stack([one, two])).astype(np.int8)
    plane = plane_through(states)
    for place, state in zip(plane.places, states, strict=True):
        (found,) = plane.lattices(place[:1], place[1:])
        np.testing.assert_array_equal(found, state)
    spread = plane.places.std(axis=0)
    assert spread[0] > spread[1] > 0
    assert plane.lattices(np.arange(3), np.arange(2)).shape == (6, 1, 4, 4)


def test_crossings_lie_row_by_row_each_at_the_nearest_code():
    directions = one, two = np.zeros((2, 1, 2, 2), np.float32)
    one[0, 0, 0], two[0, 1, 1] = 1, 1
    centre = np.full((1, 2, 2), 10, np.float32)
    plane = Plane(centre, directions, np.zeros((0, 2)))
    lattices = plane.lattices(np.array([1.6, -3, 200]), np.array([0, -1.4]))
    assert lattices[:, 0, 0, 0].tolist() == [12, 7, 127, 12, 7, 127]
    assert lattices[:, 0, 1, 1].tolist() == [10, 10, 10, 9, 9, 9]
    assert (lattices[:, 0, 0, 1] == 10).all() and (lattices[:, 0, 1, 0] == 10).all()


def test_minima_lie_below_all_their_neighbours():
    field = np.ones((5, 7))
    assert minima(field) == 0
    field[1, 1] = field[3, 4] = 0
    assert minima(field) == 2
    field[2, 5] = 0  # as low as its neighbour: neither is below the other
    assert minima(field) == 1
    field[0, 6] = -1  # at the edge
    assert minima(field) == 1


def test_reach_of_a_wave_grows_with_its_length():
    x = np.arange(64)
    waves = [np.cos(2 * np.pi * x / length)[:, None] * np.ones(64) for length in (16, 32)]
    rows = [wave + wave.T for wave in waves]
    short, long = (reach(row) for row in rows)
    # Along each axis one wave moves and the other stays: (cos + 1) / 2 falls to 1 / e.
    assert short == pytest.approx(16 * np.arccos(2 / np.e - 1) / (2 * np.pi), rel=0.1)
    assert long == pytest.approx(2 * short, rel=0.1)
    assert reach(np.ones((4, 4))) is None


def correlation(field, lag):
    """The mean along rows and columns, over the mean square, summed up pair by pair."""
    values = field - field.mean()
    rows, columns = field.shape
    down = [values[y, x] * values[y + lag, x] for y in range(rows - lag) for x in range(columns)]
    across = [values[y, x] * values[y, x + lag] for y in range(rows) for x in range(columns - lag)]
    return (np.mean(down) + np.mean(across)) / 2 / np.mean(values**2)


@pytest.mark.parametrize("turned", [False, True])
def test_reach_is_where_the_mean_of_both_correlations_falls_below_an_eth(turned):
    y, x = np.indices((6, 9))
    field = 7 + np.cos(y) + 0.5 * np.cos(x / 2.1) + 0.1 * x
    field = field.T if turned else field
    one, two = correlation(field, 1), correlation(field, 2)
    assert one > np.exp(-1) > two
    want = 1 + (one - np.exp(-1)) / (one - two)
    assert reach(field) == pytest.approx(want, abs=6e-3)


def test_reach_is_looked_for_up_to_the_last_lag_of_the_shorter_side():
    step = np.array([0.0, 0, 0, 1])[:, None] * np.ones(9)
    assert correlation(step, 1) > np.exp(-1) > 0
    lags = [correlation(step, lag) for lag in (1, 2, 3)]
    below = next(lag for lag, value in enumerate(lags, 1) if value < np.exp(-1))
    last = [1.0, *lags]
    want = below - 1 + (last[below - 1] - np.exp(-1)) / (last[below - 1] - last[below])
    assert reach(step) == pytest.approx(want, abs=6e-3)
    slope = np.arange(40.0)[None] * np.ones((3, 1))  # alike over longer ways than it is high
    assert reach(slope) is None
    short = np.array([[0.0, 0, 0, 0], [3, 3, 3, 3]])  # lag 1 is the only one, and above
    assert correlation(short, 1) == 0 and reach(short) == round((1 - np.exp(-1)) / 1, 2)


def test_a_field_is_told_with_three_places():
    field = np.full((5, 5), 2.0)
    field[1, 1], field[3, 3] = 0.12345, 9.87654
    found = field_numbers(field)
    assert (found["lowest"], found["mean"], found["highest"]) == (0.123, 2.24, 9.877)
    assert (found["minima"], found["reach"]) == (1, reach(field))


def test_directions_point_to_their_largest_number():
    rng = np.random.default_rng(1)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        states = rng.integers(-128, 128, (5, 1, 3, 3)).astype(np.int8)
        plane = plane_through(states)
        for direction in plane.directions.reshape(2, -1):
            assert direction[abs(direction).argmax()] > 0
            assert np.linalg.norm(direction) == pytest.approx(1, rel=1e-5)
        np.testing.assert_allclose(plane.centre, states.mean(axis=0), rtol=1e-5)


def test_paths_lead_from_the_surest_of_a_digit_to_that_of_the_next():
    ends = np.array([10, 20, 90, -128, 127], np.int8).reshape(-1, 1, 1, 1)
    walk = between(ends, np.array([1, 3, 3, 7, 1]), np.array([0.9, 0.4, 0.8, 1.0, 0.5]))
    assert walk.shape == (3, PATH, 1, 1, 1)
    ways = walk[..., 0, 0, 0]
    assert ways[:, [0, -1]].tolist() == [[10, 90], [90, -128], [-128, 10]]
    assert ways[0].tolist() == np.linspace(10, 90, PATH).round().tolist()
