"""What every device must do, golden being the measure. Each test takes a function that makes one.

`tests/test_devices.py` runs it on golden,
`tests/slow/test_every_device.py` on the simulated chip and on the
serial device, over a simulated board's wires and through a pseudo-terminal.
"""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from golden.device import GoldenDevice, answer, restore, run, trace
from golden.errors import InputError
from golden.model import Model
from golden.samples import adversarial_states, calibrated, extreme, network
from golden.spec import Gate, Spec

SPEC = Spec(height=8, width=8, image=6)
GATES = {
    "nearest2": Gate(input_channel=0, output_channel=1, start=2),
    "phase4": Gate(input_channel=5, output_channel=14, start=1, every=2, mapping="phase4"),
}


def made(make):
    """Return a random skeleton."""
    return make(SPEC, np.random.default_rng(3))


@cache
def skeletons():
    """Two skeletons, a gate of each mapping."""
    makers = zip((calibrated, extreme), GATES.values(), strict=True)
    return tuple(
        replace(
            make(SPEC, np.random.default_rng(3)), spec=replace(SPEC, gate=gate), name=str(place)
        )
        for place, (make, gate) in enumerate(makers)
    )


@cache
def gate_network():
    """A gate's network."""
    return network(SPEC, np.random.default_rng(4))


def lattices(count=5):
    """Adversarial lattices and a random one."""
    rng = np.random.default_rng(5)
    random = rng.integers(-128, 128, (1, *SPEC.lattice), np.int8)
    return np.concatenate([random, adversarial_states(SPEC)[: count - 1]])


def pair(device, count, index=0):
    """Choose a skeleton for a device and for golden; yield both with each batch of lattices."""
    golden = GoldenDevice(skeletons(), contexts=device.contexts)
    for each in (device, golden):
        each.choose(index)
    states = lattices(count)
    for begin in range(0, count, device.contexts):
        yield device, golden, states[begin : begin + device.contexts]


def require_equal(device, golden):
    """Compare lattices and images."""
    assert np.array_equal(device.read_states(), golden.read_states())
    assert np.array_equal(device.read_images(), golden.read_images())


IMAGES, STATES = np.zeros((1, 6, 6), np.uint8), np.zeros((1, *SPEC.lattice), np.int8)
MUST = "Images must be uint8 (n, 6, 6), not"
WRONG = {
    "floats": ("load_images", [IMAGES / 255], f"{MUST} float64 (1, 6, 6)"),
    "bool": ("load_images", [IMAGES > 1], f"{MUST} bool (1, 6, 6)"),
    "int8": ("load_images", [IMAGES.view(np.int8)], f"{MUST} int8 (1, 6, 6)"),
    "int64": ("load_images", [IMAGES.astype(int)], f"{MUST} int64 (1, 6, 6)"),
    "one image": ("load_images", [IMAGES[0]], f"{MUST} uint8 (6, 6)"),
    "another size": ("load_images", [IMAGES[:, 1:]], f"{MUST} uint8 (1, 5, 6)"),
    "bytes": (
        "load_states",
        [STATES.view(np.uint8), 0],
        "States must be int8 (n, 16, 8, 8), not uint8 (1, 16, 8, 8)",
    ),
    "cells": (
        "zero_cells",
        [np.zeros((1, 64), np.uint8)],
        "Cells must be bool (n, 64), not uint8 (1, 64)",
    ),
    "deltas": (
        "write_deltas",
        [np.arange(1), np.zeros((1, 16))],
        "Deltas must be int8 (n, 16), not float64 (1, 16)",
    ),
    "cells of one": (
        "zero_cells",
        [np.zeros((1, 64), bool)],
        "Cells must be of 2 lattices, not of 1",
    ),
    "step": ("load_states", [STATES, -1], "Steps must be an integer from 0 to 2147483647, not -1"),
    "steps": ("start", [2.0], "Steps must be an integer from 0 to 2147483647, not 2.0"),
}
"""Calls that every device must refuse alike, and what it says."""


