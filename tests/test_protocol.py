# amaranth: UnusedElaboratable=no
"""The examples of docs/protocol.md: as the driver builds them, and as the gateware answers them."""

import re
from pathlib import Path

from amaranth.sim import Simulator

from golden import frames as framing
from golden import wire
from golden.compact import compress
from golden.spec import Gate, Spec
from golden.wire import Command, Kind, Operation, Status, Tag, chunk
from hw.link.link import Link
from hw.shapes import Geometry
from hw.skeleton_memory import facts_of
from tests.streams import finish, identify

TEXT = (Path(__file__).parents[1] / "docs" / "protocol.md").read_text(encoding="utf-8")
GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), contexts=2, skeletons=2)
GATE = Gate(input_channel=0, output_channel=3, start=2)


class Named:
    digest = "ab" * 32


def command(operation, **values):
    body = Command(operation=operation, context=1, **values).to_bytes()
    return chunk(Tag.COMMAND, len(body), body)


PIXELS = bytes(range(0, 160, 10))
FORM = len(PIXELS).to_bytes(2, "little") + compress(PIXELS)
PLANE = bytes(range(0xF8, 0x100)) + bytes(range(8))
LINK = Link(GEOMETRY, patience=300)
FACTS = facts_of(GEOMETRY, (Named(),))
EXAMPLES = [
    (Kind.IDENTIFY, 0x10, bytes([wire.VERSION] * 2), b"\0" + FACTS.to_bytes()),
    (Kind.RESET, 0x11, b"", b"\0"),
    (
        Kind.EXCHANGE,
        0x12,
        command(Operation.LOAD_IMAGE)
        + chunk(Tag.COMPACT_DATA, len(FORM), FORM)
        + command(Operation.RUN, steps=2, gate=GATE)
        + chunk(Tag.COMPACT_PLANES, 1),
        b"\0\1" + compress(PLANE) + b"\xff\2",
    ),
    (
        Kind.EXCHANGE,
        0x13,
        chunk(Tag.DELTA, 5, bytes([1, 1, 2, 0xFF, 0]))
        + command(Operation.READ_IMAGE)
        + chunk(Tag.FETCH, 16),
        b"\0" + PIXELS + b"\0",
    ),
    (Kind.STATUS, 0x14, b"", bytes([0, 0, 1, 0, 0, 0, 0, 0, 0]) + bytes([0, 2, 0, 0, 0, 0]) * 2),
    (Kind.EXCHANGE, 0x15, chunk(Tag.DELTA, 5, bytes([2, 1, 2, 3, 4])), bytes([6, 0])),
    (Kind.EXCHANGE, 0x16, chunk(Tag.FETCH, 1), bytes([9, 0])),
]
RUNS = 2
"""The example whose run has not ended when it is answered."""


def frames():
    """Bytes of each example, host and chip by turns."""
    for kind, sequence, request, response in EXAMPLES:
        yield framing.frame(kind, sequence, request)
        yield framing.frame(kind | wire.REPLY, sequence, response)


def test_document_shows_these_bytes():
    found = re.findall(
        r"^    (?:host|chip) ((?:[0-9a-f]{2} ?)+(?:\n +(?:[0-9a-f]{2} ?)+)*)$", TEXT, re.M
    )
    shown = [bytes.fromhex("".join(hexes.split())) for hexes in found]
    assert shown == list(frames())


def test_document_lists_every_number():
    for values in (wire.Kind, wire.Tag, wire.Error, wire.Operation):
        for value in values:
            assert re.search(rf"^\| {value.value} \| `{value.name}` \|", TEXT, re.M), value
    for layout in (wire.CHUNK, wire.COMMAND, wire.FACTS, wire.STATUS):
        for field in layout:
            assert f"| `{field.name}` | {field.meaning} |" in TEXT
    assert Status._fields == tuple(field.name for field in wire.STATUS)


def test_gateware_answers_with_these_bytes():
    heard = bytearray()

    async def host(ctx):
        ctx.set(LINK.o.ready, 1)
        ctx.set(LINK.chip.clocks, 512)
        ctx.set(LINK.chip.busy, 512)
        for port in (LINK.chip.i_command, LINK.chip.i_data, LINK.chip.i_delta):
            ctx.set(port.ready, 1)
        for place, request in enumerate(list(frames())[::2]):
            ctx.set(LINK.chip.running, 2 if place == RUNS else 0)
            for byte in request:
                ctx.set(LINK.i.payload, {"data": byte, "noise": 0})
                ctx.set(LINK.i.valid, 1)
                await ctx.tick()
            ctx.set(LINK.i.valid, 0)
            byte = None
            while byte != 0:
                _, _, valid, byte = await ctx.tick().sample(LINK.o.valid, LINK.o.payload)
                heard.extend([byte] if valid else [])
                byte = byte if valid else None
            await ctx.tick().repeat(4)

    async def chip(ctx):
        for place, code in enumerate(PLANE):
            entry = {"code": (code ^ 0x80) - 0x80, "context": 1, "last": place == 15}
            ctx.set(LINK.chip.o_plane.payload, entry)
            ctx.set(LINK.chip.o_plane.valid, 1)
            await ctx.tick().until(LINK.chip.o_plane.ready)
        ctx.set(LINK.chip.o_plane.valid, 0)
        for byte in PIXELS:
            ctx.set(LINK.chip.o_data.payload, byte)
            ctx.set(LINK.chip.o_data.valid, 1)
            await ctx.tick().until(LINK.chip.o_data.ready)
        ctx.set(LINK.chip.o_data.valid, 0)

    simulator = Simulator(LINK)
    simulator.add_clock(1e-6)
    simulator.add_testbench(host)
    simulator.add_testbench(chip, background=True)
    simulator.add_testbench(identify(LINK, FACTS), background=True)
    finish(simulator, 40_000, "the link hangs")
    assert bytes(heard) == b"".join(list(frames())[1::2])
