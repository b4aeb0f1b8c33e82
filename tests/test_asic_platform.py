# amaranth: UnusedElaboratable=no
"""Blocks for standard cells: clock by clock what the portable ones are, without initial values."""

import re
import zlib

import numpy as np
import pytest
from amaranth import signed, unsigned
from amaranth.hdl import Fragment
from amaranth.lib import data
from amaranth.sim import Simulator

from golden.errors import InputError
from golden.fixed import HIDDEN, STATE, round_shift, trunc_shift
from golden.samples import calibrated
from golden.spec import Spec
from hw.array.array import SystolicArray
from hw.array.requantiser import Requantiser
from hw.array.residual import Residual
from hw.asic import platform
from hw.asic.array import require_geometry
from hw.asic.macros import Macro, model, ram, rom, single
from hw.asic.platform import Asic
from hw.asic.single_port import SinglePortMemory
from hw.primitives import BlockMemory, ReadOnlyMemory
from hw.shapes import Geometry, residual_row
from hw.skeleton_memory import images
from sim.devices.asic import chip_of

SPEC = Spec(height=4, width=4, channels=4, multiplier=5, image=4)


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


def test_a_memory_with_one_port_reads_what_was_written():
    rng = np.random.default_rng(0)
    held, shown, want, steps = {}, None, [], []
    for _ in range(300):
        row, code, enable = (int(n) for n in rng.integers((40, 256, 4)))
        write = int(row not in held or rng.integers(2))
        steps.append({"address": row, "write_data": code, "write": write, "enable": enable > 0})
        if enable and write:
            held[row], shown = code, None  # anything
        elif enable:
            shown = held[row]
        want.append(shown)
    got = observe(SinglePortMemory(8, 40), None, steps, ["read_data"])
    pairs = [(code, found) for code, [found] in zip(want, got, strict=True) if code is not None]
    assert len(pairs) > 50 and all(code == found for code, found in pairs)


@pytest.mark.parametrize("to", [STATE, HIDDEN], ids=["state", "hidden"])
def test_requantisers_compute_golden_codes_in_a_clock(to):
    rng = np.random.default_rng(1)
    acc = np.concatenate([[-(1 << 20), -1, 0, 1, (1 << 20) - 1], rng.integers(-5000, 5000, 200)])
    shift = rng.integers(0, 16, len(acc))
    steps = [{"acc": int(a), "shift": int(n)} for a, n in zip(acc, shift, strict=True)]
    got = observe(Requantiser(signed(21), max_shift=15, to=to), Asic(), steps, ["code"])
    assert Requantiser.LATENCY - Requantiser.SPARE == 1
    assert [code for [code] in got] == to.clamp(round_shift(acc, shift)).tolist()


def test_residuals_compute_golden_states():
    rng = np.random.default_rng(2)
    geometry = Geometry(spec=SPEC, filters=1, contexts=1, skeletons=1)
    row = data.Layout.cast(residual_row())
    biases, shifts = rng.integers(-(1 << 23), 1 << 23, 4), [0, 5, 15, 23]
    rows = [
        row.const({"bias": int(b), "shift": n}).as_bits()
        for b, n in zip(biases, shifts, strict=True)
    ]
    count = 200
    words = rng.integers(0, 4, count)
    total, state = rng.integers(-(1 << 18), 1 << 18, count), rng.integers(-128, 128, count)
    wait = Residual.LATENCY - Residual.SPARE
    steps = [{"total": int(total[k]), "word": int(words[k])} for k in range(count)]
    steps = [*steps, *[{}] * wait]
    for place, code in enumerate(state.tolist()):
        steps[place + 1] = steps[place + 1] | {"state": code}
    got = observe(Residual(geometry, rows), Asic(), steps, ["code"])
    acc = biases[words] + total
    want = STATE.clamp(state + trunc_shift(acc, np.array(shifts)[words]))
    assert [code for [code] in got[wait - 1 : wait - 1 + count]] == want.tolist()


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
    assert observe(memory, Asic(), steps, ["data"]) == [[rows[s["address"]]] for s in steps]


