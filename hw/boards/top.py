"""The top of a bitstream: the PLLs, the board's pins, and the chip behind its link."""

from collections.abc import Sequence

from amaranth import *
from amaranth.build import Platform
from amaranth.lib import wiring

from golden.errors import InputError
from golden.skeleton import Skeleton
from golden.wire import BAUD
from hw.board import Board
from hw.boards.pll import USB, USB_IO, Pll, UsbPll, usb_pll_settings
from hw.shapes import Geometry

__all__ = ["BoardTop", "usb_pll"]


class BoardTop(Elaboratable):
    """A board's design on a platform with a clock, lamps, and a UART or a USB port.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    pll : Pll
        Clocks of chip and link.
    baud : int
        Bits a second on the UART's wires.
    usb : UsbPll or None
        Clocks of the USB port that the host is at; with None it is at the UART.
    """

    def __init__(
        self,
        geometry: Geometry,
        skeletons: Sequence[Skeleton],
        *,
        pll: Pll,
        baud: int = BAUD,
        usb: UsbPll | None = None,
    ):
        self.pll = pll
        self.usb = usb
        if usb is None:
            self.board = Board(geometry, skeletons, divisor=round(pll.link * 1e6 / baud))
        else:
            self.board = usb_board(geometry, skeletons)

    def elaborate(self, platform):
        m = Module()

        m.submodules.board = board = self.board
        locks = self.add_clocks(m, platform)
        if self.usb is None:
            uart = platform.request("uart", 0)
            m.d.comb += [board.rx.eq(uart.rx.i), uart.tx.o.eq(board.tx)]
        else:
            locks.append(self.add_usb(m, platform))
        for domain in ("link", "usb_io", "usb")[: None if self.usb else 1]:
            hold(m, domain, Cat(locks).all())
        for index, run in enumerate(board.running):
            m.d.comb += platform.request("led", index).o.eq(run)

        return m

    def add_clocks(self, m: Module, platform: Platform) -> list[Signal]:
        """Make the clocks of chip and link; return what tells that they are there."""
        self.reference = platform.request(platform.default_clk, dir="i").i
        frequency = platform.default_clk_frequency / 1e6
        m.domains.sync = sync = ClockDomain("sync", reset_less=True)
        m.domains.link = link = ClockDomain("link")
        locked = Signal()
        m.submodules.pll = self.pll.block(self.reference, frequency, sync.clk, link.clk, locked)
        platform.add_clock_constraint(sync.clk, self.pll.clock * 1e6)
        platform.add_clock_constraint(link.clk, self.pll.link * 1e6)
        return [locked]

    def add_usb(self, m: Module, platform: Platform) -> Signal:
        """Connect the USB port and make its clocks; return what tells that they are there."""
        frequency = platform.default_clk_frequency / 1e6
        m.domains.usb_io = usb_io = ClockDomain("usb_io")
        m.domains.usb = usb = ClockDomain("usb")
        locked = Signal(name="usb_locked")
        m.submodules.usb_pll = self.usb.block(
            self.reference, frequency, usb_io.clk, usb.clk, locked
        )
        platform.add_clock_constraint(usb_io.clk, USB_IO * 1e6)
        platform.add_clock_constraint(usb.clk, USB * 1e6)
        board, pads = self.board, platform.request("usb", 0)
        m.d.comb += [
            board.dp_i.eq(pads.d_p.i),
            board.dn_i.eq(pads.d_n.i),
            pads.d_p.o.eq(board.dp_o),
            pads.d_n.o.eq(board.dn_o),
            pads.d_p.oe.eq(board.driven),
            pads.d_n.oe.eq(board.driven),
            pads.pullup.o.eq(board.pulled),
        ]
        return locked


def usb_board(geometry: Geometry, skeletons: Sequence[Skeleton]) -> wiring.Component:
    """Return a `UsbBoard`; what it is made of need not be installed."""
    try:
        from hw.usb_board import UsbBoard
    except ModuleNotFoundError as error:
        wanted = "A USB link needs luna-usb: pip install 'thalweg[usb]'"
        raise InputError(f"{wanted} ({error})") from None
    return UsbBoard(geometry, skeletons)


def usb_pll(platform: Platform, link: str) -> UsbPll | None:
    """Return the clocks of a USB port where that is the link, else None."""
    return usb_pll_settings(platform.default_clk_frequency / 1e6) if link == "usb" else None


def hold(m: Module, domain: str, locked: Value) -> None:
    """Hold a domain's reset until all PLLs have locked, and 16 clocks more."""
    held = Signal(4, init=15, name=f"{domain}_held")
    m.domains += ClockDomain(f"{domain}_lock", local=True, reset_less=True)
    reset = Signal(init=1, name=f"{domain}_reset")  # a register of its own, for the way it goes
    m.d.comb += [
        ClockSignal(f"{domain}_lock").eq(ClockSignal(domain)),
        ResetSignal(domain).eq(reset),
    ]
    m.d[f"{domain}_lock"] += reset.eq(held != 0)
    with m.If(locked & (held != 0)):
        m.d[f"{domain}_lock"] += held.eq(held - 1)
