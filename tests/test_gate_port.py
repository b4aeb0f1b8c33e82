"""The gate port: planes buffered, deltas counted, contexts apart."""

import numpy as np
import pytest
from amaranth.hdl import Fragment

from golden.spec import Spec
from hw.port.gate_port import GatePort
from hw.port.ring import Ring
from hw.shapes import Geometry
from tests.streams import collect, feed, put, rest, simulate

GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4))
CELLS, DELTAS = GEOMETRY.spec.cells, GEOMETRY.spec.deltas
GAPS = pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])


@GAPS
def test_planes_leave_in_the_order_in_which_they_were_written(gaps):
    rng = np.random.default_rng(15)
    planes = [(1, rng.integers(-128, 128, CELLS)), (0, rng.integers(-128, 128, CELLS))]
    planes[0][1][:2] = -128, 127
    dut, got = GatePort(GEOMETRY), []

    async def write(ctx):
        for context, plane in planes:
            for index, code in enumerate(plane.tolist()):
                ctx.set(dut.code, code)
                ctx.set(dut.context, context)
                ctx.set(dut.last, index == CELLS - 1)
                ctx.set(dut.valid, 1)
                await ctx.tick()
                ctx.set(dut.valid, 0)
                ctx.set(dut.code, 77)
                await rest(ctx, index % 3)

    async def read(ctx):
        got.extend(await collect(ctx, dut.o_plane, 2 * CELLS, gaps))

    simulate(dut, write, read)
    assert [(entry["context"], entry["code"], entry["last"]) for entry in got] == [
        (context, code, index == CELLS - 1)
        for context, plane in planes
        for index, code in enumerate(plane.tolist())
    ]


def test_planes_and_deltas_of_many_contexts_keep_them_apart():
    geometry, order = Geometry(spec=GEOMETRY.spec, contexts=4), [2, 0, 3, 1]
    dut, got, stored = GatePort(geometry), [], []

    async def write(ctx):
        ctx.set(dut.valid, 1)
        for context in order:
            for index in range(CELLS):
                ctx.set(dut.code, index)
                ctx.set(dut.context, context)
                await ctx.tick()
        ctx.set(dut.valid, 0)

    async def read(ctx):
        got.extend(await collect(ctx, dut.o_plane, 4 * CELLS))
        ctx.set(dut.open, 0b1111)
        for context in order:
            await put(ctx, dut.i_delta, {"code": 9, "context": context})
            stored.append(ctx.get(dut.delta_enable))

    simulate(dut, write, read)
    assert [entry["context"] for entry in got] == [c for c in order for _ in range(CELLS)]
    assert stored == [1 << context for context in order]


@pytest.mark.parametrize(("contexts", "planes"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_there_is_room_for_a_plane_of_each_context_and_for_no_more(contexts, planes, monkeypatch):
    depths = []

    def ring(shape, depth):
        depths.append(depth)
        return Ring(shape, depth)

    monkeypatch.setattr("hw.port.gate_port.Ring", ring)
    Fragment.get(GatePort(Geometry(spec=GEOMETRY.spec, contexts=contexts)), None)
    assert depths == [planes * CELLS]


def test_two_whole_planes_wait_for_the_host():
    dut, got = GatePort(GEOMETRY), []

    async def bench(ctx):
        for index in range(2 * CELLS):
            ctx.set(dut.code, index)
            ctx.set(dut.valid, 1)
            await ctx.tick()
        ctx.set(dut.valid, 0)
        await rest(ctx, 50)
        got.extend(await collect(ctx, dut.o_plane, 2 * CELLS))

    simulate(dut, bench)
    assert [entry["code"] for entry in got] == list(range(2 * CELLS))


@GAPS
def test_deltas_of_two_contexts_interleave(gaps):
    rng = np.random.default_rng(16)
    order = rng.permutation([0] * DELTAS + [1] * DELTAS).tolist()
    codes = rng.integers(-128, 128, 2 * DELTAS).tolist()
    dut, stored = GatePort(GEOMETRY), []

    async def send(ctx):
        ctx.set(dut.open, 0b11)
        payloads = [{"code": a, "context": b} for a, b in zip(codes, order, strict=True)]
        await feed(ctx, dut.i_delta, payloads, gaps)

    async def watch(ctx):
        while True:
            if enable := ctx.get(dut.delta_enable):
                context = enable.bit_length() - 1
                index = ctx.get(dut.delta_index[context])
                stored.append((context, index, ctx.get(dut.delta_code), ctx.get(dut.complete)))
            await ctx.tick()

    simulate(dut, send, background=[watch])
    want, counts = [], [0, 0]
    for code, context in zip(codes, order, strict=True):
        want.append((context, counts[context], code, (counts[context] == DELTAS - 1) << context))
        counts[context] += 1
    assert stored == want


def test_the_index_begins_anew_with_every_delta():
    dut, completes = GatePort(GEOMETRY), []

    async def send(ctx):
        ctx.set(dut.open, 0b01)
        for number in range(20):
            await put(ctx, dut.i_delta, {"code": number, "context": 0})
            completes.append(ctx.get(dut.complete))
            assert ctx.get(dut.delta_index[0]) == number % DELTAS

    simulate(dut, send)
    assert completes == [number % DELTAS == DELTAS - 1 for number in range(20)]


def test_a_delta_is_not_taken_while_its_context_does_not_wait():
    dut = GatePort(GEOMETRY)

    async def bench(ctx):
        ctx.set(dut.i_delta.valid, 1)
        for open_ in range(4):
            for context in range(2):
                ctx.set(dut.open, open_)
                ctx.set(dut.i_delta.p.context, context)
                assert ctx.get(dut.i_delta.ready) == open_ >> context & 1
                await ctx.tick()
                assert ctx.get(dut.delta_enable) == open_ & 1 << context

    simulate(dut, bench)


def test_a_complete_delta_lets_no_other_code_in_before_its_context_is_closed():
    dut = GatePort(GEOMETRY)

    async def bench(ctx):
        ctx.set(dut.open, 0b01)
        for number in range(DELTAS):
            await put(ctx, dut.i_delta, {"code": number, "context": 0})
        assert ctx.get(dut.complete) == 0b01
        assert ctx.get(dut.i_delta.ready) == 0

    simulate(dut, bench)
