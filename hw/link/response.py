"""What the states that make a response share."""

from amaranth import *
from amaranth.hdl import ValueLike
from amaranth.lib import stream

from hw.ports import FLUSH

__all__ = ["Response"]


class Response:
    """The response being made, and what a state of the controller's machine can do about it.

    Parameters
    ----------
    m : Module
        Module with the machine.
    o : stream
        Bytes of the response.

    Attributes
    ----------
    code, detail : Signal
        The error that it tells, and a byte about that.
    index : Signal
        Counts bytes, or the clocks of a reset.
    """

    def __init__(self, m: Module, o: stream.Interface):
        self.m = m
        self.o = o
        self.code = Signal(8)
        self.detail = Signal(8)
        self.index = Signal(range(FLUSH))

    def emit(self, byte: ValueLike) -> None:
        """Append a byte."""
        self.m.d.comb += [self.o.payload.eq(byte), self.o.valid.eq(1)]

    def count_up(self) -> None:
        """Count one byte or clock."""
        self.m.d.sync += self.index.eq(self.index + 1)

    def fail(self, code: ValueLike, detail: ValueLike = 0) -> None:
        """Answer with an error."""
        self.m.d.sync += [self.code.eq(code), self.detail.eq(detail)]
        self.m.next = "Clear"
