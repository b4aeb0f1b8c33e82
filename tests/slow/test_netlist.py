"""A small chip's mapped netlist, its UART included: equal to golden, and its damage found."""

import re
from functools import cache

import numpy as np
import pytest

from golden.device import GoldenDevice, run, trace
from golden.errors import SkeletonDamaged, ToolError
from golden.samples import calibrated, network, uniform
from golden.spec import Gate, Spec
from hw.boards.catalogue import find_board
from hw.boards.pll import pll_settings
from hw.boards.top import BoardTop
from hw.flow.bitstream import cells, contents
from hw.flow.synthesis import synthesise
from hw.shapes import Geometry
from hw.skeleton_memory import images
from sim.devices.board import SimulatedPort
from sim.devices.netlist import NetlistBoard, NetlistDesign
from sim.devices.verilate import build_root
from sw.serial.device import ChipDevice
from tests.device_suite import SPEC, gate_network, lattices, pair, require_equal, skeletons

# The pins are asked for as amaranth-boards does.
pytestmark = pytest.mark.filterwarnings("ignore:Using platform.request:DeprecationWarning")

GEOMETRY = Geometry(spec=SPEC, filters=1, contexts=1, skeletons=2)
BOARD = find_board("ulx3s-25f")


@cache
def parts(geometry=GEOMETRY, skeletons=skeletons):
    """The top and the design of its netlist."""
    platform = BOARD.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, BOARD.clock)
    baud = pll.link * 1_000_000 // 4  # the fastest wire: forty clocks a byte
    top = BoardTop(geometry, skeletons(), pll=pll, baud=baud)
    place = "" if geometry == GEOMETRY else f"-f{geometry.filters}"
    folder = build_root().resolve() / "sim" / f"netlist{place}"
    netlist = synthesise(BOARD, platform, top, folder)
    return top, NetlistDesign(netlist, BOARD.name, platform.default_clk)


def switched_on(skeletons, fill=()):
    """The board as it is switched on, with block memories filled anew."""
    top, design = parts()
    board = NetlistBoard(design, top)
    for name, nines in dict(fill).items():
        board.fill(name, nines)
    return ChipDevice(SimulatedPort(board), skeletons)


def compare(device, index=0):
    """Run a skeleton, its gate included, and hold every code against golden."""
    for _, golden, states in pair(device, 1, index):
        for each in (device, golden):
            each.load_states(states, 0)
            run(each, gate_network(), 3)
        require_equal(device, golden)


def test_netlist_equals_golden_with_either_skeleton():
    device = switched_on(skeletons())
    assert device.status().damaged == 0
    compare(device, 0)
    compare(device, 1)


def test_refilled_block_memories_hold_the_other_skeletons():
    swapped = skeletons()[::-1]
    rows = images(GEOMETRY, swapped)
    fill = zip(cells(GEOMETRY), contents(GEOMETRY, rows), strict=True)
    device = switched_on(skeletons(), fill)
    assert device.facts.digests == tuple(skeleton.digest for skeleton in swapped)
    compare(device, 0)


SHAPES = [  # multiplier, filters, channels, height, width, boundary, contexts
    (1, 1, 4, 4, 4, "zero", 1),
    (3, 3, 4, 8, 12, "wrap", 2),
    (2, 4, 8, 4, 12, "zero", 1),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("multiplier", "filters", "channels", "height", "width", "boundary", "contexts"), SHAPES
)
def test_netlist_of_another_shape_equals_golden(
    multiplier, filters, channels, height, width, boundary, contexts
):
    spec = Spec(
        multiplier=multiplier,
        channels=channels,
        height=height,
        width=width,
        boundary=boundary,
        image=4,
        gate=Gate(input_channel=3, output_channel=2, start=1, mapping="phase4"),
    )
    held = (uniform(spec, np.random.default_rng(6)), calibrated(spec, np.random.default_rng(7)))
    chip = Geometry(spec=spec.ungated, filters=filters, contexts=contexts, skeletons=2)
    top, design = parts(chip, lambda: held)
    device = ChipDevice(SimulatedPort(NetlistBoard(design, top)), held)
    golden, gate = GoldenDevice(held), network(spec, np.random.default_rng(8))
    states = np.random.default_rng(9).integers(-128, 128, (contexts, *spec.lattice), np.int8)
    for index in range(2):
        for each in (device, golden):
            each.choose(index)
            each.load_states(states, 0)
        for given in (None, gate):
            assert np.array_equal(trace(device, given, 2), trace(golden, given, 2))
        require_equal(device, golden)


@pytest.mark.parametrize("memory", [0, 3, 8])
def test_a_flipped_bit_of_the_netlist_is_found(memory):
    own = contents(GEOMETRY, images(GEOMETRY, skeletons()))[memory]
    nines = [own[0] ^ 1, *own[1:]]
    device = switched_on(skeletons(), [(cells(GEOMETRY)[memory], nines)])
    assert device.status().damaged == 1
    with pytest.raises(SkeletonDamaged):
        device.load_states(lattices(1), 0)
        run(device, None, 1)
    compare(device, 1)


def test_no_netlist_is_simulated_without_a_model_of_its_cells(tmp_path):
    _, design = parts()
    text = design.netlist.read_text()
    other = tmp_path / "other.json"
    other.write_text(re.sub('"REG_OUTPUT_CLK": "CLK0"', '"REG_OUTPUT_CLK": "CLK1"', text))
    with pytest.raises(ToolError, match="MULT18X18D is modelled on clock 0 alone"):
        NetlistBoard(NetlistDesign(other, "other", design.clock), parts()[0])
