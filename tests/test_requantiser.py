# amaranth: UnusedElaboratable=no
"""Requantiser: the golden rounding and saturation, a code a clock."""

import numpy as np
import pytest
from amaranth import signed, unsigned

from golden.fixed import HIDDEN, STATE, round_shift
from hw.array.requantiser import Requantiser
from tests.streams import piped

LOW, HIGH = -(1 << 24), (1 << 24) - 1


def cases(to):
    """Ends of the range, ties, and both sides of saturation, under every shift; then random."""
    rng = np.random.default_rng(0)
    acc, shift = [], []
    for n in range(24):
        half = 1 << n >> 1
        limits = [
            (code << n) + side for code in (to.min, to.max) for side in (-half - 1, -half, half)
        ]
        ties = [(2 * k + 1) * half for k in (-2, -1, 0, 1)]
        edges = [LOW, LOW + 1, -1, 0, 1, HIGH - 1, HIGH, *limits, *ties]
        acc += [edge for edge in edges if LOW <= edge <= HIGH]
        shift += [n] * (len(acc) - len(shift))
    shifts = rng.integers(0, 24, 300)
    acc += (rng.integers(LOW, HIGH + 1, 300) >> rng.integers(0, 17, 300)).tolist()
    return np.array(acc), np.array(shift + shifts.tolist())


@pytest.mark.parametrize("to", [STATE, HIDDEN], ids=["state", "hidden"])
def test_equals_golden_five_clocks_on_a_code_a_clock(to):
    acc, shift = cases(to)
    items = [{"acc": int(a), "shift": int(n)} for a, n in zip(acc, shift, strict=True)]

    got = piped(Requantiser(signed(25), max_shift=23, to=to), items, ["code"], latency=5)

    assert got == to.clamp(round_shift(acc, shift)).tolist()


def test_saturation_to_an_unsigned_format_is_the_relu():
    acc, shift = cases(HIDDEN)
    relu = HIDDEN.clamp(round_shift(np.maximum(acc, 0), shift))
    assert HIDDEN.clamp(round_shift(acc, shift)).tolist() == relu.tolist()


@pytest.mark.parametrize("acc", [unsigned(21), signed(7)])
def test_rejects_an_unfit_accumulator(acc):
    with pytest.raises(ValueError) as error:
        Requantiser(acc, max_shift=15, to=STATE)
    assert str(error.value) == f"Accumulator shape must be signed and hold 8 bits, not {acc!r}"
