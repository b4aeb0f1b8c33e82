"""A board's whole design: the chip behind its link, and the two wires of a UART."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from golden.skeleton import Skeleton
from golden.wire import PATIENCE
from hw.link.uart import UartReceiver, UartTransmitter
from hw.linked_chip import LinkedChip
from hw.shapes import Geometry

__all__ = ["Board"]


class Board(wiring.Component):
    """Serve a host over a UART.

    The chip runs on domain ``sync``, UART and link on domain ``link``; see `LinkedChip`.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    divisor : int
        Clocks of the link that a bit on the wire lasts.
    patience : int
        Clocks of the link that a request waits for the chip.

    Members
    -------
    rx, tx : In(1), Out(1)
        The wires, high at rest.
    running : Out
        Contexts with a run under way: for lamps.
    """

    def __init__(
        self,
        geometry: Geometry,
        skeletons: Sequence[Skeleton],
        *,
        divisor: int,
        patience: int = PATIENCE,
    ):
        self.geometry = geometry
        self.divisor = divisor
        self.linked = LinkedChip(geometry, skeletons, patience=patience)

        super().__init__({
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            "running": Out(geometry.contexts),
        })

    def elaborate(self, platform):
        m = Module()

        on_link = DomainRenamer("link")
        receiver, transmitter = UartReceiver(self.divisor), UartTransmitter(self.divisor)
        m.submodules.receiver = on_link(receiver)
        m.submodules.transmitter = on_link(transmitter)
        m.submodules.linked = linked = self.linked

        connect(m, receiver.o, linked.i)
        connect(m, linked.o, transmitter.i)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.running.eq(linked.running),
        ]

        return m
