"""Which gate a run takes: the skeleton's own, the one named, or none."""

from types import SimpleNamespace

import pytest

from golden.errors import InputError
from sw.cli.common import load_subject
from sw.runs import loading
from sw.runs.loading import GateMissing, load_run
from tests.recorded import Calls

SKELETON = SimpleNamespace(spec=SimpleNamespace(gate="a gate"))


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """A skeleton in a folder, whose spec has a gate where a test says so."""
    calls = Calls()
    monkeypatch.setattr(loading, "find", calls.fake("find", tmp_path))
    monkeypatch.setattr(loading.Skeleton, "load", calls.fake("skeleton", SKELETON))
    network = SimpleNamespace(require_fit=calls.fake("require_fit"))
    monkeypatch.setattr(loading.GateNetwork, "load", calls.fake("network", network))
    return calls


def test_a_gated_skeleton_takes_its_own_gate(calls, tmp_path):
    path = tmp_path / "gate.safetensors"
    text = f"{path} must be there for a gated run"
    with pytest.raises(GateMissing) as error:
        load_run("n")
    assert str(error.value) == text
    with pytest.raises(InputError) as error:
        load_subject("n", None, False)
    assert str(error.value) == f"{text}; --gate names another, --no-gate goes without"
    path.touch()
    skeleton, network = load_run("n")
    assert calls[-4:] == [
        ("find", ("n",), {}),
        ("skeleton", (tmp_path,), {}),
        ("network", (path,), {}),
        ("require_fit", (SKELETON, str(path)), {}),
    ]
    assert skeleton is SKELETON and network is not None


@pytest.mark.parametrize("own", [None, "a gate"])
def test_a_gate_that_is_named_is_taken_whatever_the_skeleton_has(calls, monkeypatch, tmp_path, own):
    monkeypatch.setattr(SKELETON.spec, "gate", own)
    (tmp_path / "gate.safetensors").touch()
    assert load_run("n", tmp_path / "other")[1] is not None
    assert calls.of("network") == ((tmp_path / "other",), {})
    assert calls.of("require_fit") == ((SKELETON, str(tmp_path / "other")), {})


def test_a_run_without_a_gate_reads_none(calls, monkeypatch, tmp_path):
    (tmp_path / "gate.safetensors").touch()
    monkeypatch.setattr("golden.skeleton.find", calls.fake("find", tmp_path))
    assert load_subject("n", None, True) == (SKELETON, None)
    assert calls.of("find") == (("n",), {})
    with pytest.raises(InputError, match=r"^--gate and --no-gate must not be given together$"):
        load_subject("n", tmp_path / "gate.safetensors", True)
    monkeypatch.setattr(SKELETON.spec, "gate", None)
    assert load_run("n") == (SKELETON, None)
    assert "network" not in calls.names
