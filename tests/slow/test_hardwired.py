"""The hardwired chip's Verilog against golden under Verilator: a shipped skeleton, whole digits."""

import pytest

from golden.skeleton import SHIPPED, Skeleton
from sim.hardwired import compare_hardwired
from sw.data.damage import blank
from sw.data.load import show_digits

pytest.importorskip("da4ml")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["digits", "digits-memory"])
def test_whole_digits_equal_golden(name, tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path))
    skeleton = Skeleton.load(SHIPPED / name)
    damaged = blank(show_digits()[0][:2], range(2))
    compare_hardwired(skeleton, damaged, skeleton.spec.steps)
