"""`thalweg restore`: every option reaches what reads, restores and writes, in order."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from golden.errors import InputError
from golden.spec import Spec
from sw.cli.restore import require_meant, share_of
from sw.restore.images import Images, Lattices
from sw.restore.results import Method
from tests.recorded import Calls

IMAGES = Images(np.zeros((3, 28, 28), np.uint8), range(3), notes=("a note", "another"))
LATTICES = Lattices(np.zeros((2, 16, 32, 32), np.int8))
SKELETON = SimpleNamespace(name="n", digest="d", spec=Spec(steps=9))


@pytest.fixture
def calls(monkeypatch):
    """Have `thalweg restore` restore nothing; return what it calls."""
    calls = Calls()
    for place, gives in (
        ("sw.runs.loading.load_run", (SKELETON, "network")),
        ("sw.restore.images.read_input", IMAGES),
        ("sw.restore.outputs.require_trace", None),
        ("sw.restore.outputs.require_room", None),
        ("sw.runs.writable.require_folders", None),
        ("sw.cli.restore.require_device", None),
        ("sw.cli.restore.open_device", "a device"),
        ("sw.restore.restoration.restore_input", "restoration"),
        ("sw.restore.outputs.report", {"count": 3, "device": "the report's"}),
        ("sw.restore.outputs.write_trace", None),
        ("sw.restore.outputs.write", None),
        ("sw.cli.folders.restore_folder", None),
    ):
        monkeypatch.setattr(place, calls.fake(place.rpartition(".")[2], gives))
    return calls


def test_every_option_reaches_its_argument(thalweg, calls):
    words = ("--skeleton", "s", "--output", "o", "--device", "serial:x", "--gate", "g", "--steps",
             4, "--damage", 0.25, "--filters", 2, "--baud", 9600, "--trace", "t/t.npz", "--data",
             "d", "--invert")  # fmt: skip
    told = (0, "wrote o/report.json\n", "a note\nanother\n")
    assert thalweg("restore", "show[0:3]", *words) == told
    assert calls.names == [
        "load_run", "read_input", "require_trace", "require_device", "require_room",
        "require_folders", "open_device", "restore_input", "report", "write_trace", "write",
    ]  # fmt: skip
    assert calls.of("load_run") == (("s", Path("g")), {})
    read = (("show[0:3]", SKELETON.spec, Path("d")), {"invert": True, "fit": None})
    assert calls.of("read_input") == read
    traced = (Path("t/t.npz"), Path("o"), 3, 4, SKELETON.spec)
    assert calls.of("require_trace") == (traced, {})
    assert calls.of("require_device") == (("serial:x", 2), {})
    assert calls.of("require_room") == ((Path("o"), IMAGES, "show[0:3]"), {})
    assert calls.of("require_folders") == ((Path("o"), Path("t")), {})
    assert calls.of("open_device") == (("serial:x", (SKELETON,), 2, 9600), {})
    given, options = calls.of("restore_input")
    assert given == ("a device", "network", IMAGES) and callable(options.pop("progress"))
    assert options == {"steps": 4, "damage": 0.25, "traced": True}
    assert calls.of("report") == (("restoration", SKELETON), {})
    assert calls.of("write_trace") == ((Path("t/t.npz"), "restoration"), {})
    output, restoration, report = calls.of("write")[0]
    assert (output, restoration) == (Path("o"), "restoration")
    assert report == {"input": "show[0:3]", "device": "the report's", "gated": True, "count": 3}


def test_raw_lattices_go_on_for_the_steps_of_the_skeleton(thalweg, calls, monkeypatch):
    monkeypatch.setattr("sw.restore.images.read_input", calls.fake("read_input", LATTICES))
    alone = calls.fake("load_subject", (SKELETON, None))
    monkeypatch.setattr("sw.cli.restore.load_subject", alone)
    words = ("--skeleton", "s", "--output", "o", "--from-step", 5, "--no-gate")
    assert thalweg("restore", "x", *words) == (0, "wrote o/report.json\n", "")
    assert calls.of("load_subject") == (("s", None, True), {})
    assert calls.of("read_input")[1] == {"invert": False, "fit": None}
    (_, network, given), options = calls.of("restore_input")
    assert given.states is LATTICES.states and given.step == 5
    wanted = {"steps": 9, "damage": 0.7, "traced": False}
    assert network is None and wanted.items() <= options.items()
    assert calls.of("open_device") == (("golden", (SKELETON,), 5, 3_000_000), {})
    assert calls.of("require_folders") == ((Path("o"),), {})
    assert calls.of("write")[0][2]["gated"] is False
    assert not {"write_trace", "require_trace"} & {*calls.names}


def test_no_steps_at_all_are_none_of_the_skeletons(thalweg, calls):
    thalweg("restore", "x", "--skeleton", "s", "--output", "o", "--steps", 0)
    assert calls.of("restore_input")[1]["steps"] == 0


def test_a_folder_is_restored_by_the_same_options(thalweg, calls, tmp_path, monkeypatch):
    gate = SimpleNamespace()
    monkeypatch.setattr("sw.runs.loading.load_run", calls.fake("load_run", (SKELETON, gate)))
    monkeypatch.setattr(Method, "of", calls.fake("of", "method"))
    words = ("--skeleton", "s", "--output", "o", "--steps", 4, "--invert", "--device", "simulated",
             "--filters", 2, "--originals", "clean", "--baud", 9600)  # fmt: skip
    assert thalweg("restore", tmp_path, *words) == (0, "", "")
    assert calls.names == ["load_run", "of", "restore_folder"]
    assert calls.of("of") == ((SKELETON, gate), {"steps": 4, "damage": 0.0, "invert": True})
    (opening, *given), _ = calls.of("restore_folder")
    named = {"skeleton": "n", "skeleton_digest": "d", "device": "simulated", "filters": 2}
    places = (tmp_path, Path("o"), Path("clean"))
    wanted = [gate, SKELETON.spec, places, "method", named, None]
    assert given == wanted
    assert opening() == "a device"
    assert calls.of("open_device") == (("simulated", (SKELETON,), 2, 9600), {})


def test_a_share_is_blanked_unless_images_come_damaged():
    clean = Path("clean")
    assert [share_of(damage, None) for damage in (None, 0, 0.25, 1)] == [0.7, 0, 0.25, 1]
    assert share_of(None, clean) == share_of(0, clean) == 0
    with pytest.raises(InputError, match=r"^--originals and --damage must not be given together$"):
        share_of(0.25, clean)


def test_options_go_with_the_kind_of_input():
    require_meant(IMAGES, 0.5, invert=True, from_step=0)
    require_meant(LATTICES, 0, invert=False, from_step=7)
    require_meant(LATTICES, None, invert=False, from_step=0)
    for given, damage, invert, step, text in (
        (IMAGES, None, False, 2, "--from-step must be 0 for images, not 2"),
        (LATTICES, 0.5, False, 0, "--damage must be 0 for raw lattices, not 0.5"),
        (LATTICES, None, True, 0, "--invert must not be given with raw lattices"),
    ):
        with pytest.raises(InputError) as error:
            require_meant(given, damage, invert=invert, from_step=step)
        assert str(error.value) == text


def test_a_device_that_is_none_is_refused_before_a_folder_is_made(thalweg, calls, monkeypatch):
    def refuse(*given):
        raise InputError("no such device")

    monkeypatch.setattr("sw.cli.restore.require_device", refuse)
    told = (2, "", "a note\nanother\nthalweg: no such device\n")
    assert thalweg("restore", "x", "--skeleton", "s", "--output", "o") == told
    assert calls.names == ["load_run", "read_input"]


@pytest.mark.parametrize("trace", ["x", "sub/../x", "./x"])
def test_a_trace_never_takes_the_place_of_its_input(fails, calls, monkeypatch, trace):
    monkeypatch.setattr("sw.restore.images.read_input", calls.fake("read_input", LATTICES))
    words = ("--skeleton", "s", "--output", "o", "--trace", trace)
    fails("--trace must not be the INPUT 'x'", "restore", "x", *words)
    assert calls.names == ["load_run", "read_input", "require_trace"]
