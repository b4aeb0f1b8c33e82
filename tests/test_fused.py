from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from golden.samples import adversarial_states, calibrated, extreme, uniform
from golden.spec import Spec
from sw.quant import STATE_FRAC
from sw.rebuild import rule_of
from sw.train import fused
from sw.train.fused import build, step_library
from sw.train.step import advance, dense, numbers, perceived, plain_step

CPU = torch.device("cpu")
SPECS = {
    "full": Spec(),
    "small": Spec(height=10, width=10, channels=4, multiplier=2, image=8),
    "odd channels": Spec(height=6, width=38, channels=7, multiplier=3, image=4),
    "widest": Spec(height=14, width=8, channels=3, multiplier=8, image=4),
    "narrowest": Spec(height=4, width=34, channels=1, multiplier=1, image=4),
}
DRAWS = {"uniform": uniform, "calibrated": calibrated, "extreme": extreme}
KINDS = {"float": False, "exact": True}


pytestmark = pytest.mark.usefixtures("one_thread")


def states_of(spec, count=3):
    rng = np.random.default_rng(1)
    drawn = rng.integers(-128, 128, (count, *spec.lattice))
    return torch.from_numpy(np.concatenate([adversarial_states(spec), drawn])).float()


def leaves(spec, exact):
    """Calibrated weights to differentiate for; integers times powers of two only where exact."""
    weights = numbers(rule_of(calibrated(spec, np.random.default_rng(2))), None)
    generator = torch.Generator().manual_seed(3)
    kernels, offsets, mixes, bias = (
        (part.detach() * (1 if exact else 1 + 0.1 * torch.rand(part.shape, generator=generator)))
        .clone()
        .requires_grad_()
        for part in (weights.kernels, weights.offsets, *weights.update)
    )
    return weights._replace(kernels=kernels, offsets=offsets, update=(mixes, bias))


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_dense_convolution_finds_the_same(spec):
    weights, states = leaves(spec, exact=True), states_of(spec)
    found = functional.conv2d(states, dense(weights.kernels), weights.offsets.flatten(), padding=1)

    assert torch.equal(found, perceived(states, weights, spec, padding=1))


def step_and_gradients(step, spec, kind, states):
    """Return the new states, and the gradients of old states and weights."""
    weights = leaves(spec, KINDS[kind])
    states = states.clone().requires_grad_()
    result = step(states, weights, spec, KINDS[kind])
    pull = torch.randn(result.shape, generator=torch.Generator().manual_seed(4))
    wanted = [states, weights.kernels, weights.offsets, *weights.update]
    return result.detach(), torch.autograd.grad((result * pull).sum(), wanted)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_codes_equal_brevitas(spec, draw):
    rule = rule_of(draw(spec, np.random.default_rng(5)))
    assert step_library(spec, CPU) is not None
    weights, states = numbers(rule, None), states_of(spec)
    values = states * 2.0**-STATE_FRAC
    with torch.no_grad():
        for _ in range(3):
            states, values = advance(states, weights, spec, True), rule(values)
            assert torch.equal(states, values * 2.0**STATE_FRAC)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_step_and_gradients_equal_plain_torch(spec, kind):
    states = states_of(spec)
    want, gradients = step_and_gradients(plain_step, spec, kind, states)
    got, found = step_and_gradients(advance, spec, kind, states)

    assert (want.abs() < 127).float().mean() > 0.3
    if kind == "float":  # sums in another order: some 1e-7 of values up to some thousands
        torch.testing.assert_close(got, want, rtol=0, atol=2e-3)
    else:
        assert torch.equal(got, want)
    for left, right in zip(found, gradients, strict=True):
        assert right.abs().max() > 0
        torch.testing.assert_close(left, right, rtol=0, atol=2e-5 * float(right.abs().max()))


def test_gradient_of_states_is_the_same_beside_frozen_weights():
    spec, found = SPECS["odd channels"], []
    for frozen in (False, True):
        weights = leaves(spec, True)
        for part in (weights.kernels, weights.offsets, *weights.update):
            part.requires_grad_(not frozen)
        states = states_of(spec).requires_grad_()
        advance(states, weights, spec, True).square().sum().backward()
        found.append(states.grad)

    assert found[0].any()
    assert torch.equal(*found)


