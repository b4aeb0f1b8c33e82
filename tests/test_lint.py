# amaranth: UnusedElaboratable=no
"""What Verilator's linter says of the Verilog: nothing, and no waiver is there without need."""

import re

import numpy as np
import pytest

from golden.samples import uniform
from golden.spec import Spec
from hw.flow.listing import WAIVERS
from hw.flow.verilog import write_chip
from hw.shapes import Geometry
from tests.lint import lint


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_the_linter_finds_nothing_but_what_is_listed_and_all_of_that(filters, tmp_path):
    spec = Spec(height=4, width=4, image=4)
    skeletons = (uniform(spec, np.random.default_rng(3)),)
    path = write_chip(Geometry(spec=spec, filters=filters), skeletons, tmp_path)
    assert lint(path) == (0, "")
    text = path.read_text()
    assert re.findall(r"^// verilator lint_off (\w+)$", text, re.MULTILINE) == sorted(WAIVERS)
    path.write_text(re.sub(r"^// verilator lint_.*\n", "", text, flags=re.MULTILINE))
    code, said = lint(path)
    assert code and set(re.findall(r"^%Warning-(\w+):", said, re.MULTILINE)) == set(WAIVERS)
