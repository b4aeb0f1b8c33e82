"""A referee for labels of the user's own, and judging without labels."""

from types import SimpleNamespace

import numpy as np
import pytest

from golden.errors import InputError
from golden.spec import Spec
from sw.data.damage import damage
from sw.data.load import Digits, load, show_digits
from sw.judge import evaluate as work
from sw.judge.evaluate import Judged, evaluate, images_to_judge
from sw.judge.metrics import ssim
from sw.judge.referee import Referee, own
from sw.judge.referee.own import classifier, referee_for
from tests.test_evaluate import Echo

pytestmark = pytest.mark.usefixtures("nothing_at_hand", "one_thread")


def bars(count=160):
    """Images of 12 x 12: a bar across, or one down, somewhere."""
    rng = np.random.default_rng(0)
    images, labels = np.zeros((count, 12, 12), np.uint8), np.arange(count) % 2
    for image, label, at in zip(images, labels, rng.integers(1, 10, count), strict=True):
        (image if label else image.T)[at : at + 2, 1:11] = 255
    return Digits(images[40:], labels[40:].astype(np.uint8), images[:40], labels[:40], "bars")


def test_labels_of_any_images_are_read_by_a_referee_that_is_kept(tmp_path, monkeypatch):
    told, data = [], bars()
    found = referee_for(data, told.append)
    read, _ = found.read(data.test_images)
    assert np.mean(read == data.test_labels) > 0.95
    assert told == ["training a referee on 120 clean images of bars"]

    monkeypatch.setattr(own, "train", lambda *given: pytest.fail("it is there"))
    again, _ = referee_for(data, told.append).read(data.test_images)
    assert again.tolist() == read.tolist() and len(told) == 1


def test_a_damaged_referee_is_trained_again_and_the_same(tmp_path):
    data = bars(60)
    first = referee_for(data).read(data.test_images)[1]
    (path,) = (tmp_path / "cache").rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    np.testing.assert_array_equal(referee_for(data).read(data.test_images)[1], first)


def test_digits_of_mnist_have_the_shipped_referee(monkeypatch):
    monkeypatch.setattr(own, "train", lambda *given: pytest.fail("the shipped one reads them"))
    images, labels = show_digits()
    found = referee_for(Digits(images, labels, None, None, "digits"))
    np.testing.assert_array_equal(found.read(images[:9])[0], Referee.load().read(images[:9])[0])


def test_what_the_shipped_referee_cannot_read_has_its_own(monkeypatch):
    trained = []
    monkeypatch.setattr(own, "train", lambda *given: trained.append(given))
    images, labels = show_digits()
    referee_for(Digits(images, (labels + 1) % 10, None, None, "others"))
    referee_for(Digits(images, labels + 10, None, None, "letters"))
    assert len(trained) == 2 and trained[1][0][-1].out_features == 20


def test_without_labels_there_is_no_referee():
    with pytest.raises(InputError, match=r"^A referee must have labels to learn, unlike bars$"):
        referee_for(Digits(bars().train_images, None, None, None, "bars"))


@pytest.mark.parametrize("size", [4, 5, 8, 28, 64])
def test_a_classifier_takes_images_of_any_size(size):
    images = np.zeros((2, size, size), np.uint8)
    assert Referee(classifier(size, 3)).read(images)[0].shape == (2,)


def test_images_without_labels_are_judged_by_their_structure(monkeypatch):
    monkeypatch.setattr(work.Referee, "load", lambda: pytest.fail("nobody reads them"))
    images = np.random.default_rng(0).integers(0, 256, (5, 14, 14), np.uint8)
    found = evaluate(Echo(), None, Judged("test", images, None), steps=3, share="block:0.5")
    assert found["originals"]["ssim"] == 1 and found["damage"] == "block:0.5"
    lost, _ = damage(images, range(5), "block:0.5")
    assert found["blanked"]["ssim"] == round(float(ssim(lost, images).mean()), 4) < 0.9
    assert "digit_id" not in found["restored"]
    given = images_to_judge(SimpleNamespace(test_images=images, test_labels=None), 3)
    assert given.labels is None and len(given.images) == 3


def test_small_images_have_a_structure_too():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    np.testing.assert_allclose(ssim(images, images), 1)
    assert (ssim(images, images[::-1]) < 0.7).sum() >= 2


def test_the_digits_of_scikit_learn_fit_a_lattice_of_twelve():
    data = load("sklearn:digits")
    spec = Spec(height=12, width=12, image=8, channels=8, multiplier=4)
    assert data.train_images.shape[1:] == (spec.image, spec.image)
