import numpy as np
import pytest

from sw.experiments.baselines import closed
from sw.experiments.baselines.closed import ClosedForms

RNG = np.random.default_rng(1)
TRAINING = (RNG.integers(0, 256, (60, 1, 4)) * np.ones((1, 4, 1)) * 0.5).astype(np.uint8)
TRAINING += RNG.integers(0, 120, (60, 4, 4), dtype=np.uint8)
DAMAGED = TRAINING[:3].copy()
BLANKED = RNG.random((3, 4, 4)) < 0.6
DAMAGED[BLANKED] = 0


def rounded(values):
    return np.rint(values).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", ["mean_fill", "convolution", "nearest", "gaussian"])
def test_known_pixels_stay_and_no_blanked_one_does(name):
    filled = getattr(ClosedForms(TRAINING), name)(DAMAGED, BLANKED)
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[~BLANKED], DAMAGED[~BLANKED])
    assert (filled[BLANKED] > 0).all()


def test_mean_fill_is_the_mean_of_each_pixel():
    filled = ClosedForms(TRAINING).mean_fill(DAMAGED, BLANKED)
    wanted = np.broadcast_to(rounded(TRAINING.mean(0)), filled.shape)
    difference = filled[BLANKED].astype(int) - wanted[BLANKED]
    assert abs(difference).max() <= 1


def test_nearest_digits_are_those_of_a_plain_search(monkeypatch):
    monkeypatch.setattr(closed, "NEIGHBOURS", 5)
    filled = ClosedForms(TRAINING).nearest(DAMAGED, BLANKED)
    for got, image, missing in zip(filled, DAMAGED, BLANKED, strict=True):
        excess = TRAINING.astype(float) - image
        distances = (excess**2 * ~missing).sum(axis=(1, 2))
        wanted = TRAINING[np.argsort(distances)[:5]].mean(0)
        np.testing.assert_allclose(got[missing], wanted[missing], atol=0.51)


def test_gaussian_is_the_conditional_mean():
    filled = ClosedForms(TRAINING).gaussian(DAMAGED, BLANKED)
    rows = TRAINING.reshape(60, 16) / 255
    mean, covariance = rows.mean(0), np.cov(rows.T, bias=True) + closed.RIDGE * np.eye(16)
    for got, image, missing in zip(filled, DAMAGED, BLANKED, strict=True):
        u, k = np.flatnonzero(missing), np.flatnonzero(~missing)
        inverse = np.linalg.inv(covariance[np.ix_(k, k)])
        excess = image.reshape(16)[k] / 255 - mean[k]
        wanted = mean[u] + covariance[np.ix_(u, k)] @ inverse @ excess
        np.testing.assert_allclose(got.reshape(16)[u], rounded(255 * wanted), atol=1)


def test_convolution_weighs_known_pixels_alone_by_their_distance():
    forms = ClosedForms(TRAINING)
    forms.__dict__["sigma"] = 0.8
    filled = forms.convolution(DAMAGED, BLANKED)
    for got, image, missing in zip(filled, DAMAGED, BLANKED, strict=True):
        known = np.argwhere(~missing)
        for place in np.argwhere(missing):
            weights = np.exp(-0.5 * ((known - place) ** 2).sum(1) / 0.8**2)
            wanted = weights @ image[~missing] / weights.sum()
            assert abs(int(got[tuple(place)]) - wanted) < 0.51


def test_convolution_of_nothing_known_is_black():
    dark = np.zeros((1, 4, 4), np.uint8)
    forms = ClosedForms(TRAINING)
    forms.__dict__["sigma"] = 0.8
    np.testing.assert_array_equal(forms.convolution(dark, dark == 0), dark)


def test_sigma_is_the_best_of_those_tried_where_70_percent_are_blanked(monkeypatch):
    y, x = np.mgrid[:12, :12]
    waves = np.random.default_rng(0).uniform(0.2, 0.9, (20, 2))
    images = np.stack([(127 + 127 * np.sin(a * x + b * y)).astype(np.uint8) for a, b in waves])
    seen, decibels, honest = [], [], closed.fill

    def fill(damaged, blanked, rest):
        seen.append((damaged, blanked))
        filled = honest(damaged, blanked, rest)
        errors = ((filled.astype(float) - images) ** 2).mean(axis=(1, 2)) / 255**2
        decibels.append(-10 * np.log10(errors).mean())
        return filled

    monkeypatch.setattr(closed, "fill", fill)
    chosen = ClosedForms(images).sigma
    assert chosen == closed.SIGMAS[np.argmax(decibels)] == 0.8
    assert len(seen) == len(closed.SIGMAS)
    for damaged, blanked in seen:
        assert (blanked.sum(axis=(1, 2)) == round(0.7 * 144)).all()
        np.testing.assert_array_equal(damaged, np.where(blanked, 0, images))
