"""Energy of lattices: how far each is from where it falls to, and how far its next step goes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from golden.fixed import STATE
from golden.machine import Machine, follow

__all__ = ["Energy", "Plane", "energy", "field_numbers", "minima", "plane_through", "reach"]


class Energy(NamedTuple):
    """Energies of n lattices in codes, root mean square over a lattice, and where they fell to."""

    to_end: np.ndarray
    motion: np.ndarray
    ends: np.ndarray


def energy(machine: Machine, states: np.ndarray, step: int, steps: int) -> Energy:
    """Let the states after ``step`` fall for ``steps`` steps, and return their energies."""
    (_, after), (_, ends) = follow(machine, states, step, [step + 1, step + steps])
    return Energy(distance(states, ends), distance(states, after), ends)


def distance(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the root mean square of the difference of each pair of lattices."""
    difference = ones.astype(np.float32) - others
    return np.asarray(np.sqrt(np.mean(difference**2, axis=(1, 2, 3))))


class Plane(NamedTuple):
    """A plane through the space of lattices, along two directions of most variance."""

    centre: np.ndarray
    directions: np.ndarray
    """Two orthogonal lattices of norm 1."""
    places: np.ndarray
    """Where the lattices lie on it that it was laid through: (n, 2), in codes."""

    def lattices(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the lattices at the crossings of a grid, to the nearest code, row by row of y."""
        places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
        flat = self.centre.ravel() + places @ self.directions.reshape(2, -1)
        codes = STATE.clamp(np.rint(flat)).astype(np.int8)
        return codes.reshape(-1, *self.centre.shape)


def plane_through(states: np.ndarray) -> Plane:
    """Lay a plane through lattices (n, channels, height, width), two principal directions."""
    flat = states.reshape(len(states), -1).astype(np.float64)
    centre = flat.mean(axis=0)
    # n lattices span at most n dimensions: their Gram matrix is far smaller than the covariance.
    values, vectors = np.linalg.eigh((flat - centre) @ (flat - centre).T)
    directions = (vectors[:, :-3:-1].T @ (flat - centre)) / np.sqrt(values[:-3:-1, None])
    # An eigenvector has no sign of its own: the largest number of each is positive.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1, keepdims=True), 1)
    directions *= np.sign(largest)
    return Plane(
        centre.reshape(states.shape[1:]).astype(np.float32),
        directions.reshape(2, *states.shape[1:]).astype(np.float32),
        (flat - centre) @ directions.T,
    )


def minima(field: np.ndarray) -> int:
    """Return how many inner points of a field (rows, columns) lie below all eight neighbours."""
    inner = field[1:-1, 1:-1]
    rows, columns = field.shape
    below = np.ones(inner.shape, bool)
    for dy in range(3):
        for dx in range(3):
            if (dy, dx) != (1, 1):
                below &= inner < field[dy : rows - 2 + dy, dx : columns - 2 + dx]
    return int(below.sum())


def reach(field: np.ndarray) -> float | None:
    """Return over how many points a field stays like itself, along rows and columns.

    That is where its autocorrelation first falls below 1 / e, between points by interpolation; None
    where it does not, or the field is flat.
    """
    values = field - field.mean()
    if not values.any():
        return None
    last = 1.0
    for lag in range(1, min(field.shape)):
        pairs = ((values[lag:], values[:-lag]), (values[:, lag:], values[:, :-lag]))
        now = float(np.mean([np.mean(a * b) for a, b in pairs]) / np.mean(values**2))
        if now < np.exp(-1):
            return round(lag - 1 + (last - float(np.exp(-1))) / (last - now), 2)
        last = now
    return None


def field_numbers(field: np.ndarray) -> dict[str, Any]:
    """Return the numbers of a field of energies."""
    return {
        "lowest": round(float(field.min()), 3),
        "mean": round(float(field.mean()), 3),
        "highest": round(float(field.max()), 3),
        "minima": minima(field),
        "reach": reach(field),
    }
