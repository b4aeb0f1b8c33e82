"""What a host says to the project for Tiny Tapeout, and what it is to hear: by the golden model."""

from __future__ import annotations

from typing import Any

import numpy as np

from golden.frames import frame
from golden.model import Model
from golden.skeleton import Skeleton
from golden.wire import VERSION, Command, Kind, Operation, Tag, chunk
from hw.asic.chips import AsicChip
from hw.clocks import RESET_CLOCKS
from hw.skeleton_memory import facts_of

__all__ = ["conversation"]

FETCH = 100
"""Bytes of a lattice that are asked for at a time: responses are short."""


def conversation(chip: AsicChip, *, seed: int = 0) -> dict[str, Any]:
    """Return the requests that restore a random image and read its lattice, with their responses.

    As JSON values: `reset`, clocks; `exchanges`, pairs of a request's frame
    and the payload of its response. Bytes are hexadecimal.
    """
    geometry, skeleton = chip.geometry, chip.skeletons[0]
    spec = geometry.spec
    image = (
        np.random.default_rng(seed).integers(0, 256, (1, spec.image, spec.image)).astype(np.uint8)
    )
    restored, codes = restore(skeleton, image)
    facts = facts_of(geometry, chip.skeletons).to_bytes()
    run = [command(Operation.RUN, steps=spec.steps), command(Operation.READ_IMAGE)]
    says = [
        (Kind.IDENTIFY, bytes([VERSION, VERSION]), facts),
        (Kind.RESET, b"", b""),
        (Kind.EXCHANGE, load(image.tobytes()), b"\0"),
        (Kind.EXCHANGE, b"".join([*run, chunk(Tag.FETCH, len(restored))]), restored + b"\0"),
        (Kind.EXCHANGE, command(Operation.READ_STATE), b"\0"),
    ]
    for start in range(0, len(codes), FETCH):
        part = codes[start : start + FETCH]
        says.append((Kind.EXCHANGE, chunk(Tag.FETCH, len(part)), part + b"\0"))
    return {
        "reset": RESET_CLOCKS,
        "exchanges": [
            [frame(kind, number, payload).hex(), (b"\0" + answer).hex()]
            for number, (kind, payload, answer) in enumerate(says)
        ],
    }


def restore(skeleton: Skeleton, image: np.ndarray) -> tuple[bytes, bytes]:
    """Return what the golden model makes of an image: pixels, and codes, channels within cells."""
    model = Model(skeleton)
    state = model.encode(image)
    for _ in range(skeleton.spec.steps):
        state = model.step(state)
    codes = np.asarray(state, np.int8)[0].transpose(1, 2, 0)
    return np.asarray(model.readout(state), np.uint8).tobytes(), codes.tobytes()


def command(operation: Operation, *, steps: int = 0) -> bytes:
    """Return the chunk of a command to the only lattice."""
    body = Command(operation=operation, context=0, steps=steps).to_bytes()
    return chunk(Tag.COMMAND, len(body), body)


def load(pixels: bytes) -> bytes:
    """Return the chunks that load an image."""
    return command(Operation.LOAD_IMAGE) + chunk(Tag.DATA, len(pixels), pixels)
