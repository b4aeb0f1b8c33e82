"""A few digits, and arrays of which one number is another, for tests of digests."""

import numpy as np

from sw.data.load import Digits

DIGITS = Digits(
    np.arange(72, dtype=np.uint8).reshape(2, 6, 6),
    np.array([3, 4], np.uint8),
    np.arange(36, dtype=np.uint8).reshape(1, 6, 6),
    np.array([5], np.uint8),
    "nowhere",
)


def moved(array):
    """Return the array with its last number moved by one."""
    other = np.array(array)
    other.flat[-1] = other.flat[-1] - 1 if other.flat[-1] > 0 else other.flat[-1] + 1
    return other
