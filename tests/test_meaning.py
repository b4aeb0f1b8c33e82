"""Input keeps its meaning or is refused, before the work; nothing of another run is left beside."""

import json
import os

import numpy as np
import pytest

from golden.device import GoldenDevice, restore, run
from golden.errors import InputError
from golden.files import read_bytes, replacement, require_regular
from golden.samples import calibrated
from golden.spec import Spec
from sw.data.damage import blank
from sw.data.load import Digits
from sw.judge.evaluate import digits_to_judge
from sw.restore.png import read_grey, write_png

DIGIT = np.zeros((28, 28), np.uint8)
DIGIT[8:20, 10:18] = 255


@pytest.fixture
def digit(tmp_path):
    write_png(tmp_path / "digit.png", DIGIT)
    return tmp_path / "digit.png"


def test_an_empty_argument_is_named(fails, folder, tmp_path, digit):
    fails("--output must not be empty", "restore", digit, "--skeleton", folder, "--output", "")
    fails("--output must not be empty", "restore", digit, "--skeleton", folder, "--output=")
    fails("an argument must not be empty", "restore", "", "--skeleton", folder, "--output", "x")


def test_no_command_shows_the_help_as_it_is(thalweg):
    code, out, err = thalweg()
    assert (code, err) == (2, "thalweg: a command must be given\n")
    assert len(out.splitlines()) > 15


def test_what_was_found_is_cut_in_a_message(thalweg, folder, tmp_path):
    values = json.loads((folder / "skeleton.json").read_text())
    (tmp_path / "skeleton.json").write_text(json.dumps(values | {"format": "x" * 100_000}))
    code, _, err = thalweg("verilog", tmp_path)
    assert code == 2 and err.startswith("thalweg: ") and len(err) < 2100


@pytest.mark.parametrize("name", ["showcase", "mnist:scans"])
def test_a_folder_named_like_a_data_set_is_a_folder(thalweg, folder, tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_png(tmp_path / name / "a.png", DIGIT)
    code, _, err = thalweg("restore", name, "--skeleton", folder, "--output", "out")
    assert (code, err) == (0, "") and (tmp_path / "out" / "a.png").is_file()


def test_options_that_lattices_have_no_use_for_are_refused(fails, folder, tmp_path):
    np.save(tmp_path / "s.npy", np.zeros((1, 16, 32, 32), np.int8))
    told = ("restore", tmp_path / "s.npy", "--skeleton", folder, "--output", tmp_path / "out")
    fails("--damage must be 0 for raw lattices, not 0.5", *told, "--damage", "0.5")
    fails("--invert must not be given with raw lattices", *told, "--invert")
    assert not (tmp_path / "out").exists()


def test_results_never_replace_the_input(fails, thalweg, folder, tmp_path, digit):
    out = tmp_path / "out"
    assert thalweg("restore", digit, "--skeleton", folder, "--output", out)[0] == 0
    for name in ("restored.npy", "restored-00000.png"):
        before = (out / name).read_bytes()
        fails(
            f"INPUT must not be one of the results in --output: {str(out / name)!r}",
            *("restore", out / name, "--skeleton", folder, "--output", out),
        )
        assert (out / name).read_bytes() == before
    fails(
        f"--trace must not be the INPUT {str(digit)!r}",
        *("restore", digit, "--skeleton", folder, "--output", tmp_path / "o", "--trace", digit),
    )
    fails(
        "--trace must have a name that no result has, not 'restored-00003.png'",
        *("restore", digit, "--skeleton", folder, "--output", out),
        *("--trace", out / "restored-00003.png"),
    )


def test_runs_of_folders_and_of_single_inputs_do_not_mix(fails, thalweg, folder, tmp_path, digit):
    write_png(tmp_path / "in" / "a.png", DIGIT)
    one, many = tmp_path / "one", tmp_path / "many"
    assert thalweg("restore", tmp_path / "in", "--skeleton", folder, "--output", many)[0] == 0
    fails(
        f"{many}/a.png is a result of another run, of a folder: name another --output",
        *("restore", digit, "--skeleton", folder, "--output", many),
    )
    assert thalweg("restore", digit, "--skeleton", folder, "--output", one)[0] == 0
    assert thalweg("restore", tmp_path / "in", "--skeleton", folder, "--output", one)[0] == 0
    assert sorted(path.name for path in one.iterdir()) == ["a.png", "report.json"]


def test_a_linked_folder_is_told_of(thalweg, fails, folder, tmp_path):
    write_png(tmp_path / "elsewhere" / "e.png", DIGIT)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "sub").symlink_to(tmp_path / "elsewhere")
    told = ("restore", tmp_path / "in", "--skeleton", folder, "--output", tmp_path / "out")
    fails(
        f"{tmp_path}/in must hold at least one PNG: sub is a link to a folder, not followed", *told
    )
    write_png(tmp_path / "in" / "a.png", DIGIT)
    code, _, err = thalweg(*told)
    assert (code, err) == (0, "1 of them was a link to a folder, not followed\n")


