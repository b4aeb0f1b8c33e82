"""The serial device over a chip that golden's models play: every lattice, count and byte."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import Counters, GoldenDevice, restore, run
from golden.errors import InputError
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from golden.wire import Kind, Operation
from sw.serial.device import ChipDevice
from sw.serial.link import LinkError
from tests.device_suite import SPEC, DeviceSuite, gate_network, lattices, skeletons
from tests.played_link import PlayedChip

OPENED = pytest.param({}, id="whole")
NARROW = pytest.param({"request": 90, "response": 260, "contexts": 4}, id="narrow")


def opened(places=None, **facts):
    """A device whose skeletons lie in other places of the chip than with the host."""
    first, second = skeletons()
    chip = PlayedChip(places or (second, None, first), **facts)
    return ChipDevice(chip, (first, second))


class TestPlayedChip(DeviceSuite):
    @pytest.fixture(params=[OPENED, NARROW])
    def device(self, request):
        found = opened(**request.param)
        found.filters = found.facts.filters
        return found


def test_requests_and_responses_are_as_long_as_they_may_be_and_no_longer():
    device = opened(contexts=4, request=301, response=402)
    device.choose(0)
    device.load_states(lattices(4), 0)
    assert np.array_equal(device.read_states(), lattices(4))
    chip = device.link.port
    assert (chip.longest_request, chip.longest_response) == (301, 402)


@pytest.mark.parametrize("every", [2, 3, 5])
def test_answers_that_are_lost_are_asked_for_again_and_nothing_is_done_twice(every):
    device = opened(lost=lambda number: number % every == 1)
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 6), np.uint8)
    device.choose(1)
    golden = GoldenDevice(skeletons())
    golden.choose(1)
    wanted = restore(golden, gate_network(), images, 6)
    assert np.array_equal(restore(device, gate_network(), images, 6), wanted)
    assert len(device.link.port.commands) == 3 * len(images)  # load, run and read


def test_commands_name_the_context_the_place_of_the_skeleton_and_the_steps():
    device = opened()
    chip = device.link.port
    for index, place in ((0, 2), (1, 0)):
        chip.commands.clear()
        device.choose(index)
        device.load_images(np.zeros((2, 6, 6), np.uint8))
        run(device, None, 3 + index)
        device.zero_cells(np.zeros((2, SPEC.cells), bool))
        device.read_images()
        device.read_states()
        orders = [[(Operation.LOAD_IMAGE, 0), (Operation.RUN, 3 + index)]]
        orders += [[(each, 0)] for each in (Operation.ZERO, Operation.READ_IMAGE)]
        orders += [[(Operation.READ_STATE, 0)]]
        assert chip.commands == [
            (operation, context, place, steps)
            for order in orders
            for context in (0, 1)
            for operation, steps in order
        ]


def test_clocks_count_from_where_the_batch_was_loaded():
    device = opened()
    device.choose(0)
    products = SPEC.cells * SPEC.filters // 5
    for steps in (3, 2):
        device.load_states(lattices(2), 0)
        run(device, None, steps)
        assert device.counters() == Counters(2 * steps * (products + 7), 2 * steps * products)


def test_what_waits_is_loaded_before_clocks_are_read():
    device = opened()
    device.load_states(lattices(2), 0)
    device.counters()
    found = np.concatenate([context.state for context in device.link.port.contexts])
    assert np.array_equal(found, lattices(2))


def test_cells_are_zeroed_of_what_was_loaded_last():
    device, cells = opened(), np.random.default_rng(0).random((2, SPEC.cells)) < 0.4
    device.load_states(lattices(2), 0)
    device.zero_cells(cells)
    wanted = np.where(cells.reshape(2, 1, SPEC.height, SPEC.width), 0, lattices(2))
    assert np.array_equal(device.read_states(), wanted)


def test_no_opening_of_a_batch_is_waited_for_once_another_is_loaded():
    device = opened()
    device.choose(0)
    device.load_states(lattices(2), 0)
    device.start(9)
    assert len(device.planes()[0]) == 1
    device.load_states(lattices(2), 0)
    indices, planes = device.planes()
    assert len(indices) == 0 and planes.shape == (0, SPEC.cells)
    assert np.array_equal(device.read_states(), lattices(2))


@pytest.mark.parametrize(
    "change", [{"multiplier": 4}, {"channels": 15}, {"image": 4}, {"boundary": "wrap"}], ids=str
)
def test_a_skeleton_of_another_shape_is_refused(change):
    chip = PlayedChip((skeletons()[0],))
    other = calibrated(replace(SPEC, **change), np.random.default_rng(3))
    with pytest.raises(InputError, match=r"^calibrated must fit the chip on the port: "):
        ChipDevice(chip, (other,))


def test_lattices_that_were_never_run_are_sent_before_the_next_ones():
    device = opened()
    device.load_states(lattices(2), 0)
    device.zero_cells(np.zeros((2, SPEC.cells), bool))
    device.load_states(lattices(2)[::-1].copy(), 0)
    assert np.array_equal(device.read_states(), lattices(2)[::-1])
    assert [kind for kind, *_ in device.link.port.requests].count(Kind.RESET) == 1


def test_a_chip_that_lost_what_it_held_is_told_of_and_the_next_batch_runs():
    device = opened()
    device.choose(0)
    device.load_states(lattices(2), 0)
    device.link.port.ready = False
    with pytest.raises(LinkError, match="was reset meanwhile"):
        run(device, gate_network(), 2)
    device.load_states(lattices(2), 0)
    golden = GoldenDevice(skeletons())
    golden.load_states(lattices(2), 0)
    for each in (device, golden):
        run(each, gate_network(), 5)
    assert np.array_equal(device.read_states(), golden.read_states())


def test_closing_gives_the_port_back():
    device = opened()
    device.close()
    assert device.link.port.closed


@pytest.mark.parametrize(("height", "width"), [(8, 4), (4, 8)])
def test_a_lattice_that_is_not_square_comes_back_as_golden_has_it(height, width):
    rng = np.random.default_rng(0)
    gate = Gate(input_channel=1, output_channel=2, start=2, mapping="phase4")
    spec = Spec(height=height, width=width, channels=3, multiplier=2, image=2, gate=gate)
    skeleton, answers = calibrated(spec, rng), network(spec, rng)
    device = ChipDevice(PlayedChip((None, skeleton)), (skeleton,))
    golden = GoldenDevice((skeleton,))
    states = rng.integers(-128, 128, (2, *spec.lattice), np.int8)
    cells = rng.random((2, spec.cells)) < 0.3
    for each in (device, golden):
        each.load_states(states, 1)
        run(each, answers, 6)
        each.zero_cells(cells)
    assert np.array_equal(device.read_states(), golden.read_states())
    images = rng.integers(0, 256, (3, 2, 2), np.uint8)
    found, wanted = (restore(each, answers, images, 4) for each in (device, golden))
    assert np.array_equal(found, wanted)
