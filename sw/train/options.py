"""What a training run is told."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from golden.errors import InputError
from golden.spec import Gate, Spec
from sw.model.baselines.models import IMAGE, MODELS
from sw.model.baselines.shelf import weights_of
from sw.train.bounds import BOUNDS, require_within

__all__ = ["RECIPES", "SPEC", "Options", "require_device", "shaped", "spec_for"]

RECIPES = ("restore", "memory", "letters")
LOSSES = ("mse", "psnr")
SUPERVISED = ("last", "every")
OPTIMISERS = ("soap", "adam")
REHEARSALS = ("stored", "distilled", "dreams", "none")
SPEC = Spec(gate=Gate(input_channel=0, output_channel=1, start=1, every=3, mapping="nearest2"))
HELD_BY: dict[str, Any] = {"start": 4, "every": 1}
"""When the gate acts where a recipe holds: early noise is left to fall, then it never rests."""

PERIOD = 100
"""Steps of the gate's longest period where holding is taught."""

SMALLEST = 3
"""Digits in a batch where holding is taught: held states, noise and fresh digits share it."""

LONGEST = 100
"""Bytes of a name: it is a folder's, and files are named after it."""

RECIPES_WITH = {
    "supervise": ("restore",),
    "teacher": ("restore",),
    "plane_bits": ("restore",),
    "weight_bits": ("restore", "memory"),
    "optimiser": ("restore", "memory"),
}
"""The recipes that know an option; the others leave it as it is."""


def require_device(name: str) -> None:
    """Raise unless PyTorch can train there."""
    if name not in ("cpu", "cuda"):
        raise InputError(f"device must be cpu or cuda, not {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device must be cpu where PyTorch finds no CUDA device, not 'cuda'")


def spec_for(recipe: str, gated: bool = True, **shape: Any) -> Spec:
    """Return what a recipe trains unless told otherwise; what is None is not told."""
    usual = shaped(SPEC, **HELD_BY) if recipe == "memory" else SPEC
    given = {name: value for name, value in shape.items() if value is not None}
    return shaped(usual, gated=gated, **given)


def shaped(spec: Spec, *, gated: bool = True, multiplier: int | None = None, **gate: Any) -> Spec:
    """Return a spec with another multiplier, other fields of its gate, or none."""
    multiplier = spec.multiplier if multiplier is None else multiplier
    place = replace(spec.gate, **gate) if gated and spec.gate else None
    return replace(spec, multiplier=multiplier, gate=place)


