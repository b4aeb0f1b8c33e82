"""What a gate rehearses while it learns something new, lest it forget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from golden.device import GoldenDevice, batches, run
from golden.device import restore as run_through
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.data.damage import damage as damage_images
from sw.train.draw import noise_states

__all__ = ["Rehearsal", "deform", "dreams", "rehearsal"]

COUNT = 4000  # images to rehearse
ASLEEP = 60  # steps from noise until what is seen is taken for a dream
BATCH = 250
TURN, SLANT, SCALE, SHIFT, BEND = 0.15, 0.25, 0.1, 0.08, 0.06
"""Standard deviations of a deformation: radians, shares, and of half the image's side."""
BENDS = 4  # points a side between which an image is bent


@dataclass(frozen=True)
class Rehearsal:
    """Images that are to be restored as before."""

    originals: np.ndarray
    """What shall come out, uint8 (n, image, image)."""
    damaged: np.ndarray | None
    """What goes in; None: the originals, blanked anew in every batch."""

    def pick(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor | None]:
        """Return what shall come out and what goes in, pixel codes (count, image, image)."""
        rows = rng.integers(len(self.originals), size=count)
        originals = torch.from_numpy(self.originals[rows].astype(np.float32))
        if self.damaged is None:
            return originals, None
        return originals, torch.from_numpy(self.damaged[rows].astype(np.float32))


def rehearsal(
    kind: str, skeleton: Skeleton, network: GateNetwork, digits: np.ndarray, damage: float | str
) -> Rehearsal | None:
    """Return what is rehearsed.

    Parameters
    ----------
    kind
        ``stored``: digits of the training set. ``distilled``: what the old gate makes of them.
        ``dreams``: the same of what the old machine falls into from noise, each deformed as one
        hand differs from another: no stored data at all. ``none``.
    skeleton, network
        The machine before it learns.
    digits
        Uint8 (n, image, image).
    damage
        Share of the pixels that are blanked, or other damage in the words of `sw.data.kinds`.
    """
    if kind == "none":
        return None
    if kind == "stored":
        return Rehearsal(digits, None)
    some = digits[:COUNT] if kind == "distilled" else deform(dreams(skeleton, network, COUNT))
    damaged, _ = damage_images(some, range(len(some)), damage)
    device = GoldenDevice((skeleton,))
    return Rehearsal(run_through(device, network, damaged, skeleton.spec.steps), damaged)


def dreams(skeleton: Skeleton, network: GateNetwork, count: int, seed: int = 0) -> np.ndarray:
    """Return what ``count`` lattices of noise show after `ASLEEP` steps: uint8 (count, h, w)."""
    device, rng = GoldenDevice((skeleton,)), np.random.default_rng(seed)
    shown = []
    for part in batches(count, BATCH):
        states = noise_states(skeleton.spec, rng, part.stop - part.start)
        device.load_states(states.astype(np.int8), 0)
        run(device, network, ASLEEP)
        shown.append(device.read_images())
    return np.concatenate(shown)


def deform(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return images uint8 (n, h, w), each turned, slanted, scaled, shifted and bent at random."""
    count, generator = len(images), torch.Generator().manual_seed(seed)
    draw = torch.randn(count, 6, generator=generator)
    turn, slant = TURN * draw[:, 0], SLANT * draw[:, 1]
    wide, high = (SCALE * draw[:, 2:4]).exp().unbind(1)
    rows = (
        torch.stack([turn.cos() * wide, (slant - turn.sin()) * high, SHIFT * draw[:, 4]], 1),
        torch.stack([turn.sin() * wide, turn.cos() * high, SHIFT * draw[:, 5]], 1),
    )
    shape = [count, 1, *images.shape[1:]]
    grid = functional.affine_grid(torch.stack(rows, 1), shape, align_corners=False)
    bends = BEND * torch.randn(count, 2, BENDS, BENDS, generator=generator)
    bent = functional.interpolate(bends, images.shape[1:], mode="bicubic").permute(0, 2, 3, 1)
    source = torch.from_numpy(images[:, None].astype(np.float32))
    found = functional.grid_sample(source, grid + bent, align_corners=False)
    return found[:, 0].round().clamp(0, 255).to(torch.uint8).numpy()
