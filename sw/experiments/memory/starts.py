"""Where falls begin: noise, and what is done to lattices on their way. Everything has its seed."""

from __future__ import annotations

import numpy as np

from golden.fixed import STATE
from golden.spec import Spec
from sw.data.noise import KINDS, gaussian, noise_lattice

__all__ = ["choose_lost_cells", "disturb", "noise", "zero_cells"]


def noise(spec: Spec, count: int, seed: int) -> np.ndarray:
    """Return lattices of pure noise, int8 (count, channels, height, width).

    Start i depends on ``seed`` and i alone, so that fewer starts are the first of more; its kind is
    ``KINDS[i % 5]``.
    """
    starts = np.empty((count, *spec.lattice), np.int8)
    for index, start in enumerate(starts):
        start[...] = noise_lattice(spec, np.random.default_rng([seed, index]), index % len(KINDS))
    return starts


def choose_lost_cells(
    spec: Spec, indices: np.ndarray | range, step: int, share: float
) -> np.ndarray:
    """Return which cells are lost after ``step``: bool (n, cells), drawn by index and step."""
    lost = np.zeros((len(indices), spec.cells), bool)
    for row, index in zip(lost, indices, strict=True):
        order = np.random.default_rng([int(index), step]).permutation(spec.cells)
        row[order[: round(spec.cells * share)]] = True
    return lost


def zero_cells(states: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the states with all channels of the chosen cells, bool (n, cells), set to 0."""
    return np.where(cells.reshape(len(cells), 1, *states.shape[2:]), np.int8(0), states)


def disturb(states: np.ndarray, sigma: int, seed: int) -> np.ndarray:
    """Return the states with Gaussian noise of ``sigma`` codes added, saturated."""
    disturbed = np.empty_like(states)
    for index, (before, after) in enumerate(zip(states, disturbed, strict=True)):
        rng = np.random.default_rng([seed, index, sigma])
        after[...] = STATE.clamp(before + gaussian(rng, sigma, before.shape))
    return disturbed
