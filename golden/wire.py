"""The wire protocol: all messages between host and chip, with each field's place and meaning.

The host sends a request, then the chip sends a response; each is a frame of `golden.frames`. Every
field and every number is stated only here. The gateware's layouts, the driver, the simulated
devices and the tables of ``docs/protocol.md`` are derived from it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from golden.errors import InputError
from golden.frames import HEADER
from golden.layout import Field, Layout
from golden.spec import BOUNDARIES, Gate, Spec

__all__ = [
    "BAUD",
    "BITS_A_BYTE",
    "CHUNK",
    "COMMAND",
    "DIGEST_BYTES",
    "FACTS",
    "GATE",
    "LEAN",
    "PATIENCE",
    "REPLY",
    "REQUEST",
    "RESPONSE",
    "STATUS",
    "VERSION",
    "WINDOW",
    "ChipFacts",
    "Command",
    "Error",
    "Kind",
    "Operation",
    "Status",
    "Tag",
    "chunk",
    "gate_fields",
    "lean_bytes",
    "response_bytes",
    "split_planes",
]

BAUD = 3_000_000
"""Bits a second on a UART by default."""

BITS_A_BYTE = 10
"""On a UART: start bit, eight bits, stop bit."""

VERSION = 2
"""Version of the protocol; frames and IDENTIFY are the same in all versions."""

REQUEST = 2048
"""Most bytes of a request, header and CRC included."""
RESPONSE = 4096
"""Most bytes of a response, header included, CRC not; twice as many where a plane needs them."""
LEAN = 128
"""Fewest bytes of either: a command fits in, and what a chip with one skeleton says of itself."""
REPLY = 0x80
"""Added to a request's kind in its response."""

WINDOW = 2
"""Requests that may be under way: the chip keeps so many, and so many responses."""

PATIENCE = 1 << 20
"""Clocks of the link that a chunk waits for the chip."""


class Number(enum.IntEnum):
    """A number on the wire, and its texts for the further columns of a table in the docs."""

    meanings: tuple[str, ...]

    def __new__(cls, value: int, *meanings: str) -> Number:
        """Store the texts with the value."""
        number = int.__new__(cls, value)
        number._value_, number.meanings = value, meanings
        return number


class Kind(Number):
    """Kind of a request; the texts describe its payload and the response's payload behind the 0."""

    IDENTIFY = 1, "lowest and highest version that the host speaks", "facts, below"
    RESET = 2, "", ""
    STATUS = 3, "", "status, below"
    EXCHANGE = (
        4,
        "chunks",
        "outputs of the chunks, then a byte with a bit for each context that is running",
    )


class Error(Number):
    """First byte of a response's payload; the text describes the second, which NONE lacks."""

    NONE = 0, "none"
    VERSION = 1, "the chip's version"
    UNKNOWN_KIND = 2, "the kind"
    BAD_LENGTH = 3, "the chunk, from 0, here and below; also if the response would be too long"
    UNKNOWN_TAG = 4, "the chunk"
    BAD_OPERATION = 5, "the chunk"
    NO_SUCH_CONTEXT = 6, "the chunk"
    NO_SUCH_SKELETON = 7, "the chunk"
    SKELETON_DAMAGED = 8, "the chunk"
    STALLED = 9, "the chunk: the chip accepted or sent nothing for too long, and needs a RESET"
    NOT_READY = 10, "0: the chip needs a RESET"
    BAD_BODY = 11, "the chunk: its compact form is longer or shorter than its headers say"


class Tag(Number):
    """Tag of a chunk of an EXCHANGE; the texts describe its count and its output."""

    COMMAND = 1, "bytes of the command, below", ""
    DATA = 2, "bytes for load commands, any number; several chunks may serve one command", ""
    DELTA = 3, "1 + cells / 4: the context, then codes in raster order", ""
    FETCH = 4, "bytes requested", "bytes of read commands"
    PLANES = 5, "planes requested, at most the contexts", "context and codes of each, then 255"
    COMPACT_DATA = 6, "bytes: the number of values in 2, then the values in compact form", ""
    COMPACT_FETCH = 7, "bytes requested", "bytes of read commands in compact form"
    COMPACT_PLANES = (
        8,
        "planes requested, at most the contexts",
        "context of each and its codes in compact form, then 255",
    )


