"""A run from beginning to end: in which order it does what, and what each part is handed."""

import ctypes
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sw.train.run as run
from golden.errors import InputError
from sw.data.load import Digits
from sw.model import floats
from sw.runs import memory
from sw.train.learner import begin, reads
from sw.train.options import Options
from tests.runs import CORNERS, LABELS, SMALL

pytestmark = pytest.mark.usefixtures("one_thread")

DATA = Digits(CORNERS, LABELS, None, None, "corners")


def notes(monkeypatch, *names, **answers):
    """Have functions of the run note what they are handed, in order, and return an answer."""
    order = []
    for name in names:
        monkeypatch.setattr(
            run,
            name,
            lambda *given, name=name, **named: (
                order.append((name, *given, *named.values())) or answers.get(name)
            ),
        )
    return order


def test_a_run_has_joined_its_like_and_its_folder_is_its_own(monkeypatch, tmp_path):
    order, options = [], Options(output=tmp_path, batch=6)

    @contextmanager
    def entered(name, value):
        order.append((name, value))
        yield
        order.append(f"{name} left")

    monkeypatch.setattr(run, "join", lambda batch: entered("join", batch))
    monkeypatch.setattr(run, "exclude_others", lambda folder: entered("exclude_others", folder))
    monkeypatch.setattr(run, "run", order.append)
    run.train(options)
    inner = [("exclude_others", tmp_path / "digits"), options, "exclude_others left"]
    wanted = [("join", 6), *inner, "join left"]
    assert order == wanted


PARTS = ("prepare", "require_folders", "train_letters", "load", "learn", "settle", "export")


@pytest.mark.parametrize("ships", [False, True])
@pytest.mark.parametrize("leads", [True, False])
@pytest.mark.parametrize("recipe", ["restore", "memory", "letters"])
def test_a_recipe_goes_its_own_way(monkeypatch, tmp_path, recipe, leads, ships):
    options = Options(
        recipe=recipe, begin="digits", data=tmp_path / "data", output=tmp_path, ship=ships
    )
    learner = SimpleNamespace(rule="rule", gate="gate")
    order = notes(monkeypatch, *PARTS, load=DATA, learn=learner)
    monkeypatch.setattr(run, "leads", lambda: leads)
    monkeypatch.setattr(run.floats, "write", lambda *given: order.append(("floats", *given)))
    monkeypatch.setattr(run, "SHIPPED", tmp_path / "shipped")
    run.run(options)

    ends = [
        ("settle", learner, DATA, options),
        ("export", learner, options, DATA),
        ("floats", "rule", "gate", options.folder / "latent.safetensors"),
    ]
    trained = [("load", tmp_path / "data", True), ("learn", options, DATA)]
    assert order == [
        ("prepare", options),
        *[("require_folders", tmp_path / "shipped")] * (ships and leads),
        *([("train_letters", options)] if recipe == "letters" else trained),
        *(ends[recipe != "memory" :] if leads and recipe != "letters" else []),
    ]


@pytest.mark.parametrize("there", [False, True])
def test_a_run_looks_for_its_checkpoint_before_it_writes_one(monkeypatch, tmp_path, there):
    options = Options(spec=SMALL, batch=3, batches=1, qat_batches=0, output=tmp_path)
    fresh, kept, path = begin(options), begin(options), options.folder / "checkpoint.pt"
    kept.batch, digest = 1, reads(options, DATA)
    names = ("exists", "begin", "resume", "meet", "save", "run_stage", "enter")
    order = notes(monkeypatch, *names, exists=there, begin=fresh, resume=kept, enter=fresh)
    found = run.learn(options, DATA)
    stage = (CORNERS, options, digest, path, [])

    looked = [("exists", path), ("resume", options, digest, path) if there else ("begin", options)]
    saved = [] if there else [("save", fresh, options, digest, path)]
    first = kept if there else fresh
    entered = [("enter", "qat", first, DATA, options), ("run_stage", fresh, *stage)]
    assert order == [*looked, ("meet",), *saved, ("run_stage", first, *stage), *entered]
    assert found is fresh