class DeviceSuite:
    """The suite: a subclass has a fixture `device`."""

    def test_restores_images(self, device):
        rng = np.random.default_rng(6)
        images = rng.integers(0, 256, (3, SPEC.image, SPEC.image), np.uint8)
        wanted, found = (
            restore(each, gate_network(), images, 5) for each in (GoldenDevice(skeletons()), device)
        )
        device.choose(0)
        assert np.array_equal(wanted, found)

    @pytest.mark.parametrize("gated", [True, False], ids=["gated", "alone"])
    @pytest.mark.parametrize("sizes", [(1, 2), (2, 1), (2, 2)], ids=str)
    def test_turns_over_to_the_next_images(self, device, sizes, gated):
        images = np.random.default_rng(10).integers(0, 256, (2, *IMAGES.shape[1:]), np.uint8)
        network = gate_network() if gated else None
        device.choose(0)
        found = []
        for each in (GoldenDevice(skeletons()), device):
            each.load_images(images[: sizes[0]])
            run(each, network, 6)
            shown = each.turn_over(images[-sizes[1] :], 5, gated=gated)
            answer(each, network)
            found.append((shown, each.read_states(), each.read_images()))
        for wanted, given in zip(*found, strict=True):
            assert np.array_equal(wanted, given)

    @pytest.mark.parametrize("index", range(len(GATES)), ids=list(GATES))
    def test_runs_raw_lattices_with_a_gate(self, device, index):
        for *both, states in pair(device, 5, index):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 6)
            require_equal(*both)

    @pytest.mark.parametrize("index", range(len(GATES)), ids=list(GATES))
    def test_runs_raw_lattices_without_gate(self, device, index):
        for *both, states in pair(device, 3, index):
            for each in both:
                each.load_states(states, 4)
                run(each, None, 3)
            require_equal(*both)

    def test_reads_what_it_was_given(self, device):
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(states, 7)
            require_equal(*both)

    @pytest.mark.parametrize("index", range(len(GATES)), ids=list(GATES))
    def test_goes_on_from_where_it_is(self, device, index):
        for *both, states in pair(device, 2, index):
            for each in both:
                each.load_states(states, 5)
            traces = [trace(each, gate_network(), 3) for each in both]
            assert np.array_equal(*traces)
            for each in both:
                run(each, gate_network(), 4)
            require_equal(*both)

    def test_zeroes_cells_after_a_pending_delta(self, device):
        rng = np.random.default_rng(7)
        for *both, states in pair(device, 2):
            cells = rng.random((len(states), SPEC.cells)) < 0.3
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 3)
                each.zero_cells(cells)
            require_equal(*both)
            for each in both:
                run(each, gate_network(), 2)
            require_equal(*both)

    def test_zeroes_cells_of_what_was_just_loaded(self, device):
        cells = np.random.default_rng(9).random((2, SPEC.cells)) < 0.5
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(states, 0)
                each.zero_cells(cells[: len(states)])
            require_equal(*both)

    def test_takes_another_skeleton_between_runs(self, device):
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 2)
                each.choose(1)
                run(each, gate_network(), 3)
            require_equal(*both)

    def test_takes_a_new_batch_of_another_size(self, device):
        for *both, states in pair(device, 3):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 2)
            require_equal(*both)

    def test_takes_arrays_of_any_layout(self, device):
        rng = np.random.default_rng(8)
        images = rng.integers(0, 256, (2, SPEC.image, SPEC.image), np.uint8)
        still = images.copy()
        still.flags.writeable = False
        views = (still, images[::-1].copy()[::-1], images[:, :, ::-1].copy()[:, :, ::-1])
        transposed = np.asfortranarray(images), torch.from_numpy(images)
        device.choose(0)
        wanted = restore(device, gate_network(), images, 3)
        for view in (*views, *transposed):
            assert np.array_equal(restore(device, gate_network(), view, 3), wanted)
        lattice = lattices(2)
        device.load_states(lattice[:, ::-1].copy()[:, ::-1], 0)
        assert np.array_equal(device.read_states(), lattice)

    def test_keeps_nothing_of_the_callers_arrays(self, device):
        given = lattices(2)
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(given, 0)
            given[:] = 1
            assert np.array_equal(both[0].read_states(), states)
            assert np.array_equal(both[1].read_states(), states)
            both[0].load_states(states, 0)
            both[0].read_states()[:] = 1
            assert np.array_equal(both[0].read_states(), states)

    @pytest.mark.parametrize("wrong", WRONG, ids=list(WRONG))
    def test_refuses_arrays_of_another_kind_in_one_line(self, device, wrong):
        call, given, text = WRONG[wrong]
        device.choose(0)
        device.load_states(lattices(2), 0)
        with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
            getattr(device, call)(*given)
        assert np.array_equal(device.read_states(), lattices(2))

    def test_refuses_more_lattices_than_it_has_contexts(self, device):
        device.choose(0)
        text = f"^A batch must have at most {device.contexts} lattices, not {device.contexts + 1}$"
        with pytest.raises(InputError, match=text):
            device.load_images(IMAGES.repeat(device.contexts + 1, axis=0))
        with pytest.raises(InputError, match=text):
            device.load_states(STATES.repeat(device.contexts + 1, axis=0), 0)

    def test_refuses_a_place_without_skeleton(self, device):
        with pytest.raises(InputError, match=r"^Place of a skeleton must be an integer from 0 to "):
            device.choose(-1)

    def test_a_run_without_network_is_the_rule_alone_and_a_gated_one_may_follow(self, device):
        alone = Model(skeletons()[0])
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(states, 0)
                run(each, None, 4)
            assert np.array_equal(device.read_states(), alone.step(states, 4))
            for each in both:
                run(each, gate_network(), 4)
            require_equal(*both)
            assert not np.array_equal(device.read_states(), alone.step(states, 8))

    def test_runs_no_step_at_all(self, device):
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 0)
            require_equal(*both)

    def test_counts_the_clocks_of_a_batch(self, device):
        counts = []
        for each, _, states in pair(device, 2):
            for _ in range(2):
                each.load_states(states[:1], 0)
                run(each, None, 3)
                counts.append(each.counters())
        assert counts[0] == counts[1]
        filters = getattr(device, "filters", None)
        if filters is None:
            assert counts[0] == (0, 0)
        else:
            assert counts[0].busy == 3 * SPEC.cells * SPEC.filters // filters
            assert counts[0].clocks > counts[0].busy
