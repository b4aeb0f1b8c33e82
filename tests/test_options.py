"""Options of a training run: their bounds, their defaults, and which of them go together."""

import os
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from golden.errors import InputError
from golden.spec import Gate, Spec
from sw.train.bounds import require_within
from sw.train.options import BOUNDS, Options, require_device, shape_spec, spec_for

LIMITS = {
    "seed": (0, 2**63 - 1, "at least 0", True, False),
    "threads": (1, max(64, 4 * os.cpu_count()), "at least 1", True, False),
    "batches": (1, 10**9, "at least 1", True, False),
    "qat_batches": (0, 10**9, "at least 0", True, False),
    "hold_batches": (0, 10**9, "at least 0", True, False),
    "batch": (1, 65536, "at least 1", True, False),
    "noise": (0, 1e4, "at least 0", False, False),
    "motion": (0, 1e9, "at least 0", False, False),
    "forget": (0, 1e9, "at least 0", False, False),
    "rate": (0, 1e9, "above 0", False, True),
    "qat_rate": (0, 1e9, "above 0", False, True),
    "hold_rate": (0, 1e9, "above 0", False, True),
}


def test_numbers_lie_in_these_bounds():
    assert {name: tuple(bound) for name, bound in BOUNDS.items()} == LIMITS


@pytest.mark.parametrize("name", LIMITS)
def test_every_number_is_checked_when_options_are_made(name):
    low, _, least, _, opened = LIMITS[name]
    wrong = low if opened else low - 1
    with pytest.raises(InputError) as error:
        Options(**{name: wrong})
    assert str(error.value) == f"{name} must be {least}, not {wrong!r}"


@pytest.mark.parametrize("name", [name for name, limits in LIMITS.items() if not limits[3]])
def test_most_of_a_real_number_is_told_without_its_fraction(name):
    with pytest.raises(InputError) as error:
        require_within(name, 1e10, BOUNDS[name])
    assert str(error.value) == f"{name} must be at most {int(LIMITS[name][1]):,}, not 10000000000.0"


@pytest.mark.parametrize("name", ["qat_batches", "hold_batches"])
def test_batches_of_a_later_stage_may_be_left_to_the_first(name):
    assert getattr(Options(**{name: None}), name) is None


def test_none_is_no_number_of_batches():
    with pytest.raises(InputError, match=r"^batches must be a whole number, not None$"):
        Options(batches=None)


USUAL = {
    "name": "digits",
    "data": None,
    "fit": False,
    "output": Path("build/train"),
    "ship": False,
    "device": "cpu",
    "threads": 1,
    "recipe": "restore",
    "begin": None,
    "seed": 0,
    "batches": 16000,
    "qat_batches": None,
    "hold_batches": None,
    "letters": "letters-upper",
    "rehearsal": "stored",
    "batch": 32,
    "damage": 0.7,
    "noise": 0.0,
    "dropout": 0.0,
    "rate": 0.02,
    "qat_rate": 0.001,
    "hold_rate": 0.008,
    "motion": 160.0,
    "forget": 0.0,
    "after": None,
    "hurt": 0.0,
    "loss": None,
    "supervise": "last",
    "teacher": None,
    "optimiser": "soap",
    "averaging": 0.999,
    "weight_bits": 8,
    "plane_bits": 8,
    "spec": Spec(
        height=32,
        width=32,
        channels=16,
        multiplier=5,
        steps=10,
        image=28,
        gate=Gate(input_channel=0, output_channel=1, start=1, every=3, mapping="nearest2"),
    ),
}


def test_what_is_not_said_is_as_the_documents_have_it():
    assert {field.name: field.default for field in fields(Options)} == USUAL


def test_what_holds_gates_every_step_from_the_fourth_on():
    gate = USUAL["spec"].gate
    assert spec_for("memory") == replace(USUAL["spec"], gate=replace(gate, start=4, every=1))
    assert spec_for("restore") == spec_for("letters") == USUAL["spec"]


def test_what_is_told_of_a_shape_is_taken_and_what_is_none_is_not():
    gate = USUAL["spec"].gate
    found = spec_for("memory", True, multiplier=None, start=6, every=None, mapping="phase4")
    wanted = replace(gate, start=6, every=1, mapping="phase4")
    assert found == replace(USUAL["spec"], gate=wanted)
    assert spec_for("restore", False, multiplier=2, start=None) == replace(
        USUAL["spec"], multiplier=2, gate=None
    )
    bare = replace(USUAL["spec"], gate=None)
    assert shape_spec(bare, multiplier=7) == replace(bare, multiplier=7)
    assert shape_spec(bare, gated=True).gate is None


