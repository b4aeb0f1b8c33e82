"""Results with their origin: PNGs whose text chunk names image, skeleton, gate and options."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from golden.errors import InputError
from golden.files import exists, read_bytes
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.restore.png import read_marked, write_png

__all__ = ["KEY", "Mark", "Method", "is_ours", "read_kept", "require_ours", "write_result"]

KEY = "thalweg"
"""Name of the text chunk."""

METHOD = "recipe"
"""Name of the method in that text."""

LARGEST_RESULT = 1 << 20
"""Most bytes of a result's file; an image has at most 256 x 256 pixels."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """All that decides a result besides the image: the same for all files of a run."""

    skeleton: str
    """Digest of the skeleton."""
    gate: str | None
    """Digest of the gate's network; None without a gate."""
    steps: int
    damage: float
    invert: bool
    fit: dict[str, Any] | None = None
    """Layout of the images that pictures are fitted to; None takes them as they are."""

    @classmethod
    def of(cls, skeleton: Skeleton, network: GateNetwork | None, **values: Any) -> Method:
        """Return the method of a run with this skeleton, this network and other `values`."""
        gate = None if network is None else digest(network)
        return cls(skeleton=skeleton.digest, gate=gate, **values)

    def to_json(self) -> dict[str, Any]:
        """Return the method as JSON values; a fit only where there is one."""
        values = asdict(self)
        return values if self.fit is not None else {n: v for n, v in values.items() if n != "fit"}


@dataclass(frozen=True)
class Mark:
    """The origin of a result: a method and an image."""

    method: Method
    place: int
    """Index of the file in its folder, which seeds the damage."""
    image: str
    """SHA-256 of the pixels in the file."""

    @classmethod
    def of(cls, method: Method, place: int, pixels: np.ndarray) -> Mark:
        """Return the mark of the result from these pixels."""
        return cls(method, place, sha256(pixels))

    def text(self, result: np.ndarray) -> str:
        """Return the text of the chunk; it includes a digest of the result's pixels."""
        values = {METHOD: self.method.to_json(), "place": self.place, "image": self.image}
        return json.dumps(values | {"result": sha256(result)}, sort_keys=True)


def write_result(path: Path, result: np.ndarray, mark: Mark) -> None:
    """Write a result, uint8 (h, w), whole or not at all."""
    write_png(path, result, {KEY: mark.text(result)})


def read_kept(path: Path, mark: Mark) -> np.ndarray | None:
    """Return the result at ``path`` if it is whole and has this mark, else None."""
    result, text = read_result(path)
    return result if result is not None and text == mark.text(result) else None


def is_ours(path: Path) -> bool:
    """Whether the PNG at ``path`` has the text chunk of `write_result`."""
    return method_in(path) is not None


def method_in(path: Path) -> dict[str, Any] | None:
    """Return the method in a result; None if it has none."""
    try:
        found = json.loads(read_result(path)[1] or "")[METHOD]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def require_ours(path: Path, method: Method) -> None:
    """Raise if something else than a result of this method is at ``path``.

    A result that is not whole may be replaced.
    """
    try:
        if not exists(path):
            return
    except InputError:  # the write will fail too, and name this file
        return
    found = method_in(path)
    if found is None:
        raise InputError(
            f"{path} must be a result of this command to be replaced: name another --output"
        )
    for name, value in asdict(method).items():
        if found.get(name) != value:
            raise InputError(
                f"{path} is a result of another run, with {name} {short(found.get(name))}, "
                f"not {short(value)}: name another --output"
            )


def short(value: object) -> str:
    """Return a value for errors; a digest is cut."""
    return f"{value[:12]}…" if isinstance(value, str) else str(value)


def read_result(path: Path) -> tuple[np.ndarray | None, str | None]:
    """Return the pixels and the text of a result, None for what cannot be read."""
    try:
        return read_marked(read_bytes(path, LARGEST_RESULT), KEY)
    except InputError:
        return None, None


def digest(network: GateNetwork) -> str:
    """Return the SHA-256 of a gate's integers, as int32 in the order of its file."""
    sha = hashlib.sha256()
    for layer in (network.hidden, network.output):
        for codes in (layer.weight, layer.bias, layer.shift):
            sha.update(codes.astype("<i4").tobytes())
    return sha.hexdigest()


def sha256(pixels: np.ndarray) -> str:
    """Return the SHA-256 of pixels, uint8 (h, w), and of their shape."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
