"""Packets in memory: whole requests, and responses that can be sent again."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from golden.frames import CHECK, HEADER
from golden.wire import REQUEST, RESPONSE
from hw.link.cobs import packet_byte, token
from hw.primitives import BlockMemory

__all__ = ["HEAD", "KEPT", "PacketReceiver", "PacketSender"]

KEPT = 2
"""Requests, and responses, that are kept."""

HEAD = 4
"""Bytes of a request in registers: kind, sequence number and two more."""


class PacketReceiver(wiring.Component):
    """Keep requests in memory if they are whole and their CRC-32 is right; drop all others.

    It keeps two, and gives them in their order. While it keeps two, it ignores its input. Then it
    waits for the end of a frame that began in the meantime. Takes a memory of `KEPT` requests. Does
    not accept backpressure.

    Parameters
    ----------
    request : int
        Most bytes of a request, a power of two.

    Members
    -------
    i : In(stream)
        Bytes and ends of frames; see `hw.link.cobs.CobsDecoder`.
    valid : Out(1)
        Whether there is a request. What follows is about the oldest one.
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

    def __init__(self, request: int = REQUEST):
        self.request = request

        super().__init__({
            "i": In(stream.Signature(token())),
            "valid": Out(1),
            "release": In(1),
            "head": Out(data.ArrayLayout(8, HEAD)),
            "length": Out(range(request + 1)),
            "position": In(range(request)),
            "byte": Out(8),
            "dropped": Out(16),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.memory = memory = BlockMemory(8, KEPT * self.request)
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        count = Signal(range(self.request + 1))
        spoilt = Signal()
        heard = Signal()
        kept = Signal(KEPT)
        heads = Signal(data.ArrayLayout(self.head.shape(), KEPT))
        lengths = Signal(data.ArrayLayout(self.length.shape(), KEPT))
        place, oldest = Signal(), Signal()  # where the next request goes; the oldest one's place
        free = ~kept.bit_select(place, 1)
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
            memory.write_address.eq(Cat(count[: len(self.position)], place)),
            memory.write_data.eq(entry.data),
            memory.write_enable.eq(heard & free & (count != self.request)),
            memory.read_address.eq(Cat(self.position, oldest)),
            self.byte.eq(memory.read_data),
            self.valid.eq(kept.bit_select(oldest, 1)),
            self.head.eq(heads[oldest]),
            self.length.eq(lengths[oldest]),
        ]
        with m.If(self.release):
            m.d.sync += [kept.bit_select(oldest, 1).eq(0), oldest.eq(~oldest)]
        with m.If(heard):
            m.d.sync += count.eq(count + 1)
            with m.If(~free | (count == self.request)):
                m.d.sync += [spoilt.eq(1), count.eq(count)]
            with m.Elif(count < HEAD):
                m.d.sync += heads[place][count[: (HEAD - 1).bit_length()]].eq(entry.data)
        with m.If(ends):
            m.d.sync += [count.eq(0), spoilt.eq(0)]
            with m.If(free & good):
                m.d.sync += [
                    kept.bit_select(place, 1).eq(1),
                    lengths[place].eq(count - CHECK),
                    place.eq(~place),
                ]
            with m.Elif((count != 0) | spoilt | ~entry.whole):
                m.d.sync += self.dropped.eq(self.dropped + 1)

        return m


class PacketSender(wiring.Component):
    """Keep responses in memory, and send each with its CRC-32 any number of times.

    It keeps two: one may be made while the other is sent. Takes a memory of `KEPT` responses.

    Parameters
    ----------
    response : int
        Most bytes of a response.

    Members
    -------
    place : In
        Which response the next three are about.
    clear : In(1)
        Drop the response.
    i : In(stream.Signature(8))
        Bytes to append; accepted in every clock. None may come while that response is sent.
    send : In(1)
        Send the response; not while `busy`.
    busy : Out(1)
        Whether a response is being sent.
    sending : Out
        Which one was sent last.
    o : Out(stream)
        The packet.
    """

    def __init__(self, response: int = RESPONSE):
        self.response = response

        super().__init__({
            "place": In(1),
            "clear": In(1),
            "i": In(stream.Signature(8)),
            "send": In(1),
            "busy": Out(1),
            "sending": Out(1),
            "o": Out(stream.Signature(packet_byte())),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.memory = memory = BlockMemory(8, KEPT * self.response)
        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        count = Shape.cast(range(self.response + 1))
        lengths, position = Signal(data.ArrayLayout(count, KEPT)), Signal(count)
        length = lengths[self.place]
        wait = Signal(range(BlockMemory.LATENCY))
        check = Signal(range(CHECK))
        m.d.comb += [
            self.i.ready.eq(1),
            memory.write_address.eq(Cat(length[:-1], self.place)),
            memory.write_data.eq(self.i.payload),
            memory.write_enable.eq(self.i.valid & (length != self.response)),
            memory.read_address.eq(Cat(position[:-1], self.sending)),
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
                    m.d.sync += self.sending.eq(self.place)
                    m.next = "Fetch"
            with m.State("Fetch"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(position == lengths[self.sending]):
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
