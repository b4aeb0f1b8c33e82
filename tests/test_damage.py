import numpy as np
import pytest

from golden.errors import InputError
from sw.data.damage import blank, blank_mask, block, noisy


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.3, 235), (0.7, 549), (1.0, 784)])
def test_blanks_that_share_of_each_image(share, count):
    mask = blank_mask((3, 28, 28), range(3), share)
    assert mask.sum(axis=(1, 2)).tolist() == [count] * 3


def test_masks_are_those_of_the_protocol():
    images = np.random.default_rng(0).integers(1, 256, (3, 28, 28), np.uint8)
    kept = images.copy()
    got = blank(images, np.array([0, 7, 9999]))
    for image, index, result in zip(images, (0, 7, 9999), got, strict=True):
        want = image.reshape(784).copy()
        want[np.random.default_rng(index).permutation(784)[:549]] = 0
        np.testing.assert_array_equal(result.reshape(784), want)
    np.testing.assert_array_equal(images, kept)
    assert got.dtype == np.uint8


def test_block_is_a_square_in_the_middle():
    images = np.full((2, 28, 28), 9, np.uint8)
    damaged = block(images)
    assert (damaged == 0).sum() == 2 * 14 * 14
    assert (damaged[:, 7:21, 7:21] == 0).all() and (images == 9).all()


def test_block_lies_in_the_middle_of_images_that_are_not_square():
    damaged = block(np.full((1, 20, 28), 9, np.uint8), side=6)
    assert (damaged[0, 7:13, 11:17] == 0).all() and (damaged == 0).sum() == 36


def test_noise_is_drawn_by_the_index_and_saturates():
    images = np.stack([np.full((28, 28), level, np.uint8) for level in (128, 255, 0)])
    damaged = noisy(images, range(3), 76.5)
    wanted = 128 + np.random.default_rng(0).normal(0, 76.5, (28, 28))
    np.testing.assert_array_equal(damaged[0], np.rint(wanted).clip(0, 255))
    assert (
        abs((damaged[1] == 255).mean() - 0.5) < 0.06 and abs((damaged[2] == 0).mean() - 0.5) < 0.06
    )
    np.testing.assert_array_equal(noisy(images[:1], [2], 20.0), noisy(images[:1], [2], 20.0))
    assert (noisy(images[:1], [2], 20.0) != noisy(images[:1], [3], 20.0)).any()


def test_every_image_has_an_index_of_its_own():
    images = np.zeros((3, 4, 6), np.uint8)
    with pytest.raises(InputError, match=r"^Indices must be of 3 images, not of 2$"):
        blank_mask(images.shape, [0, 1], 0.5)
    with pytest.raises(InputError, match=r"^Indices must be of 3 images, not of 4$"):
        blank(images, range(4))
    with pytest.raises(ValueError, match="zip"):
        noisy(images, range(2), 1.0)
    mask = blank_mask((1, 4, 6), [9], 0.25)
    assert mask.shape == (1, 4, 6) and mask.dtype == bool
    want = np.random.default_rng(9).permutation(24)[:6]
    assert sorted(np.flatnonzero(mask)) == sorted(want)
    assert blank(np.full((1, 4, 6), 3, np.uint8), [9]).astype(bool).sum() == 24 - 17
