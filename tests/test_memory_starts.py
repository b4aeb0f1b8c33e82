import numpy as np
import pytest

from golden.spec import Spec
from sw.experiments.memory.faults import DeadRows, Flips, StuckChannel
from sw.experiments.memory.spread import apart, entropy
from sw.experiments.memory.starts import choose_lost_cells, disturb, noise, zero_cells

SPEC = Spec()


def test_fewer_starts_are_the_first_of_more_and_a_seed_is_a_seed():
    ten = noise(SPEC, 10, seed=7)
    np.testing.assert_array_equal(noise(SPEC, 4, seed=7), ten[:4])
    assert not np.array_equal(noise(SPEC, 4, seed=8), ten[:4])
    assert len({start.tobytes() for start in ten}) == 10


def test_kinds_of_noise_take_turns():
    spreads = noise(SPEC, 10, seed=0).reshape(10, -1).std(axis=1)
    for index, spread in enumerate((73.9, 8, 16, 32, 62)):  # 64 loses its tails to saturation
        assert spreads[index] == pytest.approx(spread, rel=0.03)
        assert spreads[index + 5] == pytest.approx(spread, rel=0.03)


def test_cells_are_lost_by_the_protocol():
    lost = choose_lost_cells(SPEC, range(3, 5), 9, 0.3)
    for row, index in zip(lost, (3, 4), strict=True):
        want = np.random.default_rng([index, 9]).permutation(1024)[:307]
        assert set(np.flatnonzero(row)) == set(want)
    assert choose_lost_cells(SPEC, range(1), 9, 0.7).sum() == 717  # to the nearest cell
    states = np.ones((2, 16, 32, 32), np.int8)
    found = zero_cells(states, lost)
    for channel in (0, 15):
        np.testing.assert_array_equal(found[:, channel].reshape(2, -1), ~lost)


def test_disturbance_has_its_strength_and_saturates():
    states = np.zeros((2, 16, 32, 32), np.int8)
    states[1] = 127
    found = disturb(states, 8, seed=1).astype(int)
    assert found[0].std() == pytest.approx(8, rel=0.03)
    assert found[1].max() == 127 and 0.4 < np.mean(found[1] == 127) < 0.6
    np.testing.assert_array_equal(found, disturb(states, 8, seed=1))


def test_entropy_of_known_distributions():
    assert entropy(np.full(10, 7)) == pytest.approx(np.log2(10))
    assert entropy(np.array([3, 3, 0])) == 1
    assert entropy(np.array([5, 0])) == entropy(np.zeros(3)) == 0


def test_distances_within_and_between_groups():
    points = np.array([[0, 0], [0, 2], [30, 40], [30, 42]])
    found = apart(points, np.array([1, 1, 5, 5]))
    assert found["within"] == pytest.approx(2 / np.sqrt(2), abs=1e-3)
    assert found["between"] == pytest.approx(50 / np.sqrt(2), rel=0.01)
    assert found["silhouette"] == pytest.approx(1 - 2 / 50, abs=2e-3)
    mixed = apart(points, np.array([1, 5, 1, 5]))
    assert mixed["silhouette"] < 0


def test_distances_are_told_with_three_places_and_silhouettes_with_four():
    found = apart(np.array([[0.0], [1], [3], [0.5]]), np.array([1, 1, 1, 2]))
    assert found["within"] == 2 and found["between"] == round((0.5 + 0.5 + 2.5) / 3, 3) == 1.167
    far = apart(np.array([[0.0], [1], [7], [9]]), np.array([1, 1, 2, 2]))
    parts = [(8 - 1) / 8, (7 - 1) / 7, (6.5 - 2) / 6.5, (8.5 - 2) / 8.5]
    assert far["silhouette"] == round(sum(parts) / 4, 4)
    assert far["between"] == 7.5


def test_two_groups_of_one_have_nothing_within_and_no_silhouette():
    found = apart(np.array([[0.0], [3]]), np.array([4, 5]))
    assert found == {"within": None, "between": 3.0, "silhouette": None}


def test_a_single_group_has_no_silhouette():
    assert apart(np.eye(3), np.zeros(3))["silhouette"] is None
    nothing = {"within": None, "between": None, "silhouette": None}
    assert apart(np.eye(1), np.zeros(1)) == apart(np.eye(0), np.zeros(0)) == nothing


def test_flips_are_as_many_as_their_rate_says_all_over_the_lattice():
    stored = np.zeros((3, 16, 32, 32), np.int8)
    bits = np.unpackbits(Flips(0.01, range(7, 10)).strike(stored, 3).view(np.uint8), axis=-1)
    bits = bits.reshape(3, 16, 32, 32, 8)
    for lattice in bits:
        assert lattice.mean() == pytest.approx(0.01, rel=0.1)
    for axis in range(1, 5):
        others = tuple(other for other in range(5) if other != axis)
        part = bits.mean(axis=others)
        assert part.min() > 0.005 and part.max() < 0.015


def test_flips_depend_on_position_and_step_alone():
    stored = np.random.default_rng(0).integers(-128, 128, (3, 4, 8, 8)).astype(np.int8)
    found = Flips(0.05, range(7, 10)).strike(stored, 3)
    again = Flips(0.05, range(8, 9)).strike(stored[1:2], 3)
    np.testing.assert_array_equal(found[1:2], again)
    flipped = stored ^ found
    assert len({each.tobytes() for each in flipped}) == 3
    assert (flipped[0] != (stored ^ Flips(0.05, range(7, 10)).strike(stored, 4))[0]).any()
    np.testing.assert_array_equal(Flips(0.0, range(3)).strike(stored, 3), stored)
    np.testing.assert_array_equal(Flips(1.0, range(3)).strike(stored, 3), ~stored)


def test_a_stuck_channel_and_dead_rows_are_those_that_were_named():
    stored = np.full((2, 3, 4, 5), 9, np.int8)
    stuck, dead = StuckChannel(1, -7).strike(stored, 0), DeadRows((1, 3)).strike(stored, 0)
    assert (stuck[:, 1] == -7).all() and (stuck[:, [0, 2]] == 9).all()
    assert (dead[:, :, [1, 3]] == 0).all() and (dead[:, :, [0, 2]] == 9).all()
    assert (stored == 9).all() and (StuckChannel(2).strike(stored, 0)[:, 2] == 0).all()
