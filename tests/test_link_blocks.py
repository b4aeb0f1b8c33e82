# amaranth: UnusedElaboratable=no
"""The link's stream components, one by one, against `golden.wire`."""

import zlib

import numpy as np
import pytest

from golden import frames
from golden.wire import LEAN, REQUEST
from hw.link.cobs import CobsDecoder, CobsEncoder
from hw.link.packets import PacketReceiver, PacketSender
from hw.link.uart import UartReceiver, UartTransmitter
from tests.streams import collect, exchange, feed, put, simulate

EDGES = [b"\1", b"\0", b"\0\0", b"\1\0", b"\0\1\2", bytes(range(1, 255)), bytes(range(1, 256))]


def packets(rng, count=4):
    """Edges, and random packets of few and of many zeros."""
    random = [rng.integers(0, (2, 256)[k % 2], 5 + 70 * k).astype(np.uint8) for k in range(count)]
    return EDGES + [packet.tobytes() for packet in random]


def tokens(packet, whole=1):
    """What a decoder makes of a packet."""
    body = [{"data": byte, "end": 0, "whole": 0} for byte in packet]
    return [*body, {"data": 0, "end": 1, "whole": whole}]


@pytest.mark.parametrize("divisor", [4, 5, 16])
def test_uart_receives_what_it_sends(divisor):
    transmitter, receiver = UartTransmitter(divisor), UartReceiver(divisor)
    sent = [0x00, 0xFF, 0x55, 0xAA, *np.random.default_rng(0).integers(0, 256, 12).tolist()]
    got = []

    from amaranth import Module

    m = Module()
    m.submodules.transmitter, m.submodules.receiver = transmitter, receiver
    m.d.comb += receiver.rx.eq(transmitter.tx)

    async def send(ctx):
        await feed(ctx, transmitter.i, sent, (0, 0, 7))

    async def hear(ctx):
        for entry in await collect(ctx, receiver.o, len(sent)):
            got.append((entry.noise, entry.data))

    simulate(m, send, hear)
    assert got == [(0, byte) for byte in sent]


def line(levels, divisor):
    """What a receiver makes of levels, (level, clocks) each."""
    receiver, got = UartReceiver(divisor), []

    async def drive(ctx):
        for level, clocks in levels:
            ctx.set(receiver.rx, level)
            for _ in range(clocks):
                await ctx.tick()
                if ctx.get(receiver.o.valid):
                    got.append((ctx.get(receiver.o.p.noise), ctx.get(receiver.o.p.data)))

    simulate(receiver, drive)
    return got


def byte_levels(byte, clocks):
    """Levels of one byte of so many clocks a bit."""
    bits = [0, *(byte >> k & 1 for k in range(8)), 1]
    return [(bit, clocks) for bit in bits]


def test_receiver_does_not_hear_spikes():
    assert line([(1, 60)], 4) == [], "nor where it is switched on"
    assert line([(1, 20), (0, 1), (1, 40), (0, 3), (1, 200)], 16) == []


@pytest.mark.parametrize("at", range(5, 12))
def test_receiver_takes_a_byte_through_spikes(at):
    levels = [(1, 20)]
    for level, clocks in byte_levels(0x4D, 16):
        levels += [(level, at), (1 - level, 1), (level, clocks - at - 1)]
    assert line([*levels, (1, 20)], 16) == [(0, 0x4D)]


@pytest.mark.parametrize("clocks", [31, 33])
def test_receiver_takes_a_clock_three_per_cent_off(clocks):
    levels = byte_levels(0xA5, clocks) + byte_levels(0x00, clocks) + byte_levels(0xFF, clocks)
    assert line([(1, 50), *levels, (1, 50)], 32) == [(0, 0xA5), (0, 0), (0, 0xFF)]


def test_receiver_calls_a_broken_byte_noise():
    got = line([(1, 20), (0, 400), (1, 30), *byte_levels(7, 16), (1, 30)], 16)
    assert got == [(1, 0), (0, 7)]


@pytest.mark.parametrize("divisor", [3, 20.5, 0])
@pytest.mark.parametrize("component", [UartReceiver, UartTransmitter])
def test_uart_rejects_few_clocks_a_bit_and_parts_of_one(component, divisor):
    with pytest.raises(ValueError) as error:
        component(divisor)
    assert str(error.value) == f"Divisor must be an integer of at least 4, not {divisor}"


