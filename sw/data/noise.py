"""Lattices of pure noise, from which a run can start instead of an image."""

from __future__ import annotations

import numpy as np

from golden.fixed import STATE
from golden.spec import Spec

__all__ = ["KINDS", "gaussian", "noise_lattice"]

SIGMAS = (8, 16, 32, 64)
KINDS = ("uniform", *(f"sigma {sigma}" for sigma in SIGMAS))
"""Kinds of noise: uniform over the whole range, or Gaussian with a deviation in codes."""


def gaussian(rng: np.random.Generator, sigma: float, shape: tuple[int, ...]) -> np.ndarray:
    """Draw integers around 0 with a standard deviation."""
    return np.rint(rng.normal(0, sigma, shape))


def noise_lattice(spec: Spec, rng: np.random.Generator, kind: int) -> np.ndarray:
    """Draw a lattice of the kind ``KINDS[kind]``: int8 (channels, height, width)."""
    if kind == 0:
        return rng.integers(STATE.min, STATE.max + 1, spec.lattice).astype(np.int8)
    return STATE.clamp(gaussian(rng, SIGMAS[kind - 1], spec.lattice)).astype(np.int8)
