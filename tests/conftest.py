"""Fixtures that several tests share: the command line, called in this process."""

import sys

import pytest

from sw.cli import main


@pytest.fixture
def thalweg(monkeypatch, capsys):
    """Run a command line: exit code, stdout, stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["thalweg", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def fails(thalweg):
    """Run a command line that must fail with just this line."""

    def call(text, *arguments):
        assert thalweg(*arguments) == (2, "", f"thalweg: {text}\n")

    return call
