"""A build refuses what no chip or not this part can be, before it runs a tool or makes a folder."""

import re

import numpy as np
import pytest

from golden.errors import InputError
from golden.samples import uniform
from golden.spec import Spec
from hw.boards.catalogue import find_board
from hw.flow.build import build

SMALL = {"height": 8, "width": 8, "image": 4}
REFUSED = [
    (SMALL, 5, "ulx3s-25f must have 69 multipliers for F = 5, it has 28"),
    (SMALL | {"multiplier": 8}, 16, "ulx3s-25f must have 202 multipliers for F = 16, it has 28"),
    (
        SMALL,
        4,
        "Filters per clock must be one of 1, 2, 3, 5, 10 where a channel has 5, not 4",
    ),
    (
        SMALL | {"multiplier": 7},
        5,
        "Filters per clock must be one of 1, 2, 3, 4, 7, 14 where a channel has 7, not 5",
    ),
    (
        SMALL | {"channels": 4, "multiplier": 1},
        2,
        "2 filters per clock leave 2 clocks a cell, the chip needs 4",
    ),
    (SMALL | {"height": 66}, 1, "The chip takes spec.height 4 to 64 in steps of 4, not 66"),
    (SMALL | {"width": 68}, 1, "The chip takes spec.width 4 to 64 in steps of 4, not 68"),
    (SMALL | {"channels": 12}, 1, "The chip takes spec.channels 4, 8 or 16, not 12"),
]


@pytest.mark.parametrize(("fields", "filters", "text"), REFUSED)
def test_what_does_not_fit_is_one_line_before_any_tool(
    fields, filters, text, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise AssertionError("no tool is to run")

    for name in ("tool", "synthesise", "place_all", "call"):
        monkeypatch.setattr(f"hw.flow.build.{name}", fail)
    skeleton = uniform(Spec(**fields), np.random.default_rng(1))
    folder = tmp_path / "board"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        build(find_board("ulx3s-25f"), [skeleton], folder, filters=filters)
    assert not folder.exists()