def slots_of(geometry, cells, rests):
    """Return what an array is told of so many cells, with rests of some clocks between them."""
    side, steps = geometry.spec.width, []
    words = iter(np.random.default_rng(1).integers(-128, 128, cells * geometry.words).tolist())
    for cell in range(cells):
        for slot in range(geometry.slots):
            if slot % geometry.phases == 0:
                word = next(words)
            x, y = cell % side, cell // side % side
            steps.append((word, {
                "slot.advance": slot % geometry.phases == 0,
                "slot.valid": cell >= 2 * side + 2,
                "slot.first": slot == 0,
                "slot.last": slot == geometry.slots - 1,
                "slot.edges.left": x == 0,
                "slot.edges.right": x == side - 1,
                "slot.edges.top": y == 0,
                "slot.edges.bottom": y == side - 1,
                "slot.address.slot": slot,
            }))  # fmt: skip
        rest = {"slot.advance": 0, "slot.valid": 0, "slot.last": 0}
        steps += [(word, rest)] * rests.get(cell, 0)
    late = [0] * SystolicArray.WORD_LATENCY + [word for word, _ in steps]
    steps = [step for _, step in steps] + [rest] * (3 * geometry.slots)
    late += [late[-1]] * (len(steps) - len(late))
    return [step | {"word.0": word} for step, word in zip(steps, late, strict=True)]


@pytest.mark.parametrize("rests", [{}, {20: 3, 21: 17, 25: 200}], ids=["flowing", "resting"])
@pytest.mark.parametrize(("channels", "place"), [(4, None), (4, 1), (8, None)])
def test_array_computes_the_same_words(monkeypatch, channels, place, rests):
    monkeypatch.setattr(platform, "SMALL_ROWS", 1 << 10)  # no macro: they have no behaviour here
    spec = Spec(height=4, width=4, channels=channels, multiplier=5, image=4)
    geometry = Geometry(spec=spec, filters=1, contexts=1, skeletons=1 if place is None else 2)
    rng = np.random.default_rng(0)
    held = images(geometry, [calibrated(spec, rng) for _ in range(geometry.skeletons)])
    steps = slots_of(geometry, 28, rests)
    steps = [step | {"slot.address.skeleton": place or 0} for step in steps]
    want, got = (
        [
            (code, index)
            for code, valid, index in observe(
                SystolicArray(geometry, held), on, steps, ["codes.0", "valid", "index"]
            )
            if valid
        ]
        for on in (None, Asic())
    )
    assert len(want) == 18 * channels and len({code for code, _ in want}) > 10
    assert got[-len(want) :] == want


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"filters": 5}, "takes filters 1, not 5"),
        ({"multiplier": 4}, "takes spec.multiplier 5 to 8, not 4"),
        ({"boundary": "wrap"}, "takes spec.boundary zero, not 'wrap'"),
        ({"width": 12}, "takes spec.width 4, 8, 16, 32 or 64, not 12"),
    ],
)
def test_refuses_arrays_that_cannot_be(options, words):
    options = {"filters": 1, "multiplier": 5, "boundary": "zero", "width": 8} | options
    filters = options.pop("filters")
    geometry = Geometry(spec=Spec(height=8, channels=4, image=8, **options), filters=filters)
    with pytest.raises(InputError, match=f"^The chip in standard cells {re.escape(words)}$"):
        require_geometry(geometry)


def test_no_signal_of_the_chip_has_an_initial_value_on_silicon():
    text = chip_of("small").rtlil
    resets = re.findall(r"attribute \\init \d+'", text)
    assert resets  # Amaranth's, for simulators: mapping and simulation leave them out
    assert "memory " in text  # the skeleton's rows, which become logic


@pytest.mark.parametrize(
    ("memory", "names"),
    [
        ("logic", ["ram1_1024x8", "ram1_64x24", "ram1_64x8", "ram_256x10"]),
        ("macro", ["ram1_1024x8", "ram1_64x24", "ram1_64x8", "ram_256x10", *6 * ["rom"]]),
    ],
)
def test_memories_are_macros(memory, names):
    found = sorted(macro.name for macro in chip_of("small", memory=memory).macros)
    assert [name if name.startswith("ram") else "rom" for name in found] == names


def test_names_of_macros_tell_their_shape_and_contents():
    assert ram(480, 8, 8).name == "ram_480x8"
    assert ram(480, 16, 8).name == "ram_480x16_by8"
    assert single(512, 24).name == "ram1_512x24"
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
        ({"design": "f5"}, "DESIGN must be one of f1, small, hardwired, tiny, not 'f5'"),
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
