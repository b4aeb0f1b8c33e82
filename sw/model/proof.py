"""The proof of every skeleton: the Brevitas model in evaluation equals golden in every code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from golden.errors import Difference
from golden.fixed import STATE
from golden.gate import GateNetwork
from golden.machine import Machine
from golden.samples import adversarial_states
from golden.skeleton import Skeleton
from sw.model.gate import Gate
from sw.model.quantisers import PIXEL_FRAC, STATE_FRAC
from sw.model.rule import Rule
from sw.model.values import Values
from sw.runs.ordinary import ordinary

__all__ = ["Mismatch", "prove", "prove_random"]

BLOCK = 64


class Mismatch(Difference):
    """The Brevitas model and golden differ: an error of ours, not of the user."""


def compare(values: Tensor, frac: int, codes: np.ndarray, what: str) -> int:
    """Raise `Mismatch` unless all codes are equal; return their number."""
    got = values.detach().cpu().double().numpy().reshape(codes.shape) * 2.0**frac
    wrong = np.argwhere(got != codes)
    if len(wrong):
        first = tuple(wrong[0])
        raise Mismatch(
            f"{what}: {len(wrong):,} of {codes.size:,} codes differ from golden, "
            f"first {place_of(first)}: {got[first]:g}, not {codes[first]}"
        )
    return codes.size


def place_of(index: Sequence[int]) -> str:
    """Return in words the position of a code in a lattice, an image or a delta."""
    names = {4: ("sample", "channel", "row", "column"), 3: ("sample", "row", "column")}
    words = names.get(len(index), ("sample", "unit"))
    return " ".join(f"{word} {number}" for word, number in zip(words, index, strict=True))


def as_values(codes: np.ndarray, frac: int, rule: Rule) -> Tensor:
    """Return codes as values on the rule's device."""
    return torch.from_numpy(codes).to(rule.encode.weight.device).float() * 2.0**-frac


@ordinary()
@torch.no_grad()
def prove(
    rule: Rule,
    gate: Gate | None,
    skeleton: Skeleton,
    network: GateNetwork | None,
    images: np.ndarray | None,
    states: np.ndarray | None = None,
) -> int:
    """Compare all steps of Brevitas and golden, gate included; return the number of equal codes.

    Parameters
    ----------
    rule, gate
        The Brevitas models.
    skeleton, network
        The integers that were exported from them.
    images
        Images to start from, uint8 (B, image, image); None to start from ``states``.
    states
        Raw lattices to start from, int8 (B, channels, height, width).
    """
    rule.eval()
    if gate is not None:
        gate.eval()
    gated = gate is not None and network is not None
    golden = Machine(skeleton, network if gated else None)
    brevitas = Values(rule, gate if gated else None)
    spec, equal = skeleton.spec, 0
    if states is None:
        assert images is not None
        states = golden.model.encode(images)
        values = brevitas.encode(as_values(images, 0, rule))
        equal += compare(values, STATE_FRAC, states, "encode")
    else:
        values = as_values(states, STATE_FRAC, rule)
    for step in range(1, spec.steps + 1):
        both = zip(golden.moments(states, step), brevitas.moments(values, step), strict=True)
        for (what, codes), (_, found) in both:
            equal += compare(found, STATE_FRAC, codes, what)
        states, values = codes, found
    shown = brevitas.readout(values) * 2.0**-PIXEL_FRAC
    return equal + compare(shown[:, None], PIXEL_FRAC, golden.model.readout(states), "read-out")


def prove_random(
    rule: Rule,
    gate: Gate | None,
    skeleton: Skeleton,
    network: GateNetwork | None,
    images: np.ndarray,
    seed: int = 0,
) -> int:
    """Prove on the given images, on random ones, and on random and adversarial lattices."""
    spec, rng = skeleton.spec, np.random.default_rng(seed)
    noise = rng.integers(0, 256, (BLOCK, spec.image, spec.image)).astype(np.uint8)
    lattices = rng.integers(STATE.min, STATE.max + 1, (BLOCK, *spec.lattice)).astype(np.int8)
    lattices = np.concatenate([adversarial_states(spec), lattices])
    models = rule, gate, skeleton, network
    blocks = (images[begin : begin + BLOCK] for begin in range(0, len(images), BLOCK))
    equal = sum(prove(*models, block) for block in (*blocks, noise))
    return equal + prove(*models, None, lattices)
