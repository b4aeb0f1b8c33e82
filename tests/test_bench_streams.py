"""Streams of the benches, on a played design: what is held, for how long, and what rests."""

from types import SimpleNamespace

import pytest

from sim.benches import streams
from sim.benches.streams import FLUSH, Sink, Source, falls, require, start
from tests.played_bench import Handle, play


class Dut:
    """A design with a stream in and a stream out; `plan` says when it moves, clock by clock.

    `seen` has what it took in each clock, or None, and its reset; it gives the numbers from 100 on.
    """

    def __init__(self, plan=()):
        self.clk, self.rst, self.plan, self.seen, self.given = (
            Handle(),
            Handle(),
            iter(plan),
            [],
            100,
        )
        for name in ("i_payload", "i_valid", "i_ready", "o_payload", "o_valid", "o_ready"):
            setattr(self, name, Handle())
        self.i_valid.value = self.o_ready.value = 1  # as nobody has said otherwise

    def settle(self):
        self.i_ready.value = next(self.plan, 1)

    def rise(self):
        moves = self.i_valid.code and self.i_ready.code
        self.seen.append(self.i_payload.code if moves else None)
        if self.o_valid.code and self.o_ready.code:
            self.given += 1
        self.o_valid.value = next(self.plan, 1)
        self.o_payload.value = self.given


def played(monkeypatch, dut, work):
    """Play a bench that is a coroutine function of a design."""
    bench = SimpleNamespace(func=work)
    return play(monkeypatch, bench, dut, modules=[streams], limit=500)


def test_a_design_is_reset_before_anything_else(monkeypatch):
    dut, resets = Dut(), []
    rise = dut.rise
    dut.rise = lambda: (resets.append(dut.rst.code), rise())[1]

    async def work(dut):
        await start(dut)
        assert dut.rst.code == 0
        await falls(dut.clk, 3)

    assert played(monkeypatch, dut, work) >= FLUSH + 3
    assert resets[:FLUSH] == [1] * FLUSH and resets[-3:] == [0] * 3


def test_a_source_and_a_sink_begin_and_end_at_rest(monkeypatch):
    async def work(dut):
        source, sink = Source(dut, "i"), Sink(dut, "o")
        assert (dut.i_valid.code, dut.o_ready.code) == (0, 0)
        await falls(dut.clk, 2)
        await source.put(5, 6, 7)
        assert dut.i_valid.code == 0
        assert await sink.get(3) == [100, 101, 102]
        assert dut.o_ready.code == 0
        await falls(dut.clk, 2)

    dut = Dut()
    assert played(monkeypatch, dut, work) == 2 + 3 + 3 + 2
    assert dut.seen == [None, None, 5, 6, 7, *[None] * 5]
    assert dut.given == 103


def test_a_payload_is_held_until_it_is_taken_and_taken_once(monkeypatch):
    async def work(dut):
        await Source(dut, "i").put(5, 6)

    dut = Dut([0, 1, 0, 1, 1, 1, 0, 1, 1])  # ready and valid by turns
    played(monkeypatch, dut, work)
    assert dut.seen == [None, None, 5, None, 6]


def test_a_sink_waits_for_each_payload(monkeypatch):
    async def work(dut):
        assert await Sink(dut, "o").get(3) == [100, 101, 102]

    dut = Dut([1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1])
    assert played(monkeypatch, dut, work) > 6 and dut.given == 103


@pytest.mark.parametrize("kind", [Source, Sink])
def test_a_stream_rests_before_each_payload(monkeypatch, kind):
    async def work(dut):
        await falls(dut.clk, 1)
        rests = iter([0, 2, 1])
        if kind is Source:
            await Source(dut, "i", lambda: next(rests)).put(5, 6, 7)
        else:
            assert await Sink(dut, "o", lambda: next(rests)).get(3) == [100, 101, 102]

    dut = Dut()
    dut.o_ready.value = dut.i_valid.value = 0
    assert played(monkeypatch, dut, work) == 1 + 3 + 3
    if kind is Source:
        assert dut.seen == [None, 5, None, None, 6, None, 7]


def test_a_claim_that_does_not_hold_fails_the_bench():
    require(True, "nothing")
    with pytest.raises(AssertionError, match=r"^what is wrong$"):
        require(False, "what is wrong")
