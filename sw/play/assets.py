"""The page's generated files: digits, referee, kernel and wire; ``python -m sw.play.assets``.

They are committed, since the page has no build step; a test holds them to what is written here.
"""

from __future__ import annotations

import json
import zlib
from enum import IntEnum
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from golden import wire
from golden.files import read_bytes, replacement
from golden.layout import Layout
from golden.spec import BOUNDARIES
from sw.data.load import show_digits
from sw.judge.referee import WEIGHTS
from sw.play import PAGE, kernel

__all__ = ["DIGITS", "dequantised", "files", "write"]

DIGITS = 100
"""Show digits that the page carries."""

REFEREE = ("0", "3", "7", "10")
"""Layers of the referee's network that have weights, in the order of the file."""

LARGEST = 7
"""Largest code of the referee's weights: four bits, so that the file is small when compressed."""

ENUMS = (wire.Kind, wire.Error, wire.Tag, wire.Operation)
LAYOUTS = ("CHUNK", "COMMAND", "FACTS", "STATUS")
NUMBERS = ("BAUD", "VERSION", "REPLY", "WINDOW", "RESPONSE", "NO_PLANE", "DIGEST_BYTES")


def digits() -> bytes:
    """Return the images, uint8 (DIGITS, 28, 28), and then the labels of show digits."""
    images, labels = show_digits()
    return images[:DIGITS].tobytes() + labels[:DIGITS].tobytes()


def quantised(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return codes int8 (outputs, inputs) of a layer's weights and their scales, float32."""
    rows = weight.reshape(len(weight), -1)
    scale = (np.abs(rows).max(axis=1) / LARGEST).astype("<f4")
    return np.rint(rows / scale[:, None]).astype(np.int8), scale


def referee() -> bytes:
    """Return scales, biases and codes of each layer of the referee's network."""
    tensors = load(read_bytes(WEIGHTS))
    parts = []
    for name in REFEREE:
        codes, scale = quantised(tensors[f"{name}.weight"])
        bias = tensors[f"{name}.bias"].astype("<f4")
        parts += [scale.tobytes(), bias.tobytes(), codes.tobytes()]
    return b"".join(parts)


def dequantised() -> dict[str, np.ndarray]:
    """Return the tensors of the referee's network as the page has them: float32."""
    tensors = load(read_bytes(WEIGHTS))
    for name in REFEREE:
        weight = tensors[f"{name}.weight"]
        codes, scale = quantised(weight)
        tensors[f"{name}.weight"] = (codes * scale[:, None]).reshape(weight.shape)
    return tensors


def wire_module() -> str:
    """Return the wire protocol's numbers and layouts as a module of JavaScript."""

    def enum(cls: type[IntEnum]) -> str:
        members = {member.name: int(member) for member in cls}
        return f"export const {cls.__name__} = {json.dumps(members)};"

    def layout(name: str) -> str:
        fields: Layout = getattr(wire, name)
        pairs = json.dumps([[field.name, field.bits] for field in fields])
        return f"export const {name} = {pairs};"

    lines = [
        "/** The wire protocol's numbers, and its layouts as [field, bits]: from golden/wire.py by",
        " * `python -m sw.play.assets`. */",
        "",
        *(f"export const {name} = {getattr(wire, name)};" for name in NUMBERS),
        f"export const BOUNDARIES = {json.dumps(BOUNDARIES)};",
        *map(enum, ENUMS),
        *map(layout, LAYOUTS),
    ]
    return "\n".join(lines) + "\n"


def kernel_module() -> bytes:
    """Return the kernel in WebAssembly's binary format."""
    from wasmtime import wat2wasm

    return bytes(wat2wasm(kernel.text()))


def files() -> dict[str, bytes]:
    """Return the contents of the generated files, by their paths in the page's folder."""
    return {
        "data/digits.bin": zlib.compress(digits(), 9),
        "data/referee.bin": zlib.compress(referee(), 9),
        "data/kernel.wasm": kernel_module(),
        "device/wire.js": wire_module().encode(),
    }


def write(folder: Path = PAGE) -> None:
    """Write the generated files."""
    for name, data in files().items():
        with replacement(folder / name) as path:
            path.write_bytes(data)


if __name__ == "__main__":
    write()