def test_only_the_warm_up_begins_with_others_weights(monkeypatch, tmp_path):
    path, options = tmp_path / "float.safetensors", Options(spec=SMALL, output=tmp_path)
    other = begin(replace(options, seed=9))
    floats.write(other.rule, other.gate, path)
    (tmp_path / "skeleton.json").write_text("{}")
    options = replace(options, begin=str(tmp_path), batch=3)  # a run's folder
    monkeypatch.setattr(run, "run_stage", lambda *given: None)
    monkeypatch.setattr(run, "enter", lambda stage, learner, *rest: learner)
    monkeypatch.setattr(run, "save", lambda *given: None)
    for stage, taken in (("float", True), ("qat", False)):
        learner = begin(options)
        learner.stage = stage
        monkeypatch.setattr(run, "begin", lambda options, learner=learner: learner)
        before = learner.rule.encode.weight.clone()
        run.learn(options, DATA)
        wanted = other.rule.encode.weight.half().float() if taken else before
        assert torch.equal(learner.rule.encode.weight, wanted)
        assert torch.equal(learner.averages[0], wanted)


def test_pytorch_is_set_up_to_be_exact_and_repeatable(monkeypatch):
    asked, kept = [], []
    monkeypatch.setattr(run, "keep_memory", lambda: kept.append(True))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: asked.append(count))
    monkeypatch.setattr(torch, "set_flush_denormal", lambda on: asked.append(on))
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    try:
        cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = False, True, True
        run.prepare(Options(threads=3))
        found = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    finally:
        cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before

    assert asked == [3, True] and kept == [True]
    assert found == (True, False, False)


@pytest.mark.parametrize(("platform", "asks"), [("linux", True), ("darwin", False)])
def test_the_c_library_is_asked_to_keep_what_is_freed(monkeypatch, platform, asks):
    asked = []
    library = SimpleNamespace(mallopt=lambda *given: asked.append(given))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library if name is None else None)
    monkeypatch.setattr(memory.sys, "platform", platform)
    memory.keep_memory()
    # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of malloc.h, in bytes that an int holds.
    assert asked == [(-3, 2**30), (-1, 2**31 - 1), (-2, 2**28)] * asks
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    memory.keep_memory()


@pytest.mark.parametrize("shape", [(5, 8, 9), (5, 9, 8)])
def test_training_images_are_as_high_and_wide_as_the_lattice_takes(shape):
    digits = replace(DATA, train_images=np.zeros(shape, np.uint8))
    with pytest.raises(InputError) as error:
        run.require_size(digits, Options(spec=SMALL))
    assert str(error.value) == f"Training images must be 8 x 8, not {shape[1]} x {shape[2]}"


@pytest.mark.parametrize("stage", ["hold", "qat"])
def test_a_later_stage_begins_on_averages_and_training_digits(monkeypatch, tmp_path, stage):
    options = Options(recipe="memory", spec=SMALL, batch=4, output=tmp_path)
    learner = begin(options)
    for average in learner.averages:
        average.fill_(0.25)
    order = notes(monkeypatch, "quantise", "begin_holding", quantise="quantised")
    found = run.enter(stage, learner, DATA, options)

    assert all(parameter.eq(0.25).all() for parameter in learner.parameters)
    if stage == "qat":
        assert order == [("quantise", learner, CORNERS, options)] and found == "quantised"
        kept, _ = floats.models(options.folder / "float.safetensors", SMALL)
        assert kept.encode.weight.eq(0.25).all()
    else:
        assert order == [("begin_holding", found, CORNERS, LABELS, options)]
        assert found is not learner and found.rule is learner.rule and found.gate is learner.gate
        assert not (options.folder / "float.safetensors").exists()
