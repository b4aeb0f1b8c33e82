"""The link: bytes on one side, the chip's streams on the other."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.wire import PATIENCE
from hw.link.cobs import CobsDecoder, CobsEncoder
from hw.link.controller import Controller
from hw.link.exchange import Exchange
from hw.link.packets import PacketReceiver, PacketSender
from hw.link.uart import received_shape
from hw.ports import served_ports
from hw.shapes import Geometry

__all__ = ["Link"]


class Link(wiring.Component):
    """Serve a host that speaks the protocol of ``docs/protocol.md``.

    Only streams, a reset, and the chip's state and counters connect it to the chip, which has a
    clock of its own: see `hw.link.crossing.Crossing`. Takes memories of 4096, 8192 and 256 bytes.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    patience : int
        Clocks that a request waits for the chip.

    Members
    -------
    i : In(stream)
        Bytes from the host, and noise; see `hw.link.uart.UartReceiver`. Accepted in every clock.
    o : Out(stream.Signature(8))
        Bytes to the host.
    chip : In(`hw.ports.served_ports`)
        The chip behind its crossing. `hw.link.controller.Controller` states the latency that a byte
        of ``identity`` may have.
    """

    def __init__(self, geometry: Geometry, *, patience: int = PATIENCE):
        self.geometry = geometry
        self.patience = patience

        super().__init__({
            "i": In(stream.Signature(received_shape())),
            "o": Out(stream.Signature(8)),
            "chip": In(served_ports(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.receiver = receiver = PacketReceiver(self.geometry.request)
        m.submodules.controller = controller = Controller(self.geometry)
        m.submodules.exchange = exchange = Exchange(self.geometry, patience=self.patience)
        m.submodules.sender = sender = PacketSender(self.geometry.response)
        m.submodules.encoder = encoder = CobsEncoder()

        connect(m, flipped(self.i), decoder.i)
        connect(m, decoder.o, receiver.i)
        connect(m, sender.o, encoder.i)
        connect(m, encoder.o, flipped(self.o))
        m.d.comb += [
            controller.valid.eq(receiver.valid),
            controller.head.eq(receiver.head),
            controller.length.eq(receiver.length),
            controller.dropped.eq(receiver.dropped),
            receiver.release.eq(controller.release),
            receiver.position.eq(exchange.position),
            exchange.byte.eq(receiver.byte),
            exchange.length.eq(receiver.length),
            exchange.start.eq(controller.exchange),
            controller.done.eq(exchange.done),
            controller.error.eq(exchange.error),
            controller.detail.eq(exchange.detail),
            sender.place.eq(controller.place),
            sender.clear.eq(controller.clear),
            sender.send.eq(controller.send),
            controller.busy.eq(sender.busy),
            controller.sending.eq(sender.sending),
            # The two never send at the same time.
            sender.i.payload.eq(Mux(exchange.o.valid, exchange.o.payload, controller.o.payload)),
            sender.i.valid.eq(exchange.o.valid | controller.o.valid),
        ]
        self.connect_chip(m, controller, exchange)

        return m

    def connect_chip(self, m: Module, controller: Controller, exchange: Exchange) -> None:
        """Connect the chip's streams and state."""
        connect(m, exchange.o_command, flipped(self.chip.i_command))
        connect(m, exchange.o_data, flipped(self.chip.i_data))
        connect(m, exchange.o_delta, flipped(self.chip.i_delta))
        connect(m, flipped(self.chip.o_data), exchange.i_data)
        connect(m, flipped(self.chip.o_plane), exchange.i_plane)
        chip = self.chip
        m.d.comb += [
            exchange.running.eq(chip.running),
            exchange.pending.eq(chip.pending),
            exchange.taken.eq(chip.taken),
            exchange.damaged.eq(chip.damaged),
            controller.running.eq(chip.running),
            controller.damaged.eq(chip.damaged),
            controller.checked.eq(chip.checked),
            chip.identity_address.eq(controller.identity_address),
            controller.identity.eq(chip.identity),
            controller.clocks.eq(chip.clocks),
            controller.engine_busy.eq(chip.busy),
            chip.reset.eq(controller.reset),
        ]
