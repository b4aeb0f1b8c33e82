"""The notebooks: each runs from top to bottom, in an empty folder."""

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from tests.notebooks import FOLDER, NAMES, execute, path_of, read, said

LARGEST = 150_000
"""Bytes of a notebook, with its pictures."""

pytestmark = pytest.mark.timeout(900)  # a kernel and a training, on a machine that is busy


def test_these_are_all_notebooks():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_of_a_notebook_are_there_and_small(name):
    assert path_of(name).stat().st_size < LARGEST
    counts = [cell.execution_count for cell in read(name).cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path):
    notebook = read(name)
    kept = said(notebook)
    execute(notebook, tmp_path)
    if name == NAMES[0]:  # golden alone decides what it says
        assert said(notebook) == kept


def test_a_notebook_without_its_data_says_so_in_one_line(tmp_path):
    cell = nbformat.v4.new_code_cell(
        "from sw import api as thalweg\nthalweg.load('build/train/mine')"
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(CellExecutionError):
        execute(notebook, tmp_path)
    (output,) = notebook.cells[0].outputs
    (line,) = output.traceback
    assert line.startswith("InputError: Skeleton must be a folder with a skeleton.json or one of ")
    assert line.endswith(", not 'build/train/mine'")