@dataclass(frozen=True, kw_only=True)
class Options:
    """A training run: the same options and data give the same skeleton on the same machine.

    Everything is checked here, so that nothing fails late; `InputError` says what must hold.
    """

    name: str = "digits"
    """Name of the skeleton, and of its folder in ``output``."""
    data: Path | None = None
    """Folder of the training data; see `sw.data.load.load`."""
    output: Path = Path("build/train")
    """Where the run keeps its checkpoint and leaves its skeleton."""
    ship: bool = False
    """Copy the result to the shipped skeletons when done."""
    device: str = "cpu"
    """``cpu`` or ``cuda``."""
    threads: int = 1
    """CPU threads; the result depends on it in the last bits."""
    recipe: str = "restore"
    """What is trained for: ``restore``, to be right after the last step; ``memory``, to stay so;
    ``letters``, to restore letters by the gate alone."""
    begin: str | None = None
    """Shipped skeleton, or folder of a run, whose float weights take the place of the warm-up."""
    seed: int = 0
    batches: int = 16000
    """Batches of the float warm-up."""
    qat_batches: int | None = None
    """Batches of quantisation-aware training; half of ``batches`` unless given."""
    hold_batches: int | None = None
    """Batches in float that teach to hold, a quarter of ``batches`` unless given; memory only."""
    letters: str = "letters-upper"
    """Data set of the letters; recipe letters only."""
    rehearsal: str = "stored"
    """What keeps the digits, recipe letters only; see `sw.train.rehearsal`."""
    batch: int = 32
    """Digits in a batch."""
    damage: float = 0.7
    """Share of the pixels that are blanked."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise on the damaged input, in grey levels."""
    dropout: float = 0.0
    """Share of the gate's hidden units dropped; the source idea has 0.5."""
    rate: float = 2e-2
    """Peak learning rate of the rule in the warm-up; the gate's is a 25th, a fifth with Adam."""
    qat_rate: float = 1e-3
    """The same in quantisation-aware training."""
    hold_rate: float = 8e-3
    """The same where holding is taught in float."""
    motion: float = 160.0
    """Price on motion at rest in quantisation-aware training; memory only."""
    loss: str | None = None
    """What is made small: ``mse``, or ``psnr``, the mean logarithm of each digit's error; what
    memory holds, and noise, always by ``mse``. Unless given, ``mse`` for memory, else ``psnr``."""
    supervise: str = "last"
    """Steps whose read-out the loss looks at: the ``last``, or ``every`` one alike."""
    teacher: str | None = None
    """Baseline whose restoration of the same damaged digits makes half of what is aimed at."""
    optimiser: str = "soap"
    """What steps the rule's weights: ``soap``, or ``adam``, which bears a fifth of the rates."""
    averaging: float = 0.999
    """What the averages of the parameters keep at each batch; 0 exports the last parameters."""
    weight_bits: int = 8
    """Of the rule's filters and update: 8, or 5, which leaves the codes -15 to 15."""
    plane_bits: int = 8
    """Upper bits of a plane's codes that the gate reads: 8, or 4; for measurement alone."""
    spec: Spec = SPEC
    """The automaton to train."""

    def __post_init__(self) -> None:
        require_device(self.device)
        self._require(self.recipe in RECIPES, "recipe", f"one of {', '.join(RECIPES)}")
        self._require(self.criterion in LOSSES, "loss", f"one of {', '.join(LOSSES)}")
        self._require(self.supervise in SUPERVISED, "supervise", "last or every")
        self._require(self.optimiser in OPTIMISERS, "optimiser", "soap or adam")
        self._require(self.weight_bits in (5, 8), "weight_bits", "5 or 8")
        self._require(self.plane_bits in (4, 8), "plane_bits", "4 or 8")
        self._require(self.rehearsal in REHEARSALS, "rehearsal", f"one of {', '.join(REHEARSALS)}")
        if self.recipe == "letters" and self.begin is None:
            raise InputError("begin must be a skeleton with a gate for recipe letters, not None")
        plain = self.name.replace("-", "").replace("_", "").isalnum()
        self._require(plain, "name", "letters, digits, hyphens and underscores")
        self._require(len(os.fsencode(self.name)) <= LONGEST, "name", f"at most {LONGEST} bytes")
        for field in BOUNDS:
            value = getattr(self, field)
            if value is not None or field not in ("qat_batches", "hold_batches"):
                require_within(field, value)
        for field in ("damage", "dropout", "averaging"):
            self._require(0 <= getattr(self, field) < 1, field, "from 0 to below 1")
        self._require_together()

    def _require_together(self) -> None:
        """Raise where options that are right alone do not go together."""
        usual = {field.name: field.default for field in fields(self)}
        for field, recipes in RECIPES_WITH.items():
            holds = self.recipe in recipes or getattr(self, field) == usual[field]
            self._require(holds, field, f"{usual[field]} for recipe {self.recipe}")
        period = self.spec.gate.period if self.spec.gate else 1
        if self.recipe == "memory" and period > PERIOD:  # states are carried on by whole periods
            raise InputError(f"the gate's period must be at most {PERIOD} steps, not {period}")
        enough = self.recipe != "memory" or self.batch >= SMALLEST
        self._require(enough, "batch", f"at least {SMALLEST} for recipe memory")
        whole = self.plane_bits == usual["plane_bits"]
        self._require(whole or self.gated, "plane_bits", "8 without a gate")
        self._require(whole or not self.ship, "plane_bits", "8 in a skeleton that ships")
        if self.teacher is not None:
            self._require(self.teacher in MODELS, "teacher", f"one of {', '.join(MODELS)}")
            weights_of(self.teacher)
            if self.spec.image != IMAGE:
                raise InputError(
                    f"spec.image must be {IMAGE} with a teacher, not {self.spec.image}"
                )

    def _require(self, holds: bool, field: str, requirement: str) -> None:
        if not holds:
            raise InputError(f"{field} must be {requirement}, not {getattr(self, field)!r}")

    @property
    def criterion(self) -> str:
        """The loss that was given, or the recipe's."""
        return self.loss or ("mse" if self.recipe == "memory" else "psnr")

    @property
    def gated(self) -> bool:
        """Whether a gate is trained along."""
        return self.spec.gate is not None

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.output / self.name

    def stages(self) -> dict[str, int]:
        """Batches of each stage, in order."""
        if self.recipe == "letters":
            return {"letters": self.batches}
        memory = self.recipe == "memory"
        qat = self.batches // 2 if self.qat_batches is None else self.qat_batches
        hold = self.batches // 4 if self.hold_batches is None else self.hold_batches
        warm_up = {"float": self.batches if self.begin is None else 0}
        return warm_up | ({"hold": hold} if memory else {}) | {"qat": qat}

    def trained_with(self) -> dict[str, Any]:
        """Return what decides the result, as JSON: batches by stage, and not where things are."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("data", "output", "ship", "name", "batches", "qat_batches", "hold_batches"):
            del values[name]
        values |= {"loss": self.criterion, "spec": self.spec.to_json(), "stages": self.stages()}
        return values
