"""The native kernel: steps of the rule in C++, several times faster than PyTorch, codes equal.

It is what training steps forward with. `golden.naive` says what it computes; a test compares them.
"""

from __future__ import annotations

import os
from collections import Counter
from ctypes import CDLL, c_int, c_void_p
from pathlib import Path

import numpy as np

from golden.native.build import Source, Unavailable, kept_library, library
from golden.spec import Spec

__all__ = ["Kernel", "choose_kernel", "find_kernel"]

STEPS = Source(
    path=Path(__file__).with_name("steps.cpp"),
    functions=("thalweg_steps",),
    title="native kernel",
)

WORTH = 10**11
"""Products that take PyTorch about as long as a compiler takes: then the kernel is built."""

done: Counter[tuple[int, int]] = Counter()
"""Products that were computed without the kernel, by channels and multiplier."""


class Kernel:
    """The steps of one rule.

    Parameters
    ----------
    functions : CDLL
        The library for the rule's channels and multiplier.
    spec : Spec
        Lattice and boundary.
    weights : tuple of arrays
        Kernels (multiplier, channels, 3, 3), offsets (multiplier, channels), mix (channels,
        multiplier, channels), filters last, and bias (channels,), float32: integers times powers
        of two, half a step in the offsets.
    """

    def __init__(self, functions: CDLL, spec: Spec, weights: tuple[np.ndarray, ...]) -> None:
        self.functions = functions
        self.spec = spec
        self.weights = [np.ascontiguousarray(weight, np.float32) for weight in weights]

    def advance(self, states: np.ndarray, steps: int, threads: int) -> np.ndarray:
        """Return the states ``steps`` steps later; int8 (B, channels, height, width)."""
        spec, states = self.spec, np.ascontiguousarray(states, np.int8)
        result = np.empty_like(states)
        arrays = [c_void_p(array.ctypes.data) for array in (states, *self.weights, result)]
        wrap = spec.boundary == "wrap"
        sizes = len(states), spec.height, spec.width, wrap, steps, threads
        self.functions.thalweg_steps(*arrays, *(c_int(size) for size in sizes))
        return result


def find_kernel(spec: Spec) -> CDLL:
    """Return the library for a rule's shape, built if need be; raise `Unavailable` if it cannot."""
    return library(STEPS, spec.channels, spec.multiplier)


def choose_kernel(spec: Spec, lattices: int, steps: int) -> CDLL | None:
    """Return the library for a rule's shape if it is worth it, else None.

    It is where it lies in the cache, or once a process has done as much work without it as building
    it takes: a small run waits for no compiler. ``THALWEG_NATIVE=0`` turns it off.
    """
    if os.environ.get("THALWEG_NATIVE") == "0":
        return None
    shape = spec.channels, spec.multiplier
    found = kept_library(STEPS, *shape)
    if found is not None:
        return found
    done[shape] += lattices * steps * spec.cells * spec.filters * (9 + spec.channels)
    if done[shape] < WORTH:
        return None
    try:
        return find_kernel(spec)
    except Unavailable:
        return None
