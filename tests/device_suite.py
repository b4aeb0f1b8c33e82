"""What every device must do, golden being the measure. Each test takes a function that makes one.

`tests/test_devices.py` runs it on golden,
`tests/slow/test_every_device.py` on the simulated chip and on the
serial device, over a simulated board's wires and through a pseudo-terminal.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from golden.device import GoldenDevice, restore, run, trace
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


def pair(device, count, index=0, gated=True):
    """Choose a skeleton for a device and for golden; yield both with each batch of lattices."""
    golden = GoldenDevice(skeletons(), contexts=device.contexts)
    for each in (device, golden):
        each.choose(index, gated=gated)
    states = lattices(count)
    for begin in range(0, count, device.contexts):
        yield device, golden, states[begin : begin + device.contexts]


def require_equal(device, golden):
    """Compare lattices and images."""
    assert np.array_equal(device.read_states(), golden.read_states())
    assert np.array_equal(device.read_images(), golden.read_images())


class DeviceSuite:
    """The suite: a subclass has a fixture `device`."""

    def test_restores_images(self, device):
        rng = np.random.default_rng(6)
        images = rng.integers(0, 256, (3, SPEC.image, SPEC.image), np.uint8)
        wanted, found = (
            restore(each, gate_network(), images, 5) for each in (GoldenDevice(skeletons()), device)
        )
        device.choose(0, gated=True)
        assert np.array_equal(wanted, found)

    @pytest.mark.parametrize("index", range(len(GATES)), ids=list(GATES))
    def test_runs_raw_lattices_with_a_gate(self, device, index):
        for *both, states in pair(device, 5, index):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 6)
            require_equal(*both)

    @pytest.mark.parametrize("index", range(len(GATES)), ids=list(GATES))
    def test_runs_raw_lattices_without_gate(self, device, index):
        for *both, states in pair(device, 3, index, gated=False):
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

    def test_takes_another_skeleton_between_runs(self, device):
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 2)
                each.choose(1, gated=True)
                run(each, gate_network(), 3)
            require_equal(*both)

    def test_takes_a_new_batch_of_another_size(self, device):
        for *both, states in pair(device, 3):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 2)
            require_equal(*both)

    def test_runs_no_step_at_all(self, device):
        for *both, states in pair(device, 2):
            for each in both:
                each.load_states(states, 0)
                run(each, gate_network(), 0)
            require_equal(*both)

    def test_counts_the_clocks_of_a_batch(self, device):
        counts = []
        for each, _, states in pair(device, 2, gated=False):
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
