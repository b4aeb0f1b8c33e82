"""Blocks for standard cells: their cells are proven to do what the blocks do, whatever goes in."""

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


BLOCKS = {
    "requantiser": lambda: Requantiser(signed(19), max_shift=15, to=HIDDEN),
    "signed requantiser": lambda: Requantiser(signed(19), max_shift=15, to=STATE),
    "residual": residual,
    "multiply-add": lambda: MultiplyAdd(signed(19)),
    "processing element": lambda: ProcessingElement(
        1, sample=signed(8), i_sum=signed(20), o_sum=signed(21)
    ),
}


@pytest.fixture
def wanted(tmp_path):
    path = tmp_path / "toy.lib"
    path.write_text(toy_liberty())
    return Target(TOY, "typ", path, TOY.period["typ"])


@pytest.mark.parametrize("name", BLOCKS)
def test_cells_do_what_the_block_does(wanted, tmp_path, name):
    design, log = block_design(BLOCKS[name]()), tmp_path / "log"
    prove_equal(design, mapped(design, wanted, log, top=BLOCK), wanted.liberty, log)


def test_a_wrong_cell_is_found(wanted, tmp_path):
    design, log = block_design(BLOCKS["requantiser"]()), tmp_path / "log"
    netlist = mapped(design, wanted, log, top=BLOCK)
    cell = middle(cells_of(netlist["modules"][BLOCK], "nand2", ""))
    cell["type"] = "nor2"
    with pytest.raises(ToolError, match="proof did fail"):
        prove_equal(design, netlist, wanted.liberty, log)
