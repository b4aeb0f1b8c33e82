# amaranth: UnusedElaboratable=no
"""Blocks for standard cells: clock by clock what the portable ones are, without initial values."""

import re
import zlib

import numpy as np
import pytest
from amaranth import signed, unsigned
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from golden.errors import InputError
from golden.samples import calibrated
from golden.spec import Spec
from hw.array.array import SystolicArray
from hw.array.delay_line import DelayLine
from hw.array.pe import ProcessingElement, operand
from hw.asic import platform
from hw.asic.macros import Macro, model, ram, rom
from hw.asic.platform import Asic
from hw.primitives import BlockMemory, ReadOnlyMemory
from hw.shapes import Geometry
from hw.skeleton_memory import images
from sim.devices.asic import chip_of

LATE = Asic.spare_clocks


def observe(dut, on, steps, outputs):
    """Return the outputs of a block on a platform after each clock, given its inputs before."""
    simulator = Simulator(Fragment.get(dut, on))
    simulator.add_clock(1e-6)
    seen = []

    async def bench(ctx):
        for step in steps:
            for name, value in step.items():
                ctx.set(member(dut, name), value)
            await ctx.tick()
            seen.append([ctx.get(member(dut, name)) for name in outputs])

    simulator.add_testbench(bench)
    simulator.run()
    return seen


def member(dut, path):
    """Return what a path of names and numbers leads to."""
    for name in path.split("."):
        dut = dut[int(name)] if name.isdigit() else getattr(dut, name)
    return dut


@pytest.mark.parametrize("words", [2, 5])
def test_short_lines_are_shift_registers(words):
    rng = np.random.default_rng(words)
    steps, word = [], 0
    for clock in range(120):
        advance = int(rng.integers(3) == 0) if clock else 1
        word = int(rng.integers(256)) if advance else word
        steps.append({"i": word, "advance": advance})
    want, got = (
        observe(DelayLine(8, words), on, steps, ["o", "o_advance"]) for on in (None, Asic())
    )
    assert got[60:] == want[60:]


def test_long_lines_stay_in_a_memory():
    assert Asic().get_delay_line(DelayLine(8, 33)) is None


@pytest.mark.parametrize("count", [1, 2])
def test_processing_elements_compute_the_same_sums_from_later_operands(count):
    rng = np.random.default_rng(count)
    weights = [(-128, -128), (127, -1), (-1, 127), *rng.integers(-128, 128, (60, 2)).tolist()]
    inputs = [
        {"sample": int(rng.integers(-128, 128)), "operand": operand(pair[:count])}
        for pair in weights
    ]

    def sums(on, late):
        element = ProcessingElement(count, sample=signed(8), i_sum=signed(20), o_sum=signed(21))
        steps = [{}] * late + inputs + [{}] * (LATE - late)
        steps = [
            step | {f"i_sums.{place}": clock * (1 - 2 * place) for place in range(count)}
            for clock, step in enumerate(steps)
        ]
        return observe(element, on, steps, [f"o_sums.{place}" for place in range(count)])

    assert sums(Asic(), LATE)[LATE:] == sums(None, 0)[LATE:]


@pytest.mark.parametrize("granularity", [8, 16])
def test_small_memories_of_flops_read_what_was_written(granularity):
    rng = np.random.default_rng(granularity)
    parts = 16 // granularity
    steps = [
        {"write_address": row, "write_data": 0, "write_enable": (1 << parts) - 1, "read_address": 8}
        for row in range(8)
    ]
    for _ in range(80):
        write, read = rng.choice(8, 2, replace=False).tolist()
        steps.append({
            "write_address": write,
            "write_data": int(rng.integers(1 << 16)),
            "write_enable": int(rng.integers(1 << parts)),
            "read_address": read,
            "read_enable": int(rng.integers(2)),
        })
    want, got = (
        observe(BlockMemory(16, 9, granularity=granularity), on, steps, ["read_data"])
        for on in (None, Asic())
    )
    assert got[30:] == want[30:]


