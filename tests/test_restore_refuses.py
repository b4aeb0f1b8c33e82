"""What `thalweg restore` refuses, in one line, before any work."""

import gzip
import re
import struct

import numpy as np
import pytest
from PIL import Image

from golden.errors import InputError
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Spec
from sw.data.idx import unpack
from sw.data.load import show_digits
from tests.shelf import SPEC, idx

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


def test_rejects_a_gate_that_does_not_fit(fails, folder, tmp_path):
    rng = np.random.default_rng(5)
    small = Spec(height=8, width=8, image=4, gate=SPEC.gate)
    file = network(small, rng).save(tmp_path / "small.safetensors")
    arguments = ("--output", tmp_path / "x")
    fails(
        f"{file} must map 1024 codes to 256, not 64 to 16",
        "restore", "show[0:2]", "--skeleton", folder, "--gate", file, *arguments,
    )  # fmt: skip
    other = calibrated(SPEC, rng)
    other.save(tmp_path / "other")
    digests = [Skeleton.load(place).digest[:12] for place in (folder, tmp_path / "other")]
    file = folder / "gate.safetensors"
    fails(
        f"{file} was trained with the skeleton {digests[0]}…, not with other ({digests[1]}…)",
        "restore", "show[0:2]", "--skeleton", tmp_path / "other", "--gate", file, *arguments,
    )  # fmt: skip
    assert not (tmp_path / "x").exists()


KINDS = "a picture, a folder of them, a .npy, an IDX file, mnist:test[0:100] or show[0:100]"


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("none.png", None, f"INPUT must be {KINDS}, not 'PATH': No such file or directory"),
        ("", "", "PATH must hold at least one PNG"),
        ("a.txt", b"hello", f"INPUT must be {KINDS}, not 'PATH'"),
        ("empty.npy", b"", f"INPUT must be {KINDS}, not 'PATH'"),
        ("cut.png", "cut",
         "PATH must be a whole PNG: image file is truncated"),
        ("head.png", b"\x89PNG\r\n\x1a\n",
         "PATH must be a whole PNG: its header is broken"),
        ("big.png", Image.new("L", (30, 28)), "PATH must be 28 x 28, not 30 x 28"),
        ("deep.png", Image.new("I;16", (28, 28)), "PATH must be a PNG of 8 bits, not of 16"),
        ("flat.npy", np.zeros((28, 28), np.uint8),
         "PATH must be (n, 28, 28) uint8 or (n, 16, 32, 32) int8, not (28, 28) uint8"),
        ("real.npy", np.zeros((2, 28, 28)),
         "PATH must be (n, 28, 28) uint8 or (n, 16, 32, 32) int8, not (2, 28, 28) float64"),
        ("none.npy", np.zeros((0, 28, 28), np.uint8),
         "PATH must be (n, 28, 28) uint8 or (n, 16, 32, 32) int8, not (0, 28, 28) uint8"),
        ("lattice.npy", np.zeros((2, 16, 32, 31), np.int8),
         "PATH must be (n, 28, 28) uint8 or (n, 16, 32, 32) int8, not (2, 16, 32, 31) int8"),
        ("object.npy", np.array([{}]), "PATH must be a whole .npy file: "
         "it must hold numbers"),
        ("cut.gz", gzip.compress(b"\0\0\x08\x01", mtime=0)[:-3], "PATH must be a whole gzip file: "
         "Compressed file ended before the end-of-stream marker was reached"),
        ("cut.idx", b"\0\0\x08\x03\0\0\0\x01\0\0\0\x1c\0\0\0\x1c",
         "PATH must have 784 bytes of data, as its header says, not 0"),
        ("labels.idx", b"\0\0\x08\x01\0\0\0\x01\0",
         "PATH must hold images of shape (n, 28, 28), not (1,)"),
        ("empty.idx", idx(np.zeros((0, 28, 28), np.uint8)), "PATH must hold at least one image"),
    ],
)  # fmt: skip
def test_rejects_what_is_no_input(fails, folder, tmp_path, name, content, text):
    path = tmp_path / name
    match content:
        case bytes():
            path.write_bytes(content)
        case Image.Image():
            content.save(path)
        case np.ndarray():
            np.save(path, content)
        case "cut":
            Image.fromarray(show_digits()[0][0]).save(path)
            path.write_bytes(path.read_bytes()[:100])
    text = text.replace("PATH", str(path))
    fails(text, "restore", path, "--skeleton", folder, "--output", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_rejects_a_truncated_npy(thalweg, folder, tmp_path):
    path = tmp_path / "cut.npy"
    np.save(path, np.zeros((2, 28, 28), np.uint8))
    path.write_bytes(path.read_bytes()[:-1])
    code, out, err = thalweg("restore", path, "--skeleton", folder, "--output", tmp_path / "x")
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"thalweg: {path} must be a whole \.npy file: [^\n]+\n", err)


