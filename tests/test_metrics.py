import numpy as np
import pytest

from sw.judge.metrics import closeness, paste, psnr, squared_errors, ssim


def test_psnr_of_known_errors():
    originals = np.zeros((2, 28, 28), np.uint8)
    images = originals.copy()
    images[0] = 255  # 0 dB
    images[1, :, :14] = 51  # a half of the pixels off by a fifth of the peak: 14 + 3 dB
    assert squared_errors(images, originals).tolist() == [255.0**2, 51.0**2 / 2]
    got = closeness(images, originals)
    second = 10 * np.log10(50)
    assert got.psnr_mean == pytest.approx(second / 2, abs=1e-12)
    assert got.psnr_of_mean == pytest.approx(-10 * np.log10((1 + 1 / 50) / 2), abs=1e-12)


def test_flawless_image_counts_as_one_code_off():
    images = np.full((3, 28, 28), 9, np.uint8)
    assert closeness(images, images) == pytest.approx((77.0740, 77.0740), abs=1e-4)
    near = images.copy()
    near[:, 3, 4] += 1
    assert closeness(near, images) == closeness(images, images)
    assert psnr(0.0) == pytest.approx(77.0740, abs=1e-4)
    assert psnr(0.0, 1) == pytest.approx(48.1308, abs=1e-4)


def test_errors_do_not_wrap_around():
    black, white = np.zeros((1, 2, 2), np.uint8), np.full((1, 2, 2), 255, np.uint8)
    assert squared_errors(black, white).tolist() == squared_errors(white, black).tolist() == [65025]


def test_paste_puts_known_pixels_back():
    restored, originals = np.full((1, 2, 2), 7, np.uint8), np.full((1, 2, 2), 9, np.uint8)
    blanked = np.array([[[True, False], [False, True]]])
    assert paste(restored, originals, blanked).tolist() == [[[7, 9], [9, 7]]]


def test_ssim_is_that_of_scikit_image():
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(0)
    originals = rng.integers(0, 256, (4, 28, 28)).astype(np.uint8)
    images = (originals * 0.7 + rng.integers(0, 70, (4, 28, 28))).astype(np.uint8)
    images[1], images[2] = originals[1], 255 - originals[2]
    wanted = [
        structural_similarity(
            *pair, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for pair in zip(images, originals, strict=True)
    ]
    np.testing.assert_allclose(ssim(images, originals), wanted, atol=1e-12)
    assert ssim(images, originals)[1] == pytest.approx(1.0)


@pytest.mark.parametrize("shape", [(6, 6), (8, 4), (64, 64)])
def test_flawless_images_of_any_size_count_as_one_code_off(shape):
    images = np.full((2, *shape), 9, np.uint8)
    wanted = 10 * np.log10(255**2 * shape[0] * shape[1])
    assert closeness(images, images) == pytest.approx((wanted, wanted), abs=1e-9)
    one = images.copy()
    one[0, 1, 2] = 11  # two codes off in one pixel: 6.02 dB below
    assert closeness(one, images).psnr_mean == pytest.approx(wanted - 10 * np.log10(2), abs=1e-9)
    assert squared_errors(one, images).tolist() == [4 / (shape[0] * shape[1]), 0]


def test_ssim_of_images_that_are_not_square_is_that_of_scikit_image():
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(1)
    originals, images = rng.integers(0, 256, (2, 3, 14, 21)).astype(np.uint8)
    wanted = [
        structural_similarity(
            *pair, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for pair in zip(images, originals, strict=True)
    ]
    np.testing.assert_allclose(ssim(images, originals), wanted, atol=1e-12)
