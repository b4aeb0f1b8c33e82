"""What goes over the wire for a gated digit, hence how many of them a link carries."""

from collections.abc import Iterator
from dataclasses import dataclass

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
    """A kind of link: its name for people, and the bytes a second that it carries."""

    name: str
    rate: float


LINKS = {"uart": LinkSpec(name="UART", rate=BAUD / BITS_A_BYTE)}
"""The links that a board's chip can have."""


def find_link(name: str) -> LinkSpec:
    """Return the link of that name."""
    if name not in LINKS:
        raise InputError(f"Link must be {' or '.join(LINKS)}, not {name!r}")
    return LINKS[name]


def gated_rate(spec: Spec, link: LinkSpec) -> float:
    """Return the gated digits of ``spec`` a second that a link carries."""
    return round(link.rate / wire_bytes(spec), 1)


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
