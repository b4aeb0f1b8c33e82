"""Chips that are built in standard cells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from amaranth import ClockDomain
from amaranth.back import rtlil

from golden.errors import InputError
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from hw.asic.array import require_geometry
from hw.asic.macros import Macro, model
from hw.asic.platform import Asic
from hw.asic.srams import SramLibrary
from hw.chip import Chip
from hw.flow.names import rename
from hw.shapes import Geometry
from hw.skeleton_memory import require_fit

__all__ = ["DESIGNS", "MEMORIES", "NAME", "SMALL", "AsicChip", "asic_chip", "require_design"]

NAME = "thalweg"
"""Name of the top module."""

DESIGNS = {"f1": "digits on 32 x 32 cells, two contexts", "small": "16 x 16 cells of 4 channels"}
"""What can be built, and what it is for people. All compute one filter a clock."""

GATE = Gate(input_channel=1, output_channel=2, start=2, every=3, mapping="phase4")
SMALL = Spec(height=16, width=16, channels=4, multiplier=5, image=12, gate=GATE)
"""What `small` is built for, and the gate of its own skeleton."""

MEMORIES = ("logic", "macro")
"""What the skeleton memory can be."""


@dataclass(frozen=True)
class AsicChip:
    """A chip for standard cells.

    Parameters
    ----------
    design : str
        A key of `DESIGNS`.
    geometry : Geometry
        Its build.
    memory : str
        What its skeleton memory is: see `MEMORIES`.
    skeletons : tuple of Skeleton
        What it holds.
    srams : SramLibrary, optional
        The PDK's SRAMs that its memories are made of; without it, they are macros.
    """

    design: str
    geometry: Geometry
    memory: str
    digests: tuple[str, ...]
    skeletons: tuple[Skeleton, ...] = field(repr=False, compare=False)
    srams: SramLibrary | None = None

    @cached_property
    def platform(self) -> Asic:
        """The platform, once the chip is elaborated on it."""
        return self._elaborated[0]

    @property
    def rtlil(self) -> str:
        """The chip before synthesis; its macros are modules outside it."""
        return self._elaborated[1]

    @property
    def macros(self) -> list[Macro]:
        """Each kind of memory macro that it has."""
        return [*{macro.name: macro for macro in self.platform.macros}.values()]

    @property
    def models(self) -> str:
        """Verilog of its macros, for simulation, or for their ports."""
        if self.srams is not None:
            return ""
        return "\n".join(map(model, self.macros))

    @cached_property
    def _elaborated(self) -> tuple[Asic, str]:
        platform = Asic(skeleton=self.memory, srams=self.srams)
        text = rtlil.convert(
            Chip(self.geometry, self.skeletons),
            name=NAME,
            platform=platform,
            emit_src=False,
            # A flip-flop with an asynchronous reset needs no gate for it.
            missing_domain=lambda name: ClockDomain(name, async_reset=True),
        )
        return platform, rename(text)


def require_design(design: str) -> None:
    """Raise unless a design has this name."""
    if design not in DESIGNS:
        raise InputError(f"DESIGN must be one of {', '.join(DESIGNS)}, not {design!r}")


def asic_chip(design: str, skeletons: Sequence[Skeleton], *, memory: str = "logic") -> AsicChip:
    """Return a chip that holds these skeletons."""
    require_design(design)
    if memory not in MEMORIES:
        raise InputError(f"The skeleton memory must be {' or '.join(MEMORIES)}, not {memory!r}")
    places = 1 << (len(skeletons) - 1).bit_length()
    geometry = Geometry(
        spec=skeletons[0].spec.ungated if design == "f1" else SMALL.ungated,
        filters=1,
        contexts=2 if design == "f1" else 1,
        skeletons=places,
    )
    require_fit(geometry, skeletons)
    require_geometry(geometry)
    digests = tuple(skeleton.digest for skeleton in skeletons)
    return AsicChip(design, geometry, memory, digests, tuple(skeletons))
