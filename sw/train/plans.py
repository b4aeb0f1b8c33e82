"""What each recipe fixes of a run before PyTorch is loaded: its stages, defaults and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PLANS", "RECIPES", "Plan"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The outline of a recipe; `sw.train.recipes` has what its stages do."""

    stages: tuple[str, ...]
    """In their order."""
    loss: str = "psnr"
    """Unless another is given."""
    opens: Mapping[str, Any] = field(default_factory=dict)
    """When the gate opens: fields of `golden.spec.Gate` that differ from the usual ones."""
    smallest: int = 1
    """Digits in a batch."""
    longest: int | None = None
    """Steps of the gate's longest period."""
    frozen: bool = False
    """Whether a finished machine is trained on, its rule as it is."""


PLANS = {
    "restore": Plan(stages=("float", "qat")),
    "memory": Plan(
        stages=("float", "hold", "qat"),
        loss="mse",
        opens={"start": 4, "every": 1},  # early noise is left to fall, then the gate never rests
        smallest=3,  # held states, noise and fresh digits share a batch
        longest=100,  # states are carried on by whole periods
    ),
    "letters": Plan(stages=("letters",), frozen=True),
}
RECIPES = tuple(PLANS)