def test_gradient_may_lie_in_any_way():
    spec, found = SPECS["small"], []
    for step in (plain_step, advance):
        weights = leaves(spec, True)
        result = step(states_of(spec), weights, spec, True)
        pull = torch.linspace(-1, 1, result[0].numel()).view_as(result[0]).expand_as(result)
        found.append(torch.autograd.grad(result, [weights.offsets], pull)[0])

    assert found[0].any()
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-3)


def test_gradient_of_hidden_codes_stops_at_saturation_and_passes_its_edge():
    spec = Spec(height=4, width=4, channels=1, multiplier=1, image=4)
    sums = torch.tensor([0.0, 0.5, 0.501, 1.0, 255.5, 255.99, 256.0, 300.0])
    for step in (plain_step, advance):
        for offset in sums:
            weights = leaves(spec, True)
            with torch.no_grad():
                for part in (weights.kernels, weights.update[0], weights.update[1]):
                    part.zero_()
                weights.update[0].fill_(2.0**-9)
                weights.offsets.fill_(offset)
            states = torch.zeros(1, *spec.lattice)
            advanced = step(states, weights, spec, True)
            (gradient,) = torch.autograd.grad(advanced.sum(), [weights.offsets])
            assert bool(gradient) == (0.5 < offset < 256), (step, offset)


@pytest.mark.parametrize("step", [plain_step, advance])
@pytest.mark.parametrize(
    "state, change, wants_more, wants_less",
    [
        (0, 0, 1, 1),
        (125, 1, 1, 1),
        (126, 1, 0, 1),
        (127, 9, 0, 1),
        (-127, 0, 1, 1),
        (-128, -9, 1, 0),
    ],
)
def test_gradient_of_a_saturated_state_leads_back(step, state, change, wants_more, wants_less):
    spec = Spec(height=4, width=4, channels=1, multiplier=1, image=4)
    weights = leaves(spec, True)
    with torch.no_grad():
        for part in (weights.kernels, *weights.update):
            part.zero_()
        weights.update[1].fill_(change)
    for pull, passes in ((-1.0, wants_more), (1.0, wants_less)):  # a descent goes against it
        states = torch.full((1, *spec.lattice), float(state), requires_grad=True)
        advanced = step(states, weights, spec, True)
        gradient = torch.autograd.grad(advanced.sum() * pull, [states, weights.update[1]])
        assert [bool(each.any()) for each in gradient] == [passes, passes]


@pytest.mark.parametrize("kind", KINDS)
def test_result_does_not_depend_on_threads(kind):
    spec, results = SPECS["full"], []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(step_and_gradients(advance, spec, kind, states_of(spec, 34)))

    for result, gradients in results[1:]:
        assert torch.equal(result, results[0][0])
        for left, right in zip(gradients, results[0][1], strict=True):
            assert torch.equal(left, right)


def test_library_runs_on_as_many_threads_as_told():
    functions = step_library(SPECS["full"], CPU)

    assert [functions.thalweg_threads(count) for count in (1, 2)] == [1, 2]


def test_divergence_shows():
    spec = SPECS["small"]
    weights = leaves(spec, False)
    with torch.no_grad():
        weights.kernels[0, 0, 0, 1, 1] = torch.nan
    states = advance(states_of(spec), weights, spec, False)

    assert states.isnan().all()


@pytest.fixture
def silent(monkeypatch):
    """Nothing said yet, nothing loaded yet."""
    monkeypatch.setattr(fused, "told", set())
    build.attempt.cache_clear()
    yield
    build.attempt.cache_clear()


def falls_back(spec, capsys, reason, before=""):
    weights, states = leaves(spec, True), states_of(spec)
    for _ in range(2):
        assert torch.equal(
            advance(states, weights, spec, True), plain_step(states, weights, spec, True)
        )
    said = capsys.readouterr().err
    assert said == f"{before}plain torch runs the training step, not the fused one: {reason}\n"


