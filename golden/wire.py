"""The wire: what travels between host and chip over a byte stream, down to the byte.

Host and chip take turns: a request, then its response, each a frame of `golden.frames`.
``docs/protocol.md`` tells why and shows each message.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from golden.spec import Gate, Spec

__all__ = [
    "BITS_A_BYTE",
    "FACTS",
    "REPLY",
    "REQUEST",
    "RESPONSE",
    "STATUS",
    "VERSION",
    "ChipFacts",
    "Command",
    "Error",
    "Kind",
    "Operation",
    "Status",
    "Tag",
    "chunk",
    "split_planes",
]

BITS_A_BYTE = 10
"""On a UART: start bit, eight bits, stop bit."""

VERSION = 1
"""Version of everything here but frames and IDENTIFY, which all versions share."""

REQUEST = 2048
"""Most bytes of a request, header and CRC included."""
RESPONSE = 4096
"""Most bytes of a response, header included, CRC not."""
REPLY = 0x80
"""Added to a request's kind in its response."""


class Kind(enum.IntEnum):
    """What a request asks for."""

    IDENTIFY = 1
    RESET = 2
    STATUS = 3
    EXCHANGE = 4


class Error(enum.IntEnum):
    """First byte of a response's payload; a second one says more after any but NONE."""

    NONE = 0
    VERSION = 1  # detail: the chip's version
    UNKNOWN_KIND = 2  # detail: the kind
    BAD_LENGTH = 3  # detail: the chunk at fault, as in the following
    UNKNOWN_TAG = 4
    BAD_OPERATION = 5
    NO_SUCH_CONTEXT = 6
    NO_SUCH_SKELETON = 7
    SKELETON_DAMAGED = 8
    STALLED = 9
    NOT_READY = 10  # detail: 0


class Tag(enum.IntEnum):
    """What a chunk of an EXCHANGE is."""

    COMMAND = 1
    DATA = 2
    DELTA = 3
    FETCH = 4
    PLANES = 5


class Operation(enum.IntEnum):
    """What a command asks of a context."""

    LOAD_IMAGE = 0
    LOAD_STATE = 1
    READ_IMAGE = 2
    READ_STATE = 3
    ZERO = 4
    RUN = 5


NO_PLANE = 0xFF
"""Stands where a further plane's context would: that was all."""


def chunk(tag: Tag, count: int, body: bytes = b"") -> bytes:
    """Return a chunk of an EXCHANGE: its tag, a count, and its body if it has one."""
    return bytes([tag]) + count.to_bytes(2, "little") + body


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: its operation, where, and for a run its steps and gate."""

    BYTES = 14

    operation: Operation
    context: int
    skeleton: int = 0
    steps: int = 0
    gate: Gate | None = None
    step: int = 0
    """Steps that the context has made before the run: tells when the gate opens next."""

    def to_bytes(self) -> bytes:
        """Return the command as it travels; a run that no opening falls into goes without gate."""
        flags, inputs, outputs, wait, every = 0, 0, 0, 0, 0
        gate = self.gate
        if gate is not None and (first := gate.next_opening(self.step)) - self.step <= self.steps:
            opening = (first - gate.start) // gate.every % 4
            flags = 1 | (gate.mapping == "phase4") << 1 | opening << 2
            inputs, outputs = gate.input_channel, gate.output_channel
            wait, every = first - self.step, gate.every
        return (
            bytes([self.operation, self.context, self.skeleton, flags, inputs, outputs])
            + wait.to_bytes(2, "little")
            + every.to_bytes(2, "little")
            + self.steps.to_bytes(4, "little")
        )


FACTS = 18
"""Bytes of `ChipFacts` before the digests."""


@dataclass(frozen=True, kw_only=True)
class ChipFacts:
    """What a chip says of itself."""

    filters: int
    contexts: int
    height: int
    width: int
    channels: int
    multiplier: int
    image: int
    digests: tuple[str | None, ...]
    """Digest of the skeleton in each place, None where there is none."""
    version: int = VERSION
    request: int = REQUEST
    response: int = RESPONSE

    @property
    def spec(self) -> Spec:
        """The lattice and the rule's shape."""
        return Spec(
            height=self.height,
            width=self.width,
            channels=self.channels,
            multiplier=self.multiplier,
            image=self.image,
        )

    def to_bytes(self) -> bytes:
        """Return the facts as IDENTIFY answers with them."""
        small = (self.version, self.filters, self.contexts, self.channels, self.multiplier)
        wide = (self.height, self.width, self.image, self.request, self.response)
        places = len(self.digests)
        digests = (bytes.fromhex(digest or "00" * 32) for digest in self.digests)
        return (
            bytes(small)
            + b"".join(value.to_bytes(2, "little") for value in wide)
            + bytes([0, 0, places])
            + b"".join(digests)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> ChipFacts:
        """Read what `to_bytes` returns."""
        wide = [int.from_bytes(data[at : at + 2], "little") for at in range(5, 15, 2)]
        digests = [data[at : at + 32] for at in range(FACTS, FACTS + 32 * data[17], 32)]
        return cls(
            version=data[0],
            filters=data[1],
            contexts=data[2],
            channels=data[3],
            multiplier=data[4],
            height=wide[0],
            width=wide[1],
            image=wide[2],
            request=wide[3],
            response=wide[4],
            digests=tuple(digest.hex() if any(digest) else None for digest in digests),
        )


STATUS = 20
"""Bytes of a `Status`."""


class Status(NamedTuple):
    """What a chip counts, and what it is at."""

    running: int
    """Contexts with a run under way, a bit each."""
    ready: bool
    """Whether it has been reset by a host since it was switched on or stalled."""
    dropped: int
    """Frames that were not whole, modulo 65536."""
    damaged: int
    """Places whose skeleton is damaged, a bit each."""
    clocks: int
    """Clocks in which a run was under way."""
    busy: int
    """Clocks in which every multiplier had a product to make."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Status:
        """Read a STATUS response's payload after its first byte."""
        fields = [data[0:1], data[1:2], data[2:4], data[4:8], data[8:14], data[14:20]]
        running, ready, *rest = (int.from_bytes(field, "little") for field in fields)
        return cls(running, bool(ready), *rest)


def split_planes(data: bytes, cells: int) -> Iterator[tuple[int, bytes]]:
    """Yield context and codes of each plane in a PLANES chunk's output."""
    place = 0
    while data[place] != NO_PLANE:
        yield data[place], data[place + 1 : place + 1 + cells]
        place += 1 + cells
