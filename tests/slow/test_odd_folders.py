"""The simulator and the synthesis in a folder whose name has what people put into names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with spaces, brackets, quotes and a letter that is not ASCII in its name."""
    folder = tmp_path_factory.mktemp("odd") / 'my work [1], it\'s "ünder" $HOME'
    folder.mkdir()
    return folder


def thalweg(folder, *arguments):
    """Run a command in a folder; return what it printed."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    variables.pop("THALWEG_BUILD", None)
    done = subprocess.run(
        [sys.executable, "-m", "sw.cli", *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_demo_runs_there(folder):
    out = thalweg(folder, "demo", "--images", "2", "--filters", "1", "--output", "out [final]")
    assert "== golden" in out
    report = json.loads((folder / "out [final]" / "report.json").read_text())
    assert report["count"] == 2


@pytest.mark.timeout(900)
def test_sim_runs_there(folder):
    out = thalweg(folder, "sim", "--images", "1", "--filters", "1")
    assert "cocotb: equal to golden on 1 digits" in out


@pytest.mark.filterwarnings("ignore:Using platform.request:DeprecationWarning")
@pytest.mark.timeout(900)
def test_a_bitstreams_synthesis_runs_there(folder, monkeypatch):
    from golden.skeleton import Skeleton, find
    from hw.boards.catalogue import find_board
    from hw.boards.pll import pll_settings
    from hw.boards.top import BoardTop
    from hw.flow.build import geometry_of
    from hw.flow.synthesis import synthesise

    board, skeletons = find_board("ulx3s-25f"), (Skeleton.load(find("digits-ca")),)
    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    top = BoardTop(geometry_of(board, skeletons), skeletons, pll=pll)
    netlist = synthesise(board, platform, top, folder / "build", say=lambda text: None)
    modules = json.loads(netlist.read_text())["modules"]
    assert any(cell["type"] == "MULT18X18D" for cell in modules["thalweg"]["cells"].values())
