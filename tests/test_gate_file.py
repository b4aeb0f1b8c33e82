import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated, network
from golden.spec import Gate, Spec

SPEC = Spec(
    height=4,
    width=4,
    image=2,
    channels=4,
    multiplier=2,
    gate=Gate(input_channel=0, output_channel=1, start=4),
)


@pytest.fixture
def path(tmp_path):
    return network(SPEC, np.random.default_rng(0)).save(tmp_path / "gate.safetensors")


def changed(path, name, change):
    """Change one tensor of the file."""
    tensors = load_file(path)
    tensors[name] = np.ascontiguousarray(change(tensors[name]))
    save_file(tensors, path)


def rejects(path, text):
    with pytest.raises(InputError, match=f"^{re.escape(f'{path}{text}')}$"):
        GateNetwork.load(path)


def set_last(value):
    def change(codes):
        codes = codes.copy()
        codes.flat[-1] = value
        return codes

    return change


def test_file_round_trip(path, tmp_path):
    want = network(SPEC, np.random.default_rng(0))
    want.skeleton = "abc"
    got = GateNetwork.load(want.save(tmp_path / "other.safetensors"))
    for layer in ("hidden", "output"):
        for part in ("weight", "bias", "shift"):
            a, b = (getattr(getattr(gate, layer), part) for gate in (got, want))
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
    assert got.skeleton == "abc"
    assert GateNetwork.load(path).skeleton is None
    planes = np.random.default_rng(1).integers(-128, 128, (3, 16), np.int8)
    np.testing.assert_array_equal(got.deltas(planes), want.deltas(planes))
    assert got.deltas(planes).shape == (3, 4)


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        (
            "hidden.weight",
            set_last(-128),
            ": hidden.weight must be an integer from -127 to 127, not -128",
        ),
        (
            "output.weight",
            set_last(-128),
            ": output.weight must be an integer from -127 to 127, not -128",
        ),
        (
            "hidden.bias",
            set_last(1 << 17),
            ": hidden.bias must be an integer from -131072 to 131071, not 131072",
        ),
        (
            "output.bias",
            set_last(-(1 << 17) - 1),
            ": output.bias must be an integer from -131072 to 131071, not -131073",
        ),
        ("hidden.shift", set_last(24), ": hidden.shift must be an integer from 0 to 23, not 24"),
        ("hidden.weight", lambda w: w.astype(np.int32), ": hidden.weight must be int8, not int32"),
        ("output.bias", lambda b: b.astype(np.int64), ": output.bias must be int32, not int64"),
        ("output.shift", lambda s: s.astype(np.int8), ": output.shift must be uint8, not int8"),
        (
            "hidden.weight",
            lambda w: w[0],
            ": hidden.weight must have shape (outputs, inputs), not (16,)",
        ),
        (
            "output.weight",
            lambda w: w[:, 1:],
            ": output.weight must have shape (outputs, 1024), not (4, 1023)",
        ),
        ("hidden.shift", lambda s: s[1:], ": hidden.shift must have shape (1024,), not (1023,)"),
        ("output.bias", lambda b: b[None], ": output.bias must have shape (4,), not (1, 4)"),
        ("extra", lambda b: b, " must not have the tensor 'extra'"),
    ],
)
def test_rejects_wrong_tensors(path, name, change, text):
    if name == "extra":
        save_file(load_file(path) | {"extra": np.zeros(1)}, path)
    else:
        changed(path, name, change)
    rejects(path, text)


def test_rejects_more_inputs_than_sums_allow(path):
    changed(path, "hidden.weight", lambda w: np.ones((1024, 1025), np.int8))
    rejects(path, ": hidden.weight must have at most 1024 inputs, not (1024, 1025)")


def test_rejects_a_missing_tensor(path):
    tensors = load_file(path)
    del tensors["output.shift"]
    save_file(tensors, path)
    rejects(path, " must have the tensor 'output.shift'")


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_rejects_a_truncated_file(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        InputError, match=rf"^{re.escape(str(path))} must be a readable safetensors file: [^\n]+$"
    ):
        GateNetwork.load(path)


def test_rejects_a_missing_file(tmp_path):
    path = tmp_path / "none"
    with pytest.raises(
        InputError,
        match=rf"^{re.escape(str(path))} must be a readable file: No such file or directory$",
    ):
        GateNetwork.load(path)


def test_must_fit_the_skeleton():
    rng = np.random.default_rng(0)
    gate, skeleton = network(SPEC, rng), calibrated(SPEC, rng)
    gate.require_fit(skeleton, "FILE")
    gate.skeleton = skeleton.digest
    gate.require_fit(skeleton, "FILE")

    gate.skeleton = "0" * 64
    text = (
        "FILE was trained with the skeleton 000000000000…, "
        f"not with calibrated ({skeleton.digest[:12]}…)"
    )
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        gate.require_fit(skeleton, "FILE")

    full = calibrated(Spec(gate=SPEC.gate), rng)
    with pytest.raises(InputError, match=r"^FILE must map 1024 codes to 256, not 16 to 4$"):
        gate.require_fit(full, "FILE")

    with pytest.raises(
        InputError, match=r"^FILE needs a skeleton with a gate; calibrated has none$"
    ):
        gate.require_fit(calibrated(Spec(), rng), "FILE")


@pytest.mark.parametrize("side", ["height", "width"])
def test_must_fit_at_either_end(side):
    rng = np.random.default_rng(0)
    skeleton = calibrated(SPEC, rng)
    other = network(Spec(**{"height": 4, "width": 4, "image": 2} | {side: 8}), rng)
    good = network(SPEC, rng)
    for hidden, output, told in (
        (other.hidden, good.output, "not 32 to 4"),
        (good.hidden, other.output, "not 16 to 8"),
    ):
        with pytest.raises(InputError, match=f"^FILE must map 16 codes to 4, {told}$"):
            GateNetwork(hidden, output).require_fit(skeleton, "FILE")


def test_arrays_of_any_layout_are_saved(tmp_path):
    want = network(SPEC, np.random.default_rng(0))
    layers = [
        type(layer)(*(np.asfortranarray(getattr(layer, part), dtype=np.int64)
                      for part in ("weight", "bias", "shift")))
        for layer in (want.hidden, want.output)
    ]  # fmt: skip
    path = tmp_path / "new" / "gate.safetensors"
    assert GateNetwork(*layers).save(path) == path
    got = GateNetwork.load(str(path))
    for layer in ("hidden", "output"):
        for part in ("weight", "bias", "shift"):
            a, b = (getattr(getattr(gate, layer), part) for gate in (got, want))
            np.testing.assert_array_equal(a, b)
