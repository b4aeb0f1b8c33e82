"""Graphs of ONNX operators, in two dialects: the standard's operators alone, and QONNX.

Every tensor is float32 and holds codes. A dialect says how codes are rounded and saturated; all
else that a run needs is the same in both, in `sw.export.unrolled`.

Why float32 is exact: weights and biases carry their ``2**-shift``, which changes exponents and
nothing else, so a sum is a sum of integers times a power of two. With bias and half a step, every
sum of encoder, perception and read-out stays below 2**21, every sum of the update below 2**24
(`docs/arithmetic.md`), and so does every part of it, in any order and with fused multiply-adds.
Each float32 up to 2**24 is an integer's own. What follows a sum is exact by itself: a floor, a cut,
a clamp, a sum of two codes. The gate is the one place where half a step does not fit: `half_up`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from golden.fixed import PIXEL, STATE, WEIGHT, Format
from golden.spec import Spec

__all__ = ["CUT", "Graph", "Quantised", "Standard"]

CUT = Format(width=25)
"""What an update adds, cut to whole codes: wide enough never to saturate."""

QUANTISED = "qonnx.custom_op.general"
"""Domain of the operators of QONNX."""


class Graph(ABC):
    """Nodes and constants, written one after the other; a tensor is known by its name."""

    domains: tuple[str, ...] = ("",)
    """Domains of the operators."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}

    def add(self, operator: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        """Append a node; return the name of its result."""
        result = result or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [result], name=result, **attributes))
        return result

    def constant(self, name: str, values: Any, kind: type[np.generic] = np.float32) -> str:
        """Keep an array under this name, once; return the name."""
        if name not in self.constants:
            array = np.asarray(values, kind)
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def half_up(self, sums: str) -> str:
        """Return sums with half a step more, for the floor that follows to round them to nearest.

        Elsewhere half a step is part of the bias. A gate's sum may reach 2**24 with its bias, and
        half a step of up to 2**22 with it would be rounded away where sums come and go. Added last
        it is safe: what is then above 2**24 is rounded to an even integer, and the next multiple of
        ``2**shift`` above 2**24, where the floor would change, is beyond the largest sum.
        """
        return self.add("Add", sums, self.constant("half", 0.5))

    @property
    @abstractmethod
    def inputs(self) -> list[ValueInfoProto]:
        """The graph's inputs."""

    @property
    @abstractmethod
    def outputs(self) -> list[ValueInfoProto]:
        """The graph's outputs."""

    @abstractmethod
    def read_image(self) -> str:
        """Return the codes of the input: (n, 1, image, image)."""

    @abstractmethod
    def weights(self, name: str, codes: np.ndarray, shift: np.ndarray) -> str:
        """Return weights times ``2**-shift``; ``shift`` broadcasts against ``codes``."""

    @abstractmethod
    def floor(self, sums: str, to: Format) -> str:
        """Return sums, half a step included, rounded down and saturated to a format."""

    @abstractmethod
    def cut(self, sums: str) -> str:
        """Return sums rounded towards zero."""

    @abstractmethod
    def clamp(self, codes: str, to: Format) -> str:
        """Return whole codes saturated to a format."""

    @abstractmethod
    def write_outputs(self, restored: str, state: str) -> None:
        """Make outputs of the codes (n, 1, image, image) and (n, channels, height, width)."""


