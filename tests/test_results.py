"""Results that say what they were made of: only what is whole and of the same run is kept."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from golden.errors import InputError
from sw.restore.png import read_marked, write_png
from sw.restore.results import KEY, Mark, Method, is_ours, read_kept, require_ours, write_result

METHOD = Method(skeleton="a" * 64, gate="b" * 64, steps=10, damage=0.7, invert=False)
RESULT = np.arange(20, dtype=np.uint8).reshape(4, 5)
MARK = Mark.of(METHOD, 3, RESULT + 1)


@pytest.fixture
def path(tmp_path):
    write_result(tmp_path / "x.png", RESULT, MARK)
    return tmp_path / "x.png"


def test_a_result_says_what_it_was_made_of(path):
    pixels, text = read_marked(path.read_bytes(), "thalweg")
    np.testing.assert_array_equal(pixels, RESULT)
    assert text == MARK.text(RESULT)
    told = json.loads(text)
    without = {name: value for name, value in vars(METHOD).items() if name != "fit"}
    assert METHOD.fit is None and told["recipe"] == without and told["place"] == 3
    assert set(told) == {"recipe", "place", "image", "result"}
    assert re.fullmatch("[0-9a-f]{64}", told["image"]) and told["image"] != told["result"]


def test_only_a_whole_result_of_this_very_mark_is_kept(path):
    np.testing.assert_array_equal(read_kept(path, MARK), RESULT)
    for other in (
        replace(MARK, place=4),
        replace(MARK, method=replace(METHOD, steps=11)),
        Mark.of(METHOD, 3, RESULT),
    ):
        assert read_kept(path, other) is None
    write_png(path, RESULT + 1, {KEY: MARK.text(RESULT)})
    assert read_kept(path, MARK) is None
    write_png(path, RESULT, {"other": MARK.text(RESULT)})
    assert read_kept(path, MARK) is None and not is_ours(path)
    path.write_bytes(b"no PNG")
    assert read_kept(path, MARK) is None
    path.unlink()
    assert read_kept(path, MARK) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"recipe": 3}', '{"recipe": []}', "{", "[" * 99999]
)
def test_what_names_no_method_is_none_of_ours(path, text):
    assert is_ours(path)
    write_png(path, RESULT, {KEY: text})
    assert not is_ours(path)
    told = f"{path} must be a result of this command to be replaced: name another --output"
    with pytest.raises(InputError, match=f"^{re.escape(told)}$"):
        require_ours(path, METHOD)


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("skeleton", "c" * 64, "aaaaaaaaaaaa…", "cccccccccccc…"),
        ("gate", None, "bbbbbbbbbbbb…", "None"),
        ("steps", 11, "10", "11"),
        ("damage", 0.5, "0.7", "0.5"),
        ("invert", True, "False", "True"),
    ],
)
def test_a_result_of_another_run_is_not_replaced(path, name, value, old, new):
    require_ours(path, METHOD)
    text = f"{path} is a result of another run, with {name} {old}, not {new}: name another --output"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        require_ours(path, replace(METHOD, **{name: value}))


def test_where_nothing_lies_or_nothing_can_lie_is_no_error_yet(tmp_path):
    require_ours(tmp_path / "none.png", METHOD)
    require_ours(tmp_path / ("n" * 300), METHOD)


def test_a_result_that_is_not_whole_may_be_replaced(path):
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    assert read_kept(path, MARK) is None
    require_ours(path, METHOD)


def test_a_file_larger_than_any_result_is_not_read(path):
    size = len(path.read_bytes())
    with path.open("ab") as file:
        file.write(bytes((1 << 20) - size))
    assert is_ours(path), "just as large as one can be"
    with path.open("ab") as file:
        file.write(b"\0")
    assert not is_ours(path)


def test_a_result_as_large_as_a_lattice_can_show_is_kept(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256), np.uint8)
    write_result(tmp_path / "x.png", pixels, MARK)
    np.testing.assert_array_equal(read_kept(tmp_path / "x.png", MARK), pixels)