def test_plain_torch_serves_without_compiler(silent, monkeypatch, capsys):
    monkeypatch.setenv("CXX", "no-such-compiler")
    falls_back(SPECS["small"], capsys, "no C++ compiler on PATH")


def test_plain_torch_serves_where_compiling_fails(silent, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = compiler_at(tmp_path, monkeypatch, "echo 'step.cpp:1: error: no' >&2; exit 1")
    log = next_log(tmp_path, SPECS["small"])
    falls_back(
        SPECS["small"],
        capsys,
        f"c++ failed with exit code 1: step.cpp:1: error: no; see {log}",
        before="building the fused training step (some seconds, once)\n",
    )
    assert calls.read_text().count("-shared") == 1, "it is not asked at every step"
    assert log.exists() and not list(log.parent.glob("*.so"))


def compiler_at(folder, monkeypatch, script):
    """Put a compiler that does as the script says on PATH; return the list of its calls."""
    calls = folder / "calls"
    (folder / "c++").write_text(f'#!/bin/sh\necho "$@" >>{calls}\n{script}\n')
    (folder / "c++").chmod(0o755)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return calls


def next_log(folder, spec):
    """Return the log of a library that is built with what is on PATH now."""
    defines = (f"-DCHANNELS={spec.channels}", f"-DMULTIPLIER={spec.multiplier}")
    words = ["c++", *build.FLAGS, *build.ARITHMETIC, *defines, str(build.HERE / "step.cpp")]
    name = f"step-{spec.channels}-{spec.multiplier}-{build.digest(words)}.log"
    return folder / "thalweg" / "fused" / name


def test_plain_torch_serves_a_user_without_home(silent, monkeypatch, capsys):
    def homeless(name):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("pooch.os_cache", homeless)
    falls_back(
        SPECS["small"],
        capsys,
        "there is no folder for cached files: HOME or XDG_CACHE_HOME must name one",
    )


def test_plain_torch_serves_where_nothing_can_be_kept(silent, monkeypatch, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    falls_back(
        SPECS["small"],
        capsys,
        f"{tmp_path}/file/thalweg/fused must be a writable folder: Not a directory",
    )


def test_compiler_may_have_arguments(silent, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "wrapper").write_text('#!/bin/sh\nexec "$@"\n')
    (tmp_path / "wrapper").chmod(0o755)
    monkeypatch.setenv("CXX", f"{tmp_path / 'wrapper'} c++ -O0")
    monkeypatch.setenv("CXXFLAGS", "--no-such-flag")
    assert build.library(1, 1).thalweg_threads(1) == 1


@pytest.mark.parametrize("damage", ["truncated", "another", "unstamped"])
def test_a_damaged_library_is_built_anew(silent, monkeypatch, capsys, tmp_path, damage):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "FLAGS", ("-std=c++17", "-O0", "-fPIC", "-shared", "-Wno-psabi"))
    build.library(1, 1)
    build.attempt.cache_clear()
    (path,) = (tmp_path / "thalweg" / "fused").glob("*.so")
    raw = path.read_bytes()
    path.unlink()  # it is mapped: what follows is another file
    path.write_bytes({"truncated": raw[: len(raw) // 2], "another": raw[::-1]}.get(damage, raw))
    if damage == "unstamped":
        build.stamp(path).unlink()
    assert build.library(1, 1).thalweg_threads(1) == 1
    assert capsys.readouterr().err.count("building") == 2
    assert build.is_whole(path)


def test_plain_torch_serves_when_told_to(silent, monkeypatch, capsys):
    monkeypatch.setenv("THALWEG_FUSED", "0")
    falls_back(SPECS["small"], capsys, "with THALWEG_FUSED=0")


def test_plain_torch_serves_another_boundary(silent, capsys):
    falls_back(replace(SPECS["small"], boundary="wrap"), capsys, "for the boundary 'wrap'")


def test_library_is_built_once_and_says_so(silent, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for _ in range(2):
        build.library(1, 1)
        build.attempt.cache_clear()

    said = capsys.readouterr().err
    assert said == "building the fused training step (some seconds, once)\n"
    made = sorted(path.suffix for path in (tmp_path / "thalweg" / "fused").iterdir())
    assert made == [".sha256", ".so"]
