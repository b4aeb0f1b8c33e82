"""Skeletons: the frozen integers of a rule, its encoder and its read-out, and the file of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import exists, is_dir, read_json, replacement
from golden.fixed import BIAS, SHIFTS, UPDATE_BIAS, UPDATE_SHIFTS, WEIGHT
from golden.spec import Spec, exact_keys

__all__ = [
    "GATE_FILE",
    "LAYERS",
    "PROVENANCE_FILE",
    "SHIPPED",
    "SKELETON_FILE",
    "Layer",
    "Skeleton",
    "find",
]

FORMAT = "thalweg-skeleton"
VERSION = 1
SHIPPED = Path(__file__).parent / "skeletons"
"""Folders of the skeletons that are shipped, by name."""
SKELETON_FILE = "skeleton.json"
GATE_FILE = "gate.safetensors"
"""File of the gate's network in a skeleton's folder."""
PROVENANCE_FILE = "provenance.json"
"""File in a skeleton's folder that says how it was trained, and what it restores."""
LAYERS = ("encode", "perceive", "update", "readout")
PARTS = ("weight", "bias", "shift")


def shapes(spec: Spec) -> dict[str, dict[str, tuple[int, ...]]]:
    """Return the shape of every part of every layer; () is a single integer."""
    channels, filters = spec.channels, spec.filters
    return {
        "encode": {"weight": (channels,), "bias": (channels,), "shift": (channels,)},
        "perceive": {"weight": (filters, 3, 3), "bias": (filters,), "shift": (filters,)},
        "update": {"weight": (channels, filters), "bias": (channels,), "shift": (channels,)},
        "readout": {"weight": (channels,), "bias": (), "shift": ()},
    }


def ranges(layer: str) -> dict[str, range]:
    """Return the range of codes of each part of ``layer``."""
    if layer == "update":
        return {"weight": WEIGHT.codes, "bias": UPDATE_BIAS.codes, "shift": UPDATE_SHIFTS}
    return {"weight": WEIGHT.codes, "bias": BIAS.codes, "shift": SHIFTS}


@dataclass(frozen=True, eq=False)
class Layer:
    """Integers of one layer, int64 arrays."""

    weight: np.ndarray
    bias: np.ndarray
    shift: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Skeleton:
    """A spec and the integers of its four layers; shapes and ranges are checked."""

    spec: Spec
    encode: Layer
    perceive: Layer
    update: Layer
    readout: Layer
    name: str = field(default="skeleton")

    def __post_init__(self) -> None:
        for layer in LAYERS:
            for part in PARTS:
                codes = getattr(getattr(self, layer), part)
                check(codes, f"{layer}.{part}", shapes(self.spec)[layer][part], ranges(layer)[part])
            own = Layer(*(np.array(getattr(getattr(self, layer), p), np.int64) for p in PARTS))
            object.__setattr__(self, layer, own)  # as JSON has them, and nobody else's

    @property
    def digest(self) -> str:
        """SHA-256 over the rule's numbers as little-endian int32, in the order of the file."""
        sha = hashlib.sha256()
        for codes in self.numbers():
            sha.update(np.ascontiguousarray(codes, dtype="<i4").tobytes())
        return sha.hexdigest()

    def numbers(self) -> Iterator[np.ndarray]:
        """Every part of every layer, in the order of the file."""
        for layer in LAYERS:
            for part in PARTS:
                yield getattr(getattr(self, layer), part)

    @classmethod
    def load(cls, path: Path | str) -> Skeleton:
        """Read ``path``, a skeleton.json or the folder of one."""
        path = Path(path)
        if is_dir(path):
            path /= SKELETON_FILE
        values = read_json(path)
        try:
            return cls.from_json(values, name=Path(os.path.abspath(path)).parent.name)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, values: object, *, name: str = "skeleton") -> Skeleton:
        """Build a skeleton from the values of a skeleton.json."""
        found = exact_keys(values, ["format", "version", "spec", *LAYERS], "skeleton")
        for key, want in (("format", FORMAT), ("version", VERSION)):
            if found[key] != want or type(found[key]) is not type(want):
                raise InputError(f"{key} must be {want!r}, not {found[key]!r}")
        spec = Spec.from_json(found["spec"])
        layers = {layer: read_layer(found[layer], layer, spec) for layer in LAYERS}
        return cls(spec=spec, name=name, **layers)

    def to_json(self) -> dict[str, Any]:
        """Return the values of the skeleton.json."""
        layers = {
            layer: {part: getattr(getattr(self, layer), part).tolist() for part in PARTS}
            for layer in LAYERS
        }
        return {"format": FORMAT, "version": VERSION, "spec": self.spec.to_json(), **layers}

    def save(self, folder: Path) -> Path:
        """Write ``folder/skeleton.json``, one part a line, and return its path."""
        values = self.to_json()
        lines = [f'"{key}": {json.dumps(values[key])}' for key in ("format", "version", "spec")]
        for layer in LAYERS:
            parts = [f'  "{part}": {json.dumps(values[layer][part])}' for part in PARTS]
            lines.append(f'"{layer}": {{\n' + ",\n".join(parts) + "\n}")
        path = folder / SKELETON_FILE
        with replacement(path) as temporary:
            temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        return path


