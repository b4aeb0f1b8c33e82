import json
import re

import numpy as np
import pytest

from golden.errors import InputError
from golden.samples import calibrated, extreme, uniform
from golden.skeleton import Skeleton, find
from golden.spec import BOUNDARIES, MAPPINGS, Gate, Spec

GATE = Gate(input_channel=0, output_channel=1, start=4)


def small(**values):
    return Spec(**({"height": 4, "width": 4, "image": 2, "channels": 4, "multiplier": 2} | values))


@pytest.fixture
def values():
    return calibrated(small(gate=GATE), np.random.default_rng(0)).to_json()


def rejects(values, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        Skeleton.from_json(values)


def put(values, path, value):
    """Set the value at a path such as `spec.gate.start` or `update.weight.0.1`."""
    *keys, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
    for key in keys:
        values = values[key]
    values[last] = value


@pytest.mark.parametrize("kind", [uniform, extreme, calibrated])
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("mapping", [None, *MAPPINGS])
def test_file_round_trip(tmp_path, kind, boundary, mapping):
    gate = None
    if mapping is not None:
        gate = Gate(input_channel=3, output_channel=0, start=9, every=4, mapping=mapping)
    skeleton = kind(small(boundary=boundary, gate=gate), np.random.default_rng(0))
    path = skeleton.save(tmp_path / "x")
    for place in (path, path.parent):
        read = Skeleton.load(place)
        assert read.spec == skeleton.spec
        assert read.to_json() == skeleton.to_json()
        assert read.digest == skeleton.digest
        assert read.name == "x"
    assert json.loads(path.read_text()) == skeleton.to_json()


def test_spec_round_trip():
    for gate in (None, GATE):
        assert Spec.from_json(json.loads(json.dumps(small(gate=gate).to_json()))) == small(
            gate=gate
        )


def test_file_has_the_documented_form():
    values = uniform(Spec(gate=GATE), np.random.default_rng(0)).to_json()
    assert {k: v for k, v in values.items() if k in ("format", "version", "spec")} == {
        "format": "thalweg-skeleton",
        "version": 1,
        "spec": {
            "height": 32,
            "width": 32,
            "channels": 16,
            "multiplier": 5,
            "steps": 10,
            "boundary": "zero",
            "image": 28,
            "gate": {
                "input_channel": 0,
                "output_channel": 1,
                "start": 4,
                "every": 1,
                "mapping": "nearest2",
            },
        },
    }
    shapes = {f"{k}.{p}": np.shape(v) for k in list(values)[3:] for p, v in values[k].items()}
    assert shapes == {
        "encode.weight": (16,),
        "encode.bias": (16,),
        "encode.shift": (16,),
        "perceive.weight": (80, 3, 3),
        "perceive.bias": (80,),
        "perceive.shift": (80,),
        "update.weight": (16, 80),
        "update.bias": (16,),
        "update.shift": (16,),
        "readout.weight": (16,),
        "readout.bias": (),
        "readout.shift": (),
    }


def test_digest_is_of_the_numbers_not_of_the_gate(values):
    digest = Skeleton.from_json(values).digest
    put(values, "spec.gate.start", 5)
    assert Skeleton.from_json(values).digest == digest
    put(values, "readout.bias", values["readout"]["bias"] - 1)
    assert Skeleton.from_json(values).digest != digest


RANGES = {
    "encode.weight.0": (-128, 127),
    "encode.bias.3": (-524288, 524287),
    "encode.shift.1": (0, 15),
    "perceive.weight.7.2.1": (-128, 127),
    "perceive.bias.0": (-524288, 524287),
    "perceive.shift.7": (0, 15),
    "update.weight.3.7": (-128, 127),
    "update.bias.2": (-8388608, 8388607),
    "update.shift.0": (0, 23),
    "readout.weight.0": (-128, 127),
    "readout.bias": (-524288, 524287),
    "readout.shift": (0, 15),
    "spec.height": (4, 256),
    "spec.width": (4, 256),
    "spec.channels": (1, 16),
    "spec.multiplier": (1, 8),
    "spec.steps": (1, 65535),
    "spec.image": (1, 4),
    "spec.gate.input_channel": (0, 15),
    "spec.gate.output_channel": (0, 15),
    "spec.gate.start": (1, 65535),
    "spec.gate.every": (1, 65535),
}


def named(path):
    """The name of a path in an error: brackets around indices, the gate's own name."""
    return re.sub(r"\.(\d+)", r"[\1]", path.removeprefix("spec.") if "gate" in path else path)


@pytest.mark.parametrize("path", RANGES)
def test_rejects_values_out_of_range(values, path):
    low, high = RANGES[path]
    for wrong in (low - 1, high + 1, 0.5, 1.0, True, None, "1", [1]):
        put(values, path, wrong)
        rejects(values, f"{named(path)} must be an integer from {low} to {high}, not {wrong!r}")


@pytest.mark.parametrize("path", [path for path in RANGES if not path.startswith("spec")])
def test_accepts_the_ends_of_each_range(values, path):
    for end in RANGES[path]:
        put(values, path, end)
        Skeleton.from_json(values)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("format", "other", "format must be 'thalweg-skeleton', not 'other'"),
        ("version", 2, "version must be 1, not 2"),
        ("version", True, "version must be 1, not True"),
        ("version", "1", "version must be 1, not '1'"),
        ("spec.boundary", "torus", "spec.boundary must be one of zero, wrap, not 'torus'"),
        ("spec.gate.mapping", None, "gate.mapping must be one of nearest2, phase4, not None"),
        ("spec.gate.input_channel", 4, "gate.input_channel must be an integer from 0 to 3, not 4"),
        (
            "spec.gate.output_channel",
            9,
            "gate.output_channel must be an integer from 0 to 3, not 9",
        ),
        ("spec.height", 5, "spec.height must be even, not 5"),
        ("spec.width", 7, "spec.width must be even, not 7"),
        ("spec.image", 3, "spec.image must leave an even margin in spec.height, not 3"),
        ("encode.weight", [1, 2, 3], "encode.weight must be a list of 4, not a list of 3"),
        ("encode.weight", 3, "encode.weight must be a list of 4, not 3"),
        ("update.weight.2", [1], "update.weight[2] must be a list of 8, not a list of 1"),
        ("perceive.weight.5.1", {}, "perceive.weight[5][1] must be a list of 3, not {}"),
        (
            "spec.gate",
            3,
            "spec.gate must be an object with the keys "
            "input_channel, output_channel, start, every, mapping",
        ),
        ("update", [], "update must be an object with the keys weight, bias, shift"),
        ("update.extra", 1, "update must not have the key 'extra'"),
        ("spec.extra", 1, "spec must not have the key 'extra'"),
        ("spec.gate.extra", 1, "spec.gate must not have the key 'extra'"),
        ("extra", 1, "skeleton must not have the key 'extra'"),
    ],
)
def test_rejects_what_is_no_skeleton(values, path, value, text):
    put(values, path, value)
    rejects(values, text)


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        (None, "version", "skeleton"),
        (None, "update", "skeleton"),
        ("spec", "boundary", "spec"),
        ("spec.gate", "every", "spec.gate"),
        ("readout", "shift", "readout"),
    ],
)
def test_rejects_a_missing_key(values, path, key, place):
    holder = values
    for name in path.split(".") if path else ():
        holder = holder[name]
    del holder[key]
    rejects(values, f"{place} must have the key {key!r}")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (
            b"{",
            "must be JSON: Expecting property name enclosed in double quotes: "
            "line 1 column 2 (char 1)",
        ),
        (
            b"\xff",
            "must be JSON: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (
            b"[" * 100000,
            "must be JSON: maximum recursion depth exceeded while decoding a JSON array "
            "from a unicode string",
        ),
        (
            b"1" * 5000,
            "must be JSON: Exceeds the limit (4300 digits) for integer string conversion: "
            "value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit",
        ),
    ],
)
def test_rejects_what_is_no_json(tmp_path, raw, text):
    path = tmp_path / "skeleton.json"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=f"^{re.escape(f'{path} {text}')}$"):
        Skeleton.load(path)


