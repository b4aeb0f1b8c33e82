"""What INPUT names: slices of data sets, and files of every kind."""

import gzip
import os
import re
import struct

import numpy as np
import pytest

from golden.errors import InputError
from golden.spec import Spec
from sw.data.idx import parse_idx, read_images, unpack
from sw.data.load import Digits, show_digits
from sw.restore import images
from sw.restore.images import KINDS, Images, Lattices, is_named, paper_of, places, read_input
from sw.restore.png import LARGEST_SIDE, read_grey, read_marked, write_png
from tests.recorded import Calls
from tests.shelf import idx

SPEC = Spec(height=6, width=8, channels=2, image=6)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [
        (None, None, range(10)),
        ("", "", range(10)),
        ("3", "", range(3, 10)),
        ("", "4", range(4)),
        ("9", "10", range(9, 10)),
        ("0", "1", range(1)),
        ("10", "", "at least one of 10 images"),
        ("3", "3", "at least one of 10 images"),
        ("4", "3", "at least one of 10 images"),
        ("0", "0", "at least one of 10 images"),
        ("10", "12", "at least one of 10 images"),
        ("9", "11", "at 10, the number of images, or before"),
    ],
)
def test_a_slice_names_images_that_are_there(first, last, wanted):
    if isinstance(wanted, range):
        assert places("x", first, last, 10) == wanted
        return
    with pytest.raises(InputError, match=rf"^x must (name|end) {wanted}$"):
        places("x", first, last, 10)


@pytest.mark.parametrize("text", ["show", "show[:]", "show[1:]", "show[:2]", "mnist:test[0:1]"])
def test_a_data_set_is_named(text):
    assert is_named(text)
    for other in (f"{text}x", f"x{text}", f"{text}[1]", "mnist:train", "show[-1:]", "show[0-1]"):
        assert not is_named(other)


@pytest.mark.parametrize("text", ["mnist:test[1:3]", "mnist:test"])
def test_test_digits_come_with_labels_from_the_data_named(monkeypatch, text):
    calls, pixels = Calls(), RNG.integers(0, 256, (4, 6, 6), np.uint8)
    digits = Digits(pixels[:0], np.zeros(0), pixels, np.array([4, 5, 6, 7]), "x")
    monkeypatch.setattr(images, "load", calls.fake("load", digits))
    found = read_input(text, SPEC, "folder")
    assert calls.of("load") == (("folder",), {"download": True})
    assert found.indices == (range(1, 3) if "[" in text else range(4))
    np.testing.assert_array_equal(found.images, pixels[list(found.indices)])
    assert found.labels.tolist() == [4 + index for index in found.indices]


def test_show_digits_come_with_labels():
    found = read_input("show[120:123]", Spec())
    shown, labels = show_digits()
    assert found.indices == range(120, 123) and found.labels.tolist() == [*labels[120:123]]
    inverted = read_input("show[120:123]", Spec(), invert=True)
    np.testing.assert_array_equal(inverted.images, 255 - shown[120:123])
    assert (inverted.indices, inverted.labels.tolist()) == (found.indices, found.labels.tolist())
    assert len(found) == 3 and (paper_of(True), paper_of(False)) == (255, 0)


def test_files_of_every_kind_are_read_for_the_size_of_the_skeleton(tmp_path):
    pixels = RNG.integers(0, 256, (3, 6, 6), np.uint8)
    states = RNG.integers(-128, 128, (5, 2, 6, 8)).astype(np.int8)
    np.save(tmp_path / "i.npy", pixels)
    np.save(tmp_path / "l.npy", states)
    (tmp_path / "x.idx").write_bytes(idx(pixels))
    with (tmp_path / "new.npy").open("wb") as file:
        np.lib.format.write_array(file, pixels, version=(2, 0))
    for name in ("i.npy", "new.npy", "x.idx"):
        found = read_input(str(tmp_path / name), SPEC)
        np.testing.assert_array_equal(found.images, pixels)
        assert (found.indices, found.labels, found.notes) == (range(3), None, ())
    for invert in (False, True):
        found = read_input(str(tmp_path / "l.npy"), SPEC, invert=invert)
        assert isinstance(found, Lattices) and len(found) == 5
        np.testing.assert_array_equal(found.states, states)
    np.save(tmp_path / "none.npy", states[:0])
    text = f"^{tmp_path}/none.npy must be {re.escape('(n, 6, 6) uint8 or (n, 2, 6, 8) int8, not ')}"
    with pytest.raises(InputError, match=text):
        read_input(str(tmp_path / "none.npy"), SPEC)


