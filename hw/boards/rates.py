"""What goes over the wire for a gated digit, hence how many of them a link carries."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from golden.errors import InputError
from golden.files import read_json
from golden.frames import frame
from golden.spec import Spec
from golden.wire import (
    BAUD,
    BITS_A_BYTE,
    COMMAND,
    NO_PLANE,
    REPLY,
    STATUS,
    Command,
    Kind,
    Operation,
    Tag,
    chunk,
)

__all__ = ["LINKS", "LinkSpec", "find_link", "gated_rate", "wire_bytes"]


MEASURED = Path(__file__).with_name("compact.json")
"""Bytes of what travels for a digit; `python -m sw.experiments.compact` writes it."""

CONTEXTS = 2
"""Lattices of a board."""


@dataclass(frozen=True, kw_only=True)
class LinkSpec:
    """A kind of link: its name for people, and the bytes a second that it carries.

    Both ways carry so much at once, unless they are ``shared``. `turn` is the time in seconds from
    a request's last byte to its answer's first that is the host's and the wire's own; `facts` and
    `counted` are what a report says of rate and model.
    """

    name: str
    rate: float
    turn: float = 0
    shared: bool = False
    facts: dict[str, float] = field(default_factory=dict)
    counted: str = "two digits in turn, sizes as measured for `digits`, engine and host hidden"


USB_PACKETS = 16
"""Bulk packets of 64 bytes in a full-speed frame of a millisecond: 1.0 MB a second, what hosts are
measured at; a frame has room for 19 (USB 2.0, 5.8.4)."""

USB_TURN = 2 * 125e-6
"""Seconds that a host's controller and driver take to turn a request into its answer's packets: it
looks at what is to be sent once a micro-frame, and tells of what came as often."""

LINKS = {
    "uart": LinkSpec(name="UART", rate=BAUD / BITS_A_BYTE, facts={"baud": BAUD}),
    "usb": LinkSpec(
        name="USB",
        rate=USB_PACKETS * 64 * 1000,
        turn=USB_TURN,
        shared=True,
        facts={"bytes_per_second": USB_PACKETS * 64 * 1000, "turn_microseconds": USB_TURN * 1e6},
        counted="two digits in turn, sizes as measured for `digits`, both ways on one bus, and a "
        "turn for each request; engine and host hidden",
    ),
}
"""The links that a board's chip can have."""


def find_link(name: str) -> LinkSpec:
    """Return the link of that name."""
    if name not in LINKS:
        raise InputError(f"Link must be {' or '.join(LINKS)}, not {name!r}")
    return LINKS[name]


def gated_rate(spec: Spec, link: LinkSpec, step: float = 0.0) -> float:
    """Return the gated digits of ``spec`` a second over a link; 0 without a gate.

    Two lattices take turns as `sw.serial.device` has them: one's plane travels, and the other's
    delta. What is sent waits for the way, and for the engine, whose step takes ``step`` seconds;
    the host takes no time.
    """
    if spec.gate is None:
        return 0
    byte = 1 / link.rate
    (load, _), *_ = found = [(len(a) * byte, len(b) * byte) for a, b in frames(spec)]
    engine = back = 0.0
    ahead = len(frame(Kind.STATUS, 0)) + len(frame(Kind.STATUS | REPLY, 0, b"\1" * STATUS.size))
    arrived = [ahead * byte + CONTEXTS * load] * CONTEXTS
    made = 0
    for opening, ((_, plane), (request, _)) in zip(openings(spec), pairwise(found), strict=True):
        for context in range(CONTEXTS):
            engine = max(engine, arrived[context]) + (opening - made) * step
            back = max(back, engine) + plane
            arrived[context] = max(back, *arrived) + link.turn + request
            if link.shared:
                back = arrived[context]
        made = opening
    engine = max(engine, *arrived) + CONTEXTS * (spec.steps - made) * step
    back = max(back, engine) + CONTEXTS * found[-1][1]
    return round(CONTEXTS / back, 1)


def openings(spec: Spec) -> list[int]:
    """Return the steps after which the gate of ``spec`` opens."""
    assert spec.gate is not None
    return [step for step in range(1, spec.steps + 1) if spec.gate.is_open(step)]


def wire_bytes(spec: Spec) -> int:
    """Return the bytes, both ways, of one gated digit of ``spec`` that has the link to itself."""
    return sum(len(request) + len(response) for request, response in frames(spec))


def frames(spec: Spec) -> Iterator[tuple[bytes, bytes]]:
    """Yield request and response of each EXCHANGE as they travel."""
    for request, response in exchanges(spec):
        yield frame(Kind.EXCHANGE, 0, request), frame(Kind.EXCHANGE | REPLY, 0, response)


def exchanges(spec: Spec) -> Iterator[tuple[bytes, bytes]]:
    """Yield request and response of each EXCHANGE: the image and the run, each opening, the end."""
    pixels = spec.image**2
    image = bytes(2) + compact("image", pixels)
    load, run, read = (
        chunk(Tag.COMMAND, COMMAND.size, command.to_bytes())
        for command in (
            Command(operation=Operation.LOAD_IMAGE, context=0),
            Command(operation=Operation.RUN, context=0, steps=spec.steps, gate=spec.gate),
            Command(operation=Operation.READ_IMAGE, context=0),
        )
    )
    request = load + chunk(Tag.COMPACT_DATA, len(image), image) + run
    for _ in openings(spec):
        plane = compact("plane", spec.cells)
        response = bytes([0, 0]) + plane + bytes([NO_PLANE, 1])
        yield request + chunk(Tag.COMPACT_PLANES, 1), response
        request = chunk(Tag.DELTA, 1 + spec.deltas, bytes(1) + bytes([1]) * spec.deltas)
    response = bytes([0]) + compact("restored", pixels) + bytes([0])
    yield request + read + chunk(Tag.COMPACT_FETCH, pixels), response


def compact(kind: str, values: int) -> bytes:
    """Return as many bytes as so many values take in compact form: what `MEASURED` says."""
    rows = [row for row in read_json(MEASURED)["travels"] if row["kind"] == kind]
    share = sum(row["compact"] for row in rows) / sum(row["plain"] for row in rows)
    return bytes([1]) * round(share * values)