class Operation(Number):
    """Operation of a command; the text describes the bytes that it takes or returns."""

    LOAD_IMAGE = 0, "takes pixels, raster order"
    LOAD_STATE = 1, "takes codes, channels within cells"
    READ_IMAGE = 2, "returns pixels"
    READ_STATE = 3, "returns codes, channels within cells"
    ZERO = 4, "takes a bit for each cell, low bit first"
    RUN = 5, ""


NO_PLANE = 0xFF
"""Ends a list of planes: it stands in the place of the next plane's context."""

CHUNK = Layout(
    Field("tag", 8, "what the chunk is"),
    Field("count", 16, "a number whose meaning depends on the tag"),
)
"""Header of a chunk of an EXCHANGE."""

GATE = (
    Field("active", 1, "whether there is a gate"),
    Field("phased", 1, "whether its mapping is `phase4`"),
    Field("opening", 6, "openings before the first one of this run, modulo 4"),
    Field("input_channel", 8, "channel that the gate reads"),
    Field("output_channel", 8, "channel that it adds to"),
    Field("wait", 16, "steps to the first opening of this run"),
    Field("every", 16, "steps from an opening to the next"),
)
"""When and where the gate acts in a run; all 0 without one."""

COMMAND = Layout(
    Field("operation", 8, "what to do, see below"),
    Field("context", 8, "number of the lattice"),
    Field("skeleton", 8, "place of the skeleton"),
    *GATE,
    Field("steps", 32, "steps of the run"),
)
"""A command."""

FACTS = Layout(
    Field("version", 8, "version of the protocol"),
    Field("filters", 8, "filters per clock"),
    Field("contexts", 8, "lattices that the chip holds"),
    Field("channels", 8, "channels of a cell"),
    Field("multiplier", 8, "filters per channel"),
    Field("height", 16, "rows of the lattice"),
    Field("width", 16, "cells of a row"),
    Field("image", 16, "side of an image"),
    Field("request", 16, "most bytes of a request, CRC included"),
    Field("response", 16, "most bytes of a response, CRC not included"),
    Field("boundary", 8, "beyond the edges: 0 `zero`, 1 `wrap`"),
    Field("reserved", 8, "0"),
    Field("places", 8, "places for skeletons"),
)
"""Facts of a chip. The digests of its skeletons follow."""

DIGEST_BYTES = 32
"""Bytes of a digest."""

STATUS = Layout(
    Field("running", 8, "a bit for each context that is running"),
    Field("ready", 8, "1 if EXCHANGE is accepted"),
    Field("dropped", 16, "frames that were not whole, modulo 65536"),
    Field("damaged", 32, "a bit for each place whose skeleton is damaged"),
    Field("clocks", 48, "clocks in which a context was running"),
    Field("busy", 48, "clocks in which filters were computed"),
)
"""State and counters of a chip."""


def response_bytes(cells: int) -> int:
    """Return the most bytes of a response of a chip of so many cells: a plane fits in.

    Beside its codes there are the error, the plane's context, `NO_PLANE` and the running contexts.
    """
    return RESPONSE if HEADER + 4 + cells <= RESPONSE else 2 * RESPONSE


