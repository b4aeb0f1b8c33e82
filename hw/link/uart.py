"""UART: bytes over one wire in each direction, 8 data bits, no parity, one stop bit."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["UartReceiver", "UartTransmitter", "received_shape"]

MIN_DIVISOR = 4


def received_shape() -> data.StructLayout:
    """Shape of a receiver's output: a byte, or noise in the place of a byte."""
    return data.StructLayout({"data": 8, "noise": 1})


def check_divisor(divisor: int) -> None:
    """Raise unless a receiver works with ``divisor`` clocks a bit."""
    if not isinstance(divisor, int) or divisor < MIN_DIVISOR:
        raise ValueError(f"Divisor must be an integer of at least {MIN_DIVISOR}, not {divisor!r}")


class UartReceiver(wiring.Component):
    """Receive bytes from a wire.

    The wire is synchronised, and a majority of three clocks removes spikes of one clock. All bits
    are sampled in their middle. A start bit must be low there, else it is ignored. If a stop bit is
    not high, the byte counts as noise, and the wire must go high before the next one.

    Parameters
    ----------
    divisor : int
        Clocks of a bit.

    Members
    -------
    rx : In(1)
        The wire, high at rest.
    o : Out(stream)
        Bytes and noise, valid for one clock: it does not accept backpressure.
    """

    def __init__(self, divisor: int):
        check_divisor(divisor)
        self.divisor = divisor

        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(received_shape()))})

    def elaborate(self, platform):
        m = Module()

        wire = self.filtered(m)
        clock = Signal(range(self.divisor))
        bit = Signal(range(9))
        m.d.sync += self.o.valid.eq(0)
        with m.FSM():
            with m.State("Rest"):
                m.d.sync += clock.eq(self.divisor // 2 - 1)
                with m.If(~wire):
                    m.next = "Start"
            with m.State("Start"):
                m.d.sync += clock.eq(clock - 1)
                with m.If(wire):
                    m.next = "Rest"
                with m.Elif(clock == 0):
                    m.d.sync += [clock.eq(self.divisor - 1), bit.eq(0)]
                    m.next = "Bits"
            with m.State("Bits"):
                m.d.sync += clock.eq(clock - 1)
                with m.If(clock == 0):
                    m.d.sync += [clock.eq(self.divisor - 1), bit.eq(bit + 1)]
                    with m.If(bit == 8):
                        m.d.sync += [self.o.valid.eq(1), self.o.p.noise.eq(~wire)]
                        m.next = "Recover"
                    with m.Else():
                        m.d.sync += self.o.p.data.eq(Cat(self.o.p.data[1:], wire))
            with m.State("Recover"):
                with m.If(wire):
                    m.next = "Rest"

        return m

    def filtered(self, m: Module) -> Signal:
        """Return the majority of three clocks of the synchronised wire."""
        synchronised = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, synchronised, init=1)
        last = Signal(2, init=3)
        wire = Signal(init=1)
        taps = Cat(synchronised, last)
        m.d.sync += last.eq(taps)
        m.d.sync += wire.eq((taps[0] & taps[1]) | (taps[1] & taps[2]) | (taps[0] & taps[2]))
        return wire


class UartTransmitter(wiring.Component):
    """Send bytes over a wire, without a pause between them.

    Parameters
    ----------
    divisor : int
        Clocks of a bit.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes.
    tx : Out(1)
        The wire, high at rest.
    """

    def __init__(self, divisor: int):
        check_divisor(divisor)
        self.divisor = divisor

        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()

        clock = Signal(range(self.divisor))
        bits = Signal(9, init=~0)
        left = Signal(range(11))
        m.d.comb += self.i.ready.eq((left == 0) | (left == 1) & (clock == 0))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                Cat(self.tx, bits).eq(Cat(Const(0, 1), self.i.payload, Const(1, 1))),
                clock.eq(self.divisor - 1),
                left.eq(10),
            ]
        with m.Elif((left != 0) & (clock == 0)):
            m.d.sync += [
                Cat(self.tx, bits).eq(Cat(bits, Const(1, 1))),
                clock.eq(self.divisor - 1),
                left.eq(left - 1),
            ]
        with m.Elif(left != 0):
            m.d.sync += clock.eq(clock - 1)

        return m
