"""Chips that are built in standard cells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from amaranth import ClockDomain
from amaranth.back import rtlil
from amaranth.lib import wiring

from golden.errors import InputError
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from hw.array.array import SystolicArray
from hw.asic.array import AsicArray, require_geometry
from hw.asic.macros import Macro, model
from hw.asic.platform import Asic
from hw.asic.srams import SramLibrary
from hw.asic.tiny_tapeout import TinyTapeout
from hw.chip import Chip
from hw.clocks import READ_LATENCY, READ_SPARE, run_clocks
from hw.flow.names import rename
from hw.hardwired.chip import HardwiredChip
from hw.hardwired.plan import Plan
from hw.shapes import Geometry
from hw.skeleton_memory import require_fit

__all__ = [
    "DESIGNS",
    "MEMORIES",
    "NAME",
    "SMALL",
    "TINY",
    "TINY_NAME",
    "AsicChip",
    "HardwiredAsic",
    "TinyAsic",
    "asic_chip",
    "require_design",
]

NAME = "thalweg"
"""Name of the top module."""

TINY_NAME = "tt_um_thalweg"
"""The same of a project of Tiny Tapeout, as its rules want it."""

DESIGNS = {
    "f1": "digits on 32 x 32 cells, two contexts, one filter a clock",
    "small": "16 x 16 cells of 4 channels, one filter a clock",
    "hardwired": "digits as logic, without its gate, a cell a clock",
    "tiny": "8 x 8 cells of 4 channels behind the link, on the pins of Tiny Tapeout",
}
"""What can be built, and what it is for people."""

GATE = Gate(input_channel=1, output_channel=2, start=2, every=3, mapping="phase4")
SMALL = Spec(height=16, width=16, channels=4, multiplier=5, image=12, gate=GATE)
"""What `small` is built for, and the gate of its own skeleton."""

TINY = Spec(height=8, width=8, channels=4, multiplier=5, image=8, gate=GATE)
"""The same of `tiny`."""

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

    @property
    def component(self) -> wiring.Component:
        """What is built."""
        return Chip(self.geometry, self.skeletons)

    @property
    def top(self) -> str:
        """Name of its top module."""
        return NAME

    @property
    def clocks(self) -> int:
        """Clocks of an ungated digit."""
        wait = READ_LATENCY - READ_SPARE - SystolicArray.WORD_LATENCY
        steps = self.geometry.spec.steps
        return run_clocks(self.geometry, steps, latency=wait + AsicArray.LATENCY)

    @property
    def facts(self) -> dict[str, int]:
        """What its build is, beside its lattice."""
        return {"filters": self.geometry.filters, "contexts": self.geometry.contexts}

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
            self.component,
            name=self.top,
            platform=platform,
            emit_src=False,
            # A flip-flop with an asynchronous reset needs no gate for it.
            missing_domain=lambda name: ClockDomain(name, async_reset=True),
        )
        return platform, rename(text)


class HardwiredAsic(AsicChip):
    """A chip whose skeleton is its logic. Its reset must last for `hw.ports.FLUSH` clocks."""

    @cached_property
    def plan(self) -> Plan:
        """Its adders and clocks."""
        return Plan(self.skeletons[0])

    @property
    def component(self) -> wiring.Component:
        """What is built."""
        return HardwiredChip(self.plan)

    @property
    def clocks(self) -> int:
        """Clocks of a digit, while others are loaded and fetched."""
        return self.plan.clocks_per_digit

    @property
    def facts(self) -> dict[str, int]:
        """What its build is, beside its lattice."""
        return {"filters": self.geometry.spec.filters, "contexts": 1}


class TinyAsic(AsicChip):
    """A chip behind its link, as a project of Tiny Tapeout."""

    @property
    def component(self) -> wiring.Component:
        """What is built."""
        return TinyTapeout(self.geometry, self.skeletons)

    @property
    def top(self) -> str:
        """Name of its top module."""
        return TINY_NAME


def require_design(design: str) -> None:
    """Raise unless a design has this name."""
    if design not in DESIGNS:
        raise InputError(f"DESIGN must be one of {', '.join(DESIGNS)}, not {design!r}")


def asic_chip(design: str, skeletons: Sequence[Skeleton], *, memory: str = "logic") -> AsicChip:
    """Return a chip that holds these skeletons."""
    require_design(design)
    if memory not in MEMORIES:
        raise InputError(f"The skeleton memory must be {' or '.join(MEMORIES)}, not {memory!r}")
    digests = tuple(skeleton.digest for skeleton in skeletons)
    if design == "hardwired":
        if len(skeletons) != 1 or memory != "logic":
            raise InputError("A hardwired chip must have one skeleton, which is logic")
        geometry = Plan(skeletons[0]).geometry
        return HardwiredAsic(design, geometry, memory, digests, tuple(skeletons))
    if design == "tiny":
        geometry = Geometry(spec=TINY.ungated, filters=1, contexts=1, skeletons=1, lean=True)
        require_fit(geometry, skeletons)
        return TinyAsic(design, geometry, memory, digests, tuple(skeletons))
    places = 1 << (len(skeletons) - 1).bit_length()
    geometry = Geometry(
        spec=skeletons[0].spec.ungated if design == "f1" else SMALL.ungated,
        filters=1,
        contexts=2 if design == "f1" else 1,
        skeletons=places,
    )
    require_fit(geometry, skeletons)
    require_geometry(geometry)
    return AsicChip(design, geometry, memory, digests, tuple(skeletons))
