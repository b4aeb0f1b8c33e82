"""Lattices of pure noise: their range, their deviation and what they are drawn from."""

import numpy as np
import pytest

from golden.spec import Spec
from sw.data.noise import KINDS, noise_lattice

SPEC = Spec(height=16, width=8, channels=3, image=4)


def draw(kind):
    return noise_lattice(SPEC, np.random.default_rng(5), kind)


def test_kinds_are_named_in_their_order():
    assert KINDS == ("uniform", "sigma 8", "sigma 16", "sigma 32", "sigma 64")


def test_uniform_noise_takes_every_code():
    want = np.random.default_rng(5).integers(-128, 128, (3, 16, 8))
    np.testing.assert_array_equal(draw(0), want)
    assert draw(0).dtype == np.int8 and {*draw(0).flat} >= {-128, 127}


@pytest.mark.parametrize(("kind", "sigma"), [(1, 8), (2, 16), (3, 32), (4, 64)])
def test_gaussian_noise_is_rounded_and_saturates(kind, sigma):
    want = np.random.default_rng(5).normal(0, sigma, (3, 16, 8))
    np.testing.assert_array_equal(draw(kind), np.rint(want).clip(-128, 127))
    assert draw(kind).dtype == np.int8
