"""Checkpoints: everything comes back, of the same run alone, and nothing foreign is taken."""

import json
import math
import os
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest
import torch

from golden.errors import InputError
from sw.train.identity import identity
from sw.train.learner import Learner
from sw.train.options import Options
from tests.runs import GATE, SMALL, resume, save, trained

pytestmark = pytest.mark.usefixtures("one_thread")


def alike(left, right):
    """Whether two values, tensors somewhere in them, are the same."""
    if isinstance(left, torch.Tensor):
        return left.dtype == right.dtype and torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(alike, left, right))
    return left == right


@pytest.mark.parametrize("optimiser", ["soap", "adam"])
@pytest.mark.parametrize("stage", ["float", "hold", "qat"])
def test_everything_that_a_learner_is_comes_back(tmp_path, stage, optimiser):
    options = Options(recipe="memory", spec=SMALL, batch=4, optimiser=optimiser, batches=8)
    path, saved = tmp_path / "checkpoint.pt", trained(stage, options)
    save(saved, options, path)
    found = resume(options, path)

    for field in fields(Learner):
        one, other = getattr(saved, field.name), getattr(found, field.name)
        if field.name in ("rule", "gate"):
            assert alike(one.state_dict(), other.state_dict())
            assert alike(one.exponents, other.exponents)
        elif field.name in ("pool", "prototypes") and one is not None:
            assert alike(vars(one), vars(other))
        else:
            assert alike(one, other), field.name
    assert (found.stage, found.batch, found.seconds) == (stage, 3 if stage == "float" else 2, 12.5)
    for one, other in zip(saved.optimisers, found.optimisers, strict=True):
        assert alike(one.state_dict(), other.state_dict())
        assert one.state_dict()["state"], "there is something to keep"
    assert not alike(list(saved.averages), [p.detach() for p in saved.parameters])


CHANGES = {
    "device": "cuda",
    "threads": 2,
    "recipe": "memory",
    "begin": "digits",
    "seed": 1,
    "batches": 9,
    "qat_batches": 7,
    "hold_batches": 3,
    "letters": "letters-lower",
    "rehearsal": "none",
    "batch": 5,
    "damage": 0.5,
    "noise": 1.0,
    "dropout": 0.5,
    "rate": 0.5,
    "qat_rate": 0.5,
    "hold_rate": 0.5,
    "motion": 3.0,
    "forget": 3.0,
    "after": "digits",
    "hurt": 0.5,
    "loss": "mse",
    "supervise": "every",
    "teacher": "mlp",
    "optimiser": "adam",
    "averaging": 0.5,
    "weight_bits": 5,
    "plane_bits": 4,
    "spec": replace(Options().spec, multiplier=3),
}
"""Another value of each option that decides the result."""
PLACES = {"name": "other", "data": Path("x"), "output": Path("y"), "ship": True, "fit": True}
"""And of those that only say where things are."""


def base(field):
    """Return options for which a field counts."""
    memory = ("hold_batches", "hold_rate", "motion", "forget", "after")
    return Options(batches=8, **({"recipe": "memory"} if field in memory else {}))


def test_every_option_is_one_or_the_other():
    assert CHANGES.keys() | PLACES.keys() == {field.name for field in fields(Options)}


@pytest.mark.parametrize("field", CHANGES)
def test_each_option_decides_whether_a_checkpoint_is_taken(monkeypatch, field):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    usual = base(field)
    other = replace(usual, **{field: CHANGES[field]})
    assert identity(other, "data") != identity(usual, "data")
    assert identity(replace(usual), "data") == identity(usual, "data")


@pytest.mark.parametrize("field", PLACES)
def test_where_things_are_does_not(field):
    other = replace(Options(), **{field: PLACES[field]})
    assert identity(other, "data") == identity(Options(), "data")


@pytest.mark.parametrize(
    "spec",
    [
        replace(SMALL, steps=4),
        replace(SMALL, boundary="wrap"),
        replace(SMALL, gate=None),
        *(replace(SMALL, gate=replace(GATE, **{name: 2})) for name in ("input_channel", "start")),
        replace(SMALL, gate=replace(GATE, mapping="phase4")),
    ],
    ids=str,
)
def test_each_part_of_the_spec_decides_too(spec):
    assert identity(Options(spec=spec), "") != identity(Options(spec=SMALL), "")