def test_a_picture_is_one_image_with_its_notes(tmp_path, monkeypatch):
    pixels, seen = RNG.integers(0, 256, (6, 6), np.uint8), []

    def read(raw, path, size, *, paper):
        seen.append((size, paper))
        return pixels, ("turned", "laid")

    monkeypatch.setattr(images, "read_grey", read)
    (tmp_path / "a").write_bytes(b"\x89PNG")
    for invert, paper in ((False, 0), (True, 255)):
        found = read_input(str(tmp_path / "a"), SPEC, invert=invert)
        assert seen.pop() == (6, paper) and found.indices == range(1)
        np.testing.assert_array_equal(found.images, [pixels ^ (255 if invert else 0)])
        assert found.notes == (f"{tmp_path}/a: turned", f"{tmp_path}/a: laid")


def test_an_input_too_large_is_said_to_be(tmp_path):
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 1 << 41)
    with pytest.raises(InputError, match=f"^{tmp_path}/large must have at most "):
        read_input(str(tmp_path / "large"), SPEC)
    with pytest.raises(InputError) as error:
        read_input(str(tmp_path / "none"), SPEC)
    where = f"'{tmp_path}/none': No such file or directory"
    assert str(error.value) == f"INPUT must be {KINDS}, not {where}"


def test_images_of_another_size_are_named():
    pixels = Images(np.zeros((1, 5, 7), np.uint8), range(1)).images
    with pytest.raises(InputError, match=r"^x must be 6 x 6, not 5 x 7$"):
        images.require_size(pixels, "x", SPEC)
    images.require_size(np.zeros((1, 6, 6)), "x", SPEC)


# The formats below.


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\0\0\x08", "start with the IDX magic of bytes, 00 00 08, not 00 00 08"),
        (b"\0\0\x08\0\1", "start with the IDX magic of bytes, 00 00 08, not 00 00 08 00"),
        (b"\0\0\x08\1\0\0\0", "have an IDX header of 8 bytes, not 7"),
        (b"\0\0\x08\5" + bytes(20), "have at most 4 dimensions, not 5"),
    ],
)
def test_headers_without_meaning_are_refused(raw, text):
    with pytest.raises(InputError, match=f"^x must {text}$"):
        parse_idx(raw, "x")
    assert parse_idx(b"\0\0\x08\1\0\0\0\0", "x").shape == (0,)


def test_the_training_images_of_mnist_are_not_too_large_to_be_unpacked():
    raw = bytes(16 + 60_000 * 28 * 28)
    assert len(unpack(gzip.compress(raw, 1), "x")) == len(raw)


def test_idx_files_keep_their_order_and_may_be_written_to(tmp_path):
    want = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    raw = b"\0\0\x08\4" + struct.pack(">4I", *want.shape) + want.tobytes()
    found = parse_idx(raw, "x")
    np.testing.assert_array_equal(found, want)
    assert found.flags.writeable
    (tmp_path / "x").write_bytes(idx(want[0, :, :, :4]))
    assert read_images(tmp_path / "x", 4).shape == (3, 4, 4)


def test_marks_are_read_of_pictures_up_to_the_largest_lattice(tmp_path):
    assert LARGEST_SIDE == 256
    for height, width, there in ((256, 256, True), (256, 257, False), (257, 1, False)):
        write_png(tmp_path / "a.png", np.zeros((height, width), np.uint8), {"key": "text"})
        pixels, text = read_marked((tmp_path / "a.png").read_bytes(), "key")
        assert (pixels is not None, text) == (there, "text")


def test_colours_are_written_and_read_as_grey(tmp_path):
    colour = RNG.integers(0, 256, (5, 5, 3), np.uint8)
    write_png(tmp_path / "a.png", colour, {"a": "1", "b": "2"})
    raw = (tmp_path / "a.png").read_bytes()
    pixels, notes = read_grey(raw, "x", 5)
    want = colour @ np.array([0.299, 0.587, 0.114])
    assert notes == () and np.abs(pixels - want).max() <= 1
    assert [read_marked(raw, key)[1] for key in "abc"] == ["1", "2", None]
