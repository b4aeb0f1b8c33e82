import numpy as np
import pytest

from sw.damage import blank, blanked


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.3, 235), (0.7, 549), (1.0, 784)])
def test_blanks_that_share_of_each_image(share, count):
    mask = blanked((3, 28, 28), range(3), share)
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
