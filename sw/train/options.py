"""The options of a training run, each stated once: default, help, and what it can be.

The command line of `thalweg train` is made from them. PyTorch is loaded when a device is checked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from golden.errors import InputError
from golden.spec import Gate, Spec
from sw.data.kinds import HELP, parse, parts_of
from sw.data.protocol import SHARE
from sw.train.bounds import SEEDS, Bound, count, require_within
from sw.train.plans import PLANS, RECIPES, Plan

__all__ = [
    "BOUNDS",
    "SPEC",
    "Options",
    "Shape",
    "require_device",
    "shape_spec",
    "spec_for",
]

LOSSES = ("mse", "psnr")
SUPERVISED = ("last", "every")
OPTIMISERS = ("soap", "adam")
REHEARSALS = ("stored", "distilled", "dreams", "none")
SPEC = Spec(gate=Gate(input_channel=0, output_channel=1, start=1, every=3, mapping="nearest2"))

OPENS = ("start", "every", "mapping")
"""Fields of a gate that are told: when it opens, and how a delta reaches the cells."""

LONGEST = 100
"""Bytes of a name: it is a folder's, and files are named after it."""

PLACES = ("data", "fit", "output", "ship", "name")
"""Options that decide nothing, given the images and the rest."""

MOST_THREADS = max(64, 4 * (os.cpu_count() or 1))  # more only wait for each other
RATE = Bound(0, 1e9, "above 0", whole=False, open=True)


def require_device(name: str) -> None:
    """Raise unless PyTorch can train there."""
    if name not in ("cpu", "cuda"):
        raise InputError(f"device must be cpu or cuda, not {name!r}")
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device must be cpu where PyTorch finds no CUDA device, not 'cuda'")


