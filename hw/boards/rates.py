"""What goes over the wire for a gated digit, hence how many of them a link carries."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

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
    WINDOW,
    Command,
    Kind,
    Operation,
    Tag,
    chunk,
)

__all__ = ["LINKS", "LinkSpec", "find_link", "gated_rate", "wire_bytes"]


MEASURED = Path(__file__).with_name("compact.json")
"""Bytes of what travels for a digit; `python -m sw.experiments.compact` writes it."""

SETTLING = 8
"""Digits of a lattice after which all that follow take as long."""


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


class Run(NamedTuple):
    """A part of a request: a lattice runs to its next opening, or to its end."""

    lattice: int
    part: int


class Wait(NamedTuple):
    """A part of a request: wait for a lattice, whose plane or image takes so long on its way."""

    lattice: int
    gives: float


def gated_rate(spec: Spec, link: LinkSpec, step: float = 0.0) -> float:
    """Return the gated digits of ``spec`` a second over a link; 0 without a gate.

    Two lattices take turns as `sw.serial.device` has them: one's bytes travel while the other runs,
    digit after digit. An engine's step takes ``step`` seconds; the host takes no time.
    """
    if spec.gate is None:
        return 0
    stream = Stream(spec, link, step)
    begin = [stream.restore() for _ in range(SETTLING)][-1]
    end = [stream.restore() for _ in range(SETTLING)][-1]
    rate = 2 * SETTLING / (end - begin)
    return round(min(rate, link.rate / wire_bytes(spec)) if link.shared else rate, 1)


class Stream:
    """Digits that follow each other over a link, on two lattices: when all is through, in seconds.

    A request sets out when the last but one has been answered. The chip does them in their order,
    and answers each when it is through with it.
    """

    def __init__(self, spec: Spec, link: LinkSpec, step: float) -> None:
        marks = [0, *openings(spec), spec.steps]
        self.runs = [(end - start) * step for start, end in pairwise(marks)]
        """What the engine takes up to each opening, and behind the last one."""
        self.frames = [(len(a) / link.rate, len(b) / link.rate) for a, b in frames(spec)]
        self.turn = link.turn
        self.forth = self.back = self.chip = self.engine = 0.0
        """When the ways, the chip's end of the link, and the engine are free."""
        self.answered = deque([0.0] * WINDOW, maxlen=WINDOW)
        self.ends = [0.0, 0.0]
        """When each lattice comes to an opening, or to its end."""

    def restore(self) -> float:
        """Read what the lattices show, and take the next digits to their last deltas but one."""
        (load, plane), *_, (delta, image) = *self.frames, self.frames[-1]
        last = len(self.runs) - 1
        if last == 0:
            for lattice in (0, 1):
                self.ask(load, Wait(lattice, image), Run(lattice, 0))
            return self.back
        self.ask(delta + load, Run(1, last), Wait(0, image), Run(0, 0))
        self.ask(load, Wait(1, image), Run(1, 0), Wait(0, plane))
        self.ask(0, Wait(1, plane))
        for part in range(1, last):
            for lattice in (0, 1):
                self.ask(delta, Run(lattice, part), Wait(lattice, plane))
        self.ask(delta, Run(0, last))
        return self.back

    def ask(self, seconds: float, *parts: Run | Wait) -> None:
        """Send a request that takes so long on its way, and have the chip do its parts."""
        self.forth = max(self.forth, self.answered[0] + self.turn) + seconds
        self.chip = max(self.chip, self.forth)
        gives = 0.0
        for part in parts:
            if isinstance(part, Run):
                self.engine = max(self.engine, self.chip) + self.runs[part.part]
                self.ends[part.lattice] = self.engine
            else:
                self.chip = max(self.chip, self.ends[part.lattice])
                gives += part.gives
        self.back = max(self.back, self.chip) + gives
        self.answered.append(self.back)


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
