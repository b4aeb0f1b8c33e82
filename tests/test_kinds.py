"""Damage in words: the same for training and evaluation."""

import re

import numpy as np
import pytest

from golden.errors import InputError
from sw.data.damage import blank_mask, block, damage, noisy
from sw.data.kinds import parse
from sw.train.draw import damage_batch
from sw.train.options import Options

IMAGES = np.random.default_rng(0).integers(1, 256, (12, 28, 28), np.uint8)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0.7", 0.7),
        ("blank", 0.7),
        ("blank:0.25", 0.25),
        ("block", "block:0.5"),
        ("occlusion:0.2", "occlusion:0.2"),
        ("noise", "noise:76.5"),
        ("0.3,block", "blank:0.3,block:0.5"),
        ("mixture", "blank:0.7,block:0.5,occlusion:0.3,noise:76.5"),
    ],
)
def test_words_are_spelt_out_once(text, wanted):
    assert parse(text) == wanted == parse(str(wanted))


KNOWN = "damage must be a share from 0 to 1, or of blank, block, occlusion, noise, mixture, not "


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fog", KNOWN + "'fog'"),
        ("", KNOWN + "''"),
        ("block:", KNOWN + "'block:'"),
        ("block,", KNOWN + "''"),
        ("1.5", "damage must be from 0 to 1 for blank, not 1.5"),
        ("block:nan", "damage must be from 0 to 1 for block, not nan"),
        ("noise:-1", "damage must be from 0 to 255 for noise, not -1"),
    ],
)
def test_other_words_are_one_line(text, told):
    with pytest.raises(InputError, match=f"^{re.escape(told)}$"):
        parse(text)
    if text:
        with pytest.raises(InputError):
            Options(damage=text)


def test_each_kind_is_what_the_curves_have():
    indices = range(40, 52)
    lost = blank_mask(IMAGES.shape, indices, 0.3)
    for words, wanted, reached in (
        (0.3, np.where(lost, 0, IMAGES), lost),
        ("block:0.5", block(IMAGES), block(IMAGES) == 0),
        ("noise:20", noisy(IMAGES, indices, 20.0), np.ones(IMAGES.shape, bool)),
    ):
        found, mask = damage(IMAGES, indices, words)
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(mask, reached)


def test_an_occlusion_is_a_rectangle_of_about_its_share_that_wanders():
    found, mask = damage(IMAGES, range(12), "occlusion:0.3")
    assert np.array_equal(found == 0, mask) and np.array_equal(found[~mask], IMAGES[~mask])
    places = set()
    for each in mask:
        rows, columns = (np.flatnonzero(each.any(axis)) for axis in (1, 0))
        places.add((rows[0], columns[0]))
        assert each.sum() == len(rows) * len(columns) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert abs(each.mean() - 0.3) < 0.05
    assert len(places) > 6


def test_of_a_mixture_the_index_chooses_the_kind():
    mixed, _ = damage(IMAGES, range(5, 17), "block:0.5,0.3,noise:20")
    kinds = [damage(IMAGES, range(5, 17), each)[0] for each in ("block:0.5", 0.3, "noise:20")]
    for at in range(12):
        np.testing.assert_array_equal(mixed[at], kinds[(5 + at) % 3][at])


def test_training_draws_every_kind_and_its_usual_one_as_before():
    originals = IMAGES.astype(np.float32)
    rng, same = (np.random.default_rng(3) for _ in range(2))
    order = same.random((12, 784), dtype=np.float32).argsort(axis=1)
    wanted = np.where(order < 549, 0, originals.reshape(12, -1)).reshape(originals.shape)
    np.testing.assert_array_equal(damage_batch(originals, 0.7, rng), wanted)

    found = damage_batch(np.repeat(originals, 4, 0), "block:0.5,noise:9", np.random.default_rng(0))
    middle = (found[:, 7:21, 7:21] == 0).all((1, 2))
    assert 12 < middle.sum() < 36 and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 255 and (found == found.round()).all()