@pytest.mark.parametrize("divisor", [4, 5, 20])
def test_a_byte_is_sent_low_bit_first_each_bit_as_many_clocks_and_a_whole_stop_bit(divisor):
    transmitter, levels = UartTransmitter(divisor), []

    async def listen(ctx):
        async for _, _, level in ctx.tick().sample(transmitter.tx):
            levels.append(level)

    async def bench(ctx):
        await ctx.tick().repeat(5)
        await feed(ctx, transmitter.i, [0x4D, 0x80])
        await ctx.tick().repeat(12 * divisor)

    simulate(transmitter, bench, background=[listen])
    byte, following = ([level for level, _ in byte_levels(value, 1)] for value in (0x4D, 0x80))
    first = levels.index(0)
    assert levels[:first] == [1] * first and first >= 5
    second = first + 10 * divisor
    assert levels[first:second] == [level for level in byte for _ in range(divisor)]
    wanted = [level for level in following for _ in range(divisor)]
    assert levels[second : second + 10 * divisor] == wanted, "a start bit behind a stop bit"


def decoded(items):
    """What a decoder makes of bytes, None being noise: packets, None where one is not whole."""
    payloads = [{"data": item or 0, "noise": item is None} for item in items]
    decoder, found, packet = CobsDecoder(), [], bytearray()

    async def bench(ctx):
        nonlocal packet
        for payload in [*payloads, {"data": 9, "noise": 0}]:
            ctx.set(decoder.i.payload, payload)
            ctx.set(decoder.i.valid, 1)
            await ctx.tick()
            if ctx.get(decoder.o.valid):
                if ctx.get(decoder.o.p.end):
                    found.append(bytes(packet) if ctx.get(decoder.o.p.whole) else None)
                    packet = bytearray()
                else:
                    packet.append(ctx.get(decoder.o.p.data))

    simulate(decoder, bench)
    return found


def test_decoder_undoes_the_stuffing():
    sent = packets(np.random.default_rng(1))
    assert decoded(b"".join(frames.cobs_encode(packet) + b"\0" for packet in sent)) == sent


def test_decoder_begins_anew_after_a_delimiter():
    good = frames.cobs_encode(b"\1\0\2") + b"\0"
    broken = [b"\3\1\0", b"\2\0", [2, None, 1, 0], b"\xff\1\1\0"]
    for wrong in broken:
        assert decoded([*wrong, *good]) == [None, b"\1\0\2"]


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])
def test_encoder_equals_golden(gaps):
    sent = packets(np.random.default_rng(2))
    payloads = [
        {"data": byte, "last": place == len(packet) - 1}
        for packet in sent
        for place, byte in enumerate(packet)
    ]
    want = b"".join(frames.cobs_encode(packet) + b"\0" for packet in sent)
    assert bytes(exchange(CobsEncoder(), payloads, len(want), gaps)) == want


@pytest.mark.parametrize("size", [REQUEST, LEAN])
def test_receiver_keeps_two_whole_requests_and_nothing_else(size):
    receiver = PacketReceiver(size)
    body = bytes([4, 9, 8, 7, 6])
    coded = body + zlib.crc32(body).to_bytes(4, "little")
    broken = bytes([coded[0] ^ 1]) + coded[1:]
    second = bytes([4, 10, 2, 3]) + zlib.crc32(bytes([4, 10, 2, 3])).to_bytes(4, "little")
    long, longer = (
        bytes(n) + zlib.crc32(bytes(n)).to_bytes(4, "little") for n in (size - 4, size - 3)
    )
    # Their CRC is right, but they have no sequence number.
    short = [tokens(part + zlib.crc32(part).to_bytes(4, "little")) for part in (b"", b"\4")]
    valid = []

    async def bench(ctx):
        for entries in (
            tokens(b""),
            tokens(b"", whole=0),  # noise and a delimiter
            *short,
            tokens(coded[:5]),
            tokens(broken),
            tokens(coded, whole=0),
            tokens(longer),
            tokens(coded),
            tokens(second),
            tokens(long),
        ):
            for entry in entries:
                await put(ctx, receiver.i, entry)
            valid.append(ctx.get(receiver.valid))
        assert ctx.get(receiver.dropped) == 8
        assert ctx.get(receiver.length) == len(body)
        assert [ctx.get(byte) for byte in receiver.head] == list(body[:4])
        got = []
        for place in range(len(body)):
            ctx.set(receiver.position, place)
            await ctx.tick().repeat(2)
            got.append(ctx.get(receiver.byte))
        assert bytes(got) == body
        for entry in tokens(coded)[:3]:
            await put(ctx, receiver.i, entry)
        await release(ctx)
        assert (ctx.get(receiver.length), ctx.get(receiver.head[3])) == (len(second) - 4, 3)
        ctx.set(receiver.position, 1)
        await ctx.tick().repeat(2)
        assert ctx.get(receiver.byte) == second[1]
        await release(ctx)
        # What began when there was no room is no request, though there is room where it ends.
        for entries in (tokens(coded)[3:], tokens(long)):
            for entry in entries:
                await put(ctx, receiver.i, entry)
            valid.append(ctx.get(receiver.valid))
        assert ctx.get(receiver.length) == size - 4
        assert ctx.get(receiver.dropped) == 9

    async def release(ctx):
        ctx.set(receiver.release, 1)
        await ctx.tick()
        ctx.set(receiver.release, 0)

    simulate(receiver, bench)
    assert valid == [*[0] * 8, 1, 1, 1, 0, 1]


