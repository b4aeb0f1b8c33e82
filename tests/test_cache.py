"""The user's cache: without a home there is none, and that is said."""

import pytest

from golden.cache import cache_folder
from golden.errors import InputError
from sw.data import download
from sw.data.load import load


@pytest.fixture
def homeless(monkeypatch):
    """A user of whom the system knows no home, and no data named."""

    def fail(name):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("pooch.os_cache", fail)
    monkeypatch.delenv("THALWEG_DATA", raising=False)


def test_folders_lie_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("x") == tmp_path / "thalweg" / "x"


def test_without_a_home_there_is_none(homeless):
    with pytest.raises(InputError) as error:
        cache_folder("x")
    assert str(error.value) == (
        "there is no folder for cached files: HOME or XDG_CACHE_HOME must name one"
    )
    assert download.cached_folder() is None


@pytest.mark.parametrize("error", [KeyError(1000), OSError("closed"), RuntimeError("none")])
def test_a_user_whom_the_system_does_not_know_has_none(monkeypatch, error):
    def fail(name):
        raise error

    monkeypatch.setattr("pooch.os_cache", fail)
    with pytest.raises(InputError, match="HOME or XDG_CACHE_HOME must name one"):
        cache_folder("x")
    with pytest.raises(download.Unreachable, match=r"^it cannot be kept: there is no folder"):
        download.download()


@pytest.mark.parametrize("where", ["nowhere", "no folder"])
def test_digits_at_hand_serve_where_nothing_can_be_kept(monkeypatch, tmp_path, request, where):
    if where == "nowhere":
        request.getfixturevalue("homeless")
    else:
        (tmp_path / "file").write_text("")
        monkeypatch.delenv("THALWEG_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    said = []
    digits = load(download=True, say=said.append)

    assert len(digits.train_images) == 4000
    assert len(said) == 2 and "--data names a folder that has it" in said[0]
