"""Data sets of the user's own: what is read, what is held out, what is refused."""

import gzip
import re

import numpy as np
import pytest
from PIL import Image

from golden.errors import InputError
from sw.data.load import load
from sw.data.sources import read_source
from tests.test_data import packed

pytestmark = pytest.mark.usefixtures("nothing_at_hand")

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(1, 256, (120, 8, 6), np.uint8)
LABELS = (np.arange(120) % 3).astype(np.uint8)


def rows(images):
    """Images as a set, to compare parts in any order."""
    return {image.tobytes() for image in images}


def test_the_digits_of_scikit_learn_need_no_download():
    found = load("sklearn:digits")
    assert found.train_images.shape == (1617, 8, 8) and found.test_images.shape == (180, 8, 8)
    assert found.train_images.dtype == np.uint8 and found.train_images.max() == 255
    assert found.facts["held_out"] == {"share": 0.1, "seed": 0, "images": 180}
    assert set(found.train_labels) == set(found.test_labels) == set(range(10))
    both = rows(found.train_images) & rows(found.test_images)
    assert len(both) <= 2, "no image is in both, but for the few that the set has twice"


def test_what_is_held_out_is_the_same_every_time(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    one, two = (read_source(str(tmp_path / "x.npy")) for _ in range(2))
    assert len(one.test.images) == 12 and len(one.train.images) == 108
    np.testing.assert_array_equal(one.test.images, two.test.images)
    assert rows(one.train.images) | rows(one.test.images) == rows(IMAGES)
    assert one.train.labels is None and one.classes is None


WRITERS = {
    "pair of IDX files": lambda folder: pair(folder, "a", "b", packed),
    "pair of .npy": lambda folder: pair(folder, "a.npy", "b.npy", None),
    "folder of IDX files": lambda folder: str(folder_of_idx(folder)),
    "archive": lambda folder: archive(folder, images=IMAGES, labels=LABELS),
    "numpy's own archive": lambda folder: archive(folder, arr_0=IMAGES, arr_1=LABELS),
}


def pair(folder, first, second, pack):
    for name, array in ((first, IMAGES), (second, LABELS)):
        if pack is None:
            np.save(folder / name, array)
        else:
            (folder / name).write_bytes(pack(array))
    return f"{folder / first},{folder / second}"


def folder_of_idx(folder):
    (folder / "shapes.idx").write_bytes(packed(IMAGES))
    (folder / "kinds.gz").write_bytes(gzip.compress(packed(LABELS)))
    return folder


def archive(folder, **arrays):
    np.savez_compressed(folder / "x.npz", **arrays)
    return str(folder / "x.npz")


@pytest.mark.parametrize("kind", WRITERS)
def test_images_and_labels_stay_together(tmp_path, kind):
    found = load(WRITERS[kind](tmp_path))
    wanted = dict(zip((image.tobytes() for image in IMAGES), LABELS, strict=True))
    assert len(found.train_images) == 108 and len(found.test_images) == 12
    for images, labels in (
        (found.train_images, found.train_labels),
        (found.test_images, found.test_labels),
    ):
        assert [wanted[image.tobytes()] for image in images] == labels.tolist()


def test_a_test_set_of_its_own_is_not_split(tmp_path):
    given = {"x_train": IMAGES[:100], "y_train": LABELS[:100], "x_test": IMAGES[100:]}
    found = load(archive(tmp_path, **given, y_test=LABELS[100:]))
    np.testing.assert_array_equal(found.test_images, IMAGES[100:])
    np.testing.assert_array_equal(found.test_labels, LABELS[100:])
    assert found.facts["held_out"] is None


def pictures(folder, count=100, sides=((8, 8),), classes=("b", "a")):
    """Write pictures into subfolders, one a class."""
    for at in range(count):
        width, height = sides[at % len(sides)]
        pixels = np.full((height, width), 250, np.uint8)
        pixels[2 : height - 2, 2 : width - 2] = at
        place = folder / classes[at % len(classes)] if classes else folder
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{at:03}.png")
    return folder


def test_subfolders_are_classes_by_their_names(tmp_path):
    found = load(pictures(tmp_path / "p"))
    assert found.facts["classes"] == ["a", "b"]
    labels = np.concatenate([found.train_labels, found.test_labels])
    levels = np.concatenate([found.train_images, found.test_images])[:, 4, 4]
    assert labels.tolist() == [1 - level % 2 for level in levels.tolist()]
    assert load(pictures(tmp_path / "q", classes=())).train_labels is None


def test_a_corrupt_picture_among_many_is_one_line(tmp_path, capsys):
    folder = pictures(tmp_path / "p", 101)
    broken = folder / "b" / "000.png"
    broken.write_bytes(broken.read_bytes()[:50])
    found = load(folder)
    assert len(found.train_images) + len(found.test_images) == 100
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"left out: {broken} must be a whole picture: ")


def test_mixed_sizes_need_a_fit(tmp_path, capsys):
    folder = pictures(tmp_path / "p", sides=((8, 8), (20, 12)))
    text = (
        f"{folder} must hold pictures of one size, not of 20 x 12 (a/001.png) and 8 x 8 "
        "(b/000.png): --fit makes them alike"
    )
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        load(folder)
    found = load(folder, fit=12)
    assert found.train_images.shape[1:] == (12, 12)
    assert found.train_images.max() == 255 and (found.train_images[:, 0] == 0).all()
    assert f"{folder}: light paper, fitted to 12 x 12" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda f: archive(f, images=IMAGES[:99]),
         "{f}/x.npz must hold at least 100 images, not 99"),
        (lambda f: archive(f, images=IMAGES, labels=LABELS[1:]),
         "{f}/x.npz: labels must hold 120 labels, not (119,)"),
        (lambda f: archive(f, pictures=IMAGES),
         "{f}/x.npz must have an array 'images', or 'x_train' and 'x_test'"),
        (lambda f: archive(f, images=IMAGES / 255),
         "{f}/x.npz must be images of (n, height, width) uint8, not (120, 8, 6) float64"),
        (lambda f: str(f / "nothing.npz"),
         "Data must be a folder of IDX files or of pictures, an IDX, .npy or .npz file, or "
         "sklearn:digits, not '{f}/nothing.npz'"),
        (lambda f: str(f),
         "{f} must have the file train-images-idx3-ubyte or train-images-idx3-ubyte.gz"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_one_line(tmp_path, write, text):
    given = write(tmp_path)
    with pytest.raises(InputError, match=f"^{re.escape(text.replace('{f}', str(tmp_path)))}"):
        load(given if ":" in given else type(tmp_path)(given))
