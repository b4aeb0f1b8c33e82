"""Letters and gates for the experiments: found where they lie, refused where they do not fit."""

import re
from pathlib import Path

import numpy as np
import pytest

from golden.errors import InputError
from golden.samples import calibrated, network
from sw.data.load import load
from sw.experiments.memory.supply import gates_beside, letters_at, missing_letters
from tests.memory_toys import REAL
from tests.test_data import small_mnist


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch, tmp_path):
    monkeypatch.delenv("THALWEG_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def test_letters_are_the_first_of_the_test_set_of_their_folder(tmp_path, monkeypatch):
    small_mnist(tmp_path / "data" / "letters-upper")
    small_mnist(tmp_path / "runes")
    whole = letters_at(None, tmp_path / "data", None)
    assert whole.rows == "letters-upper" and whole.labels.tolist() == [0, 1, 2]
    tests = load(tmp_path / "data", name="letters-upper").test_images
    np.testing.assert_array_equal(whole.images, tests)
    some = letters_at(tmp_path / "runes", tmp_path / "data", 2)
    assert some.rows == "runes" and some.labels.tolist() == [0, 1]
    np.testing.assert_array_equal(some.images, whole.images[:2])
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path / "data"))
    np.testing.assert_array_equal(letters_at(None, None, None).images, whole.images)
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path / "none"))
    assert letters_at(None, None, None) is None
    assert letters_at(None, tmp_path / "data", 1).labels.tolist() == [0], "the named data first"


@pytest.mark.parametrize("value", [None, ""])
def test_data_that_is_not_named_is_not_the_current_folder(tmp_path, monkeypatch, value):
    small_mnist(tmp_path / "letters-upper")
    if value is not None:
        monkeypatch.setenv("THALWEG_DATA", value)
    assert letters_at(None, None, None) is None
    assert letters_at(None, tmp_path / "none", None) is None
    with pytest.raises(InputError, match=r"^--letters must be a folder of IDX files, not 'none'$"):
        letters_at(Path("none"), None, None)


def test_gates_beside_a_skeleton_are_those_of_these_letters(tmp_path):
    rng = np.random.default_rng(0)
    skeleton = calibrated(REAL, rng)
    skeleton.save(tmp_path)
    gates = {}
    for name in ("runes-only", "runes-a-b", "other-only"):
        gates[name] = network(REAL, rng)
        gates[name].skeleton = skeleton.digest
        gates[name].save(tmp_path / f"gate-{name}.safetensors")
    found = gates_beside(str(tmp_path), skeleton, "runes")
    assert list(found) == ["a-b", "only"]
    for name, gate in found.items():
        np.testing.assert_array_equal(gate.hidden.weight, gates[f"runes-{name}"].hidden.weight)
    other = calibrated(REAL, rng)
    first = re.escape(str(tmp_path / "gate-runes-a-b.safetensors"))
    with pytest.raises(InputError, match=f"^{first} was trained with the skeleton"):
        gates_beside(str(tmp_path), other, "runes")


def test_what_is_lacking_is_said():
    assert missing_letters(None, {}, "x") == "x has no gate-LETTERS-NAME.safetensors"
    gates = {"only": None}
    assert missing_letters(None, gates, "x").startswith(
        "there is no folder letters-upper in the data"
    )
    assert missing_letters(object(), gates, "x") is None