def read_layer(values: object, layer: str, spec: Spec) -> Layer:
    """Turn the JSON of one layer into arrays, checking each integer."""
    found = exact_keys(values, list(PARTS), layer)
    wanted, allowed = shapes(spec)[layer], ranges(layer)
    return Layer(**{
        part: read_codes(found[part], f"{layer}.{part}", wanted[part], allowed[part])
        for part in PARTS
    })


def read_codes(values: object, place: str, shape: tuple[int, ...], allowed: range) -> np.ndarray:
    """Turn nested lists of integers into an int64 array; an error names its place."""

    def walk(value: object, place: str, sizes: tuple[int, ...]) -> None:
        if not sizes:
            if type(value) is not int or value not in allowed:
                low, high = allowed[0], allowed[-1]
                raise InputError(f"{place} must be an integer from {low} to {high}, not {value!r}")
            return
        if not isinstance(value, list) or len(value) != sizes[0]:
            found = f"a list of {len(value)}" if isinstance(value, list) else repr(value)
            raise InputError(f"{place} must be a list of {sizes[0]}, not {found}")
        for index, item in enumerate(value):
            walk(item, f"{place}[{index}]", sizes[1:])

    walk(values, place, shape)
    return np.asarray(values, dtype=np.int64)


def check(codes: np.ndarray, place: str, shape: tuple[int, ...], allowed: range) -> None:
    """Raise unless ``codes`` are integers of ``shape`` that lie within ``allowed``."""
    codes = np.asarray(codes)
    if codes.dtype.kind not in "iu":
        raise InputError(f"{place} must be integers, not {codes.dtype}")
    if codes.shape != shape:
        raise InputError(f"{place} must have shape {shape}, not {codes.shape}")
    low, high = allowed[0], allowed[-1]
    if codes.min() < low or codes.max() > high:
        wrong = codes[(codes < low) | (codes > high)].flat[0]
        raise InputError(f"{place} must be an integer from {low} to {high}, not {wrong}")


def find(name: str | Path) -> Path:
    """Return the folder of a skeleton, given that folder or the name of a shipped one."""
    for folder in (Path(name), SHIPPED / name):
        if exists(folder / SKELETON_FILE):
            return folder
    shipped = sorted(path.parent.name for path in SHIPPED.glob(f"*/{SKELETON_FILE}"))
    known = f"one of {', '.join(shipped)}" if shipped else "shipped (none is)"
    raise InputError(
        f"Skeleton must be a folder with a {SKELETON_FILE} or {known}, not {str(name)!r}"
    )
