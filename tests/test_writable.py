"""Whether results can be written is asked of every folder and file, and asked in full."""

import os

import pytest

from golden.errors import InputError
from sw.runs.writable import require_folders, require_writable


def test_folders_are_made_and_may_be_there(tmp_path):
    for _ in range(2):
        require_folders(tmp_path / "a" / "b", tmp_path / "c")
        assert (tmp_path / "a" / "b").is_dir() and (tmp_path / "c").is_dir()


def test_a_folder_must_be_open_for_writing_and_entering(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(os, "access", lambda *given: asked.append(given) or len(asked) < 2)
    with pytest.raises(InputError, match=rf"^{tmp_path / 'b'} must be a writable folder$"):
        require_folders(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert asked == [(tmp_path / name, os.W_OK | os.X_OK) for name in ("a", "b")]


def test_every_file_gets_its_folder_and_is_no_folder(tmp_path):
    require_writable(tmp_path / "a" / "x", tmp_path / "b" / "y")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b"]
    (tmp_path / "b" / "y").mkdir()
    with pytest.raises(InputError, match=rf"^{tmp_path}/b/y must be a file to write, not a folder"):
        require_writable(tmp_path / "a" / "x", tmp_path / "b" / "y")
