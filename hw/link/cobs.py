"""Frames in a byte stream by Consistent Overhead Byte Stuffing: a byte 0 ends each frame."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.link.uart import received_shape
from hw.primitives import BlockMemory

__all__ = ["CobsDecoder", "CobsEncoder", "packet_byte", "token"]

LONGEST = 254
"""Largest number of bytes in a run, which one code byte announces."""


def token() -> data.StructLayout:
    """Shape of a decoder's output: the bytes of a frame, then an end that says if it is whole."""
    return data.StructLayout({"data": 8, "end": 1, "whole": 1})


def packet_byte() -> data.StructLayout:
    """Shape of a byte of a packet."""
    return data.StructLayout({"data": 8, "last": 1})


class CobsDecoder(wiring.Component):
    """Decode frames. Bit-exact with ``golden.frames.cobs_decode``.

    A frame is not whole if it has noise, or ends before the bytes that its code announces. The next
    frame begins after the next delimiter. Latency is one clock, initiation interval one. Does not
    accept backpressure.

    Members
    -------
    i : In(stream)
        Bytes and noise; see `hw.link.uart.UartReceiver`.
    o : Out(stream)
        Bytes and ends of frames, valid for one clock. Empty frames have an end, too.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(received_shape())),
            "o": Out(stream.Signature(token())),
        })

    def elaborate(self, platform):
        m = Module()

        left = Signal(8)  # bytes that the last code still announces
        stuffed = Signal()  # a zero follows these bytes, unless the frame ends
        whole = Signal(init=1)
        byte = self.i.p.data
        m.d.comb += self.i.ready.eq(1)
        m.d.sync += [
            self.o.valid.eq(0),
            self.o.p.data.eq(byte),
            self.o.p.end.eq(0),
            self.o.p.whole.eq(whole & (left == 0)),
        ]
        with m.If(self.i.valid):
            with m.If(self.i.p.noise):
                m.d.sync += whole.eq(0)
            with m.Elif(byte == 0):
                m.d.sync += [self.o.valid.eq(1), self.o.p.end.eq(1)]
                m.d.sync += [left.eq(0), stuffed.eq(0), whole.eq(1)]
            with m.Elif(left == 0):
                m.d.sync += [left.eq(byte - 1), stuffed.eq(byte != LONGEST + 1)]
                m.d.sync += [self.o.valid.eq(stuffed), self.o.p.data.eq(0)]
            with m.Else():
                m.d.sync += [self.o.valid.eq(1), left.eq(left - 1)]

        return m


class CobsEncoder(wiring.Component):
    """Encode packets, each ended by a byte 0. Bit-exact with ``golden.frames.cobs_encode``.

    A run is stored until its length is known, then sent. This takes four clocks a byte and a few
    clocks a run. Accepts backpressure. Takes a memory of 256 bytes.

    Members
    -------
    i : In(stream)
        Packets.
    o : Out(stream.Signature(8))
        Bytes of frames.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(packet_byte())),
            "o": Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.run = run = BlockMemory(8, 256)
        length, place = Signal(8), Signal(8)
        last = Signal()  # the packet ends with this run
        again = Signal()  # and with an empty run after it: it ends with a zero or a full run
        wait = Signal()
        zero = Signal()
        m.d.comb += [
            zero.eq(self.i.p.data == 0),
            run.write_address.eq(length),
            run.write_data.eq(self.i.p.data),
            run.read_address.eq(place),
        ]
        with m.FSM():
            with m.State("Gather"):
                m.d.comb += self.i.ready.eq(1)
                m.d.comb += run.write_enable.eq(self.i.valid)
                with m.If(self.i.valid):
                    full = ~zero & (length == LONGEST - 1)
                    m.d.sync += [last.eq(self.i.p.last), again.eq(zero | full), place.eq(0)]
                    m.d.sync += length.eq(length + ~zero)
                    with m.If(zero | full | self.i.p.last):
                        m.next = "Code"
            with m.State("Code"):
                m.d.comb += [self.o.payload.eq(length + 1), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.d.sync += wait.eq(1)
                    m.next = "Fetch"
            with m.State("Fetch"):
                m.d.sync += wait.eq(0)
                with m.If(place == length):
                    m.d.sync += [length.eq(0), place.eq(0), again.eq(0)]
                    m.next = "Gather"
                    with m.If(last):
                        m.next = "Delimit"
                        with m.If(again):
                            m.next = "Code"
                with m.Elif(~wait):
                    m.next = "Send"
            with m.State("Send"):
                m.d.comb += [self.o.payload.eq(run.read_data), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.d.sync += [place.eq(place + 1), wait.eq(1)]
                    m.next = "Fetch"
            with m.State("Delimit"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "Gather"

        return m
