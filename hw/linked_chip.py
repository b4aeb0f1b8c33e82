"""The chip behind its link: a byte stream each way."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.skeleton import Skeleton
from golden.wire import PATIENCE
from hw.chip import Chip
from hw.link.crossing import Crossing
from hw.link.link import Link
from hw.link.uart import received_shape
from hw.ports import COUNTER
from hw.shapes import Geometry

__all__ = ["LinkedChip"]


class LinkedChip(wiring.Component):
    """Serve a host over any byte stream that is at least as fast as it is asked.

    The chip runs on domain ``sync``, link and byte streams on domain ``link``, whose reset is that
    of everything.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    patience : int
        Clocks of the link that a request waits for the chip.

    Members
    -------
    i : In(stream)
        Bytes from the host, and noise; see `hw.link.uart.UartReceiver`. Always taken.
    o : Out(stream.Signature(8))
        Bytes to the host.
    running : Out
        Contexts with a run under way, on the link's clock.
    clocks, busy : Out
        See `hw.chip.Chip`; on the chip's clock.
    """

    def __init__(
        self, geometry: Geometry, skeletons: Sequence[Skeleton], *, patience: int = PATIENCE
    ):
        self.geometry = geometry
        self.crossing = Crossing(geometry)
        self.chip = Chip(geometry, skeletons, reset=self.crossing.chip_reset)
        self.link = Link(geometry, patience=patience)

        super().__init__({
            "i": In(stream.Signature(received_shape())),
            "o": Out(stream.Signature(8)),
            "running": Out(geometry.contexts),
            "clocks": Out(COUNTER),
            "busy": Out(COUNTER),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.link = DomainRenamer("link")(self.link)
        m.submodules.crossing = crossing = self.crossing
        m.submodules.chip = self.chip
        connect(m, flipped(self.i), self.link.i)
        connect(m, self.link.o, flipped(self.o))
        connect(m, self.link.chip, crossing.link)
        connect(m, crossing.chip, self.chip)
        m.d.comb += [
            self.running.eq(crossing.link.running),
            self.clocks.eq(self.chip.clocks),
            self.busy.eq(self.chip.busy),
        ]

        return m
