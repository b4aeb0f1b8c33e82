"""The link: bytes on one side, the chip's streams on the other."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.link.cobs import CobsDecoder, CobsEncoder
from hw.link.controller import Controller
from hw.link.exchange import Exchange
from hw.link.packets import PacketReceiver, PacketSender
from hw.link.uart import received
from hw.sequencer import COUNTER
from hw.shapes import IDENTITY

__all__ = ["PATIENCE", "Link"]

PATIENCE = 1 << 18
"""Clocks that a request waits for the chip: a pass of the slowest folding takes a third of it."""

COMMANDS = 4
"""Commands that may wait."""


class Link(wiring.Component):
    """Serve a host that speaks the protocol of ``docs/protocol.md``.

    Towards the chip there is nothing but streams, a reset and what it counts, so that the two may
    run on clocks of their own. Takes memories of 2048, 4096 and 256 bytes.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    patience : int
        Clocks that a request waits for the chip.

    Members
    -------
    i : In(stream)
        Bytes from the host, and noise; see `hw.link.uart.UartReceiver`. Always taken.
    o : Out(stream.Signature(8))
        Bytes to the host.
    o_command, o_data, i_data, i_plane, o_delta, running, clocks, busy
        The chip's own; see `hw.chip.Chip`.
    checked, damaged : In
        Whether the skeletons are checked, and places whose skeleton is damaged.
    identity_address, identity : Out, In
        What the places hold; see `hw.chip.Chip`. The byte may come as late as
        `hw.link.controller.Controller` says.
    reset : Out(1)
        Whether the chip is to be reset.
    """

    def __init__(self, geometry, *, patience=PATIENCE):
        self.geometry = geometry
        self.patience = patience

        super().__init__({
            "i": In(stream.Signature(received())),
            "o": Out(stream.Signature(8)),
            "o_command": Out(stream.Signature(geometry.command)),
            "o_data": Out(stream.Signature(8)),
            "i_data": In(stream.Signature(8)),
            "i_plane": In(stream.Signature(geometry.plane)),
            "o_delta": Out(stream.Signature(geometry.delta)),
            "running": In(geometry.contexts),
            "checked": In(1, init=1),
            "damaged": In(geometry.skeletons),
            "identity_address": Out(range(IDENTITY * geometry.skeletons)),
            "identity": In(8),
            "clocks": In(COUNTER),
            "busy": In(COUNTER),
            "reset": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.receiver = receiver = PacketReceiver()
        m.submodules.controller = controller = Controller(self.geometry)
        m.submodules.exchange = exchange = Exchange(self.geometry, patience=self.patience)
        m.submodules.sender = sender = PacketSender()
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
            sender.clear.eq(controller.clear),
            sender.send.eq(controller.send),
            controller.busy.eq(sender.busy),
            # The two never speak at once.
            sender.i.payload.eq(Mux(exchange.o.valid, exchange.o.payload, controller.o.payload)),
            sender.i.valid.eq(exchange.o.valid | controller.o.valid),
        ]
        self.connect_chip(m, controller, exchange)

        return m

    def connect_chip(self, m, controller, exchange):
        """Join the streams; commands wait in a queue, which a reset empties."""
        m.submodules.commands = commands = ResetInserter(self.reset)(
            SyncFIFOBuffered(width=Shape.cast(self.geometry.command).width, depth=COMMANDS)
        )
        connect(m, exchange.o_data, flipped(self.o_data))
        connect(m, exchange.o_delta, flipped(self.o_delta))
        connect(m, flipped(self.i_data), exchange.i_data)
        connect(m, flipped(self.i_plane), exchange.i_plane)
        m.d.comb += [
            commands.w_data.eq(exchange.o_command.payload),
            commands.w_en.eq(exchange.o_command.valid),
            exchange.o_command.ready.eq(commands.w_rdy),
            self.o_command.payload.eq(commands.r_data),
            self.o_command.valid.eq(commands.r_rdy),
            commands.r_en.eq(self.o_command.ready),
            exchange.running.eq(self.running),
            exchange.pending.eq(commands.level != 0),
            exchange.damaged.eq(self.damaged),
            controller.running.eq(self.running),
            controller.damaged.eq(self.damaged),
            controller.checked.eq(self.checked),
            self.identity_address.eq(controller.identity_address),
            controller.identity.eq(self.identity),
            controller.clocks.eq(self.clocks),
            controller.engine_busy.eq(self.busy),
            self.reset.eq(controller.reset),
        ]