@pytest.mark.parametrize(
    ("recipe", "values", "text"),
    [
        ("memory", {"teacher": "mlp"}, "teacher must be None for recipe memory, not 'mlp'"),
        ("letters", {"teacher": "mlp"}, "teacher must be None for recipe letters, not 'mlp'"),
        ("memory", {"plane_bits": 4}, "plane_bits must be 8 for recipe memory, not 4"),
        ("letters", {"plane_bits": 4}, "plane_bits must be 8 for recipe letters, not 4"),
        ("letters", {"supervise": "every"}, "supervise must be last for recipe letters, not "),
        ("letters", {"weight_bits": 5}, "weight_bits must be 8 for recipe letters, not 5"),
        ("letters", {"optimiser": "adam"}, "optimiser must be soap for recipe letters, not "),
        ("memory", {"weight_bits": 5, "optimiser": "adam"}, None),
        ("restore", {"teacher": "mlp", "plane_bits": 4, "supervise": "every"}, None),
    ],
)
def test_a_recipe_knows_some_options_alone(recipe, values, text):
    if text is None:
        Options(recipe=recipe, **values)
        return
    with pytest.raises(InputError, match=f"^{text}"):
        Options(recipe=recipe, begin="digits", **values)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"loss": "mae"}, "loss must be one of mse, psnr, not 'mae'"),
        (
            {"rehearsal": "dream"},
            "rehearsal must be one of stored, distilled, dreams, none, not 'dream'",
        ),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1.0"),
        ({"damage": -0.1}, "damage must be from 0 to below 1, not -0.1"),
        ({"averaging": -0.1}, "averaging must be from 0 to below 1, not -0.1"),
        ({"name": ""}, "name must be letters, digits, hyphens and underscores, not ''"),
        ({"name": "-_-"}, "name must be letters, digits, hyphens and underscores, not '-_-'"),
        ({"recipe": "letters"}, "begin must be a skeleton with a gate for recipe letters, not No"),
    ],
)
def test_each_option_has_its_requirement(values, text):
    with pytest.raises(InputError) as error:
        Options(**values)
    assert str(error.value).startswith(text)


def test_a_period_and_a_name_may_be_as_long_as_they_are_bounded():
    for mapping, every in (("nearest2", 100), ("phase4", 25)):
        Options(recipe="memory", spec=spec_for("memory", every=every, mapping=mapping))
    with pytest.raises(InputError, match=r"^the gate's period must be at most 100 steps, not 104$"):
        Options(recipe="memory", spec=spec_for("memory", every=26, mapping="phase4"))
    Options(spec=spec_for("restore", every=101))
    Options(name="n" * 100)


def test_a_device_must_be_there(monkeypatch):
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        require_device("cpu")
        if there:
            require_device("cuda")
            continue
        with pytest.raises(InputError) as error:
            Options(device="cuda")
        assert str(error.value) == (
            "device must be cpu where PyTorch finds no CUDA device, not 'cuda'"
        )


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, {"float": 16000, "qat": 8000}),
        ({"batches": 9}, {"float": 9, "qat": 4}),
        ({"qat_batches": 0, "hold_batches": 5}, {"float": 16000, "qat": 0}),
        ({"recipe": "memory", "batches": 11}, {"float": 11, "hold": 2, "qat": 5}),
        ({"recipe": "memory", "hold_batches": 0}, {"float": 16000, "hold": 0, "qat": 8000}),
        ({"recipe": "letters", "begin": "digits", "batches": 7}, {"letters": 7}),
    ],
    ids=str,
)
def test_stages_come_in_this_order(values, wanted):
    assert list(Options(**values).stages().items()) == list(wanted.items())


def test_what_decides_a_result_is_all_but_places_and_counts():
    options = Options(recipe="memory", batches=8, seed=3)
    found = options.trained_with()
    places = {"data", "fit", "output", "ship", "name", "batches", "qat_batches", "hold_batches"}
    assert found.keys() == {each.name for each in fields(Options)} - places | {"stages"}
    assert (found["loss"], found["seed"], found["spec"]) == ("mse", 3, options.spec.to_json())
    assert found["stages"] == {"float": 8, "hold": 2, "qat": 4}
