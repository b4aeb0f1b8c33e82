"""The simulated chip as a device, its library played: what it is told, and how it is understood."""

import numpy as np
import pytest
from amaranth import Shape

from golden.device import GoldenDevice, run
from golden.errors import SkeletonDamaged, ToolError
from hw.shapes import Geometry
from hw.skeleton_memory import images, layouts
from sim.devices import chip as module
from sim.devices.designs import ChipDesign, Port
from sim.devices.device import SimulatedDevice
from tests.device_suite import SPEC, DeviceSuite, gate_network, lattices, pair, skeletons
from tests.played_chip import OVERHEAD, PlayedChip


@pytest.fixture
def make(monkeypatch):
    """Return a function that makes a device whose chip is played; `device.played` is the chip."""

    def make(*, filters=5, contexts=2, played=None, **options):
        geometry = Geometry(spec=SPEC, filters=filters, contexts=contexts)
        chip, asked = PlayedChip(geometry, skeletons(), **(played or {})), []
        monkeypatch.setattr(module, "build_library", lambda *given: (asked.append(given), "it")[1])
        monkeypatch.setattr(module, "load", {"it": chip}.get)
        device = SimulatedDevice(skeletons(), filters=filters, contexts=contexts, **options)
        device.played, device.asked, device.filters = chip, asked, filters
        return device

    return make


class TestPlayed(DeviceSuite):
    @pytest.fixture(params=[(5, 2), (1, 3)], ids=["F5", "F1"])
    def device(self, request, make):
        filters, contexts = request.param
        return make(filters=filters, contexts=contexts)


def test_a_device_is_made_of_what_it_was_asked_for(make):
    said = []
    device = make(
        filters=2, contexts=3, stall=7, seed=9, limit=5, traced=True, progress=said.append
    )
    (asked,) = device.asked
    geometry = Geometry(spec=SPEC, filters=2, contexts=3)
    assert asked == (ChipDesign(geometry, True), device.asked[0][1]) and asked[1] == said.append
    chip = device.played
    assert (chip.seed, chip.stall, chip.limit, device.contexts) == (9, 7, 5, 3)
    assert device.geometry == geometry and device.skeletons == skeletons()
    assert make().asked[0][0] == ChipDesign(Geometry(spec=SPEC, filters=5, contexts=2), False)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("filters", [1, 2, 5])
def test_every_row_of_every_skeleton_memory_is_stored(make, filters, own):
    geometry = Geometry(spec=SPEC, filters=filters)
    rows = images(geometry, skeletons()[::-1] if own else skeletons())
    chip = make(filters=filters, memories=rows if own else None).played
    for index, (name, layout) in enumerate(layouts(geometry).items()):
        words = -(-Shape.cast(layout).width // 32)
        found = [chip.stored[index][row][:words] for row in range(len(rows[name]))]
        assert [sum(n << 32 * k for k, n in enumerate(row)) for row in found] == rows[name]
        assert len(chip.stored[index]) == len(rows[name])


def test_a_chip_that_checks_nothing_is_told_of(make):
    text = r"^The simulated chip checks no skeleton within 33 clocks$"
    with pytest.raises(ToolError, match=text):
        make(limit=33, played={"checks": False})


def test_a_damaged_skeleton_is_refused_whatever_is_asked_of_it(make):
    device = make(played={"damaged": 0b10})
    assert device.damaged == 2
    device.choose(1)
    device.load_states(lattices(2), 0)
    with pytest.raises(SkeletonDamaged):
        device.read_states()
    device.choose(0)
    device.load_states(lattices(2), 0)
    assert np.array_equal(device.read_states(), lattices(2))


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_stored_codes_are_read_and_replaced_beside_a_pending_delta(make, filters):
    device, gate = make(filters=filters), skeletons()[0].spec.gate
    for chip, golden, states in pair(device, 2):
        for each in (chip, golden):
            each.load_states(states, 0)
            run(each, gate_network(), gate.start)
        stored, seen = chip.stored_states(), chip.read_states()
        others = [n for n in range(SPEC.channels) if n != gate.output_channel]
        assert np.array_equal(stored[:, others], golden.read_states()[:, others])
        assert not np.array_equal(stored[:, gate.output_channel], seen[:, gate.output_channel])
        other = np.random.default_rng(9).integers(-128, 128, stored.shape).astype(np.int8)
        chip.store_states(other)
        assert np.array_equal(chip.stored_states(), other)
        delta = seen[:, gate.output_channel].astype(int) - stored[:, gate.output_channel]
        found = chip.read_states()[:, gate.output_channel].astype(int)
        free = (np.abs(seen[:, gate.output_channel].astype(int)) < 127) & (np.abs(found) < 127)
        assert np.array_equal(found[free], (other[:, gate.output_channel] + delta)[free])


def test_a_lattice_memory_that_is_not_there_is_told_of(make):
    with pytest.raises(ValueError, match=r"^The simulated chip has no lattice memory 2$"):
        make().chip.exchange(2, np.zeros(0, np.uint32), write=False)


def test_a_trace_lasts_as_long_as_its_block_whatever_happens_in_it(make):
    device = make(traced=True)
    device.load_states(lattices(1), 0)
    with pytest.raises(KeyboardInterrupt), device.trace("some/folder/x.saif"):
        run(device, gate_network(), 1)
        raise KeyboardInterrupt
    assert device.played.traced == [b"some/folder/x.saif", 2]  # a load and a run lie within


def test_clocks_are_those_of_the_chip(make):
    device = make()
    device.load_states(lattices(2), 0)
    device.think(123)
    device.choose(0)
    run(device, None, 2)
    busy = 2 * 2 * SPEC.cells * device.geometry.slots
    assert device.counters() == (busy + 2 * OVERHEAD, busy)
    assert device.played.thought == [123]
    device.played.clocks = 99
    assert device.simulated_clocks == 99


def test_a_device_gives_its_chip_back_once(make):
    device = make()
    chip = device.played
    handle = device.chip._handle
    handle.__del__()
    handle.__del__()
    assert chip.told == {"reset": 1, ("deleted", chip.handle): 1}


def test_openings_come_whole_and_are_told_apart(make):
    device = make(contexts=3)
    golden = GoldenDevice(skeletons())
    for each in (device, golden):
        each.choose(0)
        each.load_states(lattices(3), 1)
        each.start(2)
    (indices, planes), (_, wanted) = device.planes(), golden.planes()
    assert indices.tolist() == [0] and np.array_equal(planes, wanted[:1])
    device.write_deltas(indices, np.full((1, SPEC.deltas), -3, np.int8))
    assert device.planes()[0].tolist() == [1]


def test_all_planes_that_are_complete_come_at_once(make):
    device = make(contexts=3)
    codes = np.arange(2 * SPEC.cells, dtype=np.uint8).reshape(2, SPEC.cells)
    for context, plane in zip((2, 0), codes, strict=True):
        device.played.offer(context, plane.view(np.int8))
    device.played.offer(1, codes[0].view(np.int8))
    device.played.queues[Port.PLANE].pop()  # the third one is still under way
    indices, planes = device.planes()
    assert indices.tolist() == [2, 0] and np.array_equal(planes.view(np.uint8), codes)
    assert len(device.played.queues[Port.PLANE]) == SPEC.cells - 1


def test_a_new_device_runs_its_first_skeleton_with_the_gate_that_it_has(make):
    device = make()
    device.load_states(lattices(2), 1)
    device.start(1)
    assert len(device.planes()[0]) and device.played.done[-1].skeleton == 0
