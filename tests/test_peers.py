"""Golden beside its peers: all compute the same codes, are timed in turn, and may be missing."""

import sys

import numpy as np
import pytest

from golden.errors import Difference
from golden.native.build import Unavailable
from golden.samples import calibrated
from golden.spec import Spec
from sw.experiments import peers

SPEC = Spec(height=8, width=8, channels=4, multiplier=2, steps=3, image=6)


def digits(count=3):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count, SPEC.image, SPEC.image), dtype=np.uint8)
    return calibrated(SPEC, rng), images


@pytest.mark.parametrize("name", peers.PEERS)
def test_each_computes_goldens_codes(name):
    pytest.importorskip({"JAX": "jax", "ONNX Runtime": "onnxruntime"}.get(name, "numpy"))
    skeleton, images = digits()
    want = peers.golden_of("torch")(skeleton, images, 2)()
    got = peers.PEERS[name](skeleton, images, 2)()

    assert got.dtype == np.int8 and got.any()
    assert np.array_equal(got, want)


def test_what_is_missing_is_left_out_and_what_differs_is_not(monkeypatch):
    def missing(error):
        def prepare(*given):
            raise error

        return prepare

    skeleton, images = digits()
    golden = peers.golden_of("torch")
    wrong = {"wrong": lambda *given: lambda: golden(*given)() + np.int8(1)}
    lost = {"a": missing(ImportError("no")), "b": missing(Unavailable("no")), "c": golden}
    monkeypatch.setattr(peers, "PEERS", lost)
    assert list(peers.contenders(skeleton, images, 1)) == ["c"]
    monkeypatch.setattr(peers, "PEERS", wrong)
    with pytest.raises(Difference, match="wrong, digit 0: channel 0"):
        peers.contenders(skeleton, images, 1)


def test_jax_is_timed_on_all_threads_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    for threads in (1, 2):
        with pytest.raises(ImportError):
            peers.with_jax(*digits(), threads)


def test_they_are_timed_in_turn(monkeypatch):
    order = []
    runs = {name: lambda name=name: order.append(name) for name in "ab"}
    found = peers.time_in_turn(runs)

    assert order == ["a", "b"] * peers.ROUNDS
    assert list(found) == ["a", "b"] and all(seconds >= 0 for seconds in found.values())
