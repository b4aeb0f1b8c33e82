"""The top of a bitstream: a PLL, the board's pins, and the chip behind its link."""

from dataclasses import dataclass

from amaranth import *

from golden.wire import BAUD
from hw.board import Board

__all__ = ["BoardTop", "pll_settings"]

VCO = (400, 800)  # MHz of the ECP5's oscillator
PHASE_DETECTOR = 3.125  # MHz that its phase detector needs at least
LINK = 75  # MHz that the link runs at at most
STEP = 3  # MHz: the link's clock is a multiple, so that common rates are exact


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


def pll_settings(reference, clock):
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

    def __init__(self, geometry, skeletons, *, pll, baud=BAUD):
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

    def add_clock(self, m, platform):
        """Make both clocks, and hold the board's reset until the PLL has locked."""
        reference = platform.request(platform.default_clk, dir="i").i
        pll = self.pll
        m.domains.sync = sync = ClockDomain("sync", reset_less=True)
        m.domains.link = link = ClockDomain("link")
        locked = Signal()
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=pll.input,
            p_CLKFB_DIV=pll.feedback,
            **output("OP", "A", pll.chip_output, sync.clk, pll.clock),
            **output("OS", "B", pll.link_output, link.clk, pll.link),
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_CLKI=reference,
            i_CLKFB=sync.clk,
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            i_ENCLKOS=Const(0),
            o_LOCK=locked,
            a_FREQUENCY_PIN_CLKI=str(platform.default_clk_frequency / 1e6),
        )
        platform.add_clock_constraint(sync.clk, pll.clock * 1e6)
        platform.add_clock_constraint(link.clk, pll.link * 1e6)
        held = Signal(4, init=15)
        m.domains.lock = ClockDomain("lock", local=True, reset_less=True)
        m.d.comb += ClockSignal("lock").eq(link.clk)
        with m.If(locked & (held != 0)):
            m.d.lock += held.eq(held - 1)
        m.d.comb += link.rst.eq(held != 0)


def output(name, multiplexer, divider, clock, frequency):
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
