"""`thalweg restore` on a folder: what is made, what is kept, what is refused."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golden.device import GoldenDevice, restore
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.restore import folder as work
from sw.restore.png import write_png
from sw.restore.results import Method
from sw.serial.link import LinkError

SPEC = Spec(gate=Gate(input_channel=0, output_channel=1, start=1, every=3))
NAMES = ["a/01.png", "a/02.PNG", "b.png", "c.png", "d.png"]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with a skeleton and its gate."""
    rng, shelf = np.random.default_rng(0), tmp_path_factory.mktemp("shelf") / "random"
    calibrated(SPEC, rng).save(shelf)
    network(SPEC, rng).save(shelf / "gate.safetensors")
    return shelf


@pytest.fixture
def scans(tmp_path):
    """A folder of five digits, and what is no PNG."""
    scans = tmp_path / "scans"
    for name, image in zip(NAMES, show_digits()[0], strict=False):
        write_png(scans / name, image)
    (scans / "notes.txt").write_text("none of ours")
    (scans / "._b.png").write_bytes(b"a shadow of b.png")
    return scans


def golden(shelf, damaged):
    skeleton, gate = Skeleton.load(shelf), GateNetwork.load(shelf / "gate.safetensors")
    return restore(GoldenDevice((skeleton,)), gate, damaged, 10)


