"""A run from beginning to end: in which order it does what, and what each part is handed."""

import ctypes
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sw.train.recipes as recipes
import sw.train.run as run
from golden.errors import InputError
from sw.data.load import Digits
from sw.model import floats
from sw.runs import memory
from sw.train.identity import identity, reads
from sw.train.learner import begin
from sw.train.options import Options
from sw.train.recipes import RECIPES, Memory, Restore
from tests.runs import CORNERS, LABELS, SMALL

pytestmark = pytest.mark.usefixtures("one_thread")

DATA = Digits(CORNERS, LABELS, None, None, "corners")


def notes(monkeypatch, owner, *names, **answers):
    """Have functions of a module note what they are handed, in order, and return an answer."""
    order = []
    for name in names:
        monkeypatch.setattr(
            owner,
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
    monkeypatch.setattr(run, "run", lambda *given: order.append(given))
    run.train(options)
    inner = [("exclude_others", tmp_path / "digits"), (options, None), "exclude_others left"]
    wanted = [("join", 6), *inner, "join left"]
    assert order == wanted


@pytest.mark.parametrize("ships", [False, True])
@pytest.mark.parametrize("leads", [True, False])
@pytest.mark.parametrize("name", RECIPES)
def test_a_run_is_from_its_data_to_its_export(monkeypatch, tmp_path, name, leads, ships):
    options = Options(recipe=name, begin="digits", output=tmp_path, ship=ships)
    order = notes(monkeypatch, run, "prepare", "require_folders", "learn", learn="learner")
    recipe = SimpleNamespace(
        settle=lambda *given: order.append(("settle", *given)),
        export=lambda *given: order.append(("export", *given)),
    )
    load = classmethod(lambda cls, given: order.append(("load", cls, given)) or recipe)
    monkeypatch.setattr(RECIPES[name], "load", load)
    monkeypatch.setattr(run, "leads", lambda: leads)
    monkeypatch.setattr(run, "SHIPPED", tmp_path / "shipped")
    run.run(options)

    assert order == [
        ("prepare", options),
        *[("require_folders", tmp_path / "shipped")] * (ships and leads),
        ("load", RECIPES[name], options),
        ("learn", recipe),
        *[("settle", "learner"), ("export", "learner")] * leads,
    ]


@pytest.mark.parametrize("name", ["restore", "memory"])
def test_a_recipe_of_digits_goes_its_own_way(monkeypatch, tmp_path, name):
    options = Options(recipe=name, spec=SMALL, data=tmp_path / "data", output=tmp_path)
    learner = SimpleNamespace(rule="rule", gate="gate")
    order = notes(monkeypatch, recipes, "load", "settle", load=DATA)
    monkeypatch.setattr(recipes.ship, "export", lambda *given: order.append(("export", *given)))
    monkeypatch.setattr(recipes.floats, "write", lambda *given: order.append(("floats", *given)))
    recipe = RECIPES[name].load(options)
    recipe.settle(learner)
    recipe.export(learner)

    assert order == [
        ("load", tmp_path / "data", True, None),
        *[("settle", learner, DATA, options)] * (name == "memory"),
        ("export", learner, options, DATA),
        ("floats", "rule", "gate", options.folder / "latent.safetensors"),
    ]


@pytest.mark.parametrize("there", [False, True])
def test_a_run_looks_for_its_checkpoint_before_it_writes_one(monkeypatch, tmp_path, there):
    options = Options(spec=SMALL, batch=3, batches=1, qat_batches=0, output=tmp_path)
    fresh, kept, recipe = begin(options), begin(options), Restore(options, DATA)
    kept.batch, digest = 1, reads(options, DATA)
    checkpoint = recipe.checkpoint()
    assert checkpoint.path == options.folder / "checkpoint.pt"
    assert checkpoint.identity == identity(options, digest)
    order = notes(monkeypatch, run, "meet", "save", "run_stage")
    monkeypatch.setattr(
        "sw.runs.checkpoint.exists", lambda path: order.append(("exists", path)) or there
    )
    for name, answer in (("begin", fresh), ("resume", kept)):
        monkeypatch.setattr(
            recipe, name, lambda *given, n=name, a=answer: order.append((n, *given)) or a
        )
    enter = lambda *given: order.append(("enter", *given)) or fresh  # noqa: E731
    stage = replace(Restore.stages["qat"], enter=enter)
    monkeypatch.setitem(Restore.stages, "qat", stage)
    found = run.learn(recipe)
    rest = (CORNERS, options, checkpoint, [])

    looked = [("exists", checkpoint.path), ("resume", checkpoint) if there else ("begin",)]
    saved = [] if there else [("save", fresh, checkpoint)]
    first = kept if there else fresh
    entered = [("enter", first, DATA, options), ("run_stage", fresh, *rest)]
    assert order == [*looked, ("meet",), *saved, ("run_stage", first, *rest), *entered]
    assert found is fresh


def test_only_the_warm_up_begins_with_others_weights(monkeypatch, tmp_path):
    path, options = tmp_path / "float.safetensors", Options(spec=SMALL, output=tmp_path)
    other = begin(replace(options, seed=9))
    floats.write(other.rule, other.gate, path)
    (tmp_path / "skeleton.json").write_text("{}")
    options = replace(options, begin=str(tmp_path), batch=3)  # a run's folder
    recipe = Restore(options, DATA)
    wanted = other.rule.encode.weight.half().float()
    learner = recipe.begin()
    assert torch.equal(learner.rule.encode.weight, wanted)
    assert torch.equal(learner.averages[0], wanted)

    later, checkpoint = begin(options), recipe.checkpoint()
    later.stage = "qat"
    checkpoint.save(later.state(), "qat", 0)
    found = recipe.resume(checkpoint)
    assert torch.equal(found.rule.encode.weight, later.rule.encode.weight)
    assert torch.equal(found.averages[0], later.rule.encode.weight)
    assert not torch.equal(found.averages[0], wanted)


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
        Restore(Options(spec=SMALL), digits).require_fit()
    assert str(error.value) == f"Training images must be 8 x 8, not {shape[1]} x {shape[2]}"


@pytest.mark.parametrize("stage", ["hold", "qat"])
def test_a_later_stage_begins_on_averages_and_training_digits(monkeypatch, tmp_path, stage):
    options = Options(
        recipe="memory", spec=SMALL, batch=4, batches=1, qat_batches=0, output=tmp_path
    )
    learner, entered = begin(options), []
    learner.stage = "float" if stage == "hold" else "hold"
    for average in learner.averages:
        average.fill_(0.25)
    recipe = Memory(options, DATA)
    monkeypatch.setattr(recipe, "begin", lambda: learner)
    for name in ("save", "run_stage"):
        monkeypatch.setattr(run, name, lambda *given: None)
    order = notes(monkeypatch, recipes, "quantise", "begin_holding", quantise=begin(options))
    enter = Memory.stages[stage].enter

    def entering(given, digits, told):
        entered.append((given, digits, told, given.parameters[0].eq(0.25).all()))
        if stage == "hold":
            raise KeyError
        return enter(given, digits, told)

    monkeypatch.setitem(Memory.stages, stage, replace(Memory.stages[stage], enter=entering))
    if stage == "hold":
        with pytest.raises(KeyError):
            run.learn(recipe)
        found = enter(learner, DATA, options)
        assert order == [("begin_holding", found, CORNERS, LABELS, options)]
        assert found is not learner and found.rule is learner.rule and found.gate is learner.gate
        assert not (options.folder / "float.safetensors").exists()
    else:
        run.learn(recipe)
        assert order == [("quantise", learner, CORNERS, options)]
        kept, _ = floats.models(options.folder / "float.safetensors", SMALL)
        assert kept.encode.weight.eq(0.25).all()
    assert entered == [(learner, DATA, options, True)], "on the averages"
    assert all(parameter.eq(0.25).all() for parameter in learner.parameters)
