"""The top of a bitstream: a PLL, the board's pins, and the chip behind its link."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import *
from amaranth.build import Platform

from golden.skeleton import Skeleton
from golden.wire import BAUD
from hw.board import Board
from hw.shapes import Geometry

__all__ = ["BoardTop", "pll_settings"]

VCO = (400, 800)  # MHz of the ECP5's oscillator
PHASE_DETECTOR = 3.125  # MHz that its phase detector needs at least
LINK = 75  # MHz that the link runs at at most
STEP = 3  # MHz: the link's clock is a multiple, so that common rates are exact

LEVELS = {
    "RST": 0,
    "STDBY": 0,
    "PHASESEL0": 0,
    "PHASESEL1": 0,
    "PHASEDIR": 1,
    "PHASESTEP": 1,
    "PHASELOADREG": 1,
    "PLLWAKESYNC": 0,
    "ENCLKOP": 0,
    "ENCLKOS": 0,
}
"""Inputs of the PLL that never change."""


@dataclass(frozen=True)
class Pll:
    """Dividers of a PLL: input, feedback, and those of the chip's and the link's clock; and both.

    The feedback is taken from the chip's clock: ``clock = reference * feedback / input``.
    """

    input: int
    feedback: int
    chip_output: int
    link_output: int
    clock: float
    link: int

    def block(
        self, reference: Value, frequency: float, chip: Signal, link: Signal, locked: Signal
    ) -> Instance:
        """Return the PLL between ``reference``, of that frequency in MHz, and both clocks."""
        return Instance(
            "EHXPLLL",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=self.input,
            p_CLKFB_DIV=self.feedback,
            **output("OP", "A", self.chip_output, chip, self.clock),
            **output("OS", "B", self.link_output, link, self.link),
            **{f"i_{name}": Const(level) for name, level in LEVELS.items()},
            i_CLKI=reference,
            i_CLKFB=chip,
            o_LOCK=locked,
            a_FREQUENCY_PIN_CLKI=str(frequency),
        )


def pll_settings(reference: float, clock: float) -> Pll:
    """Return the `Pll` that makes ``clock`` of ``reference``, in MHz, and the fastest link."""
    found = [
        Pll(divider, int(feedback), output, int(clock * output / link), clock, link)
        for divider in range(1, int(reference / PHASE_DETECTOR) + 1)
        if (feedback := clock * divider / reference) == int(feedback) and 1 <= feedback <= 128
        for output in range(1, 129)
        if VCO[0] <= clock * output <= VCO[1]
        for link in range(STEP, LINK + 1, STEP)
        if clock * output % link == 0 and clock * output / link <= 128
    ]
    if not found:
        raise ValueError(f"The PLL must make {clock!r} MHz of {reference!r} MHz, and cannot")
    return max(found, key=lambda pll: pll.link)


class BoardTop(Elaboratable):
    """A `Board` on a platform with a clock, a UART and lamps.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    pll : Pll
        Clocks of chip and link.
    baud : int
        Bits a second on the wire.
    """

    def __init__(
        self, geometry: Geometry, skeletons: Sequence[Skeleton], *, pll: Pll, baud: int = BAUD
    ):
        self.pll = pll
        self.board = Board(geometry, skeletons, divisor=round(pll.link * 1e6 / baud))

    def elaborate(self, platform):
        m = Module()

        m.submodules.board = board = self.board
        self.add_clock(m, platform)
        uart = platform.request("uart", 0)
        m.d.comb += [board.rx.eq(uart.rx.i), uart.tx.o.eq(board.tx)]
        for index, run in enumerate(board.running):
            m.d.comb += platform.request("led", index).o.eq(run)

        return m

    def add_clock(self, m: Module, platform: Platform) -> None:
        """Make both clocks, and hold the board's reset until the PLL has locked."""
        reference = platform.request(platform.default_clk, dir="i").i
        frequency = platform.default_clk_frequency / 1e6
        m.domains.sync = sync = ClockDomain("sync", reset_less=True)
        m.domains.link = link = ClockDomain("link")
        locked = Signal()
        m.submodules.pll = self.pll.block(reference, frequency, sync.clk, link.clk, locked)
        platform.add_clock_constraint(sync.clk, self.pll.clock * 1e6)
        platform.add_clock_constraint(link.clk, self.pll.link * 1e6)
        held = Signal(4, init=15)
        m.domains.lock = ClockDomain("lock", local=True, reset_less=True)
        m.d.comb += ClockSignal("lock").eq(link.clk)
        with m.If(locked & (held != 0)):
            m.d.lock += held.eq(held - 1)
        m.d.comb += link.rst.eq(held != 0)


def output(name: str, multiplexer: str, divider: int, clock: Signal, frequency: float) -> dict:
    """Return an instance's arguments of one output of the PLL."""
    return {
        f"p_OUTDIVIDER_MUX{multiplexer}": f"DIV{multiplexer}",
        f"p_CLK{name}_ENABLE": "ENABLED",
        f"p_CLK{name}_DIV": divider,
        f"p_CLK{name}_CPHASE": divider - 1,
        f"p_CLK{name}_FPHASE": 0,
        f"o_CLK{name}": clock,
        f"a_FREQUENCY_PIN_CLK{name}": str(frequency),
    }
