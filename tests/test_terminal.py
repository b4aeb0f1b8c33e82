"""What is printed is printed as it is, wherever it goes, and as wide as its numbers."""

import sys

import pytest

from sw.runs.terminal import console


@pytest.mark.parametrize(("columns", "width"), [("40", 80), ("79", 80), ("80", 80), ("132", 132)])
def test_a_narrow_terminal_wraps_no_table(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    assert console().width == width
    assert console(stderr=True).width == int(columns)


def test_names_stay_as_they_are_on_the_stream_asked_for(capsys):
    text = "[red]a[/red] :smile: 'x' 12"
    console().print(text)
    console(stderr=True).print(text)
    assert tuple(capsys.readouterr()) == (f"{text}\n", f"{text}\n")
    assert console().file is sys.stdout and console(stderr=True).file is sys.stderr
