"""Encoder and read-out: one product a clock, sums of one or of every channel."""

import numpy as np
import pytest

from golden.fixed import PIXEL, STATE, round_shift
from golden.samples import calibrated, extreme, uniform
from golden.spec import Spec
from hw.port.pointwise import PointwiseUnit
from hw.shapes import Geometry, encode_sum, readout_sum
from hw.skeleton_memory import images
from tests.streams import piped

SPEC = Spec(height=4, width=4, image=4)
GEOMETRY = Geometry(spec=SPEC)
KINDS = (uniform, extreme, extreme, calibrated)


def skeletons():
    rng = np.random.default_rng(17)
    return [kind(SPEC, rng) for kind in KINDS]


def test_encodes_a_channel_a_clock_fourteen_clocks_on():
    rows = images(GEOMETRY, skeletons())["encode"]
    dut = PointwiseUnit(GEOMETRY, rows, sample=PIXEL, to=STATE, acc=encode_sum(), memory="encode")
    rng = np.random.default_rng(18)
    cases = [
        (skeleton, channel, pixel)
        for skeleton in range(4)
        for channel in range(16)
        for pixel in (0, 1, 255, int(rng.integers(256)))
    ]
    rng.shuffle(cases)
    items = [
        {"sample": p, "channel": c, "skeleton": k, "valid": p != 1, "first": 1, "last": 1}
        for k, c, p in cases
    ]
    got = piped(dut, items, ["code", "o_valid"], latency=14)

    layers = [skeleton.encode for skeleton in skeletons()]
    want = [
        STATE.clamp(round_shift(layers[k].weight[c] * p + layers[k].bias[c], layers[k].shift[c]))
        for k, c, p in cases
    ]
    assert [valid for _, valid in got] == [int(p != 1) for _, _, p in cases]
    assert [code for code, valid in got if valid] == [
        code for code, (_, _, p) in zip(want, cases, strict=True) if p != 1
    ]


@pytest.mark.parametrize("gap", [0, 2], ids=["flowing", "stalling"])
def test_reads_out_a_pixel_for_every_sixteen_channels(gap):
    rows = images(GEOMETRY, skeletons())["readout"]
    dut = PointwiseUnit(
        GEOMETRY, rows, sample=STATE, to=PIXEL, acc=readout_sum(16), memory="readout"
    )
    rng = np.random.default_rng(19)
    cells = np.concatenate([
        np.full((4, 16), -128),
        np.full((4, 16), 127),
        rng.integers(-128, 128, (24, 16)),
    ])
    items, want = [], []
    for index, cell in enumerate(cells.tolist()):
        layer = skeletons()[index % 4].readout
        acc = (layer.weight * cell).sum() + layer.bias
        want.append(int(PIXEL.clamp(round_shift(acc, layer.shift))))
        for channel, code in enumerate(cell):
            sample = {"sample": code, "channel": channel, "skeleton": index % 4}
            items.append(sample | {"valid": 1, "first": channel == 0, "last": channel == 15})
            items += [{"sample": 55, "valid": 0}] * gap

    got = piped(dut, items, ["code", "o_valid"], latency=14)
    assert [code for code, valid in got if valid] == want
    places = [index for index, (_, valid) in enumerate(got) if valid]
    assert places == [(16 * k + 15) * (1 + gap) for k in range(len(cells))]
