"""What a restoration leaves: its report's fields, its pictures, and what may lie beside them."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from golden.errors import InputError
from golden.spec import Spec
from sw.restore import outputs
from sw.restore.images import Images, Lattices
from sw.restore.png import write_png
from sw.restore.restoration import Restoration
from sw.restore.results import KEY, Mark, Method, write_result

SKELETON = SimpleNamespace(name="n", digest="d")
RNG = np.random.default_rng(0)
ORIGINAL, DAMAGED, RESTORED = RNG.integers(0, 256, (3, 12, 4, 4), np.uint8)
STATES = RNG.integers(-128, 128, (12, 3, 2, 4, 4)).astype(np.int8)


def restoration(**changes):
    given = {"given": Images(ORIGINAL, range(40, 52)), "damage": 0.5, "damaged": DAMAGED,
             "restored": RESTORED, "frames": {1: RESTORED[:10] // 2}, "states": None, "steps": 2,
             "from_step": 0, "seconds": 1.23456} | changes  # fmt: skip
    return Restoration(**given)


def decibels(images):
    errors = ((images.astype(float) - ORIGINAL) ** 2).mean(axis=(1, 2))
    return {
        "psnr_mean": pytest.approx(np.mean(10 * np.log10(255**2 / errors)), abs=6e-4),
        "psnr_of_mean": pytest.approx(10 * np.log10(255**2 / errors.mean()), abs=6e-4),
    }


def test_a_report_has_these_fields():
    found = outputs.report(restoration(), SKELETON)
    assert found == {
        "skeleton": "n",
        "skeleton_digest": "d",
        "count": 12,
        "kind": "images",
        "steps": 2,
        "from_step": 0,
        "damage": 0.5,
        "psnr": {"damaged": decibels(DAMAGED), "restored": decibels(RESTORED)},
        "restored_sha256": hashlib.sha256(RESTORED.tobytes()).hexdigest(),
        "seconds": 1.235,
    }
    given = Lattices(np.zeros((12, 2, 4, 4), np.int8))
    lattices = restoration(given=given, damaged=None, from_step=7)
    want = {"kind": "lattices", "from_step": 7, "damage": None, "psnr": None}
    assert outputs.report(lattices, SKELETON) == found | want
    damaged_already = restoration(damage=0.0)
    want = {"damage": 0.0, "psnr": None}
    assert outputs.report(damaged_already, SKELETON) == found | want


def test_the_sheet_shows_the_first_ten_of_every_stage(monkeypatch):
    seen = []
    monkeypatch.setattr(
        outputs, "restoration_sheet", lambda *given, **more: seen.append((given, more))
    )
    outputs.picture(restoration(), scale=2)
    outputs.picture(restoration(given=Lattices(STATES[:, 0]), damaged=None))
    ((frames, restored), more), (_, bare) = seen
    assert frames.keys() == {1} and more["scale"] == 2 and bare["scale"] == 3
    np.testing.assert_array_equal(restored, RESTORED[:10])
    np.testing.assert_array_equal(more["original"], ORIGINAL[:10])
    np.testing.assert_array_equal(more["damaged"], DAMAGED[:10])
    assert bare["original"] is None and bare["damaged"] is None


def test_a_hundred_results_get_a_picture_under_their_position():
    many = Images(np.zeros((130, 4, 4), np.uint8), range(9950, 10080))
    names = outputs.picture_names(many)
    assert len(names) == 100
    assert (names[0], names[-1]) == ("restored-09950.png", "restored-10049.png")
    lattices = Lattices(np.zeros((3, 1, 1, 1), np.int8))
    assert outputs.picture_names(lattices) == [f"restored-0000{place}.png" for place in range(3)]


def test_a_trace_holds_states_and_images_under_their_names(tmp_path):
    outputs.write_trace(tmp_path / "t", restoration(states=STATES))
    with np.load(tmp_path / "t") as found:
        assert sorted(found) == ["restored", "states"]
        np.testing.assert_array_equal(found["states"], STATES)
        np.testing.assert_array_equal(found["restored"], RESTORED)


def test_a_trace_is_bounded_by_all_its_states(tmp_path, monkeypatch):
    spec = Spec(height=4, width=8, channels=2, image=4)
    given = (tmp_path / "t", tmp_path, 5, 3, spec)
    monkeypatch.setattr(outputs, "LARGEST_TRACE", 5 * 4 * 64)
    outputs.require_trace(*given)
    monkeypatch.setattr(outputs, "LARGEST_TRACE", 5 * 4 * 64 - 1)
    text = "^--trace must hold at most 1,279 bytes of states, not 1,280: trace fewer "
    with pytest.raises(InputError, match=text):
        outputs.require_trace(*given)


@pytest.mark.parametrize(
    "name", ["report.json", "restored.npy", "sheet.png", "restored-1.png", "restored-123456.png"]
)
def test_a_trace_has_the_name_of_a_result_in_another_folder_alone(tmp_path, name):
    text = f"^--trace must have a name that no result has, not '{name}'$"
    with pytest.raises(InputError, match=text):
        outputs.require_trace(tmp_path / "sub" / ".." / name, tmp_path, 1, 1, Spec())
    outputs.require_trace(tmp_path / "sub" / name, tmp_path, 1, 1, Spec())
    for near in ("restored-.png", "restored-1.png.npz", "my-restored-1.png"):
        outputs.require_trace(tmp_path / near, tmp_path, 1, 1, Spec())


GIVEN = Images(ORIGINAL[:2], range(5, 7))
NAMES = ["report.json", "restored-00005.png", "restored-00006.png", "restored.npy", "sheet.png"]


@pytest.mark.parametrize("name", NAMES)
def test_no_result_takes_the_place_of_its_input_or_of_a_folder(tmp_path, name):
    path = tmp_path / name
    for source in (str(path), str(tmp_path / "sub" / ".." / name)):
        with pytest.raises(InputError) as error:
            outputs.require_room(tmp_path, GIVEN, source)
        text = f"INPUT must not be one of the results in --output: {source!r}"
        assert str(error.value) == text
    path.mkdir()
    with pytest.raises(InputError, match=f"^{path} must be a file to write, not a folder$"):
        outputs.require_room(tmp_path, GIVEN, "show")


@pytest.mark.parametrize("name", ["x.png", "x.PNG"])
def test_results_of_a_folder_are_not_mixed_with(tmp_path, name):
    write_png(tmp_path / name, ORIGINAL[0])
    outputs.require_room(tmp_path, GIVEN, "show")  # a picture of the user's
    method = Method(skeleton="d", gate=None, steps=2, damage=0.5, invert=False)
    write_result(tmp_path / name, ORIGINAL[0], Mark(method, 0, "x"))
    text = f"^{tmp_path / name} is a result of another run, of a folder: name another --output$"
    with pytest.raises(InputError, match=text):
        outputs.require_room(tmp_path, GIVEN, "show")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_pictures_of_an_earlier_run_are_stale(tmp_path):
    write_png(tmp_path / "restored-00001.png", ORIGINAL[0], {KEY: "restored"})
    write_png(tmp_path / "restored-00002.png", ORIGINAL[0], {KEY: "restored"})
    write_png(tmp_path / "restored-mine.png", ORIGINAL[0])
    assert outputs.stale_pictures(tmp_path, {"restored-00002.png"}) == [
        tmp_path / "restored-00001.png"
    ]
    write_png(tmp_path / "restored-00003.png", ORIGINAL[0])  # without the mark
    with pytest.raises(InputError, match=r"restored-00003.png must not lie among the results"):
        outputs.stale_pictures(tmp_path, {"restored-00002.png"})
    (tmp_path / "report.json").write_text('{"skeleton_digest": "d", "kind": "images"}')
    stale = outputs.stale_pictures(tmp_path, {"restored-00002.png"})
    assert [path.name for path in stale] == ["restored-00001.png", "restored-00003.png"]


def test_a_report_of_another_is_none_of_ours(tmp_path):
    path = tmp_path / "report.json"
    assert outputs.report_in(tmp_path) == {}
    for text in ("{ broken", "[]", '["skeleton_digest"]', '{"kind": "images"}'):
        path.write_text(text)
        assert outputs.report_in(tmp_path) == {}
        outputs.remove_single(tmp_path)
        outputs.remove_earlier(tmp_path, set())
        assert path.read_text() == text
    path.write_text('{"skeleton_digest": "d"}')
    assert outputs.report_in(tmp_path) == {"skeleton_digest": "d"}


@pytest.mark.parametrize(
    ("report", "staying"),
    [
        ({"kind": "images"}, ["a.png"]),
        ({}, ["a.png", "restored-00001.png", "restored.npy", "sheet.png"]),
    ],
    ids=["single", "folder"],
)
def test_what_a_single_run_left_goes_and_what_a_folder_left_stays(tmp_path, report, staying):
    for name in ("a.png", "restored-00001.png", "restored.npy", "sheet.png"):
        (tmp_path / name).write_text("x")
    (tmp_path / "report.json").write_text(json.dumps(report | {"skeleton_digest": "d"}))
    outputs.remove_single(tmp_path)
    assert names(tmp_path) == staying


def test_what_cannot_be_removed_is_named(tmp_path):
    (tmp_path / "sheet.png").mkdir()
    with pytest.raises(InputError, match=f"^{tmp_path / 'sheet.png'} must be writable: "):
        outputs.remove(tmp_path / "none", tmp_path / "sheet.png")


def test_all_is_written_and_the_report_is_what_is_told(tmp_path):
    (tmp_path / "report.json").write_text('{"skeleton_digest": "d", "kind": "images"}')
    write_png(tmp_path / "restored-00001.png", ORIGINAL[0])
    outputs.write(tmp_path, replace(restoration(), restored=RESTORED), {"told": 1})
    pictures = [f"restored-000{place}.png" for place in range(40, 52)]
    assert names(tmp_path) == ["report.json", *pictures, "restored.npy", "sheet.png"]
    assert json.loads((tmp_path / "report.json").read_text()) == {"told": 1}
    assert outputs.read_marked((tmp_path / pictures[-1]).read_bytes(), KEY)[1] == "restored"
    np.testing.assert_array_equal(np.load(tmp_path / "restored.npy"), RESTORED)
