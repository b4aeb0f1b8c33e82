"""Blocks for standard cells: their cells are proven to do what the blocks do, whatever goes in."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from amaranth import signed

from golden.errors import ToolError
from golden.fixed import HIDDEN, STATE
from golden.samples import calibrated
from golden.spec import Spec
from hw.array.pe import ProcessingElement
from hw.array.requantiser import Requantiser
from hw.array.residual import Residual
from hw.asic.library import Target
from hw.asic.mapping import mapped
from hw.asic.multiply_add import MultiplyAdd
from hw.asic.platform import Asic
from hw.asic.proof import BLOCK, block_design, prove_equal
from hw.shapes import Geometry
from hw.skeleton_memory import images
from tests.asic_faults import cells_of, middle
from tests.toy_cells import TOY, toy_liberty


def residual():
    """Return a residual that holds a random skeleton."""
    spec = Spec(height=4, width=4, channels=4, multiplier=5, image=4)
    geometry = Geometry(spec=spec, filters=1, contexts=1, skeletons=1)
    held = images(geometry, [calibrated(spec, np.random.default_rng(0))])
    return Residual(geometry, held["residual0"], acc=signed(18))


def no_platform():
    """Return what a block is elaborated for where nothing is special."""


def element(count):
    """Return the FPGA's processing element of one product or two."""
    return ProcessingElement(count, sample=signed(8), i_sum=signed(20), o_sum=signed(21))


@dataclass(frozen=True)
class Case:
    """A block, the platform that it is for, and how its proof goes."""

    block: Callable
    platform: Callable = Asic
    options: dict = field(default_factory=dict)


MERGED = {"merge": True}
SUM = {"clocks": 1, "begin": {"first": 1}}
BLOCKS = {
    "requantiser": Case(lambda: Requantiser(signed(19), max_shift=15, to=HIDDEN)),
    "signed requantiser": Case(lambda: Requantiser(signed(19), max_shift=15, to=STATE)),
    "residual": Case(residual),
    # A sum begins with its first product; it has no reset.
    "multiply-add": Case(lambda: MultiplyAdd(signed(19)), options=SUM),
    "element of one product": Case(lambda: element(1), no_platform, MERGED),
    "element of two products": Case(lambda: element(2), no_platform, MERGED),
}


@pytest.fixture
def prove(tmp_path):
    path = tmp_path / "toy.lib"
    path.write_text(toy_liberty())

    def prove(name, change=lambda module: None):
        """Prove a block equal to its cells, once they are changed."""
        case, log = BLOCKS[name], tmp_path / "log"
        design = block_design(case.block(), case.platform())
        wanted = Target(TOY, "typ", path, TOY.period["typ"])
        netlist = mapped(design, wanted, log, top=BLOCK)
        change(netlist["modules"][BLOCK])
        prove_equal(design, netlist, path, log, **case.options)

    return prove


def wrong_cell(module):
    """Make a NOR of a NAND."""
    middle(cells_of(module, "nand2", ""))["type"] = "nor2"


@pytest.mark.parametrize("name", BLOCKS)
def test_cells_do_what_the_block_does(prove, name):
    prove(name)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_wrong_cell_is_found(prove, name):
    with pytest.raises(ToolError, match="proof did fail"):
        prove(name, wrong_cell)
