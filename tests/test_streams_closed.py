"""Standard streams that are closed, full or gone, and packages that are another's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sw.cli
from sw.cli.ours import foreign

ROOT = Path(__file__).parents[1]


def shell(text, **variables):
    """Run a shell in which ``$T`` is the command line; return its exit code and what it says."""
    code = "import sys; from sw.cli import main; main()"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables
    words = ["sh", "-c", text.replace("$T", '"$0" -c "$1"'), sys.executable, code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("stream", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_an_error_that_nobody_hears_still_has_its_exit_code(stream):
    assert shell(f"$T restore {stream}") == (2, "", "")


def test_an_error_is_told_where_output_is_closed():
    code, out, err = shell("$T restore >&-")
    assert (code, out) == (2, "") and err.startswith("thalweg: ") and err.count("\n") == 1


@pytest.mark.parametrize("kind", ["package", "folder", "module"])
@pytest.mark.parametrize("name", ["golden", "hw", "sim"])
def test_a_package_of_another_under_the_name_of_ours_is_named(tmp_path, monkeypatch, name, kind):
    if kind == "module":
        (tmp_path / f"{name}.py").write_text("")
    else:
        (tmp_path / name).mkdir()
    if kind == "package":
        (tmp_path / name / "__init__.py").write_text("")
    monkeypatch.setattr(
        sys, "path", [str(tmp_path), str(ROOT)] if kind != "folder" else [str(tmp_path)]
    )
    monkeypatch.setattr(sys, "meta_path", [x for x in sys.meta_path if "Editable" not in str(x)])
    for loaded in [*sys.modules]:
        if loaded.partition(".")[0] in ("golden", "hw", "sim"):
            monkeypatch.delitem(sys.modules, loaded)
    assert f"{name!r} must be {ROOT / name}, not " in (foreign() or "") or kind == "folder"
    assert foreign() is not None


def test_our_own_packages_are_none_of_anothers():
    assert foreign() is None and sw.cli.main