def test_receiver_gives_requests_in_their_order_whenever_they_are_taken():
    receiver, rng = PacketReceiver(), np.random.default_rng(4)
    bodies = [rng.integers(0, 256, n).astype(np.uint8).tobytes() for n in (4, 9, 30, 7, 11, 5)]
    got = []

    async def send(ctx):
        for count, body in enumerate(bodies):
            while len(got) < count - 1:  # there is room for two
                await ctx.tick()
            for entry in tokens(body + zlib.crc32(body).to_bytes(4, "little")):
                await put(ctx, receiver.i, entry)

    async def take(ctx):
        for pause in (400, 0, 3, 100, 0, 1):
            await ctx.tick().repeat(pause + 1)
            while not ctx.get(receiver.valid):
                await ctx.tick()
            body = bytearray()
            for place in range(ctx.get(receiver.length)):
                ctx.set(receiver.position, place)
                await ctx.tick().repeat(2)
                body.append(ctx.get(receiver.byte))
            assert body[:4] == bytes(ctx.get(byte) for byte in receiver.head)
            ctx.set(receiver.release, 1)
            await ctx.tick()
            ctx.set(receiver.release, 0)
            got.append(bytes(body))

    simulate(receiver, send, take)
    assert got == bodies


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])
def test_sender_sends_again_until_it_is_cleared(gaps):
    sender, got = PacketSender(), []
    first, second = bytes([0x84, 1, 0, 0xFF]), bytes(range(100))

    async def bench(ctx):
        for body in (first, None, second):
            if body is not None:
                ctx.set(sender.clear, 1)
                await ctx.tick()
                ctx.set(sender.clear, 0)
                await feed(ctx, sender.i, body)
            ctx.set(sender.send, 1)
            await ctx.tick()
            ctx.set(sender.send, 0)
            entries = await collect(ctx, sender.o, len(body or first) + 4, gaps)
            assert [entry.last for entry in entries] == [0] * (len(entries) - 1) + [1]
            got.append(bytes(entry.data for entry in entries))
            await ctx.tick()
            assert not ctx.get(sender.busy)

    simulate(sender, bench)
    want = [body + zlib.crc32(body).to_bytes(4, "little") for body in (first, first, second)]
    assert got == want


def test_sender_takes_a_response_while_it_sends_the_other():
    sender, got = PacketSender(), []
    bodies = [bytes([0x84, 1, 7]), bytes(range(100)), bytes([5, 5]), bytes(range(50, 90))]
    rng = np.random.default_rng(5)

    async def make(ctx):
        for count, body in enumerate(bodies):
            ctx.set(sender.place, count % 2)
            ctx.set(sender.clear, 1)
            await ctx.tick()
            ctx.set(sender.clear, 0)
            await feed(ctx, sender.i, body)
            while ctx.get(sender.busy):
                await ctx.tick()
            ctx.set(sender.send, 1)
            await ctx.tick()
            ctx.set(sender.send, 0)
            assert ctx.get(sender.sending) == count % 2

    async def hear(ctx):
        for body in bodies:
            entries = await collect(ctx, sender.o, len(body) + 4, rng.integers(0, 4, 7).tolist())
            got.append(bytes(entry.data for entry in entries))

    simulate(sender, make, hear)
    assert got == [body + zlib.crc32(body).to_bytes(4, "little") for body in bodies]
