"""A chip at the end of a link as what is checked: its facts, flags, and what the link counted."""

from __future__ import annotations

from collections.abc import Callable

from golden.device import Counters
from golden.errors import InputError
from golden.skeleton import Skeleton
from golden.spec import Spec
from golden.wire import Status
from sw.check.target import Subject, Target
from sw.serial.device import ChipDevice
from sw.serial.identity import identify, read_status
from sw.serial.link import Link, Port

__all__ = ["board_target"]

DROPPED = 1 << 16
"""The chip counts the frames that it drops modulo this."""


def board_target(
    port: Port,
    subjects: tuple[Subject, ...],
    clocks: Callable[[Spec, int, int], Counters],
    *,
    named: bool = False,
) -> Target:
    """Return the chip on a port as a target, with those of the skeletons that it holds.

    Parameters
    ----------
    port
        The port, ours alone.
    subjects
        Skeletons at hand.
    clocks
        What an engine of a lattice and filters a clock counts in a run of so many steps.
    named
        Whether the chip must hold all of them.

    Raises
    ------
    InputError
        The chip holds none of them, or not all that are named.
    """
    board = Board(port)
    facts = board.facts
    held = tuple(each for each in subjects if each.skeleton.digest in facts.digests)
    if named and len(held) < len(subjects):
        board.open(tuple(each.skeleton for each in subjects))  # which says what is missing
    if not held:
        digests = ", ".join(f"{digest[:12]}…" for digest in facts.digests if digest) or "none"
        raise InputError(
            f"The chip on {port.name} must hold a skeleton that is at hand, it holds {digests}: "
            "--skeleton names the folder of another"
        )
    return Target(
        subjects=held,
        open=board.open,
        facts=facts,
        identify=lambda: identify(board.connect()),
        damaged=board.find_damaged,
        clocks=lambda steps: clocks(facts.spec, facts.filters, steps),
        link=board.count,
    )


class Board:
    """A chip on a port that is opened again and again: the links so far, and the chip's facts."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self._links: list[Link] = []
        self.facts = identify(self.connect())
        self._dropped = self._status().dropped

    def connect(self) -> Link:
        """Return a new link; what it is to ask first is IDENTIFY, which is never a repetition."""
        self._links.append(Link(self.port))
        return self._links[-1]

    def open(self, skeletons: tuple[Skeleton, ...]) -> ChipDevice:
        """Return the chip as a device."""
        device = ChipDevice(self.port, skeletons)
        self._links.append(device.link)
        return device

    def find_damaged(self) -> dict[str, bool]:
        """Return which places are damaged."""
        flags, places = self._status().damaged, range(len(self.facts.digests))
        return {f"place {place}": bool(flags >> place & 1) for place in places}

    def count(self) -> dict[str, int]:
        """Return requests so far, those repeated, and frames that did not arrive whole."""
        dropped = (self._status().dropped - self._dropped) % DROPPED
        return {
            "requests": sum(link.requests for link in self._links),
            "repeated requests": sum(link.repeats for link in self._links),
            "frames with a wrong CRC at the chip": dropped,
            "frames with a wrong CRC at the host": sum(link.broken for link in self._links),
        }

    def _status(self) -> Status:
        link = self.connect()
        identify(link)
        return read_status(link)
