"""The fused step's library: what it is made from, how it is named, and when it is believed."""

from dataclasses import replace

import pytest
import torch

from golden import library
from golden.errors import ToolError
from golden.native import STEPS, build
from sw.model import fused
from sw.model.fused import STEP
from tests.test_fused import SPECS

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def silent(monkeypatch):
    """Nothing said yet, nothing loaded yet."""
    monkeypatch.setattr(fused, "told", set())
    build.attempt.cache_clear()
    yield
    build.attempt.cache_clear()


def test_plain_torch_serves_an_accelerator_and_each_reason_is_told_once(
    silent, monkeypatch, capsys
):
    spec, wrapped = SPECS["small"], replace(SPECS["small"], boundary="wrap")
    monkeypatch.setattr(fused, "library", lambda *given: given)
    for _ in range(2):
        assert fused.step_library(spec, torch.device("cuda", 1)) is None
        assert fused.step_library(wrapped, torch.device("cpu")) is None
    assert fused.step_library(spec, torch.device("cpu")) == (STEP, spec.channels, spec.multiplier)
    begin = "plain torch runs the training step, not the fused one: "
    wanted = [begin + reason for reason in ("on cuda", "for the boundary 'wrap'")]
    assert capsys.readouterr().err.splitlines() == wanted


@pytest.fixture
def digested(monkeypatch, tmp_path):
    """A digest of a library, made of headers, a source and a compiler that are changed."""
    for name in ("a.h", "b.h", "own/c.h", "own/step.cpp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    said = {"version": b"one", "asked": []}

    def run(words, **named):
        said["asked"].append((words, named["env"]))
        return build.subprocess.CompletedProcess(words, 0, said["version"], b"")

    monkeypatch.setattr(build, "HERE", tmp_path)
    monkeypatch.setattr(build.subprocess, "run", run)
    monkeypatch.setattr(build, "environment", lambda: {"LC_ALL": "C"})
    monkeypatch.setattr(build, "processor", lambda: "chip")
    return said


COMMAND = ["cc", "-m64", *build.FLAGS, "-DCHANNELS=3", "step.cpp"]


@pytest.mark.parametrize(
    "change",
    ["a.h", "own/c.h", "own/step.cpp", "version", "processor", "defines", "flags", "compiler"],
)
def test_a_library_is_made_anew_when_anything_changes(digested, monkeypatch, tmp_path, change):
    source = build.Source(path=tmp_path / "own" / "step.cpp", functions=(), title="step")
    before, command = build.digest(source, COMMAND), list(COMMAND)
    assert build.digest(source, COMMAND) == before and len(before) == 12
    assert digested["asked"][0] == (["cc", "-m64", "--version"], {"LC_ALL": "C"})
    if change == "version":
        digested["version"] = b"two"
    elif change == "processor":
        monkeypatch.setattr(build, "processor", lambda: "another")
    elif change == "defines":
        command[-2] = "-DCHANNELS=4"
    elif change == "flags":
        command.remove("-O3")
    elif change == "compiler":
        command[0] = "cxx"
    else:
        (tmp_path / change).write_text("changed")
    assert build.digest(source, command) != before


def test_a_library_is_compiled_for_this_machine_with_exact_arithmetic(
    silent, monkeypatch, tmp_path
):
    made = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "compiler", lambda: ["sh", "-x"])
    monkeypatch.setattr(build, "digest", lambda source, command: f"of{len(command)}")
    monkeypatch.setattr(build, "compile_library", lambda *given: made.append(given))
    monkeypatch.setattr(build, "load_library", lambda path, functions: path)
    path = build.library(STEP, 7, 3)
    ((source, command, target),) = made
    assert source == STEP
    assert command[:2] == ["sh", "-x"] and command[-1].endswith("sw/model/fused/step.cpp")
    words = set(command[2:-1])
    assert words == {
        "-std=c++17",
        "-O3",
        "-march=native",
        "-fopenmp",
        "-fPIC",
        "-shared",
        "-Wno-psabi",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-DCHANNELS=7",
        "-DMULTIPLIER=3",
        f"-I{STEPS.path.parent}",
    }
    name = f"step-7-3-of{len(command)}.so"
    assert path == target == tmp_path / "thalweg" / "fused" / name


def test_what_was_built_is_stamped_only_after_it_is_in_its_place(monkeypatch, tmp_path):
    path, order = tmp_path / "step.so", []

    def call(command, log):
        assert command[:2] == ["cc", "x.cpp"] and command[-2] == "-o"
        order.append(("called", log.name, path.exists()))
        build.Path(command[-1]).write_bytes(b"code")
        log.write_text("said")

    monkeypatch.setattr(build, "call", call)
    monkeypatch.setattr(
        build, "load_library", lambda *given: order.append(("loaded", path.exists()))
    )
    build.compile_library(STEP, ["cc", "x.cpp"], path)
    assert order == [("called", "step.log", False), ("loaded", False)]
    assert library.is_whole(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["step.sha256", "step.so"]


@pytest.mark.parametrize("lacks", ["thalweg_forward", "thalweg_backward"])
def test_a_library_must_have_both_functions(monkeypatch, tmp_path, lacks):
    class Library:
        def __init__(self, path):
            for name in {"thalweg_forward", "thalweg_backward"} - {lacks}:
                setattr(self, name, None)

    monkeypatch.setattr(library.ctypes, "CDLL", Library)
    with pytest.raises(ToolError, match=rf"^{tmp_path}/x\.so cannot be loaded: .*{lacks}"):
        library.load_library(tmp_path / "x.so", STEP.functions)


class Functions:
    """Stands in for the library: notes the sizes that it is told, and does nothing."""

    def __init__(self):
        self.sizes = []

    def thalweg_forward(self, *given):
        self.sizes.append([each.value for each in given[6:]])

    def thalweg_backward(self, *given):
        self.sizes.append([each.value for each in given[12:]])
        self.null = [each.value is None for each in given[:12]]


@pytest.mark.parametrize("trained", range(5))
def test_a_library_is_told_sizes_and_threads_and_whether_weights_learn(monkeypatch, trained):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    shapes = (2, 4, 5, 6), (2, 4, 1, 3, 3), (2, 4), (4, 8, 1, 1), (4,)
    states, kernels, offsets, mixes, bias = parts = [torch.zeros(shape) for shape in shapes]
    parts[trained].requires_grad_()
    functions = Functions()
    result = fused.fused_step(states, kernels, offsets, (mixes, bias), functions, True)
    result.sum().backward()
    assert functions.sizes == [[2, 5, 6, 1, 3]] * 2
    assert functions.null == [False] * 8 + [trained == 0] * 4
    assert result.shape == states.shape and parts[trained].grad.shape == shapes[trained]
