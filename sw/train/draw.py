"""What a batch of training draws: digits and their damage, lattices of noise, cells to lose."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from golden.spec import Spec
from sw.data.damage import damage_one
from sw.data.kinds import parts_of
from sw.data.noise import KINDS, noise_lattice
from sw.runs.processes import place
from sw.train.first import LOST, restore_first
from sw.train.options import Options

__all__ = ["calibration_digits", "draw", "living_cells", "lost_cells", "noise_states", "random"]

DRAWS = ("float", "qat", "calibration", "hold", "letters", "settle")
CALIBRATION = 64  # digits


def random(options: Options, stage: str, batch: int) -> np.random.Generator:
    """Return the generator of a batch: all randomness comes from seed, stage and number.

    So a resumed run draws the same. PyTorch's own generator, for dropout, is seeded along.
    """
    rng = np.random.default_rng([options.seed, DRAWS.index(stage), batch])
    torch.manual_seed(int(rng.integers(1 << 62)) + place()[0])
    return rng


def draw(
    images: np.ndarray, options: Options, rng: np.random.Generator, count: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return originals and damaged digits, pixel codes (n, image, image); default: a batch.

    With ``options.after`` they are what that skeleton restores, and what it restores of some where
    it loses cells.
    """
    count = options.batch if count is None else count
    originals = images[rng.integers(len(images), size=count)].astype(np.float32)
    damaged = damage_batch(originals, options.damage, rng)
    if options.noise:
        noisy = damaged + rng.normal(0, options.noise, damaged.shape)
        damaged = noisy.round().clip(0, 255).astype(np.float32)
    given = torch.from_numpy(damaged).to(options.device)
    if options.after is not None:
        return restore_first(given, options, rng)
    return torch.from_numpy(originals).to(options.device), given


def damage_batch(
    originals: np.ndarray, damage: float | str, rng: np.random.Generator
) -> np.ndarray:
    """Return a batch (n, image, image), each image damaged at random; of a mixture by any kind."""
    parts = parts_of(damage)
    if len(parts) == 1 and parts[0].kind == "blank":
        flat = originals.reshape(len(originals), -1)
        order = rng.random(flat.shape, dtype=np.float32).argsort(axis=1)
        lost = order < round(flat.shape[1] * parts[0].amount)
        return np.where(lost, np.float32(0), flat).reshape(originals.shape)
    kinds = rng.integers(len(parts), size=len(originals))
    pairs = zip(originals, kinds, strict=True)
    return np.stack([damage_one(image, parts[kind], rng)[0] for image, kind in pairs])


def calibration_digits(images: np.ndarray, options: Options) -> tuple[Tensor, Tensor]:
    """Return the originals and damaged digits that the quantised model is calibrated with."""
    return draw(images, options, random(options, "calibration", 0), CALIBRATION)


def noise_states(spec: Spec, rng: np.random.Generator, count: int) -> np.ndarray:
    """Return lattices of noise, of a kind drawn for each: float32 codes (n, *lattice)."""
    states = np.empty((count, *spec.lattice), np.float32)
    for state, kind in zip(states, rng.integers(len(KINDS), size=count), strict=True):
        state[:] = noise_lattice(spec, rng, int(kind))
    return states


def living_cells(spec: Spec, count: int, few: int, device: torch.device | str) -> Tensor:
    """Return which cells of ``count`` lattices live on where the first ``few`` lose some.

    As of `lost_cells`, with the usual shares lost.
    """
    living = torch.ones(count, 1, spec.height, spec.width, device=device)
    living[:few] = lost_cells(spec, few, LOST, device)
    return living


def lost_cells(
    spec: Spec, count: int, shares: tuple[float, float], device: torch.device | str
) -> Tensor:
    """Return which cells live on, a share between ``shares`` lost: float32 (n, 1, h, w) of 0, 1."""
    low, high = shares
    wanted = (low + (high - low) * torch.rand(count, 1, device=device)) * spec.cells
    order = torch.rand(count, spec.cells, device=device).argsort(1)
    return (order >= wanted).float().reshape(-1, 1, spec.height, spec.width)
