"""Parts of the golden device by hand: arrays, streams, batches, runs; and the spec's geometry."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.device import (
    Counters,
    GoldenDevice,
    as_cells,
    as_deltas,
    as_images,
    as_place,
    as_states,
    as_steps,
    batches,
    from_stream,
    restore,
    run,
    to_stream,
)
from golden.errors import InputError
from golden.gate import GateLayer, GateNetwork, require_dtype
from golden.samples import calibrated, network
from golden.spec import Gate, Spec

GATE = Gate(input_channel=0, output_channel=1, start=2, every=3)
SPEC = Spec(height=6, width=4, channels=3, multiplier=2, image=2, gate=GATE)


def refuses(text):
    return pytest.raises(InputError, match=f"^{re.escape(text)}$")


def device(**options):
    rng = np.random.default_rng(0)
    return GoldenDevice((calibrated(SPEC, rng),), **options), network(SPEC, rng)


def states(count=2):
    return np.random.default_rng(1).integers(-128, 128, (count, 3, 6, 4), np.int8)


def test_a_stream_goes_cell_by_cell_with_all_its_channels():
    lattices = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2).astype(np.int8) - 3
    stream = to_stream(lattices)
    assert stream.dtype == np.uint8
    assert stream[0].view(np.int8).tolist() == [-3, 1, 5, -2, 2, 6, -1, 3, 7, 0, 4, 8]
    assert stream.shape == (2, 12)
    random = states(5)
    back = from_stream(to_stream(random), SPEC, 5)
    assert back.dtype == np.int8 and back.flags.writeable and back.flags.c_contiguous
    np.testing.assert_array_equal(back, random)
    assert from_stream(to_stream(states(0)), SPEC, 0).shape == (0, 3, 6, 4)


def test_batches_begin_where_they_are_told():
    assert list(batches(7, 3)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert list(batches(7, 3, 2)) == [slice(2, 5), slice(5, 7)]
    assert list(batches(6, 3, 3)) == [slice(3, 6)]
    assert list(batches(0, 3)) == list(batches(4, 3, 4)) == []


@pytest.mark.parametrize(("check", "most"), [(as_steps, 2**31 - 1), (lambda n: as_place(n, 5), 4)])
def test_integers_are_taken_from_0_to_the_most(check, most):
    assert [check(0), check(most), check(np.int64(3))] == [0, most, 3]
    for wrong in (-1, most + 1, 1.0, True, None, "1"):
        with pytest.raises(InputError, match=rf"must be an integer from 0 to {most}, not"):
            check(wrong)


ARRAYS = {
    "Images": (as_images, np.uint8, (2, 2)),
    "States": (as_states, np.int8, (3, 6, 4)),
    "Cells": (as_cells, np.bool_, (24,)),
    "Deltas": (as_deltas, np.int8, (6,)),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_are_copied_and_masked_ragged_or_flat_ones_are_refused(what):
    take, dtype, shape = ARRAYS[what]
    given = np.asfortranarray(np.random.default_rng(0).integers(0, 2, (3, *shape)).astype(dtype))
    found = take(given, SPEC, 3)
    np.testing.assert_array_equal(found, given)
    assert found.flags.c_contiguous and not np.shares_memory(found, given)
    assert not np.shares_memory(take(found, SPEC, 3), found)
    np.testing.assert_array_equal(take(torch.from_numpy(given), SPEC, 3), given)
    with refuses(f"{what} must not be masked: fill what is masked"):
        take(np.ma.masked_equal(given, given.flat[0]), SPEC, 3)
    take(np.ma.masked_array(given), SPEC, 3)
    with pytest.raises(InputError, match=f"^{what} must be an array: [^\n]+$"):
        take([[1], [2, 3]], SPEC, 2)
    sizes = ", ".join(map(str, ("n", *shape)))
    with refuses(f"{what} must be {given.dtype} ({sizes}), not {given.dtype} {(3, *shape, 1)}"):
        take(given[..., None], SPEC, 3)


@pytest.mark.parametrize("what", ARRAYS)
@pytest.mark.parametrize("count", [2, 4])
def test_as_many_lattices_are_taken_as_there_are(what, count):
    take, dtype, shape = ARRAYS[what]
    given = np.zeros((3, *shape), dtype)
    if what in ("Cells", "Deltas"):
        with refuses(f"{what} must be of {count} lattices, not of 3"):
            take(given, SPEC, count)
    elif count == 2:
        with refuses("A batch must have at most 2 lattices, not 3"):
            take(given, SPEC, count)
    else:
        assert len(take(given, SPEC, count)) == len(take(given, SPEC)) == 3


def test_a_device_begins_with_its_first_skeleton_and_its_gate():
    gated, _ = device()
    assert gated.contexts == 256 and device(contexts=3)[0].contexts == 3
    assert gated.planes()[0].tolist() == [] and gated.read_states().shape == (0, 3, 6, 4)
    gated.load_states(states(), 0)
    gated.start(2)
    indices, planes = gated.planes()
    assert indices.tolist() == [0, 1] and planes.shape == (2, 24)
    bare = GoldenDevice((replace(gated.skeletons[0], spec=replace(SPEC, gate=None)),))
    bare.load_states(states(), 0)
    run(bare, None, 2)
    np.testing.assert_array_equal(bare.read_states()[:, 0].reshape(2, 24), planes)


def test_a_batch_that_is_loaded_in_mid_run_begins_afresh():
    found, _ = device()
    found.load_states(states(), 0)
    found.start(9)
    found.load_states(states(), 4)
    indices, planes = found.planes()
    assert len(indices) == 0 and planes.shape == (0, 24)
    np.testing.assert_array_equal(found.read_states(), states())


def test_deltas_reach_the_lattices_that_they_are_for():
    found, _ = device()
    found.load_states(states(3), 0)
    found.start(2)
    found.planes()
    before = found.read_states()
    found.write_deltas(np.array([2, 0]), np.stack([np.full(6, 1), np.full(6, -1)]).astype(np.int8))
    added = np.zeros_like(before, dtype=int)
    added[2, 1], added[0, 1] = 1, -1
    np.testing.assert_array_equal(found.read_states(), np.clip(before + added, -128, 127))


def test_what_is_read_is_the_callers_own():
    found, _ = device()
    found.load_states(states(), 0)
    found.read_states()[:] = 1
    np.testing.assert_array_equal(found.read_states(), states())


def test_a_run_that_nobody_can_answer_is_the_rule_alone_and_has_ended():
    found, net = device()
    found.load_states(states(), 0)
    run(found, None, 9)
    assert len(found.planes()[0]) == 0
    silent = GateLayer(net.output.weight * 0, net.output.bias * 0, net.output.shift)
    seen = []
    for answers in (GateNetwork(net.hidden, silent), net):
        other, _ = device()
        other.load_states(states(), 0)
        run(other, answers, 9)
        seen.append(other.read_states())
    np.testing.assert_array_equal(found.read_states(), seen[0])
    assert not np.array_equal(found.read_states(), seen[1])


def test_golden_counts_no_clocks():
    found, net = device()
    found.load_states(states(), 3)
    run(found, net, 4)
    assert found.counters() == Counters(clocks=0, busy=0)


def test_images_that_no_lattice_holds_are_refused_before_any_is_loaded():
    found, net = device()
    with refuses("Images must be uint8 (n, 2, 2), not int64 (1, 2, 2)"):
        restore(found, net, np.zeros((1, 2, 2), np.int64), 1)
    assert restore(found, net, np.zeros((0, 2, 2), np.uint8), 1).shape == (0, 2, 2)


@pytest.mark.parametrize(
    "planes",
    [np.zeros((2, 24), np.uint8), np.zeros(24, np.int8), np.zeros((2, 23), np.int8),
     np.zeros((2, 24), np.float32), np.zeros((1, 2, 24), np.int8)],
)  # fmt: skip
def test_a_gate_refuses_what_is_no_plane(planes):
    with refuses(f"Planes must be int8 (n, 24), not {planes.dtype} {planes.shape}"):
        device()[1].deltas(planes)


@pytest.mark.parametrize(
    ("spelt", "told"), [("F32", "float32"), ("U16", "uint16"), ("I64", "int64"), ("BF16", "BF16")]
)
def test_types_of_tensors_are_told_as_numpy_spells_them(spelt, told):
    for name, wanted, own in (("hidden.weight", "int8", "I8"), ("output.shift", "uint8", "U8")):
        with refuses(f"FILE: {name} must be {wanted}, not {told}"):
            require_dtype(spelt, name, "FILE")
        require_dtype(own, name, "FILE")


def test_a_spec_says_where_its_image_lies():
    spec = Spec(height=10, width=6, image=4, channels=3, multiplier=7)
    assert (spec.margins, spec.window) == ((3, 1), (slice(3, 7), slice(1, 5)))
    assert (spec.lattice, spec.cells, spec.deltas, spec.filters) == ((3, 10, 6), 60, 15, 21)


def test_what_a_chip_is_built_for_has_neither_gate_nor_steps():
    spec = replace(SPEC, boundary="wrap", steps=77)
    assert spec.ungated == replace(SPEC, boundary="wrap", steps=10, gate=None)


@pytest.mark.parametrize("side", ["height", "width"])
def test_an_image_is_no_larger_than_the_lattice_either_way(side):
    sizes = {"height": 8, "width": 8} | {side: 6}
    with refuses("spec.image must be an integer from 1 to 6, not 8"):
        Spec(**sizes, image=8)
    assert Spec(**sizes, image=6).image == 6


@pytest.mark.parametrize("name", ["input_channel", "output_channel"])
def test_a_gate_has_channels_of_its_lattice(name):
    with refuses(f"gate.{name} must be an integer from 0 to 2, not 3"):
        replace(SPEC, gate=replace(GATE, **{name: 3}))
    assert getattr(replace(SPEC, gate=replace(GATE, **{name: 2})).gate, name) == 2


def test_a_gate_opens_in_phases_that_come_again_after_its_period():
    gate = Gate(input_channel=0, output_channel=1, start=4, every=3, mapping="phase4")
    steps = [step for step in range(1, 20) if gate.is_open(step)]
    assert steps == [4, 7, 10, 13, 16, 19]
    assert [gate.phase(step) for step in steps[:5]] == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0)]
    assert [gate.next_opening(step) for step in (0, 3, 4, 6, 7)] == [4, 4, 7, 7, 10]
    assert [gate.openings(*ends) for ends in ((0, 3), (0, 4), (4, 6), (4, 10))] == [0, 1, 0, 2]
    nearest = replace(gate, mapping="nearest2")
    assert (gate.period, nearest.period, nearest.phase(7)) == (12, 3, None)
