"""The rows of the ablation: each changes one choice in the training of a skeleton."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from golden.errors import InputError
from sw.model.baselines.shelf import weights_of
from sw.train.options import Options, Shape, shape_spec

__all__ = ["BASE", "ROWS", "Row", "choose_rows"]

BASE = "base"
"""Name of the row with which the others are compared."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: the training with one change."""

    name: str
    says: str
    """The change in words."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Options` or `Shape`."""
    qat: float = 1.0
    """Length of quantisation-aware training, relative to the other rows."""

    def given(self, base: Options) -> dict[str, Any]:
        """Return the changed options, with lengths in batches."""
        lengths = {} if self.qat == 1 else {"qat_batches": round(base.stages()["qat"] * self.qat)}
        return dict(self.changes) | lengths

    def options(self, base: Options, seed: int) -> Options:
        """Return the options of its run with this seed."""
        given = self.given(base)
        shape = {each.name: given.pop(each.name) for each in fields(Shape) if each.name in given}
        return replace(base, seed=seed, spec=shape_spec(base.spec, **shape), **given)

    def lacks(self) -> str | None:
        """Return in one line what is missing for this training; None if nothing is."""
        if "teacher" not in self.changes:
            return None
        try:
            weights_of(self.changes["teacher"])
        except InputError as error:
            return str(error)
        return None


def choose_rows(names: Sequence[str], rows: Sequence[Row]) -> list[Row]:
    """Return the rows of these names, or all, in the order of the table."""
    known = [row.name for row in rows]
    for name in names:
        if name not in known:
            raise InputError(f"Row must be one of {', '.join(known)}, not {name!r}")
    return [row for row in rows if row.name in names or not names]


ROWS = (
    Row(name=BASE, says="as `thalweg train` has it"),
    Row(name="phase4", says="mapping phase4", changes={"mapping": "phase4"}),
    Row(name="no-gate", says="no gate", changes={"gated": False}),
    Row(name="every-step", says="the gate acts after every step", changes={"every": 1}),
    Row(
        name="from-4",
        says="the gate acts after every step from the 4th on",
        changes={"start": 4, "every": 1},
    ),
    Row(
        name="once",
        says="the gate acts once, after step 5",
        changes={"start": 5, "every": 6},
    ),
    Row(name="plane-4-bits", says="the gate reads 4 bits a cell", changes={"plane_bits": 4}),
    Row(name="m-4", says="M = 4", changes={"multiplier": 4}),
    Row(name="m-6", says="M = 6", changes={"multiplier": 6}),
    Row(name="supervised", says="loss at every step", changes={"supervise": "every"}),
    Row(name="distilled", says="half of the aim is the U-Net's", changes={"teacher": "unet"}),
    Row(name="no-average", says="no averages", changes={"averaging": 0.0}),
    Row(name="dropout", says="half of the gate's units dropped", changes={"dropout": 0.5}),
    Row(name="noise", says="noise of 10 grey levels on the input", changes={"noise": 10.0}),
    Row(name="qat-half", says="QAT half as long", qat=0.5),
    Row(name="qat-double", says="QAT twice as long", qat=2.0),
    Row(name="qat-fast", says="QAT at a rate of 4e-3", changes={"qat_rate": 4e-3}),
    Row(name="weights-5-bits", says="the rule's weights of 5 bits", changes={"weight_bits": 5}),
    Row(
        name="adam",
        says="Adam in SOAP's place, a fifth of the rule's rate",
        changes={"optimiser": "adam", "rate": 4e-3, "qat_rate": 2e-4},
    ),
    Row(name="mse", says="loss: plain squared error", changes={"loss": "mse"}),
)