@pytest.mark.parametrize("value", [0, 9, 300])
def test_an_orientation_that_asks_for_nothing_is_not_told_of(tmp_path, value):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = value
    Image.fromarray(DIGIT).save(tmp_path / "e.png", exif=exif)
    pixels, notes = read_grey((tmp_path / "e.png").read_bytes(), "e.png", 28)
    assert notes == () and (pixels == DIGIT).all()


def test_a_file_is_replaced_and_nothing_else(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, kind in (("pipe", "a named pipe"), ("folder", "a folder")):
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=f"must be a file to write, not {kind}"):
            with replacement(tmp_path / name) as path:
                path.write_text("new")
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    with replacement(tmp_path / "link") as path:
        path.write_text("new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "new"


def test_a_file_too_large_is_refused_unread(tmp_path):
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 1 << 40)
    for read in (read_bytes, require_regular):
        with pytest.raises(InputError, match="must have at most 10 bytes"):
            read(tmp_path / "large", 10)


def test_letters_are_not_judged_as_digits():
    images, labels = np.zeros((2, 28, 28), np.uint8), np.array([3, 24], np.uint8)
    with pytest.raises(InputError, match="Test labels must be of digits, 0 to 9, not 24: letters"):
        digits_to_judge(Digits(images, labels, images, labels, "letters"))


@pytest.mark.parametrize("share", [-0.5, 2.0, float("nan")])
def test_only_a_share_can_be_blanked(share):
    with pytest.raises(InputError, match="Share to blank must be from 0 to 1"):
        blank(DIGIT[None], range(1), share)


@pytest.fixture(scope="module")
def golden():
    return GoldenDevice((calibrated(Spec(), np.random.default_rng(0)),))


@pytest.mark.parametrize("steps", [-1, 2.0, True, "3", None, 1 << 40])
def test_steps_are_a_number_that_every_device_takes(golden, steps):
    golden.load_images(DIGIT[None])
    with pytest.raises(InputError, match="Steps must be an integer from 0 to 2147483647"):
        run(golden, None, steps)
    with pytest.raises(InputError, match="Steps must be an integer from 0 to 2147483647"):
        golden.load_states(np.zeros((1, 16, 32, 32), np.int8), steps)


@pytest.mark.parametrize("place", [-1, 1, 0.0, None])
def test_a_place_is_one_of_the_skeletons(golden, place):
    with pytest.raises(InputError, match="Place of a skeleton must be an integer from 0 to 0"):
        golden.choose(place)


def test_cells_are_those_of_every_lattice(golden):
    golden.load_images(np.stack([DIGIT, DIGIT]))
    with pytest.raises(InputError, match="Cells must be of 2 lattices, not of 1"):
        golden.zero_cells(np.zeros((1, 1024), bool))


def test_what_is_no_array_is_one_error(golden):
    torch = pytest.importorskip("torch")
    masked = np.ma.masked_array(DIGIT[None], DIGIT[None] > 3)
    sparse = torch.from_numpy(DIGIT[None].copy()).to_sparse()
    for given in ([[1], [2, 3]], torch.zeros(1, 28, 28, requires_grad=True), sparse, masked):
        with pytest.raises(InputError, match="Images must"):
            restore(golden, None, given, 1)
