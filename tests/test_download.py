"""MNIST from the network: which mirror is asked for what, and what its progress shows."""

import hashlib
import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pooch
import pytest

from golden.errors import InputError
from sw.data import download
from sw.data import load as data
from sw.data.download import Unreachable, fetch
from tests.recorded import Calls

STEMS = {f"{part}-{kind}" for part in data.PARTS for kind in data.KINDS}


@pytest.fixture
def played(monkeypatch, tmp_path):
    """Mirrors that do what `answers` says of them, in turn; return what was asked of them."""
    calls = Calls()
    calls.answers = []

    def retrieve(*given, **options):
        answer = calls.answers.pop(0)
        if answer is not None:
            raise answer

    monkeypatch.setattr(download, "MIRRORS", ("http://a/", "http://b/", "http://c/"))
    monkeypatch.setattr(download, "Progress", calls.fake("Progress", "bar"))
    monkeypatch.setattr(pooch, "HTTPDownloader", calls.fake("downloader", "a downloader"))
    monkeypatch.setattr(pooch, "retrieve", calls.fake("retrieve", retrieve))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls.folder = tmp_path / "thalweg" / "mnist"
    return calls


WRONG, GONE = ValueError("hash"), OSError("gone")


@pytest.mark.parametrize(
    ("answers", "asked", "error"),
    [
        ([None], "a", None),
        ([GONE, None], "ab", None),
        ([WRONG, None], "ab", None),
        ([WRONG, GONE, None], "abc", None),
        ([GONE, GONE, GONE], "abc", "no mirror of it answers"),
        ([GONE, WRONG, GONE], "abc",
         "http://b/f.gz must have the SHA-256 0123456789ab…, but arrived different"),
    ],
)  # fmt: skip
def test_the_first_mirror_that_has_a_file_whole_is_taken(played, answers, asked, error):
    played.answers += answers
    if error is None:
        fetch("f.gz", "0123456789abcdef")
    else:
        with pytest.raises(Unreachable if error.startswith("no") else InputError) as raised:
            fetch("f.gz", "0123456789abcdef")
        assert str(raised.value) == error
    assert [call for call in played if call[0] == "retrieve"] == [
        (
            "retrieve",
            (f"http://{mirror}/f.gz", "sha256:0123456789abcdef", "f.gz", played.folder),
            {"downloader": "a downloader"},
        )
        for mirror in asked
    ]
    assert played[0] == ("Progress", ("f.gz",), {})
    assert played[1] == ("downloader", (), {"progressbar": "bar", "timeout": 20})


def test_each_file_is_fetched_by_its_own_checksum_into_the_cache(played, monkeypatch):
    monkeypatch.setattr(download, "fetch", played.fake("fetch"))
    pooch.get_logger().setLevel(logging.INFO)
    assert download.download() == played.folder and played.folder.is_dir()
    assert pooch.get_logger().level == logging.ERROR  # errors are ours to tell
    assert played == [("fetch", (f"{s}.gz", download.CHECKSUMS[s]), {}) for s in download.CHECKSUMS]
    assert {*download.CHECKSUMS} == STEMS


def test_progress_is_of_the_bytes_of_the_file(monkeypatch):
    calls = Calls()

    class Bar:
        def __init__(self, **options):
            calls.append(("Bar", (), options))
            for name in ("start", "update", "reset", "stop"):
                setattr(self, name, calls.fake(name))

        def add_task(self, *given, **options):
            calls.append(("add_task", given, options))
            return 7

    monkeypatch.setattr("rich.progress.Progress", Bar)
    screen = SimpleNamespace(is_terminal=True)
    monkeypatch.setattr("sw.runs.terminal.console", lambda *, stderr: screen if stderr else None)
    bar = download.Progress("f.gz")
    bar.total = 900
    bar.update(300)
    bar.reset()
    bar.close()
    screen.is_terminal = False
    download.Progress("f.gz")
    wanted = [
        ("Bar", (), {"console": screen, "transient": True, "disable": False}),
        ("add_task", ("downloading f.gz",), {"total": None}),
        ("start", (), {}),
        ("update", (7,), {"total": 900, "advance": 300}),
        ("reset", (7,), {}),
        ("stop", (), {}),
    ]
    assert calls[:6] == wanted and calls[6][2]["disable"]


@pytest.mark.parametrize("there", [None, "cached"])
@pytest.mark.parametrize("allowed", [True, False])
def test_the_network_is_asked_only_where_it_may_be_and_must(monkeypatch, there, allowed):
    calls, said = Calls(), []
    monkeypatch.setattr(download, "cached_folder", calls.fake("cached", there))
    monkeypatch.setattr(download, "download", calls.fake("download", "fetched"))
    found = data.from_network(allowed, said.append)
    assert found == (there or ("fetched" if allowed else None)) and said == []
    assert calls.names == (["cached", "download"] if allowed and not there else ["cached"])


def test_data_are_taken_from_the_first_place_that_has_them(monkeypatch, tmp_path):
    calls = Calls()
    monkeypatch.setattr(data, "read_folder", calls.fake("read", lambda *given: given))
    monkeypatch.setattr(data, "from_network", calls.fake("network", Path("cache")))
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path))
    ours = tmp_path / "ours"
    (ours / "letters").mkdir(parents=True)
    assert data.load(ours, name="letters") == (ours / "letters", "letters")
    assert data.load(ours) == (ours, "mnist")
    assert data.load() == (tmp_path, "mnist") and "network" not in calls.names
    monkeypatch.setenv("THALWEG_DATA", "")
    assert data.load(download=True, say=print) == (Path("cache"), "mnist")
    assert calls.of("network") == ((True, print), {})
    text = rf"^Data must be {data.KNOWN}, not '{tmp_path}/none'$"
    with pytest.raises(InputError, match=text):
        data.load(tmp_path / "none")


def test_a_file_may_be_packed_and_have_a_dot(tmp_path):
    stem = "t10k-images-idx3-ubyte"
    dotted = "t10k-images.idx3-ubyte"
    for name in (dotted, f"{dotted}.gz", stem, f"{stem}.gz"):  # each before those above
        (tmp_path / name).write_text("")
        assert data.idx_file(tmp_path, stem) == tmp_path / name


def test_a_digest_is_of_all_bytes_training_first():
    arrays = [np.full((2, 1, 1), n, np.uint8) for n in range(4)]
    want = hashlib.sha256(bytes([0, 0, 1, 1, 2, 2, 3, 3])).hexdigest()
    assert data.Digits(*arrays, "x").digest == want
    want = hashlib.sha256(bytes([0, 0, 1, 1])).hexdigest()
    assert data.Digits(*arrays[:2], None, None, "x").digest == want