def test_rejects_slices_without_images_and_mnist_out_of_reach(thalweg, fails, folder, tmp_path):
    arguments = ("--skeleton", folder, "--output", tmp_path / "x")
    for source in ("show[5:5]", "show[2000:3000]"):
        text = f"{source} must name at least one of 1,000 images"
        fails(text, "restore", source, *arguments)
    for source in ("show[0:2000]", "show[999:1001]"):
        text = f"{source} must end at 1,000, the number of images, or before"
        fails(text, "restore", source, *arguments)
    code, _, err = thalweg("restore", "mnist:test[0:3]", *arguments)
    assert code == 2
    assert err.splitlines()[-1] == (
        "thalweg: mnist:test[0:3] must have MNIST at hand: --data names its folder"
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (("--filters", "17"), "--filters must be 1 to 16, not 17"),
        (("--filters", "0"), "--filters must be 1 to 16, not 0"),
        (("--from-step", "3"), "--from-step must be 0 for images, not 3"),
        (("--device", "chip"), "--device must be golden, simulated or serial:PORT, not 'chip'"),
        (("--gate", "none"), "none must be a readable file: No such file or directory"),
    ],
)  # fmt: skip
def test_rejects_wrong_options(fails, folder, tmp_path, extra, text):
    fails(text, "restore", "show[0:1]", "--skeleton", folder, "--output", tmp_path / "x", *extra)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (("--damage", "nan"), "'--damage': Input should be less than or equal to 1"),
        (("--steps", "10000000"), "'--steps': Input should be less than or equal to 1000000"),
        (("--baud", "9" * 20), "'--baud': Input should be less than or equal to 24000000"),
        (("--trace", "FOLDER"), "--trace must be a file, not the folder FOLDER"),
        (("--trace", "FOLDER/x/report.json"),
         "--trace must have a name that no result has, not 'report.json'"),
        (("--steps", "900000", "--trace", "FOLDER/t.npz"),
         "--trace must hold at most 4,294,967,296 bytes of states, not 14,745,616,384: "
         "trace fewer images or steps"),
    ],
)  # fmt: skip
def test_rejects_what_no_machine_takes(thalweg, folder, tmp_path, extra, text):
    extra = [word.replace("FOLDER", str(tmp_path)) for word in extra]
    arguments = ("--skeleton", folder, "--output", tmp_path / "x", *extra)
    code, out, err = thalweg("restore", "show[0:1]", *arguments)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert text.replace("FOLDER", str(tmp_path)) in err
    assert not list(tmp_path.rglob("*.*"))


def npy(header, body=bytes(784)):
    """Return the bytes of a .npy with any header."""
    text = header.encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


FIELDS = "{'descr': '|u1', 'fortran_order': False, 'shape': "


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (npy(FIELDS + "(1, 28, 28)"), ""),
        (npy(FIELDS + "(1, 28, 99999999999999999999999), }"), "its header tells of "),
        (npy(FIELDS + "(4000000000, 28, 28), }"), "its header tells of 3,136,000,000,000 bytes"),
        (npy(FIELDS + "(-1, 28, 28), }"), ""),
        (npy(FIELDS + "(1, 28, 28), }", bytes(785)), "its header tells of 784 bytes, 785 follow"),
        (npy("not a header"), ""),
        (b"\x93NUMPY\x07\x00" + bytes(90), ""),
        (b"\x93NUMPY", ""),
    ],
)
def test_rejects_any_damage_of_a_header(thalweg, folder, tmp_path, raw, text):
    path = tmp_path / "x.npy"
    path.write_bytes(raw)
    code, out, err = thalweg("restore", path, "--skeleton", folder, "--output", tmp_path / "x")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"thalweg: {path} must be a whole .npy file: {text}")


@pytest.mark.parametrize("dimensions", [5, 255])
def test_rejects_idx_files_of_many_dimensions(fails, folder, tmp_path, dimensions):
    path = tmp_path / "many.idx"
    path.write_bytes(b"\0\0\x08" + bytes([dimensions]) + b"\0\0\0\1" * dimensions + b"\0")
    text = f"{path} must have at most 4 dimensions, not {dimensions}"
    fails(text, "restore", path, "--skeleton", folder, "--output", tmp_path / "x")


def test_rejects_what_unpacks_to_more_than_it_may(monkeypatch):
    packed = gzip.compress(bytes(1000))
    assert unpack(packed, "x.gz", 1000) == bytes(1000)
    with pytest.raises(InputError, match=r"^x.gz must have at most 999 bytes unpacked$"):
        unpack(packed, "x.gz", 999)


def test_rejects_unwritable_outputs(fails, folder, tmp_path):
    (tmp_path / "file").write_text("kept")
    arguments = ("restore", "show[0:1]", "--skeleton", folder, "--output")
    fails(f"{tmp_path}/file must be a writable folder: File exists", *arguments, tmp_path / "file")
    fails(
        f"{tmp_path}/file/x must be a writable folder: Not a directory",
        *arguments, tmp_path / "file" / "x",
    )  # fmt: skip
    fails(
        f"{tmp_path}/file/x must be a writable folder: Not a directory",
        *arguments, tmp_path / "out", "--trace", tmp_path / "file" / "x" / "trace.npz",
    )  # fmt: skip
    (tmp_path / "out" / "report.json").mkdir(parents=True)
    fails(
        f"{tmp_path}/out/report.json must be a file to write, not a folder",
        *arguments,
        tmp_path / "out",
    )
    assert (tmp_path / "file").read_text() == "kept"
    assert not [path for path in tmp_path.rglob("*") if ".part" in path.name]
