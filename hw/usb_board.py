"""A board's whole design with a USB port in place of its UART."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from golden.skeleton import Skeleton
from golden.wire import PATIENCE
from hw.link.usb import UsbPort
from hw.linked_chip import LinkedChip
from hw.shapes import Geometry

__all__ = ["UsbBoard"]


class UsbBoard(wiring.Component):
    """Serve a host over a full-speed USB port, in which it sees a serial port.

    The chip runs on domain ``sync``, the link on domain ``link``, the port on domains ``usb`` and
    ``usb_io``: see `LinkedChip` and `hw.link.usb.UsbPort`.

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
    dp_i, dn_i : In(1)
        Levels of D+ and D-.
    dp_o, dn_o, driven, pulled : Out(1)
        See `hw.link.usb.UsbPort`.
    running : Out
        Contexts with a run under way: for lamps.
    """

    def __init__(
        self, geometry: Geometry, skeletons: Sequence[Skeleton], *, patience: int = PATIENCE
    ):
        self.geometry = geometry
        self.linked = LinkedChip(geometry, skeletons, patience=patience)

        super().__init__({
            "dp_i": In(1, init=1),
            "dn_i": In(1),
            "dp_o": Out(1),
            "dn_o": Out(1),
            "driven": Out(1),
            "pulled": Out(1),
            "running": Out(geometry.contexts),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.port = port = UsbPort()
        m.submodules.linked = linked = self.linked

        connect(m, port.o, linked.i)
        connect(m, linked.o, port.i)
        m.d.comb += [
            port.dp_i.eq(self.dp_i),
            port.dn_i.eq(self.dn_i),
            self.dp_o.eq(port.dp_o),
            self.dn_o.eq(port.dn_o),
            self.driven.eq(port.driven),
            self.pulled.eq(port.pulled),
            self.running.eq(linked.running),
        ]

        return m
