"""The page's engine against golden, every code; and what it refuses."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from golden.device import GoldenDevice, trace
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.samples import calibrated, extreme, network, uniform
from golden.skeleton import SHIPPED, Skeleton
from golden.spec import Gate, Spec
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.play import speed
from tests.node import needs_node, node, page_states

pytestmark = needs_node

VECTORS = Path(__file__).parent / "vectors"
MORE = os.environ.get("THALWEG_VECTORS")  # a folder of further vectors


def require_golden(folder, images, steps, work):
    """Every code of a run on the page is golden's."""
    gate = folder / "gate.safetensors"
    device = GoldenDevice((Skeleton.load(folder),))
    device.load_images(images)
    want = trace(device, GateNetwork.load(gate) if gate.exists() else None, steps)
    for plain in (False, True):
        found = page_states(folder, images, steps, work, plain)
        assert (found.dtype, found.shape) == (want.dtype, want.shape)
        assert np.count_nonzero(found != want) == 0, "plain" if plain else "WebAssembly"
    return want


@pytest.mark.parametrize("case", sorted(path.name for path in VECTORS.iterdir()))
def test_vectors_agree(case, tmp_path):
    steps = json.loads((VECTORS / case / "expected.json").read_text())["steps"]
    require_golden(VECTORS / case, np.load(VECTORS / case / "image.npy"), steps, tmp_path)


@pytest.mark.skipif(MORE is None, reason="THALWEG_VECTORS names no folder of further vectors")
def test_further_vectors_agree(tmp_path):
    for folder in sorted(path.parent for path in Path(MORE).glob("*/expected.json")):
        steps = json.loads((folder / "expected.json").read_text())["steps"]
        require_golden(folder, np.load(folder / "image.npy"), steps, tmp_path)


@pytest.mark.parametrize("name", ["digits", "digits-memory", "digits-ca", "digits-swift"])
def test_shipped_skeletons_agree_past_their_steps(name, tmp_path):
    images = blank(show_digits()[0][:3], range(3))
    states = require_golden(SHIPPED / name, images, 30, tmp_path)
    assert (states[:, 10] != states[:, 1]).any()


SHAPES = [
    Spec(gate=Gate(input_channel=9, output_channel=2, start=1, every=2, mapping="phase4")),
    Spec(boundary="wrap", gate=Gate(input_channel=0, output_channel=15, start=3)),
    Spec(height=12, width=6, image=4, channels=16, multiplier=8, boundary="wrap"),
    Spec(
        height=4,
        width=8,
        image=2,
        channels=3,
        multiplier=1,
        steps=2,
        gate=Gate(input_channel=2, output_channel=2, start=2, every=3, mapping="phase4"),
    ),
    Spec(
        height=30,
        width=34,
        image=30,
        channels=1,
        multiplier=7,
        gate=Gate(input_channel=0, output_channel=0, start=4, mapping="nearest2"),
    ),
    Spec(height=64, width=48, image=28, channels=2, multiplier=3),
]


@pytest.mark.parametrize("kind", [uniform, calibrated, extreme])
@pytest.mark.parametrize("spec", SHAPES, ids=lambda spec: f"{spec.height}x{spec.width}")
def test_random_skeletons_and_gates_agree(spec, kind, tmp_path):
    rng = np.random.default_rng([spec.height, spec.channels])
    kind(spec, rng).save(tmp_path)
    if spec.gate is not None:
        network(spec, rng).save(tmp_path / "gate.safetensors")
    images = rng.integers(0, 256, (2, spec.image, spec.image), np.uint8)
    require_golden(tmp_path, images, 14, tmp_path)


def test_ungated_folder_runs_the_rule_alone(tmp_path):
    rng = np.random.default_rng(0)
    spec = Spec(gate=Gate(input_channel=0, output_channel=1, start=1))
    calibrated(spec, rng).save(tmp_path)
    require_golden(tmp_path, rng.integers(0, 256, (1, 28, 28), np.uint8), 3, tmp_path)


def change(values, path, value):
    """Values of a skeleton.json with one of them changed."""
    *way, last = path
    place = values
    for key in way:
        place = place[key]
    place[last] = value
    return values


