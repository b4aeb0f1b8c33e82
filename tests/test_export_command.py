"""The verb export: what it writes, what it refuses, and that a difference leaves nothing."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import sw.export.export as exporting
from golden.gate import GateNetwork
from golden.machine import Machine
from golden.samples import calibrated
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Spec
from sw.export.export import FORMS, count_for, images_for
from sw.export.runners import C_FLAGS, c_compiler
from tests.shelf import SMALL

FILES = {"onnx": "a.onnx", "qonnx": "q.onnx", "c": "a.c"}
RUNNERS = {"onnx": "ONNX Runtime", "qonnx": "qonnx", "c": "compiled C"}


def test_every_form_is_written_and_compared(thalweg, tmp_path, monkeypatch):
    few = {name: replace(form, images=1) for name, form in FORMS.items()}
    monkeypatch.setattr(exporting, "FORMS", few)
    words = [word for name, file in FILES.items() for word in (f"--{name}", tmp_path / file)]
    code, out, err = thalweg("export", "digits", *words)
    codes = 28 * 28 + 16 * 32 * 32
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"wrote {tmp_path / file}; {RUNNERS[name]} equals golden: {codes:,} codes, none differs"
        for name, file in FILES.items()
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES.values())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("part", ["states", "restored"])
def test_a_difference_is_told_and_leaves_no_file(thalweg, tmp_path, monkeypatch, pair, form, part):
    def run(*given):
        found = FORMS[form].run(*given)
        codes = np.array(getattr(found, part), np.int16)
        codes.reshape(-1)[-1] += 1
        return found._replace(**{part: codes})

    monkeypatch.setattr(exporting, "FORMS", {**FORMS, form: replace(FORMS[form], run=run)})
    file = tmp_path / "out" / FILES[form]
    code, out, err = thalweg("export", pair[0], "--no-gate", f"--{form}", file)
    assert (code, out) == (1, "") and "golden has" in err and len(err.splitlines()) == 1
    assert not list(file.parent.iterdir())


def test_the_steps_and_the_gate_are_those_asked_for(thalweg, tmp_path):
    folder, file = SHIPPED / "digits-memory", tmp_path / "a.onnx"
    gate = folder / "gate-letters-upper-stored.safetensors"
    assert thalweg("export", "digits-memory", "--onnx", file, "--gate", gate, "--steps", 4)[0] == 0
    skeleton, steps = Skeleton.load(folder), 4
    images = images_for(skeleton.spec, 2)
    found = FORMS["onnx"].run(file, skeleton.spec, steps, images)
    machine = Machine(skeleton, GateNetwork.load(gate))
    want = machine.carry_on(machine.model.encode(images), steps)
    np.testing.assert_array_equal(found.states, want)
    thalweg("export", "digits-memory", "--onnx", file, "--no-gate", "--steps", 4)
    found = FORMS["onnx"].run(file, skeleton.spec, steps, images)
    alone = Machine(skeleton, None)
    np.testing.assert_array_equal(found.states, alone.carry_on(alone.model.encode(images), steps))
    assert (found.states != want).any()


def test_few_images_are_compared_where_a_run_is_long_or_a_lattice_large():
    form, large = FORMS["onnx"], Spec(height=256, width=256, multiplier=8)
    assert count_for(form, Spec(), 10) == count_for(form, SMALL, 10) == form.images
    assert count_for(form, Spec(), 1000) == 1
    assert count_for(form, large, 1) == form.images * 10 * 5 // (64 * 8)
    assert count_for(form, large, 1000) == 1


def test_a_c_file_is_a_program_too(tmp_path):
    folder, file = SHIPPED / "digits-swift", tmp_path / "a.c"
    skeleton = Skeleton.load(folder)
    gate = GateNetwork.load(folder / "gate.safetensors")
    FORMS["c"].write(skeleton, gate, 6, file)
    program = tmp_path / "program"
    command = [*c_compiler(), *C_FLAGS, "-Wconversion", "-Wmissing-prototypes", "-Wvla"]
    subprocess.run([*command, "-DTHALWEG_MAIN", file, "-o", program], check=True)
    images = images_for(skeleton.spec, 3)
    run = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True)
    machine = Machine(skeleton, gate)
    want = machine.model.readout(machine.carry_on(machine.model.encode(images), 6))
    assert run.stdout == want.tobytes()


def test_without_a_compiler_a_c_file_is_written_and_that_is_said(
    thalweg, tmp_path, monkeypatch, pair
):
    monkeypatch.setenv("CC", "no-such-compiler")
    file = tmp_path / "a.c"
    code, out, err = thalweg("export", pair[0], "--no-gate", "--c", file)
    reason = "there is no C compiler on PATH, and CC names none"
    assert (code, err) == (0, "")
    assert out == f"wrote {file}; not compared with golden: {reason}\n"
    assert file.exists()


def test_a_c_file_needs_no_onnx(thalweg, tmp_path, monkeypatch, pair, fails):
    for name in [name for name in sys.modules if name.split(".")[0] in ("onnx", "qonnx")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("sw.export.onnx_file", "sw.export.graph", "sw.export.unrolled"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert thalweg("export", pair[0], "--no-gate", "--c", tmp_path / "a.c")[0] == 0
    fails("the package 'onnx' must be installed: see README",
          "export", pair[0], "--no-gate", "--onnx", tmp_path / "a.onnx")  # fmt: skip


def test_a_comparison_reports_to_nobody(tmp_path):
    words = [sys.executable, "-c", "from sw.export.runners import runtime; runtime()"]
    subprocess.run(words, check=True, env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)})
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_one_line(fails, tmp_path, pair):
    file = tmp_path / "a.onnx"
    fails("One of --onnx, --qonnx and --c must be given", "export", "digits")
    fails("--onnx, --qonnx and --c must name different files",
          "export", "digits", "--onnx", file, "--c", file)  # fmt: skip
    fails("--gate and --no-gate must not be given together",
          "export", "digits", "--onnx", file, "--gate", "g", "--no-gate")  # fmt: skip
    fails("Invalid value for '--steps': Input should be greater than or equal to 1",
          "export", "digits", "--onnx", file, "--steps", 0)  # fmt: skip
    fails("An exported run must have 1 to 1,000 steps, not 1,001: --steps says how many",
          "export", "digits", "--c", file, "--steps", 1001)  # fmt: skip
    fails(f"{pair[0] / 'gate.safetensors'} must be there for a gated run; "
          "--gate names another, --no-gate goes without",
          "export", pair[0], "--onnx", file)  # fmt: skip
    gate = SHIPPED / "digits" / "gate.safetensors"
    fails(f"{gate} needs a skeleton with a gate; digits-ca has none",
          "export", "digits-ca", "--onnx", file, "--gate", gate)  # fmt: skip
    fails(f"{gate} must map 16 codes to 4, not 1024 to 256",
          "export", pair[0], "--onnx", file, "--gate", gate)  # fmt: skip
    fails(f"{tmp_path} must be a file to write, not a folder",
          "export", "digits-ca", "--onnx", tmp_path)  # fmt: skip
    assert not file.exists()


def test_a_skeleton_of_odd_name_and_more_steps_than_fit_is_told(tmp_path, fails, thalweg):
    long = replace(SMALL, steps=2000, gate=None)
    folder = tmp_path / "ä *"
    calibrated(long, np.random.default_rng(0)).save(folder)
    fails("An exported run must have 1 to 1,000 steps, not 2,000: --steps says how many",
          "export", folder, "--c", tmp_path / "a.c")  # fmt: skip
    assert thalweg("export", folder, "--c", tmp_path / "a.c", "--steps", 2)[0] == 0