def test_the_data_decide_too():
    assert identity(Options(), "one") != identity(Options(), "other")
    said = json.loads(identity(Options(batches=8), "data"))
    assert (said["data"], said["stages"], said["loss"]) == ("data", {"float": 8, "qat": 4}, "psnr")


# What is foreign or damaged.


OPTIONS = Options(recipe="memory", spec=SMALL, batch=4, batches=8)


@cache
def learner():
    """A learner in its last stage; nobody may change it."""
    return trained("qat", OPTIONS)


@pytest.fixture
def kept(tmp_path):
    """Options, and the path and values of a checkpoint of theirs."""
    path = tmp_path / "checkpoint.pt"
    save(learner(), OPTIONS, path)
    return OPTIONS, path, torch.load(path, weights_only=True)


def refused(options, path):
    """Read a checkpoint that must be refused in the one line."""
    with pytest.raises(InputError) as error:
        resume(options, path)
    assert str(error.value) == f"{path} must be a checkpoint: remove it to begin anew"


@pytest.mark.parametrize(
    "foreign",
    [torch.zeros(3), [1, 2], 7, None, "text"],
    ids=["tensor", "list", "int", "none", "text"],
)
def test_another_file_of_pytorch_is_refused(kept, foreign):
    options, path, _ = kept
    torch.save(foreign, path)
    refused(options, path)


def test_a_file_of_another_run_says_so(kept):
    options, path, _ = kept
    torch.save({"weights": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="must be of a run with these options and data"):
        resume(options, path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(kept, share):
    options, path, _ = kept
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    refused(options, path)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (PermissionError(13, "Permission denied"), InputError, "must be a readable file: Perm"),
        (MemoryError("no room"), MemoryError, "no room"),
    ],
)
def test_a_checkpoint_is_not_blamed_for_what_it_is_not(kept, monkeypatch, error, kind, text):
    def fail(*given, **named):
        raise error

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(kind, match=text):
        resume(kept[0], kept[1])


@pytest.mark.parametrize(
    "key",
    ["stage", "batch", "seconds", "averages", "parameters", "optimisers", "rule", "gate", "pool"],
)
def test_a_checkpoint_that_lacks_something_is_refused(kept, key):
    options, path, values = kept
    del values[key]
    torch.save(values, path)
    refused(options, path)


def one_value(values):
    values["parameters"][0] = values["parameters"][0][:1]


def other_kind(values):
    values["averages"][0] = values["averages"][0].double()


def fewer(values):
    values["parameters"].pop()


def no_number(values):
    values["averages"][3].view(-1)[0] = math.nan


def no_state(values):
    values["pool"]["states"][0, 0, 0, 0] = math.inf


def other_moment(values):
    state = values["optimisers"][1]["state"][0]
    state["exp_avg"] = state["exp_avg"][:1]


def no_moment(values):
    values["optimisers"][0]["state"][0]["exp_avg"].view(-1)[0] = math.nan


def beyond_its_stage(values):
    values["batch"] = 5


def before_its_stage(values):
    values["batch"] = -1


def no_such_stage(values):
    values["stage"] = "dreaming"


@pytest.mark.parametrize(
    "damage",
    [
        one_value,
        other_kind,
        fewer,
        no_number,
        no_state,
        other_moment,
        no_moment,
        beyond_its_stage,
        before_its_stage,
        no_such_stage,
    ],
)
def test_a_checkpoint_of_other_values_is_refused(kept, damage):
    options, path, values = kept
    damage(values)
    torch.save(values, path)
    refused(options, path)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("folder", "must be a file, not a folder"), ("pipe", "must be a file, not a named pipe")],
)
def test_what_is_no_file_is_not_taken_for_a_broken_checkpoint(kept, kind, text):
    options, path, _ = kept
    path.unlink()
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(InputError, match=rf"checkpoint\.pt {text}$"):
        resume(options, path)


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), MemoryError()])
def test_a_checkpoint_that_cannot_be_read_is_not_to_be_removed(kept, monkeypatch, error):
    options, path, _ = kept

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises((InputError, MemoryError)) as found:
        resume(options, path)
    assert "remove" not in str(found.value)
