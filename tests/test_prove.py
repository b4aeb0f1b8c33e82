"""The proof of whole digits: one wrong code anywhere is found, and said where."""

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.errors import Difference, InputError
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sim.proof.prove import Restorer, compare_device

SPEC = Spec(height=8, width=8, image=6, gate=Gate(input_channel=0, output_channel=1, start=2))
SKELETON = calibrated(SPEC, np.random.default_rng(0))
NETWORK = network(SPEC, np.random.default_rng(1))
IMAGES = np.random.default_rng(2).integers(0, 256, (5, 6, 6)).astype(np.uint8)
STEPS = 4


class Wrong(GoldenDevice):
    """Golden, but for one code of what it returns of the second batch from step ``after`` on."""

    def __init__(self, kind, place, after=0):
        super().__init__((SKELETON,), contexts=2)
        self.kind, self.place, self.after = kind, place, after
        self.loads = 0

    def load_images(self, images):
        super().load_images(images)
        self.loads += 1

    def spoil(self, kind, codes):
        # The second batch, of images 2 and 3, or that batch again, step by step.
        if kind == self.kind and self.loads >= 2 and self._step >= self.after and len(codes) == 2:
            codes = codes.copy()
            codes[self.place] ^= 1
        return codes

    def planes(self):
        indices, planes = super().planes()
        return indices, self.spoil("planes", planes)

    def read_states(self):
        return self.spoil("states", super().read_states())

    def read_images(self):
        return self.spoil("images", super().read_images())


def compare(device, **options):
    return compare_device(device, Restorer(SKELETON, NETWORK, STEPS), IMAGES, **options)


def test_equal_codes_are_counted():
    openings = 3 * SPEC.cells
    states = SPEC.channels * SPEC.cells
    assert compare(GoldenDevice((SKELETON,))) == 5 * (openings + states + 36)
    assert compare(GoldenDevice((SKELETON,)), states=False) == 5 * (openings + 36)


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (Wrong("states", (1, 3, 4, 5), 3), r"image 13, step 3: channel 3, cell \(4, 5\) is "),
        (Wrong("states", (0, 15, 0, 0)), r"image 12, step 0: channel 15, cell \(0, 0\) is "),
        (Wrong("images", (1, 2, 5)), r"image 13: pixel \(2, 5\) is "),
    ],
    ids=["late", "early", "read-out"],
)
def test_a_wrong_code_is_named(device, text):
    with pytest.raises(Difference, match=rf"^{text}-?\d+, golden has -?\d+; 1 code of "):
        compare(device, first=10)


def test_a_wrong_plane_is_found_where_the_states_are_right():
    with pytest.raises(Difference, match=r"^image 2, opening 0: cell 7 is |^image 2, step "):
        compare(Wrong("planes", (0, 7)))


def test_a_device_that_does_not_go_on_tells_what_was_read_at_first():
    class Dies(Wrong):
        def start(self, steps, *, gated=True):
            if steps == 1:
                raise InputError("unplugged")
            super().start(steps, gated=gated)

    with pytest.raises(Difference, match=r"^image 3: channel 3, cell \(4, 5\) is "):
        compare(Dies("states", (1, 3, 4, 5), 3))