def test_skeleton_memory_is_logic_behind_a_register_of_the_address():
    rows = np.random.default_rng(2).integers(0, 1 << 20, 13).tolist()
    steps = [{"address": row} for row in [*range(13), *range(12, -1, -1)]]
    memory = ReadOnlyMemory(unsigned(20), rows)
    assert observe(memory, Asic(), steps, ["data"])[1:] == [
        [rows[s["address"]]] for s in steps[:-1]
    ]


def test_array_computes_the_same_words_in_the_same_clocks(monkeypatch):
    monkeypatch.setattr(platform, "SMALL_ROWS", 1 << 10)  # no macro: they have no behaviour here
    spec = Spec(height=4, width=4, channels=4, multiplier=2, image=4)
    geometry = Geometry(spec=spec, filters=1, contexts=1, skeletons=1)
    held = images(geometry, [calibrated(spec, np.random.default_rng(0))])
    words = np.random.default_rng(1).integers(-128, 128, 1000).tolist()
    steps = []
    for clock in range(30 * geometry.slots):
        cell, slot = divmod(clock, geometry.slots)
        steps.append({
            "slot.advance": clock % geometry.phases == 0,
            "slot.valid": 10 < cell < 26,
            "slot.first": slot == 0,
            "slot.last": slot == geometry.slots - 1,
            "slot.edges.left": cell % 4 == 0,
            "slot.address.slot": slot,
            "word.0": words[max(0, clock - 2) // geometry.phases],
        })
    want, got = (
        observe(SystolicArray(geometry, held), on, steps, ["codes.0", "valid", "index"])
        for on in (None, Asic())
    )
    written = [clock for clock, (_, valid, _) in enumerate(want) if valid]
    assert len(written) > 10 * geometry.words
    assert [got[clock] for clock in written] == [want[clock] for clock in written]
    assert [valid for _, valid, _ in got[90:]] == [valid for _, valid, _ in want[90:]]


def test_no_signal_of_the_chip_has_an_initial_value_on_silicon():
    text = chip_of("small").rtlil
    resets = re.findall(r"attribute \\init \d+'", text)
    assert resets  # Amaranth's, for simulators: mapping and simulation leave them out
    assert "memory " in text  # the skeleton's rows, which become logic


@pytest.mark.parametrize(
    ("memory", "names"),
    [
        ("logic", ["ram_1024x8", "ram_256x10", "ram_56x8", "ram_64x8"]),
        ("macro", ["ram_1024x8", "ram_256x10", "ram_56x8", "ram_64x8", *6 * ["rom"]]),
    ],
)
def test_memories_are_macros(memory, names):
    found = sorted(macro.name for macro in chip_of("small", memory=memory).macros)
    assert [name if name.startswith("ram") else "rom" for name in found] == names


def test_names_of_macros_tell_their_shape_and_contents():
    assert ram(480, 8, 8).name == "ram_480x8"
    assert ram(480, 16, 8).name == "ram_480x16_by8"
    rows = [1, 0x1FF]
    crc = zlib.crc32(b"\1\0\xff\1")
    assert rom(9, rows).name == f"rom_2x9_{crc:08x}"


def test_model_of_a_macro_has_its_ports_and_its_rows():
    text = model(Macro(2, 9, 0, (1, 0x1FF)))
    assert text.startswith("module rom_2x9_")
    assert "memory[1] = 9'h1ff;" in text
    assert "w_en" not in text
    assert text.endswith("endmodule\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"design": "f5"}, "DESIGN must be one of f1, small, not 'f5'"),
        (
            {"design": "f1", "memory": "flash"},
            "The skeleton memory must be logic or macro, not 'flash'",
        ),
        (
            {"design": "small", "names": ["digits"]},
            "Skeleton digits must have spec.height 16, not 32",
        ),
    ],
)
def test_refuses_chips_that_cannot_be(arguments, words):
    with pytest.raises(InputError, match=re.escape(words)):
        chip_of(**arguments)
