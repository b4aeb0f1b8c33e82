"""What goes over the wire for a gated digit, hence how many of them a link carries."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from golden.errors import InputError
from golden.frames import frame
from golden.spec import Spec
from golden.wire import (
    BAUD,
    BITS_A_BYTE,
    COMMAND,
    NO_PLANE,
    REPLY,
    Command,
    Kind,
    Operation,
    Tag,
    chunk,
)

__all__ = ["LINKS", "LinkSpec", "find_link", "gated_rate", "wire_bytes"]


@dataclass(frozen=True, kw_only=True)
class LinkSpec:
    """A kind of link: its name for people, and the bytes a second that it carries.

    `turn` is the time in seconds from a request's last byte to its answer's first that is the
    host's and the wire's own; `facts` and `counted` are what a report says of rate and model.
    """

    name: str
    rate: float
    turn: float = 0
    facts: dict[str, float] = field(default_factory=dict)
    counted: str = "bytes of both directions one after the other, engine and host hidden"


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
        facts={"bytes_per_second": USB_PACKETS * 64 * 1000, "turn_microseconds": USB_TURN * 1e6},
        counted="bytes of both directions one after the other, and a turn for each request; "
        "engine and host hidden",
    ),
}
"""The links that a board's chip can have."""


def find_link(name: str) -> LinkSpec:
    """Return the link of that name."""
    if name not in LINKS:
        raise InputError(f"Link must be {' or '.join(LINKS)}, not {name!r}")
    return LINKS[name]


def gated_rate(spec: Spec, link: LinkSpec) -> float:
    """Return the gated digits of ``spec`` a second that a link carries."""
    turns = sum(1 for _ in exchanges(spec)) * link.turn
    return round(1 / (wire_bytes(spec) / link.rate + turns), 1)


def wire_bytes(spec: Spec) -> int:
    """Return the bytes, both ways, of one gated digit of ``spec`` that has the link to itself."""
    return sum(
        len(frame(Kind.EXCHANGE, 0, request)) + len(frame(Kind.EXCHANGE | REPLY, 0, response))
        for request, response in exchanges(spec)
    )


def exchanges(spec: Spec) -> Iterator[tuple[bytes, bytes]]:
    """Yield request and response of each EXCHANGE: the image and the run, each opening, the end."""
    image, plane = bytes([1]) * spec.image**2, bytes([1]) * spec.cells
    load, run, read = (
        chunk(Tag.COMMAND, COMMAND.size, command.to_bytes())
        for command in (
            Command(operation=Operation.LOAD_IMAGE, context=0),
            Command(operation=Operation.RUN, context=0, steps=spec.steps, gate=spec.gate),
            Command(operation=Operation.READ_IMAGE, context=0),
        )
    )
    request = load + chunk(Tag.DATA, len(image), image) + run
    for _ in range(spec.gate.openings(0, spec.steps)):
        yield request + chunk(Tag.PLANES, 1), bytes([0, 0]) + plane + bytes([NO_PLANE, 1])
        request = chunk(Tag.DELTA, 1 + spec.deltas, bytes(1) + bytes([1]) * spec.deltas)
    yield request + read + chunk(Tag.FETCH, len(image)), bytes([0]) + image + bytes([0])
