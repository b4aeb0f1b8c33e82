# amaranth: UnusedElaboratable=no
"""A chip behind its link, and a board's two wires, with a stand-in for what is behind them."""

from types import SimpleNamespace

import numpy as np
import pytest
from amaranth import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.sim import Simulator

from golden import wire
from golden.samples import uniform
from golden.spec import Spec
from golden.wire import PATIENCE, Kind, Operation, Tag, chunk
from hw.board import Board
from hw.chip import Chip
from hw.link.uart import received_shape
from hw.linked_chip import LinkedChip
from hw.shapes import Geometry
from tests.streams import finish
from tests.test_link import Host, command

GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), filters=1, contexts=3, skeletons=2)
CELLS, DELTAS = GEOMETRY.spec.cells, GEOMETRY.spec.deltas
DIVISOR = 6


def run(dut, bench, domains):
    """Run a bench on domains of one clock."""
    sim = Simulator(dut)
    for domain in domains:
        sim.add_clock(1e-6, domain=domain)
    sim.add_testbench(bench)
    finish(sim, 40_000, f"{type(dut).__name__} hangs")


@pytest.mark.parametrize(("given", "patience"), [({}, PATIENCE), ({"patience": 77}, 77)])
def test_what_a_design_is_given_reaches_its_chip_and_its_link(given, patience, monkeypatch):
    calls = []

    def recorder(name):
        return lambda *places, **names: calls.append((name, places, names))

    for name in ("linked_chip.Chip", "linked_chip.Link", "board.LinkedChip"):
        monkeypatch.setattr(f"hw.{name}", recorder(name))
    crossing = SimpleNamespace(chip_reset="the crossing's")
    monkeypatch.setattr("hw.linked_chip.Crossing", lambda geometry: crossing)
    skeletons = (uniform(GEOMETRY.spec, np.random.default_rng(1)),)
    LinkedChip(GEOMETRY, skeletons, **given)
    Board(GEOMETRY, skeletons, divisor=DIVISOR, **given)
    assert calls == [
        ("linked_chip.Chip", (GEOMETRY, skeletons), {"reset": "the crossing's"}),
        ("linked_chip.Link", (GEOMETRY,), {"patience": patience}),
        ("board.LinkedChip", (GEOMETRY, skeletons), {"patience": patience}),
    ]


class StandIn(wiring.Component):
    """Stands for a chip: gives back the bytes it takes, counts commands and deltas, has planes."""

    def __init__(self, geometry, skeletons, *, reset):
        self.reset = reset
        super().__init__(Chip(geometry, skeletons).signature)

    def elaborate(self, platform):
        return ResetInserter(self.reset)(self.counted())

    def counted(self):
        m = Module()
        connect(m, flipped(self.i_data), flipped(self.o_data))
        plane, clocks, busy = self.o_plane, self.clocks, self.busy
        m.d.comb += [
            self.i_command.ready.eq(1),
            self.i_delta.ready.eq(1),
            plane.valid.eq(1),
            plane.p.context.eq(2),
            plane.p.last.eq(plane.p.code == CELLS - 1),
            self.running.eq(0b101),
            self.checked.eq(1),
            self.damaged.eq(0b10),
            self.identity.eq(self.identity_address + 3),
        ]
        with m.If(plane.ready):
            m.d.sync += plane.p.code.eq((plane.p.code + 1) & CELLS - 1)
        with m.If(self.i_command.valid):
            m.d.sync += clocks.eq(clocks + self.i_command.p.steps)
        with m.If(self.i_delta.valid):
            m.d.sync += busy.eq(busy + self.i_delta.p.code.as_unsigned())
        return m


def test_every_stream_and_every_fact_goes_between_the_link_and_the_chip(monkeypatch):
    monkeypatch.setattr("hw.linked_chip.Chip", StandIn)
    dut = LinkedChip(GEOMETRY, ())

    async def bench(ctx):
        host = Host(ctx, dut)
        await ctx.tick().repeat(40)
        assert await host.ask(Kind.RESET, 1) == b"\0"
        facts = await host.ask(Kind.IDENTIFY, 2, bytes([2, 2]))
        assert facts[1 : 1 + wire.FACTS.size] == bytes(range(3, 3 + wire.FACTS.size))
        data = chunk(Tag.DATA, 3, bytes([7, 0, 9]))
        delta = chunk(Tag.DELTA, 1 + DELTAS, bytes([1, 8, 0, 30, 4]))
        asked = command(Operation.RUN, 1, steps=1000) + data + delta
        answer = await host.ask(Kind.EXCHANGE, 3, asked + chunk(Tag.FETCH, 3))
        assert answer == bytes([0, 7, 0, 9, 0b101])
        plane = await host.ask(Kind.EXCHANGE, 4, chunk(Tag.PLANES, 1))
        assert plane == bytes([0, 2, *range(CELLS), wire.NO_PLANE, 0b101])
        status = await host.ask(Kind.STATUS, 5)
        assert wire.Status.from_bytes(status[1:]) == (0b101, True, 0, 0b10, 1000, 42)
        assert (ctx.get(dut.running), ctx.get(dut.clocks), ctx.get(dut.busy)) == (0b101, 1000, 42)
        assert await host.ask(Kind.RESET, 6) == b"\0"
        assert (ctx.get(dut.clocks), ctx.get(dut.busy)) == (0, 0), "the chip is reset with its link"

    run(dut, bench, ("sync", "link"))


class Echo(wiring.Component):
    """Stands for a linked chip: gives back each byte, its bits turned over; lamps show noise."""

    i: In(stream.Signature(received_shape()))
    o: Out(stream.Signature(8))
    running: Out(GEOMETRY.contexts)

    def __init__(self, geometry, skeletons, *, patience):
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.o.payload.eq(~self.i.p.data),
            self.o.valid.eq(self.i.valid & ~self.i.p.noise),
            self.running[0].eq(1),
        ]
        with m.If(self.i.valid & self.i.p.noise):
            m.d.link += self.running[2].eq(1)
        return m


def test_a_board_speaks_over_its_two_wires(monkeypatch):
    monkeypatch.setattr("hw.board.LinkedChip", Echo)
    board = Board(GEOMETRY, (), divisor=DIVISOR)
    levels = []

    async def bench(ctx):
        assert ctx.get(board.tx) == 1
        frames = [[0, *(0xA3 >> bit & 1 for bit in range(8)), 1], [0] * 10]
        for bit in [*frames[0], *[1] * 13, *frames[1], *[1] * 13]:
            ctx.set(board.rx, bit)
            for _ in range(DIVISOR):
                await ctx.tick("link")
                levels.append(ctx.get(board.tx))
        assert ctx.get(board.running) == 0b101, "the second byte was noise"

    run(board, bench, ("link",))
    start = levels.index(0)
    bits = levels[start + DIVISOR // 2 :: DIVISOR]
    assert bits[:10] == [0, *(~0xA3 >> bit & 1 for bit in range(8)), 1]
    assert set(bits[10:]) == {1}
    ends = [n for n in range(1, len(levels)) if levels[n] != levels[n - 1]]
    assert {(end - start) % DIVISOR for end in ends} == {0}, "a bit lasts the divisor's clocks"
