"""What is checked: a device, the skeletons that it holds, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from golden.device import Counters, Device
from golden.errors import InputError
from golden.files import exists, read_json
from golden.gate import GateNetwork
from golden.skeleton import PROVENANCE_FILE, SHIPPED, Skeleton, find
from golden.wire import ChipFacts
from sw.runs.loading import GateMissing, load_run

__all__ = ["Subject", "Target", "Unavailable", "load_subjects"]


class Unavailable(Exception):
    """A device cannot do, or does not tell, what a check asks for: nothing was compared."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A skeleton that a device holds, as it is on disk."""

    skeleton: Skeleton
    network: GateNetwork | None
    """The network of its gate; None where there is none."""
    recorded: str | None = None
    """The digest in its provenance; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A device to check, and what it tells of itself; None stands for what it does not tell."""

    subjects: tuple[Subject, ...]
    """Skeletons at hand that it holds."""
    open: Callable[[tuple[Skeleton, ...]], Device]
    """Makes the device afresh with skeletons of these rules, their gates any."""
    facts: ChipFacts | None = None
    """What the chip said of itself when it was opened."""
    identify: Callable[[], ChipFacts] | None = None
    """Has the chip say that again."""
    damaged: Callable[[], Mapping[str, bool]] | None = None
    """Whether each place is damaged, by a name of the place."""
    clocks: Callable[[int], Counters] | None = None
    """What an engine must count in an ungated run of so many steps of one lattice."""
    link: Callable[[], Mapping[str, int]] | None = None
    """What was counted on the link: the requests first, then what should not have happened."""


def load_subjects(names: list[str] | None) -> tuple[Subject, ...]:
    """Return the skeletons of these names or folders, or all that are shipped."""
    shipped = sorted(path.parent.name for path in SHIPPED.glob("*/skeleton.json"))
    return tuple(load_subject(name) for name in names or shipped)


def load_subject(name: str) -> Subject:
    """Return a skeleton with the network of its gate, where that is at hand."""
    folder = find(name)
    try:
        skeleton, network = load_run(name)
    except GateMissing:
        skeleton, network = Skeleton.load(folder), None
    path = folder / PROVENANCE_FILE
    recorded = digest_in(read_json(path), str(path)) if exists(path) else None
    return Subject(skeleton, network, recorded)


def digest_in(provenance: Any, place: str) -> str:
    """Return the digest of the skeleton that a provenance tells of."""
    digest = provenance.get("skeleton") if isinstance(provenance, dict) else None
    if not isinstance(digest, str):
        raise InputError(f"{place} must have the digest of its skeleton")
    return digest
