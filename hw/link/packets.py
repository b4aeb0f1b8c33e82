"""Packets in memory: whole requests, and responses that can be sent again."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from golden.frames import CHECK, HEADER
from golden.wire import REQUEST, RESPONSE
from hw.link.cobs import packet_byte, token
from hw.primitives import BlockMemory

__all__ = ["HEAD", "PacketReceiver", "PacketSender"]

HEAD = 4
"""Bytes of a request in registers: kind, sequence number and two more."""


class PacketReceiver(wiring.Component):
    """Keep a request in memory if it is whole and its CRC-32 is right; drop all others.

    While it keeps one, it ignores its input. Afterwards it waits for the end of a frame that began
    in the meantime. Takes a memory of `golden.wire.REQUEST` bytes. Does not accept backpressure.

    Members
    -------
    i : In(stream)
        Bytes and ends of frames; see `hw.link.cobs.CobsDecoder`.
    valid : Out(1)
        Whether there is a request.
    release : In(1)
        Drop the request.
    head : Out
        First bytes of the request.
    length : Out
        Number of its bytes, header included, CRC not.
    position, byte : In, Out
        Address to read, and the byte at the address of two clocks ago.
    dropped : Out(16)
        Frames dropped so far, without empty ones.
    """

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(token())),
            "valid": Out(1),
            "release": In(1),
            "head": Out(data.ArrayLayout(8, HEAD)),
            "length": Out(range(REQUEST + 1)),
            "position": In(range(REQUEST)),
            "byte": Out(8),
            "dropped": Out(16),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.memory = memory = BlockMemory(8, REQUEST)
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        count = Signal(range(REQUEST + 1))
        spoilt = Signal()
        heard = Signal()
        entry = self.i.p
        ends = Signal()
        good = Signal()
        m.d.comb += [
            self.i.ready.eq(1),
            heard.eq(self.i.valid & ~entry.end),
            ends.eq(self.i.valid & entry.end),
            good.eq(entry.whole & ~spoilt & crc.match_detected & (count >= HEADER + CHECK)),
            crc.data.eq(entry.data),
            crc.valid.eq(heard),
            crc.start.eq(ends),
            memory.write_address.eq(count),
            memory.write_data.eq(entry.data),
            memory.write_enable.eq(heard & ~self.valid),
            memory.read_address.eq(self.position),
            self.byte.eq(memory.read_data),
        ]
        with m.If(self.release):
            m.d.sync += self.valid.eq(0)
        with m.If(heard):
            m.d.sync += count.eq(count + 1)
            with m.If(self.valid | (count == REQUEST)):
                m.d.sync += [spoilt.eq(1), count.eq(count)]
            with m.Elif(count < HEAD):
                m.d.sync += self.head[count[: (HEAD - 1).bit_length()]].eq(entry.data)
        with m.If(ends):
            m.d.sync += [count.eq(0), spoilt.eq(0)]
            with m.If(~self.valid & good):
                m.d.sync += [self.valid.eq(1), self.length.eq(count - CHECK)]
            with m.Elif((count != 0) | spoilt | ~entry.whole):
                m.d.sync += self.dropped.eq(self.dropped + 1)

        return m


class PacketSender(wiring.Component):
    """Keep a response in memory, and send it with its CRC-32 any number of times.

    Takes a memory of a response's bytes.

    Parameters
    ----------
    response : int
        Most bytes of a response.

    Members
    -------
    clear : In(1)
        Drop the response.
    i : In(stream.Signature(8))
        Bytes to append; accepted in every clock. None may come while `busy`.
    send : In(1)
        Send the response.
    busy : Out(1)
        Whether the response is being sent.
    o : Out(stream)
        The packet.
    """

    def __init__(self, response: int = RESPONSE):
        self.response = response

        super().__init__({
            "clear": In(1),
            "i": In(stream.Signature(8)),
            "send": In(1),
            "busy": Out(1),
            "o": Out(stream.Signature(packet_byte())),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.memory = memory = BlockMemory(8, self.response)
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        places = range(self.response + 1)
        length, position = Signal(places), Signal(places)
        wait = Signal(range(BlockMemory.LATENCY))
        check = Signal(range(CHECK))
        m.d.comb += [
            self.i.ready.eq(1),
            memory.write_address.eq(length),
            memory.write_data.eq(self.i.payload),
            memory.write_enable.eq(self.i.valid & (length != self.response)),
            memory.read_address.eq(position),
            crc.data.eq(memory.read_data),
        ]
        with m.If(self.clear):
            m.d.sync += length.eq(0)
        with m.Elif(memory.write_enable):
            m.d.sync += length.eq(length + 1)
        with m.FSM() as machine:
            m.d.comb += self.busy.eq(~machine.ongoing("Rest"))
            with m.State("Rest"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [position.eq(0), check.eq(0), wait.eq(BlockMemory.LATENCY - 1)]
                with m.If(self.send):
                    m.next = "Fetch"
            with m.State("Fetch"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(position == length):
                    m.next = "Check"
                with m.Elif(wait == 0):
                    m.next = "Send"
            with m.State("Send"):
                m.d.comb += [self.o.p.data.eq(memory.read_data), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.d.comb += crc.valid.eq(1)
                    m.d.sync += [position.eq(position + 1), wait.eq(BlockMemory.LATENCY - 1)]
                    m.next = "Fetch"
            with m.State("Check"):
                m.d.comb += [
                    self.o.p.data.eq(crc.crc.word_select(check, 8)),
                    self.o.p.last.eq(check == CHECK - 1),
                    self.o.valid.eq(1),
                ]
                with m.If(self.o.ready):
                    m.d.sync += check.eq(check + 1)
                    with m.If(self.o.p.last):
                        m.next = "Rest"

        return m
