"""A flipped bit in any skeleton memory: found at the start, reported, and never run."""

import numpy as np
import pytest
from amaranth import Shape

from golden.device import run
from golden.errors import SkeletonDamaged
from golden.wire import Error
from hw.shapes import IDENTITY, Geometry
from hw.skeleton_memory import images, layouts, pitch_of
from sim.devices.board import SimulatedBoard, SimulatedPort
from sim.devices.device import SimulatedDevice
from sw.serial.device import ChipDevice
from tests.device_suite import SPEC, gate_network, lattices, pair, require_equal, skeletons

GEOMETRY = Geometry(spec=SPEC)
SAMPLES = 6
"""Bits flipped of each memory; a CRC-32 finds every one."""


def flipped(name, place, rng):
    """Memory images with a bit of one skeleton's rows in one memory flipped."""
    memories = images(GEOMETRY, skeletons())
    used = {"identity": IDENTITY}.get(name, 16)  # rows of a skeleton, F = 5
    row = place * pitch_of(GEOMETRY, name) + int(rng.integers(used))
    memories[name][row] ^= 1 << int(rng.integers(Shape.cast(layouts(GEOMETRY)[name]).width))
    return memories


@pytest.mark.parametrize("name", GEOMETRY.scanned)
def test_each_flipped_bit_damages_its_skeleton_alone(name):
    rng = np.random.default_rng(sum(name.encode()))
    for place in rng.integers(0, GEOMETRY.skeletons, SAMPLES).tolist():
        device = SimulatedDevice(skeletons(), memories=flipped(name, place, rng))
        assert device.damaged == 1 << place


def devices():
    """A chip and a board whose skeleton 1 is damaged."""
    memories = flipped("mix1_1", 1, np.random.default_rng(7))
    board = SimulatedBoard(GEOMETRY, skeletons(), patience=1 << 13, memories=memories)
    yield SimulatedDevice(skeletons(), memories=memories)
    yield ChipDevice(SimulatedPort(board), skeletons())


def test_a_damaged_skeleton_is_refused_and_the_others_run():
    for device in devices():
        device.choose(1)
        with pytest.raises(SkeletonDamaged) as error:
            device.load_states(lattices(2), 0)
            run(device, None, 1)
        assert getattr(error.value, "error", Error.SKELETON_DAMAGED) is Error.SKELETON_DAMAGED
        for _, golden, states in pair(device, 2):
            for each in (device, golden):
                each.load_states(states, 0)
                run(each, gate_network(), 3)
            require_equal(device, golden)


def test_a_board_tells_of_damage_before_it_is_asked_to_run():
    _, device = devices()
    assert device.status().damaged == 2