def option(
    default: Any,
    help: str,
    *,
    bound: Bound | None = None,
    choices: tuple[Any, ...] = (),
    share: bool = False,
    recipes: tuple[str, ...] = RECIPES,
    flag: str | None = None,
    parser: Callable[[str], Any] | None = None,
) -> Any:
    """Return a field of options: all that is said of it, for checks and for the command line.

    Parameters
    ----------
    default, help
        Its value unless given, and what the command line says of it.
    bound, choices, share
        What it can be: a number within bounds, one of these, or a share from 0 to below 1.
    recipes
        Those that know it; with others it stays as it is.
    flag
        Its name on the command line, where that is not made from the field's.
    parser
        Makes its value of a word of the command line, where its type does not say how.
    """
    said: dict[str, Any] = {"help": help, "bound": bound, "choices": choices, "share": share}
    said |= {"recipes": recipes, "flag": flag, "parser": parser}
    return field(default=default, metadata=said)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What is said of the automaton; what is None is left to the recipe."""

    gated: bool = option(True, "train a gate along", flag="--gated/--no-gate")
    start: int | None = option(None, "step of the gate's first opening; 4 for memory, else 1")
    every: int | None = option(None, "steps between its openings; 1 for memory, else 3")
    mapping: str | None = option(None, "how a delta reaches the cells: nearest2 or phase4")
    multiplier: int | None = option(None, "filters of each channel; 5 unless given")
    channels: int | None = option(None, "channels of a cell; 16 unless given")
    image: int | None = option(None, "pixels of an image's side; 28 unless given")
    side: int | None = option(
        None, "cells of the lattice's side; the image's and 4 unless given, a multiple of 4"
    )
    steps: int | None = option(None, "steps of a run; 10 unless given")
    boundary: str | None = option(None, "what lies beyond the edges: zero, or wrap for the other")


def spec_for(recipe: str, gated: bool = True, **shape: Any) -> Spec:
    """Return what a recipe trains, with the fields of `Shape` that are given and not None."""
    usual = shape_spec(SPEC, **PLANS[recipe].opens) if recipe in PLANS else SPEC
    given = {name: value for name, value in shape.items() if value is not None}
    return shape_spec(usual, gated=gated, **given)


def shape_spec(spec: Spec, *, gated: bool = True, side: int | None = None, **given: Any) -> Spec:
    """Return a spec of another lattice or rule, or with other fields of its gate, or none."""
    place = {name: given.pop(name) for name in OPENS if name in given}
    if side is None and "image" in given:
        side = side_for(given["image"])
    if side is not None:
        given |= {"height": side, "width": side}
    gate = replace(spec.gate, **place) if gated and spec.gate else None
    return replace(spec, gate=gate, **given)


def side_for(image: int) -> int:
    """Return the side of a lattice for images of this side: with a margin, a multiple of 4."""
    return -(-(image + 4) // 4) * 4


@dataclass(frozen=True, kw_only=True)
class Options:
    """A training run: the same options and data give the same skeleton on the same machine.

    Everything is checked here, so that nothing fails late; `InputError` says what must hold.
    """

    name: str = option("digits", "name of the skeleton, and of the run's folder")
    data: Path | None = option(
        None,
        "MNIST's folder, $THALWEG_DATA unless given; or sklearn:digits, a folder of pictures or of "
        "IDX files, .npy, .npz, IDX files IMAGES,LABELS; or a subfolder of $THALWEG_DATA by name",
    )
    fit: bool = option(False, "scale and centre each image as MNIST's are", flag="--fit")
    output: Path = option(
        Path("build/train"), "folder for the run's own folder, its checkpoint and its result"
    )
    ship: bool = option(False, "copy the result to the shipped skeletons", flag="--ship")
    device: str = option("cpu", "cpu or cuda")
    threads: int = option(
        1, "CPU threads; they change the last bits of the result", bound=count(1, MOST_THREADS)
    )
    recipe: str = option(
        "restore",
        "restore: right after the last step; memory: and stays so; letters: by the gate alone",
        choices=RECIPES,
    )
    begin: str | None = option(
        None, "skeleton, folder or file whose float weights take the place of the warm-up"
    )
    seed: int = option(0, "seed of everything random", bound=count(0, SEEDS[-1]))
    batches: int = option(16000, "batches of the float warm-up", bound=count(1, 10**9))
    qat_batches: int | None = option(
        None,
        "batches of quantisation-aware training; half of --batches unless given",
        bound=count(0, 10**9),
    )
    hold_batches: int | None = option(
        None,
        "batches that teach to hold, in float; a quarter of --batches unless given; memory only",
        bound=count(0, 10**9),
    )
    letters: str = option("letters-upper", "data set of the letters; recipe letters only")
    rehearsal: str = option(
        "stored",
        "stored, distilled, dreams or none: how digits are kept; recipe letters only",
        choices=REHEARSALS,
    )
    batch: int = option(32, "digits in a batch", bound=count(1, 1 << 16))
    damage: float | str = option(SHARE, HELP, share=True, parser=parse)
    noise: float = option(
        0.0,
        "standard deviation of Gaussian noise on the damaged input, in grey levels",
        bound=Bound(0, 1e4, "at least 0", whole=False),
    )
    dropout: float = option(0.0, "share of the gate's hidden units dropped", share=True)
    rate: float = option(
        2e-2,
        "peak learning rate of the rule in the warm-up; the gate's is a 25th, a fifth with adam",
        bound=RATE,
    )
    qat_rate: float = option(1e-3, "the same in quantisation-aware training", bound=RATE)
    hold_rate: float = option(8e-3, "the same where holding is taught; memory only", bound=RATE)
    motion: float = option(
        160.0,
        "price on motion at rest in quantisation-aware training; recipe memory only",
        bound=Bound(0, 1e9, "at least 0", whole=False),
    )
    forget: float = option(
        0.0,
        "price on how far old lattices born of noise are from the mean of their digit; memory only",
        bound=Bound(0, 1e9, "at least 0", whole=False),
        recipes=("memory",),
    )
    after: str | None = option(
        None,
        "skeleton that restores first, so that what it shows is held; recipe memory only",
        recipes=("memory",),
    )
    hurt: float = option(
        0.0,
        "share of the digits whose lattices lose cells in mid-run; recipe restore only",
        share=True,
        recipes=("restore",),
    )
    loss: str | None = option(None, "psnr or mse; mse for recipe memory unless given, else psnr")
    supervise: str = option(
        "last",
        "steps whose read-out the loss looks at: last or every",
        choices=SUPERVISED,
        recipes=("restore", "memory"),
    )
    teacher: str | None = option(
        None,
        "baseline whose restoration makes half of the aim: unet, autoencoder or mlp",
        recipes=("restore",),
    )
    optimiser: str = option(
        "soap",
        "of the rule: soap, or adam, which bears a fifth of the rates",
        choices=OPTIMISERS,
        recipes=("restore", "memory"),
    )
    averaging: float = option(
        0.999, "what averages keep at each batch; 0 exports the last weights", share=True
    )
    weight_bits: int = option(
        8,
        "bits of the rule's weights: 8, or 5 for codes -15 to 15",
        choices=(5, 8),
        recipes=("restore", "memory"),
    )
    plane_bits: int = option(
        8,
        "upper bits of a plane's codes that the gate reads: 8, or 4 to measure",
        choices=(4, 8),
        recipes=("restore",),
    )
    spec: Spec = SPEC
    """The automaton to train."""

    def __post_init__(self) -> None:
        require_device(self.device)
        self._require(self.loss in (None, *LOSSES), "loss", f"one of {', '.join(LOSSES)}")
        for each in fields(self):
            self._require_alone(each)
        if self.plan.frozen and self.begin is None:
            raise InputError(
                f"begin must be a skeleton with a gate for recipe {self.recipe}, not None"
            )
        plain = self.name.replace("-", "").replace("_", "").isalnum()
        self._require(plain, "name", "letters, digits, hyphens and underscores")
        self._require(len(os.fsencode(self.name)) <= LONGEST, "name", f"at most {LONGEST} bytes")
        self._require_together()

    def _require_alone(self, option: Field[Any]) -> None:
        """Raise where an option is not what it can be."""
        name, value, allowed = option.name, getattr(self, option.name), option.metadata
        if choices := allowed.get("choices"):
            words = list(map(str, choices))
            said = " or ".join(words) if len(words) == 2 else f"one of {', '.join(words)}"
            self._require(value in choices, name, said)
        if bound := allowed.get("bound"):
            if value is not None or option.default is not None:
                require_within(name, value, bound)
        if allowed.get("share"):
            if isinstance(value, str):
                parts_of(value)
            else:
                self._require(0 <= value < 1, name, "from 0 to below 1")

    def _require_together(self) -> None:
        """Raise where options that are right alone do not go together."""
        usual = {each.name: each.default for each in fields(self)}
        for each in fields(self):
            holds = self.recipe in each.metadata.get("recipes", RECIPES)
            holds = holds or getattr(self, each.name) == each.default
            self._require(holds, each.name, f"{each.default} for recipe {self.recipe}")
        period, longest = self.spec.gate.period if self.spec.gate else 1, self.plan.longest
        if longest is not None and period > longest:
            raise InputError(f"the gate's period must be at most {longest} steps, not {period}")
        smallest = self.plan.smallest
        enough = f"at least {smallest} for recipe {self.recipe}"
        self._require(self.batch >= smallest, "batch", enough)
        whole = self.plane_bits == usual["plane_bits"]
        self._require(whole or self.gated, "plane_bits", "8 without a gate")
        self._require(whole or not self.ship, "plane_bits", "8 in a skeleton that ships")
        if self.teacher is not None:
            from sw.model.baselines.models import IMAGE, MODELS
            from sw.model.baselines.shelf import weights_of

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
    def plan(self) -> Plan:
        """What the recipe fixes."""
        return PLANS[self.recipe]

    @property
    def criterion(self) -> str:
        """The loss that was given, or the recipe's."""
        return self.loss or self.plan.loss

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
        lengths = {
            "float": self.batches if self.begin is None else 0,
            "hold": self.batches // 4 if self.hold_batches is None else self.hold_batches,
            "qat": self.batches // 2 if self.qat_batches is None else self.qat_batches,
            "letters": self.batches,
        }
        return {stage: lengths[stage] for stage in self.plan.stages}

    def trained_with(self) -> dict[str, Any]:
        """Return what decides the result, as JSON: batches by stage, and not where things are."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in (*PLACES, "batches", "qat_batches", "hold_batches"):
            del values[name]
        values |= {"loss": self.criterion, "spec": self.spec.to_json(), "stages": self.stages()}
        return values


BOUNDS = {
    each.name: each.metadata["bound"] for each in fields(Options) if each.metadata.get("bound")
}
"""Bounds of numbers, by the name of the option."""
