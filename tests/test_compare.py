"""The comparison with golden: silent on equal codes, exact about the first that differs."""

import re

import numpy as np
import pytest

from golden.compare import require_equal
from golden.errors import Difference

STATES = np.arange(2 * 4 * 3 * 5 * 6).reshape(2, 4, 3, 5, 6).astype(np.int8)
SHAPES = [(2, 4, 3, 5, 6), (4, 3, 5, 6), (4, 5, 6)]


def refused(text, *arguments, **options):
    with pytest.raises(Difference, match=f"^{re.escape(text)}$"):
        require_equal(*arguments, **options)


def changed(array, *indices):
    other = array.copy()
    for index in indices:
        other[index] += 1
    return other


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_codes_are_counted(shape):
    array = np.zeros(shape, np.int8)
    assert require_equal(array, array.copy()) == array.size


@pytest.mark.parametrize("shape", SHAPES)
def test_one_wrong_code_anywhere_is_seen(shape):
    want = np.zeros(shape, np.int8)
    for place in np.ndindex(shape):
        with pytest.raises(Difference, match=r"; 1 code of (states|images) differs$"):
            require_equal(changed(want, place), want)


def test_the_first_step_channel_and_cell_are_named():
    want = np.full((2, 4, 6, 8, 9), 6, np.int8)
    found = changed(want, (1, 3, 4, 5, 6), (1, 3, 4, 6, 0), (1, 3, 5, 0, 0))
    line = "digit 1, step 3: channel 4, cell (5, 6) is 7, golden has 6; 3 codes of states differ"
    refused(line, found, want)


def test_items_count_from_the_first_and_have_the_callers_name():
    want = STATES[:, 2]
    found = changed(want, (1, 2, 4, 0))
    code = int(want[1, 2, 4, 0])
    refused(
        f"lattice 251, step 7: channel 2, cell (4, 0) is {code + 1}, golden has {code}; "
        "1 code of states differs",
        *(found, want, "lattice {}, step 7"),
        first=250,
    )


def test_images_have_pixels_and_planes_have_openings():
    want = np.full((3, 4, 5), 9, np.uint8)
    found = changed(want, (2, 3, 1))
    tail = "is 10, golden has 9; 1 code of"
    refused(f"digit 2: pixel (3, 1) {tail} images differs", found, want)
    refused(f"digit 2, opening 3: cell 1 {tail} planes differs", found, want, kind="planes")


def test_codes_of_another_kind_are_no_equal_codes():
    refused(
        "digit 0: pixel (0, 0) is -1, golden has 255; 20 codes of images differ",
        *(np.full((1, 4, 5), -1, np.int8), np.full((1, 4, 5), 255, np.uint8)),
    )


@pytest.mark.parametrize("shape", [(1, 4, 3, 5, 6), (2, 4, 3, 5, 1), (4, 2, 3, 5, 6)])
def test_another_shape_is_a_difference_even_where_it_broadcasts(shape):
    refused(
        f"states of shape {shape} came, golden has (2, 4, 3, 5, 6)",
        *(np.zeros(shape, np.int8), np.zeros(STATES.shape, np.int8)),
    )