class Standard(Graph):
    """Operators of the standard alone; images and states are integers, batches of any size."""

    @property
    def inputs(self) -> list[ValueInfoProto]:
        """Images, uint8."""
        size = self.spec.image
        return [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", size, size])]

    @property
    def outputs(self) -> list[ValueInfoProto]:
        """Restored images, uint8, and states, int8."""
        size = self.spec.image
        return [
            helper.make_tensor_value_info("restored", TensorProto.UINT8, ["n", size, size]),
            helper.make_tensor_value_info("state", TensorProto.INT8, ["n", *self.spec.lattice]),
        ]

    def read_image(self) -> str:
        """Convert the input."""
        pixels = self.add("Cast", "image", to=TensorProto.FLOAT)
        return self.add("Unsqueeze", pixels, self.constant("channel axis", [1], np.int64))

    def weights(self, name: str, codes: np.ndarray, shift: np.ndarray) -> str:
        """Keep the products."""
        return self.constant(name, codes * np.exp2(-shift.astype(np.float64)))

    def floor(self, sums: str, to: Format) -> str:
        """Clip first: the limits are whole codes."""
        return self.add("Floor", self.clamp(sums, to))

    def cut(self, sums: str) -> str:
        """Cut magnitudes: what a cast does with fractions the standard leaves open."""
        size = self.add("Floor", self.add("Abs", sums))
        return self.add("Mul", self.add("Sign", sums), size)

    def clamp(self, codes: str, to: Format) -> str:
        """Clip."""
        limits = (self.constant(f"code {limit}", limit) for limit in (to.min, to.max))
        return self.add("Clip", codes, *limits)

    def write_outputs(self, restored: str, state: str) -> None:
        """Convert to integers."""
        flat = self.add("Squeeze", restored, self.constant("channel axis", [1], np.int64))
        self.add("Cast", flat, result="restored", to=TensorProto.UINT8)
        self.add("Cast", state, result="state", to=TensorProto.INT8)


class Quantised(Graph):
    """Operators of the standard and QONNX's Quant, which says how wide each tensor is.

    As tools of QONNX expect it: float32 throughout, and batches of one.
    """

    domains = ("", QUANTISED)

    @property
    def inputs(self) -> list[ValueInfoProto]:
        """One image, its codes as float32."""
        shape = (1, 1, self.spec.image, self.spec.image)
        return [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)]

    @property
    def outputs(self) -> list[ValueInfoProto]:
        """The restored image and the state, their codes as float32."""
        shape = (1, 1, self.spec.image, self.spec.image)
        return [
            helper.make_tensor_value_info("restored", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, (1, *self.spec.lattice)),
        ]

    def quant(self, values: str, scale: str, to: Format, rounding: str, result: str = "") -> str:
        """Append a Quant node, with the zero-point 0."""
        return self.add(
            "Quant",
            values,
            scale,
            self.constant("zero-point", 0),
            self.constant(f"{to.width} bits", to.width),
            result=result,
            domain=QUANTISED,
            signed=int(to.signed),
            narrow=0,
            rounding_mode=rounding,
        )

    def read_image(self) -> str:
        """Say that pixels have eight bits."""
        return self.quant("image", self.constant("code", 1), PIXEL, "FLOOR")

    def weights(self, name: str, codes: np.ndarray, shift: np.ndarray) -> str:
        """Keep the products, and say once that they are int8 codes times a scale."""
        result = f"{name} quantised"
        if name not in self.constants:
            scale = np.exp2(-shift.astype(np.float64))
            values = self.constant(name, codes * scale)
            self.quant(values, self.constant(f"{name} scale", scale), WEIGHT, "ROUND", result)
        return result

    def floor(self, sums: str, to: Format) -> str:
        """Quantise; its HALF_UP rounds ties away from zero, so half a step has been added."""
        return self.quant(sums, self.constant("code", 1), to, "FLOOR")

    def cut(self, sums: str) -> str:
        """Quantise towards zero."""
        return self.quant(sums, self.constant("code", 1), CUT, "DOWN")

    def clamp(self, codes: str, to: Format) -> str:
        """Quantise whole codes."""
        return self.floor(codes, to)

    def write_outputs(self, restored: str, state: str) -> None:
        """Name the outputs."""
        for name, codes, to in (("restored", restored, PIXEL), ("state", state, STATE)):
            self.quant(codes, self.constant("code", 1), to, "FLOOR", result=name)
