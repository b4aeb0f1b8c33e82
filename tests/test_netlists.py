"""The verb netlist-sim: what it restores, and how it tells of a difference; the netlist played."""

from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.errors import Difference
from golden.samples import calibrated, network
from golden.skeleton import Skeleton, find
from golden.spec import Gate, Spec
from sim.proof.steps import Restorer, first_difference
from sw.cli import netlist_sim as netlists
from sw.data.damage import blank
from sw.data.load import show_digits

SPEC = Spec(
    height=4, width=4, image=4, gate=Gate(input_channel=0, output_channel=1, start=2, every=2)
)


class Wrong(GoldenDevice):
    """A device of two lattices; from a step on, in later batches, it has a code wrong."""

    def __init__(self, skeletons, place=None, at=3, skip=0):
        super().__init__(skeletons)
        self.contexts = 2
        self.place, self.at, self.skip, self.seen, self.done = place, at, skip, [], 0

    def load_images(self, images):
        self.seen.append(images)
        super().load_images(images)
        self.done = 0

    def start(self, steps, *, gated=True):
        self.done += steps
        super().start(steps, gated=gated)

    def read_states(self):
        states = super().read_states()
        if self.place and self.done >= self.at and len(self.seen) > self.skip:
            states[(len(states) - 1, *self.place)] ^= 1
        return states


@pytest.fixture
def played(monkeypatch):
    """Play the netlist of the command line by a device; return what makes it wrong."""
    made, wrong = [], {}

    def device(port, skeletons):
        made.append(Wrong(skeletons, **wrong))
        return made[-1]

    port = SimpleNamespace(board=SimpleNamespace(clocks=1234))
    monkeypatch.setattr(netlists, "simulate_netlist", lambda *arguments: port)
    monkeypatch.setattr("sw.serial.device.ChipDevice", device)
    monkeypatch.setattr("sim.devices.verilate.require_tools", lambda: None)
    return made, wrong


def test_show_digits_are_damaged_by_their_positions(thalweg, played):
    made, _ = played
    code, out, err = thalweg("netlist-sim", "ulx3s-25f", "--images", 12, "--states")
    assert (code, err) == (0, "")
    codes = 12 * (16 * 32 * 32 + 28 * 28 + openings() * 32 * 32)
    want = f"equal to golden on 12 digits, {codes:,} codes, 1,234 clocks of the link"
    assert out == f"netlist of ulx3s-25f: {want}\n"
    want = blank(show_digits()[0][:12], range(12), 0.7)
    np.testing.assert_array_equal(np.concatenate(made[0].seen), want)


def openings():
    """Openings of the gate that digits ships with."""
    spec = Skeleton.load(find("digits")).spec
    return sum(map(spec.gate.is_open, range(1, spec.steps + 1)))


def test_a_difference_ends_with_1_and_names_step_channel_and_cell(thalweg, played):
    _, wrong = played
    wrong |= {"place": (5, 7, 30), "at": 3}
    code, _, err = thalweg("netlist-sim", "ulx3s-25f", "--images", 2, "--states")
    assert code == 1 and err.count("\n") == 1
    assert err.startswith("thalweg: image 1, step 3: channel 5, cell (7, 30) is ")


def test_the_first_step_that_differs_is_named():
    rng = np.random.default_rng(62)
    skeleton = calibrated(SPEC, rng)
    gate, images = network(SPEC, rng), rng.integers(0, 256, (4, 4, 4), np.uint8)
    first_difference(Wrong((skeleton,)), Restorer(skeleton, gate, 5), images)
    for at, skip, image in ((0, 0, 1), (4, 0, 1), (5, 1, 3)):
        device = Wrong((skeleton,), (2, 1, 3), at, skip)
        text = rf"^image {image}, step {at}: channel 2, cell \(1, 3\) is"
        with pytest.raises(Difference, match=text):
            first_difference(device, Restorer(skeleton, gate, 5), images)
    text = r"^image 13, step 5: channel 2, cell \(1, 3\) is"
    with pytest.raises(Difference, match=text):
        first_difference(
            Wrong((skeleton,), (2, 1, 3), 5, 1), Restorer(skeleton, gate, 5), images, first=10
        )


class WrongImage(Wrong):
    """A device whose last image has a pixel wrong, and no state."""

    def read_images(self):
        images = super().read_images()
        images[-1, 2, 1] ^= self.done == 3 and len(self.seen) == 2
        return images


def test_an_image_that_differs_where_no_state_does_is_named():
    rng = np.random.default_rng(63)
    skeleton = calibrated(SPEC, rng)
    images = rng.integers(0, 256, (4, 4, 4), np.uint8)
    with pytest.raises(
        Difference, match=r"^image 8: pixel \(2, 1\) is \d+, golden has \d+; 1 code"
    ):
        first_difference(WrongImage((skeleton,)), Restorer(skeleton, None, 3), images, first=5)
