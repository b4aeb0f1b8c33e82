"""Export of a skeleton: a file is written only if its run equals golden's, code for code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from golden.compare import require_equal
from golden.errors import InputError
from golden.files import replacement
from golden.gate import GateNetwork
from golden.machine import Machine
from golden.skeleton import Skeleton
from golden.spec import Spec
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.data.protocol import SHARE
from sw.export.c_file import write_c
from sw.export.runners import Results, c_compiler, run_c, run_onnx, run_qonnx

__all__ = ["FORMS", "MOST_STEPS", "Form", "compare", "export", "images_for"]

MOST_STEPS = 1000
"""Most steps of an exported run: a graph has nodes of its own for each."""

USUAL = Spec()
"""Lattice and steps for which `Form.images` is said."""

Writer: TypeAlias = Callable[[Skeleton, GateNetwork | None, int, Path], None]
Runner: TypeAlias = Callable[[Path, Spec, int, np.ndarray], Results]


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that a skeleton is exported to."""

    write: Writer
    run: Runner
    runner: str
    """What runs it here."""
    images: int
    """Images of the comparison: as many as take about a second on the usual lattice."""
    missing: Callable[[], str | None] = lambda: None
    """Says why it cannot be run here; None if it can."""


def no_compiler() -> str | None:
    """Say that a C file cannot be compiled here, which a microcontroller's may be elsewhere."""
    return None if c_compiler() else "there is no C compiler on PATH, and CC names none"


def write_onnx(skeleton: Skeleton, network: GateNetwork | None, steps: int, file: Path) -> None:
    """Write a run in the standard's form; only this and the next function need onnx."""
    from sw.export.onnx_file import model_of

    file.write_bytes(model_of(skeleton, network, steps).SerializeToString())


def write_qonnx(skeleton: Skeleton, network: GateNetwork | None, steps: int, file: Path) -> None:
    """Write a run in the quantised form."""
    from sw.export.onnx_file import model_of

    file.write_bytes(model_of(skeleton, network, steps, quantised=True).SerializeToString())


FORMS: Mapping[str, Form] = {
    "onnx": Form(write=write_onnx, run=run_onnx, runner="ONNX Runtime", images=100),
    "qonnx": Form(write=write_qonnx, run=run_qonnx, runner="qonnx", images=2),
    "c": Form(write=write_c, run=run_c, runner="compiled C", images=20, missing=no_compiler),
}
"""Every form, by the name of its option."""


def export(
    form: Form, skeleton: Skeleton, network: GateNetwork | None, steps: int, file: Path
) -> str:
    """Write a run of ``steps`` steps in a form, compared with golden; return what to tell the user.

    Raises `golden.errors.Difference`, and leaves no file, if a code differs.
    """
    if not 1 <= steps <= MOST_STEPS:
        told = f"An exported run must have 1 to {MOST_STEPS:,} steps, not {steps:,}"
        raise InputError(f"{told}: --steps says how many")
    with replacement(file) as temporary:
        form.write(skeleton, network, steps, temporary)
        reason = form.missing()
        if reason is not None:
            return f"wrote {file}; not compared with golden: {reason}"
        images = images_for(skeleton.spec, count_for(form, skeleton.spec, steps))
        codes = compare(form.run(temporary, skeleton.spec, steps, images), skeleton, network,
                        steps, images)  # fmt: skip
    return f"wrote {file}; {form.runner} equals golden: {codes:,} codes, none differs"


def count_for(form: Form, spec: Spec, steps: int) -> int:
    """Return how many images are compared: fewer where a run is longer or a lattice larger."""
    usual, work = USUAL.cells * USUAL.filters * USUAL.steps, spec.cells * spec.filters * steps
    return min(form.images, max(1, form.images * usual // work))


def images_for(spec: Spec, count: int) -> np.ndarray:
    """Return images to compare: damaged show digits if they fit the lattice, else random ones."""
    digits = show_digits()[0][:count]
    if digits.shape[1:] == (spec.image, spec.image):
        return blank(digits, range(count), SHARE)
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, spec.image, spec.image), np.uint8)


def compare(
    found: Results, skeleton: Skeleton, network: GateNetwork | None, steps: int, images: np.ndarray
) -> int:
    """Raise `Difference` unless results equal golden's; return the number of codes."""
    machine = Machine(skeleton, network)
    states = machine.carry_on(machine.model.encode(images), steps)
    shown = machine.model.readout(states)
    return require_equal(found.states, states, "image {}") + require_equal(
        found.restored, shown, "image {}"
    )
