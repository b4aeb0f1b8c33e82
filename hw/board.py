"""A board's whole design: the chip behind its link, and the two wires of a UART."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from hw.chip import Chip
from hw.link.link import PATIENCE, Link
from hw.link.uart import UartReceiver, UartTransmitter

__all__ = ["Board"]


class Board(wiring.Component):
    """Serve a host over a UART.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    divisor : int
        Clocks of a bit on the wire.
    patience : int
        Clocks that a request waits for the chip.

    Members
    -------
    rx, tx : In(1), Out(1)
        The wires, high at rest.
    running : Out
        Contexts with a run under way: for lamps.
    """

    def __init__(self, geometry, skeletons, *, divisor, patience=PATIENCE):
        self.geometry = geometry
        self.divisor = divisor
        self.chip = Chip(geometry, skeletons)
        self.link = Link(geometry, patience=patience)

        super().__init__({
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            "running": Out(geometry.contexts),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        m.submodules.link = link = self.link
        m.submodules.chip = ResetInserter(link.reset)(self.chip)
        chip = self.chip

        connect(m, receiver.o, link.i)
        connect(m, link.o, transmitter.i)
        connect(m, link.o_command, chip.i_command)
        connect(m, link.o_data, chip.i_data)
        connect(m, chip.o_data, link.i_data)
        connect(m, chip.o_plane, link.i_plane)
        connect(m, link.o_delta, chip.i_delta)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.running.eq(chip.running),
            link.running.eq(chip.running),
            link.clocks.eq(chip.clocks),
            link.busy.eq(chip.busy),
            link.checked.eq(chip.checked),
            link.damaged.eq(chip.damaged),
            chip.identity_address.eq(link.identity_address),
            link.identity.eq(chip.identity),
        ]

        return m
