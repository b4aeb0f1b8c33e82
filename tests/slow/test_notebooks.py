"""The notebooks: each runs from top to bottom, in an empty folder."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from golden.files import ROOT

FOLDER = ROOT / "docs" / "notebooks"
NAMES = ("restore-and-look-inside", "train-your-own", "from-skeleton-to-verilog")
LARGEST = 200_000
"""Bytes of a notebook, with its pictures."""

pytestmark = pytest.mark.timeout(900)  # a kernel and a training, on a machine that is busy


def execute(notebook, folder, monkeypatch):
    """Run a notebook in a folder."""
    monkeypatch.setenv("PATH", str(Path(sys.prefix) / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    return notebook


def said(notebook):
    """What the cells print."""
    return ["".join(output.text for output in cell.outputs if output.output_type == "stream"
                    and output.name == "stdout")
            for cell in notebook.cells if cell.cell_type == "code"]  # fmt: skip


def read(name):
    return nbformat.read(FOLDER / f"{name}.ipynb", 4)


def test_these_are_all_notebooks():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_its_outputs_are_there_and_small(name, tmp_path, monkeypatch):
    kept = read(name)
    assert (FOLDER / f"{name}.ipynb").stat().st_size < LARGEST
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    found = execute(read(name), tmp_path, monkeypatch)
    assert len(said(found)) == len(said(kept))
    if name == NAMES[0]:  # golden alone decides what is said
        assert said(found) == said(kept)


def test_a_notebook_without_its_data_says_so_in_one_line(tmp_path, monkeypatch):
    cell = nbformat.v4.new_code_cell("import thalweg\nthalweg.load('build/train/mine')")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(CellExecutionError):
        execute(notebook, tmp_path, monkeypatch)
    (output,) = notebook.cells[0].outputs
    assert output.traceback == [
        "InputError: Skeleton must be a folder with a skeleton.json or one of digits, digits-ca, "
        "digits-memory, digits-swift, not 'build/train/mine'"
    ]
