"""The notebooks of docs, executed; ``python -m tests.notebooks`` writes their outputs anew."""

import os
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient

from golden.files import ROOT, replacement

__all__ = ["FOLDER", "NAMES", "execute", "path_of", "read", "said"]

FOLDER = ROOT / "docs" / "notebooks"
NAMES = ("restore-and-look-inside", "train-your-own", "from-skeleton-to-verilog")


def path_of(name):
    """Return where a notebook is."""
    return FOLDER / f"{name}.ipynb"


def read(name):
    """Return a notebook as it is kept."""
    return nbformat.read(path_of(name), 4)


def execute(notebook, folder):
    """Run a notebook in a folder; what it prints and shows replaces what is in it."""
    own = {"PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]]),
           "PYTHONPATH": str(ROOT)}  # fmt: skip
    with patch.dict(os.environ, own):
        NotebookClient(
            notebook,
            timeout=900,
            kernel_name="python3",
            coalesce_streams=True,
            resources={"metadata": {"path": str(folder)}},
        ).execute()


def said(notebook):
    """Return what each cell of code prints."""
    return [
        "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def lighten(notebook):
    """Remove what differs from run to run, and pictures that are there twice."""
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/jpeg", None)


def main(names):
    """Write the outputs of notebooks anew."""
    for name in names or NAMES:
        notebook = read(name)
        with tempfile.TemporaryDirectory() as folder:
            execute(notebook, folder)
        lighten(notebook)
        with replacement(path_of(name)) as temporary:
            nbformat.write(notebook, temporary)
        print(f"wrote {path_of(name)}")


if __name__ == "__main__":
    main(sys.argv[1:])
