"""The gate: a two-layer int8 network on the host that reads a plane and answers with a delta."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save
from torch import Tensor

from golden.errors import InputError
from golden.exact import exact_float32, tensor
from golden.files import reading, replacement, require_regular
from golden.fixed import GATE_BIAS, GATE_HIDDEN, GATE_WEIGHT, STATE, UPDATE_SHIFTS, Format
from golden.skeleton import Skeleton, check

__all__ = ["GateLayer", "GateNetwork", "Linear"]

DTYPES: dict[str, np.dtype[Any]] = {
    "weight": np.dtype(np.int8),
    "bias": np.dtype(np.int32),
    "shift": np.dtype(np.uint8),
}
SPELT = {"I": "int", "U": "uint", "F": "float"}
ALLOWED = {"weight": GATE_WEIGHT, "bias": GATE_BIAS.codes, "shift": UPDATE_SHIFTS}


@dataclass(frozen=True, eq=False)
class GateLayer:
    """Integers of one layer: weight (outputs, inputs), bias and shift (outputs,)."""

    weight: np.ndarray
    bias: np.ndarray
    shift: np.ndarray


class Linear:
    """One layer on float32 codes, ``clamp(round_shift(W x + b, n))``; every sum is below 2**24.

    The shift goes into weight and bias beforehand: a product with a power of two is exact.
    """

    def __init__(self, layer: GateLayer, to: Format) -> None:
        with exact_float32():
            scale = tensor(np.exp2(-layer.shift.astype(np.float32)))
            self.weight = (tensor(layer.weight) * scale[:, None]).T.contiguous()
            self.bias = tensor(layer.bias) * scale
        self.to = to

    def __call__(self, codes: Tensor) -> Tensor:
        """Map codes (B, inputs) to codes (B, outputs), both float32."""
        scaled = codes @ self.weight
        # Half a step is added before the floor, which then rounds to nearest, ties upwards.
        return scaled.add_(self.bias).add_(0.5).floor_().clamp_(self.to.min, self.to.max)


class GateNetwork:
    """The int8 network of a gate.safetensors; exact in float32 for every order of summation."""

    def __init__(
        self, hidden: GateLayer, output: GateLayer, *, skeleton: str | None = None
    ) -> None:
        self.hidden = hidden
        self.output = output
        self.skeleton = skeleton
        self.layers = (Linear(hidden, GATE_HIDDEN), Linear(output, STATE))

    @property
    def inputs(self) -> int:
        """Number of codes in a plane."""
        return self.hidden.weight.shape[1]

    @property
    def outputs(self) -> int:
        """Number of codes in a delta."""
        return self.output.weight.shape[0]

    def __call__(self, planes: Tensor) -> Tensor:
        """Map planes (B, inputs) to deltas (B, outputs); float32 codes."""
        for layer in self.layers:
            planes = layer(planes)
        return planes

    def deltas(self, planes: np.ndarray) -> np.ndarray:
        """Map int8 planes (B, inputs) to int8 deltas (B, outputs)."""
        planes = np.asarray(planes)
        if planes.dtype != np.int8 or planes.ndim != 2 or planes.shape[1] != self.inputs:
            raise InputError(
                f"Planes must be int8 (n, {self.inputs}), not {planes.dtype} {planes.shape}"
            )
        with exact_float32():
            return self(tensor(planes)).to(torch.int8).numpy()

    def require_fit(self, skeleton: Skeleton, place: str) -> None:
        """Raise unless this network fits the lattice and was trained with this skeleton."""
        spec = skeleton.spec
        if spec.gate is None:
            raise InputError(f"{place} needs a skeleton with a gate; {skeleton.name} has none")
        if (self.inputs, self.outputs) != (spec.cells, spec.deltas):
            raise InputError(
                f"{place} must map {spec.cells} codes to {spec.deltas}, "
                f"not {self.inputs} to {self.outputs}"
            )
        if self.skeleton is not None and self.skeleton != skeleton.digest:
            raise InputError(
                f"{place} was trained with the skeleton {self.skeleton[:12]}…, "
                f"not with {skeleton.name} ({skeleton.digest[:12]}…)"
            )

    @classmethod
    def load(cls, path: Path | str) -> GateNetwork:
        """Read ``path``, a gate.safetensors."""
        path = Path(path)
        names = [f"{layer}.{part}" for layer in ("hidden", "output") for part in DTYPES]
        require_regular(path)
        with reading(path, "a readable safetensors file"), safe_open(path, "numpy") as file:
            for name in sorted(set(names) ^ set(file.keys())):
                verb = "have" if name in names else "not have"
                raise InputError(f"{path} must {verb} the tensor {name!r}")
            for name in names:
                require_dtype(file.get_slice(name).get_dtype(), name, path)
            tensors = {name: file.get_tensor(name) for name in names}
            metadata = file.metadata() or {}
        return cls(
            read_layer(tensors, "hidden", path),
            read_layer(tensors, "output", path, inputs=tensors["hidden.bias"].size),
            skeleton=metadata.get("skeleton"),
        )

    def save(self, path: Path) -> Path:
        """Write ``path`` and return it."""
        tensors = {
            f"{name}.{part}": np.ascontiguousarray(getattr(layer, part), dtype=dtype)
            for name, layer in (("hidden", self.hidden), ("output", self.output))
            for part, dtype in DTYPES.items()
        }
        metadata = {} if self.skeleton is None else {"skeleton": self.skeleton}
        with replacement(path) as temporary:
            temporary.write_bytes(save(tensors, metadata))  # as readable as any file
        return path


def require_dtype(found: str, name: str, path: Path) -> None:
    """Raise unless a tensor has the type of its part, in the notation of safetensors files."""
    wanted = DTYPES[name.rpartition(".")[2]]
    spelt = re.sub(r"^([IUF])(?=\d+$)", lambda kind: SPELT[kind[1]], found)
    if spelt != wanted.name:
        raise InputError(f"{path}: {name} must be {wanted}, not {spelt}")


def read_layer(
    tensors: dict[str, np.ndarray], name: str, path: Path | str, inputs: int | None = None
) -> GateLayer:
    """Return a layer from its three tensors; raise unless they are valid."""
    weight = tensors[f"{name}.weight"]
    if weight.ndim != 2 or (inputs is not None and weight.shape[1] != inputs):
        wanted = "(outputs, inputs)" if inputs is None else f"(outputs, {inputs})"
        raise InputError(f"{path}: {name}.weight must have shape {wanted}, not {weight.shape}")
    if weight.shape[1] > 1024:
        raise InputError(f"{path}: {name}.weight must have at most 1024 inputs, not {weight.shape}")
    shapes = {"weight": weight.shape, "bias": weight.shape[:1], "shift": weight.shape[:1]}
    for part in DTYPES:
        check(tensors[f"{name}.{part}"], f"{path}: {name}.{part}", shapes[part], ALLOWED[part])
    return GateLayer(*(tensors[f"{name}.{part}"] for part in DTYPES))
