"""Evaluation by the protocol, on a device that does what it is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import Device
from golden.spec import Spec
from sw.experiments.table import measure
from sw.experiments.table.measure import DAMAGES, point, row
from sw.experiments.table.subject import Subject
from sw.judge import evaluate as work
from sw.judge.evaluate import Judged
from tests.memory_toys import Referee, digits, scores

DIGITS = digits(5, 14)


class Echo(Device):
    """A device of two contexts that shows what it was given, one code brighter, and its steps."""

    contexts = 2
    skeletons = (SimpleNamespace(spec=Spec(height=16, width=16, image=14)),)

    def __init__(self):
        self.given, self.runs = [], set()

    def load_images(self, images):
        self.given.append(images)

    def start(self, steps, *, gated):
        self.runs.add((steps, gated))

    def planes(self):
        return np.arange(0), None

    def read_images(self):
        return np.where(self.given[-1] < 255, self.given[-1] + 1, 254).astype(np.uint8)


def mask(share):
    lost = np.zeros((5, 196), bool)
    for index, each in enumerate(lost):
        each[np.random.default_rng(index).permutation(196)[: round(196 * share)]] = True
    return lost.reshape(5, 14, 14)


def rounded(found):
    return {key: pytest.approx(value, abs=2e-3) for key, value in found.items()}


@pytest.mark.parametrize("share", [0.7, 0.25])
def test_an_evaluation_judges_what_was_blanked_restored_and_pasted(monkeypatch, share):
    monkeypatch.setattr(work.Referee, "load", Referee)
    device, done = Echo(), []
    found = work.evaluate(device, None, DIGITS, steps=7, share=share, progress=done.append)
    lost = mask(share)
    damaged = np.where(lost, 0, DIGITS.images).astype(np.uint8)
    np.testing.assert_array_equal(np.concatenate(device.given), damaged)
    assert device.runs == {(7, False)} and done == [2, 2, 1]
    restored = np.where(damaged < 255, damaged + 1, 254).astype(np.uint8)
    pasted = np.where(lost, restored, DIGITS.images)
    for name, images in (("blanked", damaged), ("restored", restored), ("pasted", pasted)):
        assert found[name] == rounded(scores(images, DIGITS)), name
    assert found["originals"]["digit_id"] == 40
    told = {"rows": "test", "images": 5, "steps": 7, "damage": share, "gated": False}
    assert told.items() <= found.items()
    assert found["digits_per_second"] > 0 and found["seconds"] >= 0


def subject(restore):
    return Subject(name="n", version=1, restore=restore)


def test_a_row_of_the_table_has_both_means_and_both_kinds():
    restored = (255 - DIGITS.images.astype(int)).astype(np.uint8)
    found = row(subject(lambda *given: restored), DIGITS, Referee(), lambda done: None)
    pasted = np.where(mask(0.7), restored, DIGITS.images)
    raw, kept = scores(restored, DIGITS), scores(pasted, DIGITS)
    assert found == {
        "psnr_mean": pytest.approx(raw["psnr_mean"], abs=2e-3),
        "psnr_mse": pytest.approx(raw["psnr_of_mean"], abs=2e-3),
        "digit_id": raw["digit_id"],
        "psnr_mean_pasted": pytest.approx(kept["psnr_mean"], abs=2e-3),
        "psnr_mse_pasted": pytest.approx(kept["psnr_of_mean"], abs=2e-3),
        "ssim": round(float(measure.ssim(restored, DIGITS.images).mean()), 4),
    }


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_point_of_a_curve_has_its_own_damage(damage):
    given = []

    def restore(damaged, blanked, progress):
        given.append(damaged)
        assert not blanked.any() and blanked.shape == damaged.shape
        return damaged

    found = point(subject(restore), DIGITS, damage, Referee(), lambda done: None)
    images = DIGITS.images
    if damage.endswith("blanked"):
        want = np.where(mask(int(damage.split("%")[0]) / 100), 0, images)
    elif damage.startswith("14 x 14"):
        want = 0 * images
    else:
        noise = [np.random.default_rng(i).normal(0, 76.5, (14, 14)) for i in range(5)]
        want = (images + np.stack(noise)).round().clip(0, 255)
    np.testing.assert_array_equal(given[0], want)
    wanted = scores(want.astype(np.uint8), DIGITS)
    assert (found["name"], found["damage"], found["images"]) == ("n", damage, 5)
    assert found["digit_id"] == wanted["digit_id"]
    assert found["psnr_mean"] == pytest.approx(wanted["psnr_mean"], abs=2e-3)
    assert found["psnr_mse"] == pytest.approx(wanted["psnr_of_mean"], abs=2e-3)


def test_the_first_digits_are_taken_and_show_digits_where_there_are_none():
    class Both:
        test_images, test_labels = DIGITS.images, DIGITS.labels

    class Neither:
        test_images = test_labels = None

    found = work.digits_to_judge(Both, 3)
    assert isinstance(found, Judged) and found.rows == "test"
    np.testing.assert_array_equal(found.images, DIGITS.images[:3])
    np.testing.assert_array_equal(found.labels, DIGITS.labels[:3])
    assert (
        work.digits_to_judge(Neither, 4).rows == "show"
        and len(work.digits_to_judge(Neither).images) == 1000
    )
