"""Fixtures that several tests share: the command line, skeletons, the page in a browser."""

import sys

import numpy as np
import pytest
import torch

from golden.samples import calibrated, network
from sw.cli import main
from tests.browser import browsing
from tests.recorded import Calls
from tests.served import serving
from tests.shelf import SMALL, SPEC


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


@pytest.fixture
def nothing_at_hand(tmp_path, monkeypatch):
    """No data and no mirror, and lines that are not broken."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("THALWEG_DATA", raising=False)
    monkeypatch.setattr("sw.data.download.MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def one_thread():
    """Small tensors: a second thread costs more than it brings. Training sets both, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with a skeleton and its gate."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("shelf") / "random"
    skeleton, gate = calibrated(SPEC, rng), network(SPEC, rng)
    skeleton.save(folder)
    gate.skeleton = skeleton.digest
    gate.save(folder / "gate.safetensors")
    return folder


@pytest.fixture
def pair(tmp_path):
    """Two skeletons of a small lattice, by their folders."""
    for seed, name in enumerate(("one", "two")):
        calibrated(SMALL, np.random.default_rng(seed)).save(tmp_path / name)
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def calls():
    """Where stand-ins note what they are given."""
    return Calls()


@pytest.fixture(scope="module")
def browser():
    """A browser, to see the page in."""
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def address():
    """The address of a page with no device behind it."""
    with serving(None, "") as client:
        yield f"http://127.0.0.1:{client.port}/"
