"""A skeleton with its gate on a device."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from golden.device import Device, GoldenDevice, as_images, as_states, as_steps, batches, restore
from golden.device import trace as trace_batch
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.model import Model
from golden.skeleton import Skeleton
from golden.spec import Spec
from golden.wire import BAUD

__all__ = ["Restorer", "load"]


class Restorer:
    """A skeleton that restores images, on a device; every device gives the same codes.

    `load` makes one. Images are uint8 (n, image, image), ink 255 on 0; states are int8 (n,
    channels, height, width). Views, read-only arrays and tensors are accepted. Anything else raises
    `InputError`.

    Parameters
    ----------
    skeleton : Skeleton
        The integers of the rule.
    network : GateNetwork or None
        The network of its gate; None runs the rule alone.
    device : Device or None
        A device that holds this skeleton first; by default the golden model.
    """

    def __init__(
        self, skeleton: Skeleton, network: GateNetwork | None, device: Device | None = None
    ) -> None:
        if network is not None:
            network.require_fit(skeleton, "The gate")
        self.skeleton = skeleton
        self.network = network
        self.device = GoldenDevice((skeleton,)) if device is None else device

    @property
    def spec(self) -> Spec:
        """Sizes: height, width, channels, image, steps and more."""
        return self.skeleton.spec

    def restore(self, images: np.ndarray, steps: int | None = None) -> np.ndarray:
        """Return images restored, any number of them.

        Parameters
        ----------
        images : np.ndarray
            Damaged images, uint8 (n, image, image).
        steps : int or None
            Steps to run; by default those that the skeleton was trained for.

        Returns
        -------
        np.ndarray
            Uint8 (n, image, image).
        """
        return restore(self.device, self.network, images, self._steps(steps))

    def trace(self, images: np.ndarray, steps: int | None = None) -> np.ndarray:
        """Return every state of a restoration, the encoded image first.

        Arguments are as for `restore`. An image takes ``(steps + 1) * channels * height * width``
        bytes.

        Returns
        -------
        np.ndarray
            Int8 (n, steps + 1, channels, height, width).
        """
        images, wanted = as_images(images, self.spec), self._steps(steps)
        found = np.empty((len(images), wanted + 1, *self.spec.lattice), np.int8)
        for batch in batches(len(images), self.device.contexts):
            self.device.load_images(images[batch])
            found[batch] = trace_batch(self.device, self.network, wanted)
        return found

    def show(self, states: np.ndarray) -> np.ndarray:
        """Return the images that states show: uint8 (..., image, image), for states (..., c, y, x).

        The codes are read on the host, not by the device.
        """
        states = np.asarray(states)
        given = states.reshape(-1, *states.shape[-3:]) if states.ndim > 2 else states
        flat = as_states(given, self.spec)
        return Model(self.skeleton).readout(flat).reshape(*states.shape[:-3], *self._image)

    @property
    def _image(self) -> tuple[int, int]:
        return self.spec.image, self.spec.image

    def _steps(self, steps: int | None) -> int:
        return self.spec.steps if steps is None else as_steps(steps)


def load(
    name: str | Path = "digits",
    *,
    gate: str | Path | None = None,
    gated: bool = True,
    device: str = "golden",
    filters: int = 5,
    baud: int = BAUD,
) -> Restorer:
    """Load a skeleton onto a device.

    Parameters
    ----------
    name : str or Path
        Name of a shipped skeleton, or a folder with a ``skeleton.json``.
    gate : str, Path or None
        Another gate.safetensors than the skeleton's own.
    gated : bool
        Whether the gate is used; without it the rule runs alone.
    device : str
        ``golden``, ``simulated`` (the chip, built on first use by a C++ compiler) or
        ``serial:PORT`` (a board, or a simulated one).
    filters : int
        Filters per clock of the simulated chip.
    baud : int
        Bits a second on the serial port.

    Raises
    ------
    InputError
        If there is no such skeleton, gate or device, or they do not fit.
    """
    from sw.runs.loading import load_run

    if gated:
        skeleton, network = load_run(name, None if gate is None else Path(gate))
    elif gate is not None:
        raise InputError("A gate must not be given together with gated=False")
    else:
        from golden.skeleton import find

        skeleton, network = Skeleton.load(find(name)), None
    if device == "golden":
        return Restorer(skeleton, network)
    from sw.cli.common import open_device

    return Restorer(skeleton, network, open_device(device, (skeleton,), filters, baud))
