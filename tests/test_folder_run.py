"""A folder's run from within: what is listed, damaged, counted and told, on a played device."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from golden.errors import InputError
from golden.spec import Spec
from sw.cli import folders
from sw.data.damage import blank
from sw.restore import folder as work
from sw.restore.folder import FolderRun, Tally
from sw.restore.png import read_grey, write_png
from sw.restore.results import Mark, Method, is_ours
from tests.recorded import Calls

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(1, 255, (5, 8, 8), np.uint8)
SPEC = Spec(height=8, width=8, image=8)
METHOD = Method(skeleton="d", gate=None, steps=3, damage=0.5, invert=False)


class Half:
    """A device of two lattices that shows half of each grey level, a step."""

    contexts, skeletons = 2, (SimpleNamespace(spec=SPEC),)

    def load_images(self, images):
        self.shown = images

    def start(self, steps, *, gated):
        assert not gated
        self.shown = self.shown >> steps

    def planes(self):
        return np.arange(0), None

    def read_images(self):
        return self.shown


@pytest.fixture
def scans(tmp_path):
    for name, image in zip("abcde", IMAGES, strict=True):
        write_png(tmp_path / "in" / f"{name}.png", image)
    return tmp_path / "in"


def run_of(scans, method=METHOD, **options):
    given = {"device": Half(), "network": None, "spec": SPEC, "source": scans, "method": method}
    return FolderRun(**given, output=scans.parent / "out", **options)


NAMES = [Path(f"{name}.png") for name in "abcde"]


def test_hidden_folders_are_left_out_and_links_are_named(tmp_path):
    for name in (".hidden/a.png", "b/c.png", "b/.d.png", "a.PnG", "a.jpg", "b/e.png/f.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for name in ("z", "b/y", ".x"):
        (tmp_path / name).symlink_to(tmp_path / ".hidden")
    found = work.list_pngs(tmp_path)
    assert found.names == [Path("a.PnG"), Path("b/c.png"), Path("b/e.png/f.png")]
    assert (found.failures, found.links) == ({}, ["b/y", "z"])


@pytest.mark.parametrize("damage", [0.0, 0.5])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_each_image_is_damaged_by_its_place_and_held_to_its_original(scans, damage, invert, held):
    clean = RNG.integers(0, 256, IMAGES.shape, np.uint8)
    for name, image in zip("abcde", clean, strict=True):
        write_png(scans.parent / "clean" / f"{name}.png", image)
    method = Method(skeleton="d", gate=None, steps=3, damage=damage, invert=invert)
    run = run_of(scans, method, originals=scans.parent / "clean" if held else None)
    ours, theirs = (255 - rows if invert else rows for rows in (IMAGES, clean))
    for place, name in enumerate(NAMES):
        item = run.read(name, place)
        want = blank(ours, range(5), damage)[place]
        np.testing.assert_array_equal(item.damaged, want)
        assert (item.name, item.mark) == (name, Mark.of(method, place, ours[place]))
        if held or damage:
            np.testing.assert_array_equal(item.original, (theirs if held else ours)[place])
        else:
            assert item.original is None


def test_notes_are_of_the_file_and_not_of_its_original(scans, monkeypatch):
    seen = []

    def read(raw, path, size, *, paper):
        seen.append((path, size, paper))
        return IMAGES[0], ("turned", "laid")

    monkeypatch.setattr(work, "read_grey", read)
    method = Method(skeleton="d", gate=None, steps=3, damage=0.0, invert=True)
    run = run_of(scans, method, originals=scans)
    run.read(NAMES[1], 1)
    assert seen == [(scans / "b.png", 8, 255)] * 2
    assert run.tally.notes == {"b.png": "turned, laid"}
    run.pixels(scans / "c.png")
    assert [*run.tally.notes] == ["b.png"]


def test_every_file_is_counted_once_in_the_progress(scans):
    done, told = [], []
    (scans / "c.png").write_text("no picture")
    tally = run_of(scans, complain=told.append).restore(NAMES, done.append)
    assert (tally.restored, tally.kept, sum(done), len(tally.errors)) == (4, 0, 5, 4)
    assert [*tally.failures] == ["c.png"] and told == [*tally.failures.values()]
    assert tally.seconds > 0
    done.clear()
    (scans.parent / "out" / "a.png").unlink()
    tally = run_of(scans).restore(NAMES, done.append)
    assert (tally.restored, tally.kept, sum(done), len(tally.errors)) == (1, 3, 5, 4)
    assert tally.pixels == 64


def test_results_are_of_the_steps_that_the_method_says(scans):
    run_of(scans).restore(NAMES)
    want = blank(IMAGES, range(5), 0.5) >> METHOD.steps
    for name, image in zip(NAMES, want, strict=True):
        found, _ = read_grey((scans.parent / "out" / name).read_bytes(), name, 8)
        np.testing.assert_array_equal(found, image)
    assert SPEC.steps != METHOD.steps


def test_a_result_of_an_image_that_cannot_be_read_any_more_goes(scans, monkeypatch):
    run_of(scans).restore(NAMES)
    stale, users = (scans.parent / "out" / name for name in ("b.png", "c.png"))
    write_png(users, IMAGES[0])
    for name in ("b.png", "c.png"):
        (scans / name).write_text("no picture")
    run = run_of(scans)
    run.restore(NAMES)
    assert not stale.exists() and users.exists() and not is_ours(users)

    run_of(scans).fail(NAMES[0], InputError("x"))
    write = run_of(scans)
    write.restore(NAMES[:1])
    told = []
    monkeypatch.setattr(Path, "unlink", lambda path: os.rmdir(path / "none"))
    run = run_of(scans, complain=told.append)
    run.fail(NAMES[0], InputError("it \n is  wrong"))
    path = scans.parent / "out" / "a.png"
    assert told == ["it is wrong", f"{path} is of another image, but stays: Not a directory"]
    assert run.tally.failures == {"a.png": "it is wrong"}


def test_a_tally_has_these_fields():
    tally = Tally(restored=3, kept=2, failures={"a": "b"}, notes={"c": "d"}, seconds=1.23456)
    tally.errors += [(64.0, 16.0), (640.0, 32.0)]
    tally.pixels = 64
    psnr = {}
    for name, errors in (("damaged", (64, 640)), ("restored", (16, 32))):
        each = [10 * np.log10(255**2 / error) for error in errors]
        mean = 10 * np.log10(255**2 / np.mean(errors))
        psnr[name] = {"psnr_mean": round(np.mean(each), 3), "psnr_of_mean": round(mean, 3)}
    found = {"count": 5, "restored_now": 3, "failures": {"a": "b"}, "notes": {"c": "d"},
             "with_original": 2, "psnr": psnr, "seconds": 1.235,
             "images_per_second": 2.43}  # fmt: skip
    assert tally.report() == found
    empty = {"count": 0, "restored_now": 0, "failures": {}, "notes": {}, "with_original": 0,
             "psnr": None, "seconds": 0.0, "images_per_second": 0.0}  # fmt: skip
    assert Tally().report() == empty


@pytest.mark.parametrize(
    ("restored", "kept", "errors", "text"),
    [
        (3, 0, [], "3 of 9 restored"),
        (3, 2, [], "5 of 9 restored, 2 of them before"),
        (0, 2, [(1e4, 100.0)], "2 of 9 restored, 2 of them before, 28.13 dB"),
    ],
)
def test_the_summary_says_what_became_of_the_files(restored, kept, errors, text):
    tally = Tally(restored=restored, kept=kept, errors=errors, pixels=64)
    assert folders.summary(tally, 9) == text


def given(scans, output, originals=None):
    opened = lambda: Half()  # noqa: E731
    places = folders.Folders(scans, output, originals)
    return opened, None, SPEC, places, METHOD, {"skeleton": "n", "filters": 2}


def test_the_report_of_a_folder_tells_method_and_device(scans, tmp_path, capsys):
    output = tmp_path / "out"
    (scans / "link").symlink_to(tmp_path)
    folders.restore_folder(*given(scans, output, scans))
    told = json.loads((output / "report.json").read_text())
    wanted = {"input": str(scans), "skeleton": "n", "gate": None, "steps": 3, "damage": 0.5,
              "invert": False, "filters": 2, "originals": str(scans), "count": 5,
              "notes": {"link": "a link to a folder, not followed"}}  # fmt: skip
    assert wanted.items() <= told.items()
    out, err = capsys.readouterr()
    assert err == "1 of them was a link to a folder, not followed\n"
    assert out.endswith(f" dB\nwrote {output / 'report.json'}\n")
    folders.restore_folder(*given(scans, output))
    assert json.loads((output / "report.json").read_text())["originals"] is None


def test_a_run_that_is_broken_off_again_tells_all_that_are_there(
    scans, tmp_path, monkeypatch, capsys
):
    output, write, left = tmp_path / "out", work.write_result, iter([1, 1, 0, 1, 0])

    def limited(*arguments):
        if not next(left):
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(work, "write_result", limited)
    for there in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            folders.restore_folder(*given(scans, output))
        told = f"{there} of 5 are there; the same command goes on\n"
        assert tuple(capsys.readouterr()) == ("", told)
        assert not (output / "report.json").exists()


def test_a_folder_is_refused_before_the_device_is_opened(scans, tmp_path):
    calls, output = Calls(), tmp_path / "out"
    device = calls.fake("open")

    def refused(text, folder, originals=None):
        with pytest.raises(InputError, match=text):
            folders.restore_folder(device, *given(scans, folder, originals)[1:])

    (output / "report.json").mkdir(parents=True)
    refused(r"report.json must be a file to write, not a folder$", output)
    refused(r"^--originals must be a folder, not '.*/a.png'$", output, scans / "a.png")
    (tmp_path / "file").touch()
    refused(r"file must be a writable folder: File exists$", tmp_path / "file")
    assert calls == []