def test_errors_name_the_file(tmp_path, values):
    path = tmp_path / "skeleton.json"
    put(values, "update.shift.1", 24)
    path.write_text(json.dumps(values))
    text = f"{path}: update.shift[1] must be an integer from 0 to 23, not 24"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        Skeleton.load(tmp_path)
    path.unlink()
    text = f"{path} must be a readable file: No such file or directory"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        Skeleton.load(path)


def test_find_takes_a_folder_or_a_shipped_name(tmp_path, monkeypatch):
    monkeypatch.setattr("golden.skeleton.SHIPPED", tmp_path / "none")
    text = "Skeleton must be a folder with a skeleton.json or shipped (none is), not 'x'"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        find("x")
    monkeypatch.setattr("golden.skeleton.SHIPPED", tmp_path)
    for name in ("x", "y"):
        calibrated(small(), np.random.default_rng(0)).save(tmp_path / name)
    assert find("x") == find(tmp_path / "x") == tmp_path / "x"
    text = "Skeleton must be a folder with a skeleton.json or one of x, y, not 'z'"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        find("z")


def test_save_writes_whole_or_not_at_all(tmp_path):
    skeleton = calibrated(small(), np.random.default_rng(0))
    (tmp_path / "file").write_text("")
    text = f"{tmp_path / 'file/x/skeleton.json'} must be writable: Not a directory"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        skeleton.save(tmp_path / "file" / "x")