def lean_bytes(cells: int) -> int:
    """Return as `response_bytes`, a power of two, where memory is dear: also of a request."""
    return LEAN << ((HEADER + 4 + cells) // LEAN).bit_length()


def chunk(tag: Tag, count: int, body: bytes = b"") -> bytes:
    """Return a chunk of an EXCHANGE: its tag, a count, and its body if it has one."""
    return CHUNK.pack(tag=tag, count=count) + body


def gate_fields(gate: Gate | None, step: int, steps: int) -> dict[str, int]:
    """Return the fields `GATE` of a run of ``steps`` steps after ``step``.

    A run without an opening has no gate.
    """
    if gate is None or (first := gate.next_opening(step)) - step > steps:
        return dict.fromkeys((field.name for field in GATE), 0)
    return {
        "active": 1,
        "phased": gate.mapping == "phase4",
        "opening": (first - gate.start) // gate.every % 4,
        "input_channel": gate.input_channel,
        "output_channel": gate.output_channel,
        "wait": first - step,
        "every": gate.every,
    }


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: its operation and context; for a run also skeleton, steps and gate."""

    operation: Operation
    context: int
    skeleton: int = 0
    steps: int = 0
    gate: Gate | None = None
    step: int = 0
    """Steps that the context made before the run; the next opening depends on it."""

    @property
    def fields(self) -> dict[str, int]:
        """The fields without those of the gate."""
        return {name: getattr(self, name) for name in ("operation", "context", "skeleton", "steps")}

    def to_bytes(self) -> bytes:
        """Return the bytes of the command."""
        return COMMAND.pack(**self.fields, **gate_fields(self.gate, self.step, self.steps))


@dataclass(frozen=True, kw_only=True)
class ChipFacts:
    """Facts of a chip: its build, and the digests of its skeletons."""

    filters: int
    contexts: int
    height: int
    width: int
    channels: int
    multiplier: int
    image: int
    digests: tuple[str | None, ...]
    """Digest of the skeleton in each place, None if the place is empty."""
    boundary: str = BOUNDARIES[0]
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
            boundary=self.boundary,
            image=self.image,
        )

    def to_bytes(self) -> bytes:
        """Return the payload of IDENTIFY's response."""
        values = vars(self) | {
            "boundary": BOUNDARIES.index(self.boundary),
            "reserved": 0,
            "places": len(self.digests),
        }
        facts = FACTS.pack(**{field.name: values[field.name] for field in FACTS})
        return facts + b"".join(
            bytes.fromhex(digest or "00" * DIGEST_BYTES) for digest in self.digests
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> ChipFacts:
        """Read what `to_bytes` returns; raise `InputError` where there is no such boundary."""
        values = FACTS.unpack(data)
        del values["reserved"]
        boundary = values.pop("boundary")
        if boundary >= len(BOUNDARIES):
            raise InputError(f"A chip's boundary must be less than {len(BOUNDARIES)}: {boundary}")
        starts = range(FACTS.size, FACTS.size + DIGEST_BYTES * values.pop("places"), DIGEST_BYTES)
        digests = (data[start : start + DIGEST_BYTES] for start in starts)
        return cls(
            **values,
            boundary=BOUNDARIES[boundary],
            digests=tuple(each.hex() if any(each) else None for each in digests),
        )

    @staticmethod
    def size(data: bytes) -> int:
        """Return the length of facts and digests, given their first bytes."""
        return FACTS.size + DIGEST_BYTES * FACTS.unpack(data)["places"]


class Status(NamedTuple):
    """State and counters of a chip: the fields of `STATUS`."""

    running: int
    ready: bool
    dropped: int
    damaged: int
    clocks: int
    busy: int

    @classmethod
    def from_bytes(cls, data: bytes) -> Status:
        """Read a STATUS response's payload after its first byte."""
        values = STATUS.unpack(data)
        return cls(ready=bool(values.pop("ready")), **values)


def split_planes(data: bytes, cells: int) -> Iterator[tuple[int, bytes]]:
    """Yield the context and the codes of each plane in the output of a PLANES chunk."""
    place = 0
    while data[place] != NO_PLANE:
        yield data[place], data[place + 1 : place + 1 + cells]
        place += 1 + cells
