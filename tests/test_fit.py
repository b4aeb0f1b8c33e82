"""Pictures of any size: ink and paper told apart, scaled, centred as a data set has them."""

import io

import numpy as np
import pytest
from PIL import Image

from golden.errors import InputError
from sw.data.fit import Layout, fit, is_light, measure_layout
from sw.data.load import embedded_digits, show_digits
from sw.data.pictures import read_picture

MNIST = Layout.usual(28)
DIGITS = show_digits()[0][:20]


def photo(digit, seed, side=280, ink=0.7):
    """A digit on unevenly lit paper, somewhere, with noise: dark on light."""
    rng = np.random.default_rng(seed)
    large = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    page = np.zeros((500, 700))
    top, left = rng.integers(5, 490 - side), rng.integers(5, 690 - side)
    page[top : top + side, left : left + side] = np.asarray(large)
    y, x = np.indices(page.shape)
    light = 210 - 60 * x / 700 - 30 * y / 500 + rng.normal(0, 3, page.shape)
    return (light * (1 - ink * page / 255)).clip(0, 255).astype(np.uint8)


def test_the_layout_of_mnist_is_found():
    assert measure_layout(embedded_digits()[0]) == MNIST == Layout(20, "mass", 14.0)
    boxed = np.zeros((9, 12, 12), np.uint8)
    for at, image in enumerate(boxed):
        image[2:10, 3:9] = 255
        image[2:5, 3 : 4 + at % 3] = 0  # mass wanders, the box does not
    boxed[:, 2, 5] = boxed[:, 9, 5] = boxed[:, 6, 3] = 255
    assert measure_layout(boxed) == Layout(8, "box", 5.5)
    assert measure_layout(boxed * 0) == Layout.usual(12)


def test_a_digit_of_mnist_stays_as_it_is():
    for digit in DIGITS:
        found = fit(digit, 28, MNIST)
        assert found.facts["paper"] == "dark"
        # Its contrast may rise a little; a pixel to one side would be a mean of 15.
        assert np.abs(found.pixels.astype(int) - digit).mean() <= 1


def test_a_photo_becomes_the_digit_that_is_on_it():
    for seed, digit in enumerate(DIGITS[:6]):
        grey = photo(digit, seed)
        assert is_light(grey)
        found = fit(grey, 28, MNIST)
        assert found.facts["paper"] == "light"
        # A pixel to one side at most: closer to its own digit than to any other.
        far = [np.abs(found.pixels.astype(int) - other).mean() for other in DIGITS]
        assert int(np.argmin(far)) == seed
        rows, columns = (np.flatnonzero((found.pixels > 32).any(axis)) for axis in (1, 0))
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20


def test_white_chalk_and_black_ink_give_the_same():
    grey = photo(DIGITS[3], 3)
    both = (fit(each, 28, MNIST).pixels.astype(int) for each in (grey, 255 - grey))
    assert np.abs(next(both) - next(both)).max() <= 2


def test_a_speck_far_away_does_not_move_the_digit():
    grey = photo(DIGITS[4], 4)
    speckled = grey.copy()
    speckled[2:5, 2:5] = 0
    wanted, found = (fit(each, 28, MNIST).pixels.astype(int) for each in (grey, speckled))
    assert np.abs(found - wanted).mean() < 2


def test_what_was_made_of_a_picture_is_told():
    pixels = np.full((60, 40), 255, np.uint8)
    pixels[10:50, 15:25] = 0
    found = fit(pixels, 28, MNIST)
    assert found.facts == {
        "size": [40, 60], "paper": "light", "ink": [15, 10, 25, 50], "scale": 0.5,
        "layout": {"box": 20, "centre": "mass", "middle": 14.0},
    }  # fmt: skip
    assert found.words == (
        "light paper, 40 x 60: ink from (15, 10) to (25, 50) scaled by 0.5 into 28 x 28"
    )
    assert (found.pixels[5:23, 12:17] > 200).all() and found.pixels[:4].max() == 0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_paper_without_ink_is_one_line(level):
    rng = np.random.default_rng(0)
    grey = (level + rng.normal(0, 2, (90, 90))).clip(0, 255).astype(np.uint8)
    with pytest.raises(
        InputError, match=r"^x.jpg must show ink on paper: its greys hardly differ$"
    ):
        fit(grey, 28, MNIST, place="x.jpg")


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"])
def test_pictures_of_many_formats_are_read_grey(kind):
    pixels = np.full((30, 50), 240, np.uint8)
    pixels[10:20, 10:40] = 20
    grey, notes = read_picture(saved(Image.fromarray(pixels), kind), "x")
    assert grey.shape == (30, 50) and np.abs(grey.astype(int) - pixels).mean() < 3 and notes == ()


def test_a_picture_is_turned_upright_and_laid_on_what_it_stands_out_from():
    pixels = np.zeros((20, 30), np.uint8)
    pixels[2, 3] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    grey, notes = read_picture(saved(Image.fromarray(pixels), "PNG", exif=exif), "x")
    assert grey.shape == (30, 20) and grey[3, 17] == 255
    assert notes == ("turned upright, as its EXIF data say",)
    for ink, paper, name in ((0, 255, "white"), (255, 0, "black")):
        signed = np.zeros((9, 9, 4), np.uint8)
        signed[4, 2:7] = (ink, ink, ink, 255)
        grey, notes = read_picture(saved(Image.fromarray(signed), "PNG"), "x")
        assert grey[0, 0] == paper and grey[4, 4] == ink
        assert notes == (f"transparent, laid on {name}",)


def test_sixteen_bits_are_spread_over_eight():
    deep = np.linspace(0, 60_000, 400).reshape(20, 20).astype(np.uint16)
    grey, notes = read_picture(saved(Image.fromarray(deep), "PNG"), "x")
    assert grey[0, 0] == 0 and grey[-1, -1] == 255 and len(notes) == 1


@pytest.mark.parametrize("raw", [b"", b"\xff\xd8\xff", b"hello"])
def test_what_is_no_picture_is_one_line(raw):
    with pytest.raises(InputError, match=r"^x must be a whole picture: "):
        read_picture(raw, "x")
