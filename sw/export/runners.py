"""Runs of exported files by those that they are for: ONNX Runtime, qonnx, a C compiler."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from golden.errors import ToolError, reason
from golden.library import load_library
from golden.spec import Spec
from golden.tools import call

__all__ = ["C_FLAGS", "Results", "c_compiler", "run_c", "run_onnx", "run_qonnx", "runtime"]

C_FLAGS = ("-std=c99", "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror")


class Results(NamedTuple):
    """The results of a run."""

    restored: np.ndarray
    """Images, uint8 (n, image, image)."""
    states: np.ndarray
    """States after the last step, int8 (n, channels, height, width)."""


def runtime() -> Any:
    """Return ONNX Runtime, which reports to its makers where it is not told otherwise."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def run_onnx(file: Path, spec: Spec, steps: int, images: np.ndarray) -> Results:
    """Run a file of the standard's form on the CPU, all images in one batch."""
    providers = ["CPUExecutionProvider"]
    session = runtime().InferenceSession(file.read_bytes(), providers=providers)
    restored, states = session.run(["restored", "state"], {"image": images})
    return Results(restored, states)


def run_qonnx(file: Path, spec: Spec, steps: int, images: np.ndarray) -> Results:
    """Run a file of the quantised form, an image at a time."""
    runtime()  # which computes the standard's operators
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = ModelWrapper(str(file)).transform(InferShapes())
    found = [
        execute_onnx(model, {"image": image.reshape(1, 1, *image.shape).astype(np.float32)})
        for image in images
    ]
    return Results(
        np.concatenate([each["restored"][:, 0] for each in found]),
        np.concatenate([each["state"] for each in found]),
    )


def c_compiler() -> list[str] | None:
    """Return the command of the C compiler: ``$CC`` or ``cc``; None if there is none."""
    try:
        command = shlex.split(os.environ.get("CC", "")) or ["cc"]
    except ValueError as error:
        raise ToolError(
            f"CC must be a command, not {os.environ['CC']!r}: {reason(error)}"
        ) from None
    return command if shutil.which(command[0]) else None


def run_c(file: Path, spec: Spec, steps: int, images: np.ndarray) -> Results:
    """Compile a C file, every warning an error, and run it."""
    command = c_compiler()
    if command is None:
        raise ToolError("A C compiler must be on PATH, or CC must name one")
    with TemporaryDirectory(prefix="thalweg-") as folder:
        made = Path(folder) / "automaton.so"
        flags = [*C_FLAGS, "-shared", "-fPIC", "-x", "c", str(file), "-o", str(made)]
        call([*command, *flags], Path(folder) / "log")
        names = ("thalweg_encode", "thalweg_step", "thalweg_read_out")
        library = load_library(made, names)
    restored = np.empty_like(images)
    states = np.empty((len(images), *spec.lattice), np.int8)
    scratch = np.empty(spec.lattice, np.int8)
    for image, state, shown in zip(images, states, restored, strict=True):
        library.thalweg_encode(pointer(image), pointer(state))
        for step in range(1, steps + 1):
            library.thalweg_step(pointer(state), pointer(scratch), ctypes.c_int32(step))
        library.thalweg_read_out(pointer(state), pointer(shown))
    return Results(restored, states)


def pointer(codes: np.ndarray) -> ctypes.c_void_p:
    """Return the address of a contiguous array."""
    return ctypes.c_void_p(codes.ctypes.data)
