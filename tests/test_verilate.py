"""The simulator's build: what it needs of the host, and where it leaves what it makes."""

import re

import pytest

from golden.errors import InputError
from hw.shapes import Geometry
from sim import verilate

PROGRAMS = [("c++", "g++"), ("make", "make"), ("perl", "perl")]


@pytest.mark.parametrize(("program", "package"), PROGRAMS)
def test_says_which_program_is_missing(monkeypatch, tmp_path, program, package):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in {"c++", "make", "perl"} - {program}:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    text = f"The simulator needs '{program}' on PATH: install {package}"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        verilate.require_tools()


def test_says_it_before_anything_is_written(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path / "build"))
    with pytest.raises(InputError, match="install"):
        verilate.build_library(verilate.ChipDesign(Geometry(filters=5)))
    assert not (tmp_path / "build").exists()


def test_an_unwritable_build_folder_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "build").write_text("a file, not a folder")
    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path / "build"))
    with pytest.raises(InputError, match=r"must be writable: Not a directory$"):
        verilate.build_library(verilate.ChipDesign(Geometry(filters=5)), progress=lambda text: None)


def test_a_build_is_found_by_what_it_is_made_from():
    prints = {
        verilate.fingerprint(verilate.ChipDesign(Geometry(filters=filters)))
        for filters in (1, 2, 5)
    }
    assert len(prints) == 3
    assert verilate.fingerprint(verilate.ChipDesign(Geometry(filters=5))) in prints
