"""Graphs of adders: what they compute, how wide, and what is refused."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from golden.errors import InputError, ToolError
from golden.fixed import HIDDEN, PIXEL, STATE
from hw.hardwired.graph import Adder, Graph, Output
from hw.hardwired.product import Product
from hw.hardwired.search import search
from tests.streams import piped

pytest.importorskip("da4ml")

RNG = np.random.default_rng(3)
MATRICES = {
    "random": RNG.integers(-128, 128, (5, 9)),
    "ends": RNG.choice([-128, -127, 127], (6, 4)),
    "sparse": RNG.integers(-128, 128, (7, 9)) * (RNG.random((7, 9)) < 0.2),
    "powers": np.array([[64], [-128], [1], [0], [-1], [96]]),
    "zeros": np.array([[0, 0, 0], [3, 0, 0]]),
    "wide": RNG.integers(-128, 128, (16, 40)),
}


def codes_of(format, weight):
    """Return vectors of codes: those that reach each output's ends, and random ones."""
    ends = [np.where(sign * weight > 0, format.max, format.min) for sign in (-1, 1)]
    random = RNG.integers(format.min, format.max + 1, (40, weight.shape[1]))
    return np.concatenate([*ends, random])


@pytest.mark.parametrize("format", [STATE, HIDDEN], ids=["signed", "unsigned"])
@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("block", [None, 1, 2, 4])
def test_a_product_is_exact_a_clock_for_each_adder_in_a_row(name, format, block):
    weight = MATRICES[name]
    graph = search(weight, format, block=block)
    np.testing.assert_array_equal(graph.weight, weight)
    codes = codes_of(format, weight)
    outputs = [f"sum{index}" for index in range(len(weight))]
    items = [{"codes": vector} for vector in codes.tolist()]
    got = piped(Product(graph), items, outputs, latency=graph.depth)
    np.testing.assert_array_equal(got, codes @ weight.T)


def test_every_node_is_as_wide_as_its_ends_need():
    graph = search(MATRICES["random"], STATE)
    for node, row in enumerate(graph.coefficients):
        ends = [int(np.where(s * row > 0, STATE.max, STATE.min) @ row) for s in (-1, 1)]
        assert graph.bounds(node) == tuple(ends)


def test_adders_are_shared():
    weight = MATRICES["wide"]
    signed_digits = sum(bin(3 * abs(w) ^ abs(w)).count("1") for w in weight.ravel().tolist())
    assert len(search(weight, STATE).adders) < 0.6 * (signed_digits - len(weight))


def test_blocks_share_no_adder_but_add_their_sums():
    weight, block = MATRICES["wide"], 10
    graph = search(weight, STATE, block=block)
    used = [set(np.flatnonzero(row) // block) for row in graph.coefficients]
    across = [len(blocks) for blocks in used if len(blocks) > 1]
    # sixteen outputs: two pairs of blocks each, and the pair of these
    assert sorted(across) == [2] * 32 + [4] * 16
    assert len(graph.adders) < 1.2 * len(search(weight, STATE).adders)


def test_registers_and_bits_are_those_of_the_chain():
    # ((a + (a << 2)) << 1) - b, and b as it is: b waits a clock for the first, two for itself
    five = Adder(left=0, right=0, left_shift=0, right_shift=2, subtract=False)
    less = Adder(left=2, right=1, left_shift=1, right_shift=0, subtract=True)
    graph = Graph(2, PIXEL, (five, less), (Output(node=3), Output(node=1)))
    assert graph.weight.tolist() == [[10, -1], [0, 1]] and graph.depth == 2
    assert [graph.bits(0), graph.bits(1)] == [11 - 2, 13]
    assert graph.registers == 11 + 13 + 2 * 8


def test_without_da4ml_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "da4ml.cmvm", None)
    text = "A hardwired skeleton needs da4ml: pip install 'thalweg[hardwired]'"
    with pytest.raises(InputError, match=f"^{re.escape(text)} \\(.*da4ml"):
        search(MATRICES["random"], STATE)


def test_adders_of_another_matrix_are_refused(monkeypatch):
    import da4ml.cmvm

    solve, other = da4ml.cmvm.solve, MATRICES["random"].T.astype(np.float32) + 1
    monkeypatch.setattr("da4ml.cmvm.solve", lambda _, **options: solve(other, **options))
    text = "da4ml must find adders for the matrix that it is given"
    with pytest.raises(ToolError, match=f"^{text}$"):
        search(MATRICES["random"], STATE)


def test_an_operation_that_is_no_sum_is_refused(monkeypatch):
    stage = SimpleNamespace(ops=[SimpleNamespace(opcode=7)])
    found = SimpleNamespace(solutions=[stage])
    monkeypatch.setattr("da4ml.cmvm.solve", lambda *_, **options: found)
    with pytest.raises(ToolError, match=r"^da4ml must find sums alone, not operation 7$"):
        search(MATRICES["random"], STATE)
