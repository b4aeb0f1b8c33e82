"""What all states of the walk through a request share."""

from amaranth import *
from amaranth.hdl import ValueLike
from amaranth.lib import wiring

from golden.wire import Error, Tag
from hw.link.waits import COUNT, Cursor, Patience

__all__ = ["Walk"]


class Walk:
    """The walk's registers, and what a state of its machine can do.

    Parameters
    ----------
    m : Module
        Module with the machine.
    ports : Exchange
        Component that the module is of.

    Attributes
    ----------
    act : Signal
        Whether this is the second walk.
    tag, count : Signal
        The chunk's tag and count. The count falls while the chunk is dealt with.
    size : Signal
        Bytes of the response.
    compact : Signal
        Whether the chunk's bytes travel in compact form.
    rests : Signal
        Whether no walk is under way.
    position, here : Signal
        Place of ``ports.byte``, and whether it has come.
    """

    def __init__(self, m: Module, ports: wiring.Component):
        self.m = m
        self.ports = ports
        self.act = Signal()
        self.tag = Signal(8)
        self.count = Signal(COUNT)
        self.size = Signal(COUNT + 2)
        self.compact = Signal()
        self.rests = Signal()

        m.submodules.cursor = self.cursor = Cursor()
        m.submodules.patience = self.patience = Patience(ports.patience)
        self.position, self.here = self.cursor.position, self.cursor.here
        m.d.comb += [
            ports.position.eq(self.position),
            self.compact.eq((self.tag == Tag.COMPACT_FETCH) | (self.tag == Tag.COMPACT_PLANES)),
        ]

    def go_to(self, position: ValueLike) -> None:
        """Read at another place."""
        self.m.d.comb += [self.cursor.go.eq(1), self.cursor.to.eq(position)]

    def go_on(self) -> None:
        """Read the next byte."""
        self.go_to(self.position + 1)

    def count_down(self) -> None:
        """Count one that the chunk's count names."""
        self.m.d.sync += self.count.eq(self.count - 1)

    def emit(self, byte: ValueLike) -> None:
        """Append a byte to the response."""
        self.m.d.comb += [self.ports.o.payload.eq(byte), self.ports.o.valid.eq(1)]

    def wait(self) -> None:
        """Wait for the chip, and no longer than a while."""
        self.m.d.comb += self.patience.waiting.eq(1)
        with self.m.If(self.patience.late):
            self.end(Error.STALLED)

    def end(self, error: ValueLike) -> None:
        """End the walk."""
        self.m.d.sync += self.ports.error.eq(error)
        self.m.next = "End"