def test_webassembly_brings_at_least_twice(tmp_path):
    """Each in its own processor time, so that a busy machine does not matter."""
    done = node("speed.mjs", SHIPPED / "digits", tmp_path / "speed.json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads((tmp_path / "speed.json").read_text())
    for work in ("steps", "digits"):
        plain, fast = (found[f"page_{work}_per_second{each}"] for each in ("_plain", ""))
        assert fast > 2 * plain > 0


WRONG = [
    (("version",), 2),
    (("spec", "height"), 31),
    (("spec", "image"), 27),
    (("spec", "image"), 0),
    (("spec", "channels"), 17),
    (("spec", "steps"), True),
    (("spec", "boundary"), "mirror"),
    (("spec", "more"), 1),
    (("spec", "gate"), 1),
    (("spec", "gate", "output_channel"), 16),
    (("spec", "gate", "mapping"), "nearest"),
    (("encode", "shift", 0), 16),
    (("perceive", "weight", 79, 2, 2), 128),
    (("perceive", "bias", 3), -(1 << 19) - 1),
    (("update", "bias", 0), 1 << 23),
    (("update", "weight", 1), [0]),
    (("readout", "bias"), [0]),
    (("readout", "shift"), None),
]


@pytest.mark.parametrize(("path", "value"), WRONG, ids=lambda part: str(part)[:30])
def test_skeleton_that_golden_refuses_is_refused_in_its_words(path, value, tmp_path):
    values = json.loads((SHIPPED / "digits" / "skeleton.json").read_text())
    values = change(values, path, value)
    with pytest.raises(InputError) as refused:
        Skeleton.from_json(values)
    (tmp_path / "skeleton.json").write_text(json.dumps(values))
    done = node("run.mjs", tmp_path, "no.npy", 1, "no.npy")
    told = done.stderr.rstrip("\n")
    assert done.returncode == 2 and "\n" not in told
    place = str(refused.value).split(" must ")[0]
    assert told.startswith(f"{place} must "), (told, str(refused.value))


def bad_gates(whole):
    """Gate files that are none, each with what must be said of it."""
    long = b"\xff" * 8
    yield whole[:5], "header is not whole"
    yield long + whole[8:], "header is not whole"
    yield (2).to_bytes(8, "little") + b"{]", "no JSON object"
    yield whole[:-1], "lies outside the file"
    yield whole.replace(b'"I8"', b'"U8"'), "must be I8"
    yield whole.replace(b"hidden.shift", b"hidden.shifd"), "must have the tensor 'hidden.shift'"
    yield (
        whole.replace(b'"skeleton":"', b'"skeleton":"0', 1).replace(b'","hidden', b'","hiddan'),
        "must",
    )


def test_gate_that_is_none_is_one_line(tmp_path):
    shipped = SHIPPED / "digits"
    (tmp_path / "skeleton.json").write_bytes((shipped / "skeleton.json").read_bytes())
    for gate, told in bad_gates((shipped / "gate.safetensors").read_bytes()):
        (tmp_path / "gate.safetensors").write_bytes(gate)
        done = node("run.mjs", tmp_path, "no.npy", 1, "no.npy")
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert told in done.stderr


def test_gate_of_another_skeleton_is_refused(tmp_path):
    (tmp_path / "skeleton.json").write_bytes((SHIPPED / "digits/skeleton.json").read_bytes())
    gate = (SHIPPED / "digits-memory/gate.safetensors").read_bytes()
    (tmp_path / "gate.safetensors").write_bytes(gate)
    done = node("run.mjs", tmp_path, "no.npy", 1, "no.npy")
    assert done.returncode == 2
    assert done.stderr.startswith("The gate was trained with the skeleton 8a92665f57a8…, not with")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "usage: node run.mjs SKELETON_DIR IMAGES.npy STEPS OUT.npy"),
        ((SHIPPED / "digits-ca", "gone.npy", 1, "out.npy"), "ENOENT"),
        ((SHIPPED / "digits-ca", "images.npy", "x", "out.npy"), "STEPS must be an integer"),
        ((SHIPPED / "digits-ca", "wide.npy", 1, "out.npy"), "must have shape (n, 28, 28)"),
        ((SHIPPED / "digits-ca", "float.npy", 1, "out.npy"), "must be uint8 in C order"),
    ],
)
def test_misuse_is_one_line(arguments, told, tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((1, 28, 28), np.uint8))
    np.save(tmp_path / "wide.npy", np.zeros((1, 28, 29), np.uint8))
    np.save(tmp_path / "float.npy", np.zeros((1, 28, 28)))
    done = node("run.mjs", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("out*"))


def test_without_node_a_line_says_that_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    said = []
    assert speed.measure(said.append) == {}
    assert said == ["node is not installed: the page's engine is not measured"]
