"""The chip behind its link: a byte stream each way, on one clock."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.chip import Chip
from hw.link.link import PATIENCE, Link
from hw.link.uart import received
from hw.sequencer import COUNTER

__all__ = ["LinkedChip"]


class LinkedChip(wiring.Component):
    """Serve a host over any byte stream that is at least as fast as it is asked.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    patience : int
        Clocks that a request waits for the chip.

    Members
    -------
    i : In(stream)
        Bytes from the host, and noise; see `hw.link.uart.UartReceiver`. Always taken.
    o : Out(stream.Signature(8))
        Bytes to the host.
    running, clocks, busy : Out
        See `hw.chip.Chip`.
    """

    def __init__(self, geometry, skeletons, *, patience=PATIENCE):
        self.geometry = geometry
        self.chip = Chip(geometry, skeletons)
        self.link = Link(geometry, patience=patience)

        super().__init__({
            "i": In(stream.Signature(received())),
            "o": Out(stream.Signature(8)),
            "running": Out(geometry.contexts),
            "clocks": Out(COUNTER),
            "busy": Out(COUNTER),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.link = link = self.link
        m.submodules.chip = ResetInserter(link.reset)(self.chip)
        chip = self.chip
        connect(m, flipped(self.i), link.i)
        connect(m, link.o, flipped(self.o))
        connect(m, link.o_command, chip.i_command)
        connect(m, link.o_data, chip.i_data)
        connect(m, chip.o_data, link.i_data)
        connect(m, chip.o_plane, link.i_plane)
        connect(m, link.o_delta, chip.i_delta)
        for name in ("running", "clocks", "busy"):
            m.d.comb += [
                getattr(self, name).eq(getattr(chip, name)),
                getattr(link, name).eq(getattr(chip, name)),
            ]
        for name in ("checked", "damaged", "identity"):
            m.d.comb += getattr(link, name).eq(getattr(chip, name))
        m.d.comb += chip.identity_address.eq(link.identity_address)

        return m
