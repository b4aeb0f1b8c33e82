# amaranth: UnusedElaboratable=no
"""Memories with two read registers, and plain delays."""

import re

import numpy as np
import pytest
from amaranth import Elaboratable, Module, Shape, Signal, signed, unsigned
from amaranth.back import rtlil

from golden.fixed import HIDDEN, STATE, UPDATE_BIAS
from hw.primitives import (
    BlockMemory,
    Multiplier,
    ReadOnlyMemory,
    connect_each,
    copies,
    delay,
    saturate,
)
from hw.shapes import code, residual_row
from tests.streams import piped, simulate


def test_reads_come_two_clocks_later():
    rng = np.random.default_rng(7)
    rows = rng.integers(0, 256, 16).tolist()
    writes = [
        {"write_address": k, "write_data": row, "write_enable": 1} for k, row in enumerate(rows)
    ]
    order = rng.permutation(16).tolist()
    reads = [{"read_address": k, "write_enable": 0} for k in order]

    got = piped(BlockMemory(8, 16), writes + reads, ["read_data"], latency=2)

    assert got[16:] == [rows[k] for k in order]


def test_both_read_registers_hold_while_the_read_is_not_enabled():
    dut = BlockMemory(8, 4)
    got = []

    async def bench(ctx):
        ctx.set(dut.write_enable, 1)
        for row in range(4):
            ctx.set(dut.write_address, row)
            ctx.set(dut.write_data, 10 + row)
            await ctx.tick()
        ctx.set(dut.write_enable, 0)
        for address, enable in ((0, 1), (1, 1), (2, 0), (3, 0), (2, 1), (3, 1), (0, 1)):
            ctx.set(dut.read_address, address)
            ctx.set(dut.read_enable, enable)
            await ctx.tick()
            got.append(ctx.get(dut.read_data))

    simulate(dut, bench)
    assert got[1:] == [10, 10, 10, 11, 12, 13]


def test_parts_of_a_row_are_written_apart():
    items = [
        {"write_address": 1, "write_data": 0x2211, "write_enable": 0b11, "read_address": 0},
        {"write_data": 0x4433, "write_enable": 0b10},
        {"write_data": 0x6655, "write_enable": 0b00, "read_address": 1},
        {"write_enable": 0b01},
        {"write_enable": 0},
    ]
    got = piped(BlockMemory(16, 2, granularity=8), items, ["read_data"], latency=2)
    assert got[2] == 0x4411
    assert got[4] == 0x4455


def test_read_only_rows_come_two_clocks_later():
    rows = [UPDATE_BIAS.max, 0, (1 << 24) - 1 | 23 << 24, 5 << 24]
    items = [{"address": k} for k in (0, 2, 1, 3, 3, 0)]
    got = piped(ReadOnlyMemory(residual_row(), rows), items, ["data"], latency=2)
    found = [(row["bias"], row["shift"]) for row in got]
    assert found == [(UPDATE_BIAS.max, 0), (-1, 23), (0, 0), (0, 5), (0, 5), (UPDATE_BIAS.max, 0)]


class Delay(Elaboratable):
    """A bare delay of three clocks."""

    def __init__(self, **values):
        self.i, self.o, self.values = Signal(8), Signal(8), values

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(delay(m, self.i, 3, name="late", **self.values))
        return m


def test_delayed_is_the_value_so_many_clocks_ago():
    assert piped(Delay(), [{"i": k} for k in range(9)], ["o"], latency=3) == list(range(9))


@pytest.mark.parametrize(("values", "first"), [({}, 0), ({"init": 9}, 9)])
def test_delayed_is_what_is_told_before_the_first_value_comes(values, first):
    got = piped(Delay(**values), [{"i": k} for k in (5, 6)], ["o"], latency=4)
    assert got == [6, 6]
    got = piped(Delay(**values), [{"i": k} for k in (5, 6, 7, 8, 1)], ["o"], latency=0)
    assert got == [first] * 3 + [5, 6]


class Copies(Elaboratable):
    """Three copies of a value, and a value that is clamped."""

    def __init__(self, format=STATE):
        self.i, self.o = Signal(signed(10)), Signal(Shape(format.width, format.signed))
        self.copies, self.format = None, format

    def elaborate(self, platform):
        m = Module()
        self.copies = copies(m, self.i, 3, name="i")
        m.d.comb += self.o.eq(saturate(m, self.i, self.format, name="o"))
        return m


def test_copies_are_registers_of_their_own_that_no_synthesiser_makes_one_of():
    dut = Copies()
    text = rtlil.convert(dut, name="top", ports=[dut.i, dut.o])
    assert [copy.attrs for copy in dut.copies] == [{"keep": 1}] * 3
    for index in range(3):
        wire = rf"wire width 10 signed \\i_copy{index}\n"
        assert re.search(r"attribute \\keep .*1\n(\s*attribute .*\n)*\s*" + wire, text)


@pytest.mark.parametrize("format", [STATE, HIDDEN], ids=["state", "hidden"])
def test_saturated_is_the_value_clamped_a_clock_later(format):
    values = [-512, -129, -128, -127, -1, 0, 1, 126, 127, 128, 254, 255, 256, 511]
    got = piped(Copies(format), [{"i": value} for value in values], ["o"], latency=1)
    assert got == format.clamp(np.array(values)).tolist()


@pytest.mark.parametrize("count", [2, 4])
def test_connected_takes_as_many_sources_as_targets(count):
    with pytest.raises(ValueError):
        connect_each([Signal()] * 3, [Signal() for _ in range(count)])


class Target:
    """A target whose blocks are its own."""

    def __getattr__(self, name):
        return lambda component: (name, component)


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("get_multiplier", Multiplier(signed(8), signed(8))),
        ("get_block_memory", BlockMemory(8, 16)),
        ("get_read_only_memory", ReadOnlyMemory(unsigned(8), [0, 1])),
    ],
)
def test_a_target_is_asked_for_a_block_of_its_own(name, component):
    assert component.elaborate(Target()) == (name, component)


def test_shapes_of_codes_are_their_formats():
    assert code(UPDATE_BIAS).width == 24 and code(UPDATE_BIAS).signed
    assert unsigned(residual_row().size).width == 24 + 5
