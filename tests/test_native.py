"""The native kernel: every code equal to naive, on every kind of vectors, and chosen with sense."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from golden import model, naive, native
from golden.model import Model
from golden.native import build
from golden.samples import adversarial_states, calibrated, extreme, uniform
from golden.spec import Spec
from tests.shelf import SMALL

SPECS = {
    "full": Spec(),
    "small": SMALL,
    "odd channels": Spec(height=6, width=38, channels=7, multiplier=3, image=4),
    "widest": Spec(height=14, width=8, channels=3, multiplier=8, image=4),
    "narrowest": Spec(height=4, width=34, channels=1, multiplier=1, image=4),
    "whole blocks": Spec(height=4, width=64, channels=4, multiplier=2, image=4),
}
DRAWS = {"uniform": uniform, "calibrated": calibrated, "extreme": extreme}
VECTORS = {
    "none": "x86-64",  # SSE2, which every such processor has
    "AVX2": "x86-64-v3",
    "AVX-512": "x86-64-v4",
    "own": "native",  # VNNI where the machine has it
}

pytestmark = pytest.mark.usefixtures("one_thread")


def states_of(spec):
    drawn = np.random.default_rng(1).integers(-128, 128, (3, *spec.lattice)).astype(np.int8)
    return np.concatenate([adversarial_states(spec), drawn])


@pytest.mark.parametrize("boundary", ["zero", "wrap"])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_code_equals_naive(spec, draw, boundary):
    skeleton = draw(replace(spec, boundary=boundary), np.random.default_rng(5))
    states = states_of(skeleton.spec)
    chosen = Model(skeleton, "native")
    got = chosen.step(states)

    assert got.dtype == np.int8
    assert got[-1].tolist() == naive.step(skeleton, states[-1].tolist())
    assert np.array_equal(chosen.step(states, 3), Model(skeleton, "torch").step(states, 3))


@pytest.mark.parametrize("vectors", VECTORS)
def test_kinds_of_vectors_compute_the_same(monkeypatch, tmp_path, vectors):
    flags = tuple(flag for flag in build.FLAGS if not flag.startswith("-march"))
    if not runs_here(VECTORS[vectors]):
        pytest.skip(f"this processor has no {vectors}")
    monkeypatch.setattr(build, "FLAGS", (*flags, f"-march={VECTORS[vectors]}"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build.attempt.cache_clear()
    for boundary in ("zero", "wrap"):
        spec = replace(SPECS["odd channels"], boundary=boundary)
        for draw in DRAWS.values():
            skeleton, states = draw(spec, np.random.default_rng(6)), states_of(spec)
            got = Model(skeleton, "native").step(states, 4)
            assert np.array_equal(got, Model(skeleton, "torch").step(states, 4))
    build.attempt.cache_clear()


def runs_here(architecture):
    """Whether this processor has all that an architecture of x86 asks for."""
    wanted = {"x86-64-v3": "avx2", "x86-64-v4": "avx512vl"}.get(architecture)
    return wanted is None or wanted in build.processor().split()


def test_result_does_not_depend_on_threads_and_nothing_is_written_but_the_result():
    skeleton = calibrated(SMALL, np.random.default_rng(2))
    states, found = states_of(SMALL), []
    before = states.copy()
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found.append(Model(skeleton, "native").step(states, 2))

    assert np.array_equal(states, before)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_any_layout_is_taken_and_no_lattice_too():
    skeleton = calibrated(SMALL, np.random.default_rng(3))
    native_model, states = Model(skeleton, "native"), states_of(SMALL)
    turned = np.asfortranarray(states)

    assert np.array_equal(native_model.step(turned), native_model.step(states))
    assert np.array_equal(native_model.step(states[::2]), native_model.step(states)[::2])
    assert native_model.step(states[:0]).shape == (0, *SMALL.lattice)
    assert np.array_equal(native_model.step(states, 0), states)


@pytest.fixture
def cold(monkeypatch, tmp_path):
    """Nothing built, nothing done."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native, "done", Counter())
    monkeypatch.delenv("THALWEG_NATIVE", raising=False)
    for kept in (build.attempt, build.kept_library):
        kept.cache_clear()
    yield tmp_path / "thalweg" / "native"
    for kept in (build.attempt, build.kept_library):
        kept.cache_clear()


def test_a_small_run_waits_for_no_compiler_and_a_long_one_builds_once(cold, monkeypatch, capsys):
    skeleton = calibrated(SMALL, np.random.default_rng(4))
    states, spec = states_of(SMALL), SMALL
    work = len(states) * 2 * spec.cells * spec.filters * (9 + spec.channels)
    monkeypatch.setattr(native, "WORTH", 3 * work)
    chosen = Model(skeleton)
    first = [chosen.step(states, 2) for _ in range(2)]
    assert not cold.exists() and capsys.readouterr().err == ""
    later = [chosen.step(states, 2) for _ in range(2)]
    assert capsys.readouterr().err == "building the native kernel (some seconds, once)\n"
    assert len(list(cold.glob("steps-*.so"))) == 1
    assert all(np.array_equal(each, first[0]) for each in first + later)


def test_what_lies_in_the_cache_serves_at_once_and_can_be_turned_off(cold, monkeypatch):
    skeleton, states = calibrated(SMALL, np.random.default_rng(4)), states_of(SMALL)
    Model(skeleton, "native").step(states)
    build.kept_library.cache_clear()
    used = []
    advance = native.Kernel.advance
    monkeypatch.setattr(
        model.Kernel, "advance", lambda *given: used.append(given[2]) or advance(*given)
    )
    want = Model(skeleton, "torch").step(states)
    assert np.array_equal(Model(skeleton).step(states), want) and used == [1]
    monkeypatch.setenv("THALWEG_NATIVE", "0")
    assert np.array_equal(Model(skeleton).step(states), want) and used == [1]


def test_without_a_compiler_pytorch_serves_and_native_says_why(cold, monkeypatch, capsys):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(native, "WORTH", 0)
    skeleton, states = calibrated(SMALL, np.random.default_rng(4)), states_of(SMALL)
    assert np.array_equal(Model(skeleton).step(states), Model(skeleton, "torch").step(states))
    assert capsys.readouterr().err == ""
    with pytest.raises(build.Unavailable, match="no C"):
        Model(skeleton, "native").step(states)