def results(folder):
    """Every PNG below a folder, by its name."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".png" and path.is_file():
            with Image.open(path) as picture:
                found[path.relative_to(folder).as_posix()] = np.asarray(picture)
    return found


def report(folder):
    return json.loads((folder / "report.json").read_text())


def test_each_file_gets_its_result(thalweg, shelf, scans, tmp_path):
    output = tmp_path / "out"
    code, out, err = thalweg("restore", scans, "--skeleton", shelf, "--output", output)
    images = show_digits()[0][:5]
    damaged = blank(images, range(5), 0.7)
    want = golden(shelf, damaged)
    found, told = results(output), report(output)
    assert (code, err, sorted(found)) == (0, "", NAMES)
    assert np.array_equal(np.stack([found[name] for name in NAMES]), want)
    assert (told["count"], told["restored_now"], told["with_original"]) == (5, 5, 5)
    errors = np.mean((want.astype(float) - images) ** 2, axis=(1, 2))
    psnr = np.mean(10 * np.log10(255**2 / errors))
    assert told["psnr"]["restored"]["psnr_mean"] == pytest.approx(psnr, abs=1e-3)
    assert out == f"5 of 5 restored, {psnr:.2f} dB\nwrote {output / 'report.json'}\n"
    assert not [path for path in output.rglob("*") if ".part" in path.name]


def test_images_damaged_already_are_held_to_their_originals(thalweg, shelf, scans, tmp_path):
    images, output = show_digits()[0][:5], tmp_path / "out"
    damaged = blank(images, range(90, 95), 0.5)
    for name, image in zip(NAMES, damaged, strict=True):
        write_png(tmp_path / "damaged" / name, image)
    arguments = ("--skeleton", shelf, "--output", output, "--originals", scans)
    code, _, err = thalweg("restore", tmp_path / "damaged", *arguments)
    want = golden(shelf, damaged)
    assert (code, err) == (0, "")
    assert np.array_equal(np.stack([results(output)[name] for name in NAMES]), want)
    errors = np.mean((damaged.astype(float) - images) ** 2, axis=(1, 2))
    psnr = np.mean(10 * np.log10(255**2 / errors))
    assert report(output)["psnr"]["damaged"]["psnr_mean"] == pytest.approx(psnr, abs=1e-3)


def test_a_broken_off_run_goes_on(thalweg, shelf, scans, tmp_path, monkeypatch):
    output, arguments = tmp_path / "out", ("--skeleton", shelf, "--output", tmp_path / "out")
    write, written = work.write_result, []

    def write_three(path, *rest):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write(path, *rest)

    monkeypatch.setattr(work, "write_result", write_three)
    code, out, err = thalweg("restore", scans, *arguments)
    assert (code, out, err.strip()) == (130, "", "3 of 5 are there; the same command goes on")
    assert sorted(results(output)) == NAMES[:3]
    broken = output / NAMES[1]
    broken.write_bytes(broken.read_bytes()[:-30])
    before = (output / NAMES[0]).stat().st_mtime_ns

    written.clear()
    monkeypatch.setattr(work, "write_result", lambda *all: (written.append(all[0]), write(*all)))
    code, out, _ = thalweg("restore", scans, *arguments)
    assert (code, out[:31]) == (0, "5 of 5 restored, 2 of them befo")
    assert written == [output / NAMES[place] for place in (1, 3, 4)]
    assert (output / NAMES[0]).stat().st_mtime_ns == before
    want = golden(shelf, blank(show_digits()[0][:5], range(5), 0.7))
    assert np.array_equal(np.stack([results(output)[name] for name in NAMES]), want)
    assert report(output)["with_original"] == 5


def test_a_changed_file_and_a_changed_result_are_made_anew(thalweg, shelf, scans, tmp_path):
    output, arguments = tmp_path / "out", ("--skeleton", shelf, "--output", tmp_path / "out")
    thalweg("restore", scans, *arguments)
    want = results(output)
    with Image.open(output / NAMES[3]) as picture:
        text = picture.info["thalweg"]
    write_png(output / NAMES[3], np.zeros((28, 28), np.uint8), {"thalweg": text})
    image = show_digits()[0][77]
    write_png(scans / NAMES[2], image)
    want[NAMES[2]] = golden(shelf, blank(image[None], range(2, 3), 0.7))[0]
    code, out, _ = thalweg("restore", scans, *arguments)
    assert (code, out[:33]) == (0, "5 of 5 restored, 3 of them before")
    found = results(output)
    assert all(np.array_equal(found[name], want[name]) for name in NAMES)


def test_one_file_that_cannot_be_read_does_not_stop_the_rest(thalweg, shelf, scans, tmp_path):
    output = tmp_path / "out"
    (scans / "b.png").write_bytes(b"no picture")
    write_png(scans / "wide.png", np.zeros((28, 30), np.uint8))
    code, out, err = thalweg("restore", scans, "--skeleton", shelf, "--output", output)
    texts = [
        f"{scans}/b.png must be a whole PNG: its header is broken",
        f"{scans}/wide.png must be 28 x 28, not 30 x 28",
    ]
    assert (code, err) == (1, "".join(f"thalweg: {text}\n" for text in texts))
    assert out.startswith("4 of 6 restored, ")
    assert sorted(results(output)) == [name for name in NAMES if name != "b.png"]
    assert report(output)["failures"] == dict(zip(("b.png", "wide.png"), texts, strict=True))


def test_results_of_another_run_are_not_mixed_with(thalweg, fails, shelf, scans, tmp_path):
    output, arguments = tmp_path / "out", ("--skeleton", shelf, "--output", tmp_path / "out")
    thalweg("restore", scans, *arguments)
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    place, tail = f"{output}/a/01.png is a result of another run, with", "name another --output"
    for extra, text in (
        (("--damage", "0.5"), "damage 0.7, not 0.5"),
        (("--steps", "3"), "steps 10, not 3"),
        (("--invert",), "invert False, not True"),
    ):
        fails(f"{place} {text}: {tail}", "restore", scans, *arguments, *extra)
    code, _, err = thalweg("restore", scans, *arguments, "--no-gate")
    pattern = rf"thalweg: {re.escape(place)} gate [0-9a-f]{{12}}…, not None: {tail}\n"
    assert code == 2 and re.fullmatch(pattern, err)
    other = calibrated(SPEC, np.random.default_rng(9))
    other.save(tmp_path / "other")
    code, _, err = thalweg("restore", scans, "--no-gate", "--skeleton", tmp_path / "other",
                           "--output", output)  # fmt: skip
    digests = [each.digest[:12] for each in (Skeleton.load(shelf), other)]
    assert (code, err) == (
        2, f"thalweg: {place} skeleton {digests[0]}…, not {digests[1]}…: {tail}\n"
    )  # fmt: skip
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before


def test_what_lies_in_the_way_is_never_replaced(fails, shelf, scans, tmp_path):
    output = tmp_path / "out"
    write_png(output / "b.png", show_digits()[0][9])
    before = (output / "b.png").read_bytes()
    text = f"{output}/b.png must be a result of this command to be replaced: name another --output"
    fails(text, "restore", scans, "--skeleton", shelf, "--output", output)
    assert (output / "b.png").read_bytes() == before
    for inside in (scans, scans / "out"):
        text = f"--output must lie outside {scans}, not at {inside}"
        fails(text, "restore", scans, "--skeleton", shelf, "--output", inside)


def test_refuses_what_does_not_go_with_a_folder(fails, shelf, scans, tmp_path):
    arguments = ("--skeleton", shelf, "--output", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    for text, *rest in (
        ("--trace and --from-step must not be given with a folder", scans, "--from-step", "3"),
        ("--trace and --from-step must not be given with a folder", scans, "--trace", "t.npz"),
        ("--originals and --damage must not be given together", scans, "--originals", scans,
         "--damage", "0.5"),
        (f"--originals must be a folder, not '{tmp_path}/none'", scans, "--originals",
         tmp_path / "none"),
        ("--originals must go with a folder as INPUT, not with 'show[0:1]'", "show[0:1]",
         "--originals", scans),
        (f"{tmp_path}/empty must hold at least one PNG", tmp_path / "empty"),
    ):  # fmt: skip
        fails(text, "restore", *rest, *arguments)
    assert not (tmp_path / "out").exists()


def test_what_was_done_to_a_picture_is_told(thalweg, shelf, scans, tmp_path):
    image = show_digits()[0][0]
    for name in ("e.png", "f.png"):
        Image.fromarray(np.dstack([np.full_like(image, 255), image]), "LA").save(scans / name)
    output = tmp_path / "out"
    arguments = ("--skeleton", shelf, "--output", output, "--damage", 0)
    code, _, err = thalweg("restore", scans, *arguments)
    assert (code, err) == (0, "2 of them were transparent, laid on black\n")
    assert report(output)["notes"] == dict.fromkeys(
        ("e.png", "f.png"), "transparent, laid on black"
    )
    found = results(output)
    assert np.array_equal(found["e.png"], found[NAMES[0]])
    assert np.array_equal(found["e.png"], golden(shelf, image[None])[0])


def test_the_report_names_the_skeleton_and_its_digest(thalweg, shelf, scans, tmp_path):
    thalweg("restore", scans, "--skeleton", shelf, "--output", tmp_path / "out")
    told, skeleton = report(tmp_path / "out"), Skeleton.load(shelf)
    assert (told["skeleton"], told["skeleton_digest"]) == ("random", skeleton.digest)


def test_what_is_no_file_does_not_stop_the_rest(thalweg, shelf, scans, tmp_path):
    os.mkfifo(scans / "pipe.png")
    (scans / "gone.png").symlink_to("nowhere")
    long = f"{'n' * 251}.png"
    write_png(scans / "old.png" / "x.png", show_digits()[0][8])
    write_png(scans / long, show_digits()[0][9])
    output = tmp_path / "out"
    code, _, err = thalweg("restore", scans, "--skeleton", shelf, "--output", output)
    texts = {
        "gone.png": f"{scans}/gone.png must be a readable file: No such file or directory",
        "pipe.png": f"{scans}/pipe.png must be a file, not a named pipe",
    }
    assert (code, err) == (1, "".join(f"thalweg: {text}\n" for text in texts.values()))
    assert report(output)["failures"] == texts
    assert sorted(results(output)) == sorted([*NAMES, "old.png/x.png", long])


def test_a_folder_that_cannot_be_read_is_told_of(thalweg, shelf, scans, tmp_path, monkeypatch):
    walk = os.walk

    def denied(folder, onerror):
        for place, folders, files in walk(folder, onerror=onerror):
            if "a" in folders:
                folders.remove("a")
                onerror(PermissionError(13, "Permission denied", str(scans / "a")))
            yield place, folders, files

    monkeypatch.setattr(os, "walk", denied)
    output = tmp_path / "out"
    code, out, err = thalweg("restore", scans, "--skeleton", shelf, "--output", output)
    text = f"{scans}/a must be a readable folder: Permission denied"
    assert (code, err) == (1, f"thalweg: {text}\n")
    assert out.startswith("3 of 4 restored")
    assert report(output)["failures"] == {"a": text}
    monkeypatch.setattr(os, "walk", lambda folder, onerror: onerror(
        PermissionError(13, "Permission denied", str(folder))) or [])  # fmt: skip
    code, _, err = thalweg("restore", scans, "--skeleton", shelf, "--output", tmp_path / "x")
    assert (code, err) == (
        2, f"thalweg: {scans} must be a readable folder: Permission denied\n"
    )  # fmt: skip


def test_a_result_that_cannot_be_written_does_not_stop_the_rest(
    thalweg, shelf, scans, tmp_path, monkeypatch
):
    write = work.write_result

    def full(path, *rest):
        if path.name == "b.png":
            raise InputError(f"{path} must be writable: No space left on device")
        write(path, *rest)

    monkeypatch.setattr(work, "write_result", full)
    output = tmp_path / "out"
    code, out, err = thalweg("restore", scans, "--skeleton", shelf, "--output", output)
    text = f"{output}/b.png must be writable: No space left on device"
    assert (code, err) == (1, f"thalweg: {text}\n") and out.startswith("4 of 5 restored")
    assert sorted(results(output)) == [name for name in NAMES if name != "b.png"]


def test_results_of_files_that_are_gone_are_not_left_among_new_ones(
    thalweg, fails, shelf, scans, tmp_path
):
    output, arguments = tmp_path / "out", ("--skeleton", shelf, "--output", tmp_path / "out")
    thalweg("restore", scans, *arguments)
    (scans / "d.png").rename(tmp_path / "d.png")
    text = (
        f"{output}/d.png is a result of another run, of a file that is not in {scans}: "
        "name another --output"
    )
    fails(text, "restore", scans, *arguments)
    (tmp_path / "d.png").rename(scans / "d.png")
    (scans / "c.png").write_bytes(b"broken since")
    code, out, _ = thalweg("restore", scans, *arguments)
    assert code == 1 and out.startswith("4 of 5 restored, 4 of them before")
    assert sorted(results(output)) == [name for name in NAMES if name != "c.png"]


@pytest.mark.parametrize("size", [8, 28])
def test_no_error_at_all_counts_by_the_number_of_pixels(size):
    image = np.zeros((size, size), np.uint8)
    tally = work.Tally()
    tally.add(work.Item(Path("a"), image, image, None), image)
    psnr = 10 * np.log10(255**2 * size**2)
    assert tally.closeness()["restored"]["psnr_mean"] == pytest.approx(psnr, abs=1e-3)
    assert tally.closeness()["damaged"]["psnr_of_mean"] == pytest.approx(psnr, abs=1e-3)


def folder_run(shelf, scans, output, device):
    skeleton, gate = Skeleton.load(shelf), GateNetwork.load(shelf / "gate.safetensors")
    method = Method.of(skeleton, gate, steps=10, damage=0.7, invert=False)
    device.choose(0)
    return work.FolderRun(
        device=device, network=gate, spec=SPEC, source=scans, output=output, method=method
    ), work.check(scans, output, method).names


class Failing(GoldenDevice):
    """A device of two contexts whose link fails so many times, in the midst of a batch."""

    def __init__(self, skeletons, times):
        super().__init__(skeletons, contexts=2)
        self.times = times

    def write_deltas(self, indices, deltas):
        if self.times:
            self.times -= 1
            raise LinkError("the chip was reset meanwhile")
        super().write_deltas(indices, deltas)


def test_a_failing_link_is_tried_again(shelf, scans, tmp_path):
    device = Failing((Skeleton.load(shelf),), 2)
    run, names = folder_run(shelf, scans, tmp_path / "out", device)
    done = []
    tally = run.restore(names, done.append)
    assert (tally.restored, done) == (5, [2, 2, 1])
    want = golden(shelf, blank(show_digits()[0][:5], range(5), 0.7))
    found = results(tmp_path / "out")
    assert np.array_equal(np.stack([found[name] for name in NAMES]), want)

    run, names = folder_run(shelf, scans, tmp_path / "again", Failing(device.skeletons, 3))
    with pytest.raises(LinkError, match="was reset meanwhile"):
        run.restore(names)
