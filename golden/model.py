"""The reference model: the automaton on batches, every code exact.

In PyTorch, codes are held in float32, which is exact here: every accumulator stays below 2**24 and
every other operation is a product with a power of two, a floor, a cut or a clamp. Where it is worth
it, `golden.native` computes the steps. ``golden.naive`` is the same in plain integers; tests
compare the three.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from golden.exact import exact_float32, tensor
from golden.fixed import HIDDEN, PIXEL, STATE
from golden.native import Kernel, choose_kernel, find_kernel
from golden.skeleton import Layer, Skeleton

__all__ = ["Model"]

BLOCK = 16  # lattices at a time, so that their hidden codes stay in the cache


def scale_layer(layer: Layer) -> tuple[Tensor, Tensor]:
    """Return weight and bias times ``2**-shift``, float32, so that a step needs no shift."""
    scale = np.exp2(-layer.shift.astype(np.float64))
    weight = layer.weight * scale.reshape(scale.shape + (1,) * (layer.weight.ndim - scale.ndim))
    return tensor(weight), tensor(layer.bias * scale)


class Model:
    """The computation of a skeleton on batches of lattices.

    States are int8 (B, channels, height, width), images uint8 (B, image, image). Arguments and
    results are numpy arrays.

    Parameters
    ----------
    skeleton : Skeleton
        The rule and its read-out.
    backend : str or None
        What computes the steps: ``torch``, ``native``, or by default what is faster as a whole,
        building included. `golden.native.build.Unavailable` is raised where ``native`` cannot be.
    """

    def __init__(self, skeleton: Skeleton, backend: str | None = None) -> None:
        self.skeleton = skeleton
        self.spec = skeleton.spec
        self.backend = backend
        with exact_float32():
            self._prepare(skeleton)

    def _prepare(self, skeleton: Skeleton) -> None:
        """Bring the weights into the layout that `step` needs."""
        spec = self.spec

        weight, bias = scale_layer(skeleton.perceive)
        # One depth-wise convolution for each of the multiplier's filters: channels-last, torch runs
        # these about twice as fast as one grouped convolution with a multiplier.
        filters = weight.view(spec.channels, spec.multiplier, 1, 3, 3).transpose(0, 1)
        self.kernels = filters.contiguous()
        # The bias includes half a step, so that rounding is a floor.
        self.offsets = (bias.view(spec.channels, spec.multiplier).T + 0.5).contiguous()

        weight, bias = scale_layer(skeleton.update)
        mixes = weight.view(spec.channels, spec.channels, spec.multiplier).permute(2, 1, 0)
        self.mixes = mixes.reshape(spec.filters, spec.channels).contiguous()
        self.bias = bias

        self.encode_weight, self.encode_bias = scale_layer(skeleton.encode)
        self.readout_weight, self.readout_bias = scale_layer(skeleton.readout)

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Encode images on lattices; return the states after step 0."""
        spec, (top, left) = self.spec, self.spec.margins
        with exact_float32():
            pixels = functional.pad(tensor(images), (left, left, top, top))
            weight, bias = (t.view(-1, 1, 1) for t in (self.encode_weight, self.encode_bias + 0.5))
            codes = (pixels[:, None] * weight).add_(bias).floor_().clamp_(STATE.min, STATE.max)
            return codes.to(torch.int8).numpy().reshape(-1, *spec.lattice)

    def step(self, states: np.ndarray, steps: int = 1) -> np.ndarray:
        """Return the states after ``steps`` more steps of the rule, without the gate."""
        kernel = self._kernel(len(states), steps)
        if kernel is not None:
            return kernel.advance(states, steps, torch.get_num_threads())
        result = np.empty_like(states)
        with exact_float32():
            for begin in range(0, len(states), BLOCK):
                block = tensor(states[begin : begin + BLOCK])
                block = block.contiguous(memory_format=torch.channels_last)
                for _ in range(steps):
                    block = self._step(block)
                result[begin : begin + BLOCK] = block.to(torch.int8).numpy()
        return result

    def _kernel(self, lattices: int, steps: int) -> Kernel | None:
        """Return the native kernel if it is to compute as many steps of so many lattices."""
        if self.backend == "torch":
            return None
        native = self.backend == "native"
        found = find_kernel(self.spec) if native else choose_kernel(self.spec, lattices, steps)
        if found is None:
            return None
        weights = self.kernels, self.offsets, self.mixes.T, self.bias
        return Kernel(found, self.spec, tuple(weight.numpy() for weight in weights))

    def _step(self, states: Tensor) -> Tensor:
        """Return float32 codes, channels-last, after one step."""
        spec = self.spec
        if spec.boundary == "wrap":
            padded, padding = functional.pad(states, (1, 1, 1, 1), mode="circular"), 0
            padded = padded.contiguous(memory_format=torch.channels_last)
        else:
            padded, padding = states, 1
        hidden = [
            functional
            .conv2d(padded, kernel, offset, padding=padding, groups=spec.channels)
            .clamp_(HIDDEN.min, HIDDEN.max)
            .floor_()
            for kernel, offset in zip(self.kernels, self.offsets, strict=True)
        ]
        rows = torch.cat([h.permute(0, 2, 3, 1).reshape(-1, spec.channels) for h in hidden], dim=1)
        change = torch.addmm(self.bias, rows, self.mixes).trunc_()
        # Cut before adding: in one sum with the state, float32 would round first.
        change = change.view(-1, spec.height, spec.width, spec.channels).permute(0, 3, 1, 2)
        return change.add_(states).clamp_(STATE.min, STATE.max)

    def planes(self, states: np.ndarray) -> np.ndarray:
        """Return the planes that the gate reads: int8 (B, cells)."""
        gate = self.spec.gate
        assert gate is not None
        return states[:, gate.input_channel].reshape(len(states), self.spec.cells)

    def add_deltas(
        self,
        states: np.ndarray,
        deltas: np.ndarray,
        step: int,
        indices: np.ndarray | slice = slice(None),
    ) -> None:
        """Add the deltas (k, cells / 4) of the opening after ``step`` to the states, in place.

        They are for the lattices of ``indices`` (k,); for all unless given.
        """
        spec, gate = self.spec, self.spec.gate
        assert gate is not None
        field = deltas.reshape(-1, spec.height // 2, spec.width // 2).astype(np.int16)
        phase = gate.phase(step)
        target = states[:, gate.output_channel]
        if phase is None:
            field = field.repeat(2, axis=1).repeat(2, axis=2)
        else:
            target = target[:, phase[0] :: 2, phase[1] :: 2]
        target[indices] = STATE.clamp(target[indices] + field)

    def readout(self, states: np.ndarray) -> np.ndarray:
        """Return the images that the states show: uint8 (B, image, image)."""
        spec, (rows, columns) = self.spec, self.spec.window
        result = np.empty((len(states), spec.image, spec.image), np.uint8)
        with exact_float32():
            for begin in range(0, len(states), BLOCK):
                block = slice(begin, begin + BLOCK)
                window = tensor(states[block, :, rows, columns]).flatten(2)
                total = (self.readout_weight[None] @ window).add_(self.readout_bias).add_(0.5)
                pixels = total.floor_().clamp_(PIXEL.min, PIXEL.max).to(torch.uint8)
                result[block] = pixels.view(-1, spec.image, spec.image).numpy()
        return result
