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


@pytest.mark.parametrize("name", ["mean_fill", "convolution", "nearest", "gaussian"])
def test_every_batch_is_filled_in_its_place_and_counted(monkeypatch, name):
    whole, parts = [], []
    forms = ClosedForms(TRAINING)
    wanted = getattr(forms, name)(DAMAGED, BLANKED, whole.append)
    monkeypatch.setattr(closed, "BATCH", 2)
    found = getattr(forms, name)(DAMAGED, BLANKED, parts.append)
    np.testing.assert_array_equal(found, wanted)
    assert (whole, parts) == ([3], [2, 1])


def test_covariance_is_of_the_training_digits_with_the_ridge():
    forms = ClosedForms(np.array([[[0, 255]], [[255, 255]]], np.uint8))
    assert forms.rows.tolist() == [[0, 1], [1, 1]] and forms.mean.tolist() == [0.5, 1]
    wanted = [[0.25 + 1e-3, 0], [0, 1e-3]]
    np.testing.assert_allclose(forms.covariance.numpy(), wanted, atol=1e-9)


def test_far_pixels_fill_what_has_no_near_one():
    damaged, blanked = np.zeros((1, 28, 28), np.uint8), np.ones((1, 28, 28), bool)
    damaged[0, 0, 0], blanked[0, 0, 0] = 200, False
    forms = ClosedForms(damaged)
    forms.__dict__["sigma"] = closed.SIGMAS[0]
    assert (forms.convolution(damaged, blanked) == 200).all()


def test_nearest_of_few_digits_are_all_of_them():
    filled = ClosedForms(TRAINING[:3]).nearest(DAMAGED, np.ones_like(BLANKED))
    np.testing.assert_allclose(filled[0], TRAINING[:3].mean(0), atol=0.51)


def test_nearest_are_20():
    assert closed.NEIGHBOURS == 20
    images = np.repeat(np.arange(0, 250, 10, dtype=np.uint8), 4).reshape(25, 2, 2)
    blanked = np.zeros((1, 2, 2), bool)
    blanked[0, 0, 0] = True
    assert ClosedForms(images).nearest(images[:1], blanked)[0, 0, 0] == 95


def test_convolution_is_by_the_sigma_that_was_chosen(monkeypatch):
    asked = []

    def smooth(rows, blanked, sigma):
        asked.append(sigma)
        return rows

    monkeypatch.setattr(closed, "smooth", smooth)
    forms = ClosedForms(TRAINING)
    forms.__dict__["sigma"] = 0.7
    forms.convolution(DAMAGED, BLANKED)
    assert asked == [0.7]


def test_sigma_is_chosen_by_the_first_digits(monkeypatch):
    seen = []

    def fill(damaged, blanked, rest):
        seen.append(len(damaged))
        return damaged

    monkeypatch.setattr(closed, "fill", fill)
    monkeypatch.setattr(closed, "CHOOSING", 4)
    assert ClosedForms(TRAINING).sigma in closed.SIGMAS
    assert set(seen) == {4}
