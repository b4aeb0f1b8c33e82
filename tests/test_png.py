"""PNGs as people have them: what a picture shows is kept, or the picture is refused."""

import re
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from golden.errors import InputError
from sw.restore.png import read_grey, read_marked, write_png

Y, X = np.indices((28, 28))
INK = np.round(255 * np.clip(2 - np.abs(np.hypot((Y - 13.5) / 1.3, X - 13.5) - 6), 0, 1))
INK = INK.astype(np.uint8)
"""A ring with soft edges, white on black."""


def png(picture, **options):
    """Return a picture's bytes as PNG."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    file = BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def read(raw, paper=0):
    return read_grey(raw, "x.png", 28, paper=paper)


def rgba(grey, alpha):
    return np.dstack([grey, grey, grey, alpha]).astype(np.uint8)


WHITE, BLACK = np.full((28, 28), 255), np.zeros((28, 28))


@pytest.mark.parametrize(
    ("picture", "paper", "wanted", "note"),
    [
        (rgba(WHITE, INK), 0, INK, "transparent, laid on black"),
        (rgba(BLACK, INK), 255, 255 - INK, "transparent, laid on white"),
        (rgba(WHITE, INK)[..., [0, 3]], 0, INK, "transparent, laid on black"),
        (rgba(BLACK, INK)[..., [0, 3]], 255, 255 - INK, "transparent, laid on white"),
        (rgba(INK, WHITE), 255, INK, None),
        (np.dstack([INK] * 3), 255, INK, None),
    ],
    ids=["white ink", "black ink", "white LA", "black LA", "opaque", "colour"],
)
def test_a_transparent_canvas_is_laid_on_its_paper(picture, paper, wanted, note):
    pixels, notes = read(png(picture), paper)
    np.testing.assert_array_equal(pixels, wanted)
    assert notes == ((note,) if note else ())


def test_a_colour_that_stands_for_nothing_is_transparent():
    grey = np.where(INK > 0, INK, 7).astype(np.uint8)  # 7 is said to be transparent
    pixels, notes = read(png(Image.fromarray(grey), transparency=7), 255)
    np.testing.assert_array_equal(pixels, np.where(grey == 7, 255, grey))
    assert notes == ("transparent, laid on white",)


def test_palettes_and_few_bits_are_read_as_what_they_show():
    two = np.where(INK > 127, 255, 0).astype(np.uint8)
    palette = Image.fromarray((two > 0).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    for picture in (palette, Image.fromarray(two).convert("1")):
        np.testing.assert_array_equal(read(png(picture))[0], two)
    see_through = palette.copy()
    pixels, notes = read(png(see_through, transparency=bytes([0, 255])), 255)
    assert (pixels == 255).all() and notes == ("transparent, laid on white",)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_that_lies_is_turned_upright(orientation):
    upright = INK.copy()
    upright[3:6, 4:15] = 255  # like nothing that is turned
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {
        2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.T,
        6: np.rot90(upright), 7: upright[::-1, ::-1].T, 8: np.rot90(upright, -1),
    }  # fmt: skip
    raw = png(np.ascontiguousarray(turns[orientation]), exif=exif)
    pixels, notes = read(raw)
    np.testing.assert_array_equal(pixels, upright)
    assert notes == ("turned upright, as its EXIF data say",)


WHOLE = png(INK)
END = WHOLE.index(b"IEND") - 4
DEEP = np.zeros((28, 28), np.uint16)


def sixteen_bits(colour, samples):
    """Return a PNG of 16 bits a sample, which Pillow would cut to 8 without a word."""
    head = struct.pack(">IIBBBBB", 28, 28, 16, colour, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(2 * 28 * samples)) * 28)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def huge(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def saved(kind):
    """Return a picture's bytes in another format than PNG."""
    file = BytesIO()
    Image.fromarray(INK).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\x89PNG", "x.png must be a whole PNG: its header is broken"),
        (saved("JPEG"), "x.png must be a whole PNG: its header is broken"),
        (saved("GIF"), "x.png must be a whole PNG: its header is broken"),
        (WHOLE[:-30], "x.png must be a whole PNG: "),
        (WHOLE.replace(b"IDAT", b"IDAX"), "x.png must be a whole PNG: "),
        (WHOLE[:END] + chunk(b"iCCP", b"\0") + WHOLE[END:], "x.png must be a whole PNG: "),
        (png(DEEP), "x.png must be a PNG of 8 bits, not of 16"),
        (sixteen_bits(2, 3), "x.png must be a PNG of 8 bits, not of 16"),
        (sixteen_bits(4, 2), "x.png must be a PNG of 8 bits, not of 16"),
        (sixteen_bits(6, 4), "x.png must be a PNG of 8 bits, not of 16"),
        (png(INK[:, 1:]), "x.png must be 28 x 28, not 27 x 28"),
        (huge(50_000, 50_000), "x.png must be a whole PNG: Image size (2500000000 pixels) exceeds"),
        (huge(10_000, 10_000), "x.png must be a whole PNG: Image size (100000000 pixels) exceeds"),
        (
            png(Image.fromarray(INK), save_all=True, append_images=[Image.fromarray(255 - INK)]),
            "x.png must be one picture, not 2 frames",
        ),
    ],
    ids=["head", "JPEG", "GIF", "cut", "no data", "chunk", "deep", "deep RGB", "deep LA",
         "deep RGBA", "size", "huge", "large", "film"],
)  # fmt: skip
def test_what_would_lose_its_meaning_is_refused(raw, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}"):
        read(raw)


def test_a_picture_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_png(path, INK, {"key": "one"})
    before = path.read_bytes()

    def full(self, file, **options):
        file.write_bytes(b"\x89PNG")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(InputError, match=r"a.png must be writable: No space left on device$"):
        write_png(path, 255 - INK)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_marks_of_what_is_broken_or_enormous_are_none(tmp_path):
    write_png(tmp_path / "a.png", INK, {"key": "one"})
    raw = (tmp_path / "a.png").read_bytes()
    pixels, text = read_marked(raw, "key")
    np.testing.assert_array_equal(pixels, INK)
    assert text == "one"
    assert read_marked(raw, "other") == (None, None)
    assert read_marked(huge(50_000, 50_000), "key") == (None, None)
    assert read_marked(raw[:-30], "key")[0] is None
    assert read_marked(b"", "key") == (None, None)
