"""What a chip says of itself, asked over its link."""

from __future__ import annotations

from golden.errors import InputError
from golden.frames import CHECK, HEADER
from golden.wire import CHUNK, COMMAND, FACTS, STATUS, VERSION, ChipFacts, Kind, Status
from sw.serial.link import Link, LinkError

__all__ = ["identify", "read_status"]


def identify(link: Link) -> ChipFacts:
    """Ask a chip what it is; the link keeps to these facts from then on."""
    answer = link.ask(Kind.IDENTIFY, bytes([VERSION, VERSION]), attempts=2)
    link.facts = facts_in(answer, link.port.name)
    return link.facts


def read_status(link: Link) -> Status:
    """Ask a chip what it counts."""
    answer = link.ask(Kind.STATUS)
    if len(answer) != STATUS.size:
        raise LinkError(f"{link.port.name} tells of itself in {len(answer)} bytes")
    return Status.from_bytes(answer)


def facts_in(answer: bytes, name: str) -> ChipFacts:
    """Return what a chip says of itself; raise unless it is something that a chip can be."""
    wrong = LinkError(f"{name} must be a Thalweg chip: what it says of itself makes no sense")
    if len(answer) < FACTS.size or len(answer) != ChipFacts.size(answer):
        raise wrong
    try:
        facts = ChipFacts.from_bytes(answer)
        cells = facts.spec.cells
    except InputError:
        raise wrong from None
    longest = CHECK + HEADER + CHUNK.size + COMMAND.size
    if not facts.contexts or facts.request < longest or facts.response < cells + HEADER + 4:
        raise wrong
    return facts
