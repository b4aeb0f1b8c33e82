"""The top of a bitstream: a PLL, the board's pins, and the chip behind its link."""

from amaranth import *

from hw.board import Board

__all__ = ["BoardTop", "pll_settings"]

VCO = (400, 800)  # MHz of the ECP5's oscillator
PHASE_DETECTOR = 3.125  # MHz that its phase detector needs at least
BAUD = 3_000_000


def pll_settings(reference, clock):
    """Return the dividers (input, feedback, output) that make ``clock`` of ``reference``, in MHz.

    The feedback is taken from the output: ``clock = reference * feedback / input``.
    """
    for divider in range(1, int(reference / PHASE_DETECTOR) + 1):
        feedback = clock * divider / reference
        if feedback != int(feedback) or not 1 <= feedback <= 128:
            continue
        for output in range(1, 129):
            if VCO[0] <= clock * output <= VCO[1]:
                return divider, int(feedback), output
    raise ValueError(f"The PLL must make {clock!r} MHz of {reference!r} MHz, and cannot")


class BoardTop(Elaboratable):
    """A `Board` on a platform with a clock, a UART and lamps.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    clock : int
        Clock of chip and link in MHz.
    baud : int
        Bits a second on the wire.
    """

    def __init__(self, geometry, skeletons, *, clock, baud=BAUD):
        self.clock = clock
        self.board = Board(geometry, skeletons, divisor=round(clock * 1e6 / baud))

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
        """Make the chip's clock, and hold the reset until the PLL has locked."""
        reference = platform.request(platform.default_clk, dir="i").i
        frequency = platform.default_clk_frequency / 1e6
        divider, feedback, output = pll_settings(frequency, self.clock)
        m.domains.sync = sync = ClockDomain("sync")
        locked = Signal()
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=output,
            p_CLKOP_CPHASE=output // 2,
            p_CLKOP_FPHASE=0,
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=divider,
            p_CLKFB_DIV=feedback,
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
            o_CLKOP=sync.clk,
            o_LOCK=locked,
            a_FREQUENCY_PIN_CLKI=str(frequency),
            a_FREQUENCY_PIN_CLKOP=str(self.clock),
        )
        platform.add_clock_constraint(sync.clk, self.clock * 1e6)
        held = Signal(4, init=15)
        m.domains.lock = ClockDomain("lock", local=True)
        m.d.comb += [ClockSignal("lock").eq(sync.clk), ResetSignal("lock").eq(0)]
        with m.If(locked & (held != 0)):
            m.d.lock += held.eq(held - 1)
        m.d.comb += sync.rst.eq(held != 0)
