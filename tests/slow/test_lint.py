# amaranth: UnusedElaboratable=no
"""What Verilator's linter says of the chips that users get."""

import pytest

from golden.skeleton import Skeleton, find
from hw.flow.verilog import write_chip
from hw.shapes import Geometry
from tests.lint import lint


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_the_linter_finds_nothing_in_a_chip_with_the_shipped_skeleton(filters, tmp_path):
    skeleton = Skeleton.load(find("digits"))
    geometry = Geometry(spec=skeleton.spec.ungated, filters=filters)
    assert lint(write_chip(geometry, (skeleton,), tmp_path)) == (0, "")
