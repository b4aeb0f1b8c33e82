"""A buffer of two payloads, which separates the handshakes of both sides by registers."""

from amaranth import *
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Skid"]


class Skid(wiring.Component):
    """Pass payloads on one clock later; valid and ready come from registers.

    Initiation interval one. Accepts backpressure. Has no memory, unlike the queues of
    `amaranth.lib.fifo`.

    Parameters
    ----------
    shape : ShapeLike
        Shape of a payload.

    Members
    -------
    i, o : In(stream), Out(stream)
        Payloads, in order.
    """

    def __init__(self, shape: ShapeLike):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()

        i, o = self.i, self.o
        waits = Signal()  # the second place is in use
        spare = Signal(len(Value.cast(i.payload)), reset_less=True)
        m.d.comb += i.ready.eq(~waits)
        with m.If(~waits):
            m.d.sync += spare.eq(Value.cast(i.payload))
        with m.If(~o.valid | o.ready):
            m.d.sync += [
                Value.cast(o.payload).eq(Mux(waits, spare, Value.cast(i.payload))),
                o.valid.eq(waits | i.valid),
                waits.eq(0),
            ]
        with m.Elif(i.valid):
            m.d.sync += waits.eq(1)

        return m
