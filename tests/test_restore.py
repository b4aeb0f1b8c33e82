"""`thalweg restore` on one INPUT."""

import gzip
import json
import os
import struct
import sys
import threading
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from golden.device import GoldenDevice, run, trace
from golden.gate import GateNetwork
from golden.model import Model
from golden.skeleton import Skeleton
from sw.data.load import show_digits
from sw.restore.images import Images, Lattices
from sw.restore.png import write_png
from sw.restore.restoration import restore_input
from tests.memory_toys import blanked
from tests.shelf import expected, idx

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


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
    assert (code, err) == (0, "training a referee on 5 clean images of mnist, 5 digits\n")
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
        first = np.asarray(picture)[27:111:3]  # of each pixel one of three
    np.testing.assert_array_equal(first[:, 10:94:3], images[0])
    np.testing.assert_array_equal(first[:, 98:182:3], blanked(images[:1], 4)[0])
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


def test_looks_are_named_by_the_step_count_they_were_taken_at(folder):
    skeleton, gate = Skeleton.load(folder), GateNetwork.load(folder / "gate.safetensors")
    device = GoldenDevice((skeleton,))
    images, _ = show_digits()
    device.load_images(blanked(images[:12]))
    states, done = trace(device, gate, 7), []

    def shown(step):
        return Model(skeleton).readout(states[:10, step])

    later = restore_input(device, gate, Lattices(states[:, 3], 3), steps=4, progress=done.append)
    np.testing.assert_equal(later.frames, {step: shown(step) for step in (3, 4, 5, 6)})
    assert (later.from_step, later.damaged, later.original, done) == (3, None, None, [10, 2])
    first = restore_input(device, gate, Images(images[:12], range(12)), steps=4)
    np.testing.assert_equal(first.frames, {step: shown(step) for step in (1, 2, 3)})


def test_images_that_may_have_come_damaged_have_no_original(folder):
    device = GoldenDevice((Skeleton.load(folder),))
    images, labels = (rows[:2] for rows in show_digits())
    for given, damage, known in (
        (Images(images, range(2)), 0, False),
        (Images(images, range(2)), 0.3, True),
        (Images(images, range(2), labels), 0, True),
    ):
        found = restore_input(device, None, given, steps=1, damage=damage)
        assert (found.original is images) == known and found.seconds > 0
        assert known or found.original is None


def test_invert_takes_ink_on_paper(thalweg, folder, tmp_path):
    images = show_digits()[0][:2]
    np.save(tmp_path / "paper.npy", 255 - images)
    thalweg("restore", tmp_path / "paper.npy", "--invert", "--skeleton", folder,
            "--output", tmp_path)  # fmt: skip
    got = np.load(tmp_path / "restored.npy")
    np.testing.assert_array_equal(got, expected(folder, images, range(2)))


def test_a_picture_is_laid_on_its_paper_and_that_is_told(thalweg, folder, tmp_path):
    image = show_digits()[0][0]
    ink = np.dstack([np.zeros_like(image), image])
    Image.fromarray(ink, "LA").save(tmp_path / "ink.png")
    code, _, err = thalweg("restore", tmp_path / "ink.png", "--invert", "--damage", "0",
                           "--skeleton", folder, "--output", tmp_path / "x")  # fmt: skip
    assert (code, err) == (0, f"{tmp_path}/ink.png: transparent, laid on white\n")
    want = expected(folder, image[None], range(1), damage=0)
    np.testing.assert_array_equal(np.load(tmp_path / "x" / "restored.npy"), want)


def test_pictures_of_an_earlier_run_do_not_stay(thalweg, folder, tmp_path):
    arguments = ("--skeleton", folder, "--output", tmp_path / "x")
    thalweg("restore", "show[0:5]", *arguments)
    (tmp_path / "x" / "notes.txt").write_text("the user's")
    code, _, _ = thalweg("restore", "show[1:3]", *arguments)
    names = {path.name for path in (tmp_path / "x").iterdir()}
    assert code == 0 and names == {
        "report.json", "restored.npy", "sheet.png", "notes.txt",
        "restored-00001.png", "restored-00002.png",
    }  # fmt: skip
    (tmp_path / "x" / "report.json").unlink()  # as of a run that was broken off
    assert thalweg("restore", "show[1:2]", *arguments)[0] == 0
    assert not (tmp_path / "x" / "restored-00002.png").exists()


def test_a_picture_of_the_users_among_the_results_is_not_removed(thalweg, fails, folder, tmp_path):
    write_png(tmp_path / "restored-00007.png", show_digits()[0][0])
    text = f"{tmp_path}/restored-00007.png must not lie among the results: name another --output"
    fails(text, "restore", "show[0:1]", "--skeleton", folder, "--output", tmp_path)
    assert (tmp_path / "restored-00007.png").is_file()


def test_a_skeleton_is_named_by_its_folder(thalweg, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    thalweg("restore", "show[0:1]", "--skeleton", ".", "--output", tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["skeleton"] == "random"


@pytest.mark.parametrize("name", ["states", "states.trace", "t.npz"])
def test_a_trace_has_the_name_that_it_is_given(thalweg, folder, tmp_path, name):
    output = tmp_path / "x"
    arguments = ("--skeleton", folder, "--output", output, "--trace", output / name)
    assert thalweg("restore", "show[0:1]", *arguments)[0] == 0
    with np.load(output / name) as found:
        assert found["states"].shape == (1, 11, 16, 32, 32)
    assert not [path for path in output.iterdir() if ".part" in path.name]


def test_an_input_may_be_read_once_only(thalweg, folder, tmp_path):
    pipe, image = tmp_path / "pipe", show_digits()[0][7]
    os.mkfifo(pipe)
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    threading.Thread(target=pipe.write_bytes, args=(file.getvalue(),), daemon=True).start()
    code, _, _ = thalweg("restore", pipe, "--skeleton", folder, "--output", tmp_path / "x")
    assert code == 0
    want = expected(folder, image[None], range(1))
    np.testing.assert_array_equal(np.load(tmp_path / "x" / "restored.npy"), want)


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


def test_simulated_device_gets_the_skeleton_and_the_filters(thalweg, folder, tmp_path, monkeypatch):
    asked = []

    class Simulated(GoldenDevice):
        def __init__(self, skeletons, *, filters=5):
            asked.append(([skeleton.name for skeleton in skeletons], filters))
            super().__init__(skeletons, contexts=2)

    monkeypatch.setitem(
        sys.modules, "sim.devices.device", SimpleNamespace(SimulatedDevice=Simulated)
    )
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

    monkeypatch.setattr("sw.restore.restoration.restore_input", interrupted)
    code, out, err = thalweg("restore", "show[0:1]", "--skeleton", folder, "--output", tmp_path)
    assert (code, out, err.strip()) == (130, "", "")
    assert not list(tmp_path.glob("*.*"))
