"""What the page makes of scenes, damage and generated files; and when it says that a run rests."""

import zlib
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch

from golden.gate import GateLayer, GateNetwork
from golden.machine import Machine
from golden.samples import calibrated
from golden.skeleton import SHIPPED, Layer, Skeleton
from golden.spec import Gate, Spec
from sw.data.damage import blank
from sw.data.load import show_digits
from sw.judge.referee import Referee, network
from sw.play import PAGE
from sw.play.assets import DIGITS, dequantised, files
from tests.node import needs_node
from tests.page_board import answer_of

LARGEST = 200_000  # bytes of the page without the gate
LARGEST_WITH_GATE = 1_600_000


def ask(*calls):
    """What the page makes of calls."""
    return answer_of("scene.mjs", calls, timeout=120)


def test_generated_files_are_what_the_command_makes():
    for name, data in files().items():
        kept = (PAGE / name).read_bytes()
        unpack = zlib.decompress if name.endswith(".bin") else bytes
        assert unpack(kept) == unpack(data), f"{name}: run python -m sw.play.assets"


def test_the_page_is_small():
    own = [path for path in PAGE.rglob("*") if path.is_file() and "skeletons" not in path.parts]
    size = sum(path.stat().st_size for path in own)
    size += max(path.stat().st_size for path in SHIPPED.glob("*/skeleton.json"))
    assert size < LARGEST
    gate = (SHIPPED / "digits-memory" / "gate.safetensors").stat().st_size
    assert size + gate < LARGEST_WITH_GATE


def test_the_page_names_nothing_of_others():
    for path in PAGE.rglob("*"):
        if path.suffix in (".js", ".html", ".css"):
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text and "https://" not in text, path


@needs_node
def test_the_catalogue_is_what_is_shipped():
    (catalogue,) = ask({"call": "catalogue"})
    found = {each["name"]: {gate["file"] for gate in each["gates"]} for each in catalogue}
    wanted = {
        path.parent.name: {gate.stem for gate in path.parent.glob("gate*.safetensors")}
        for path in SHIPPED.glob("*/skeleton.json")
    }
    assert found == wanted


@needs_node
def test_digests_are_those_of_everyone():
    cases = [bytes(range(256))[:length] * 2 for length in (0, 1, 27, 28, 31, 32, 59, 60, 128, 256)]
    found = ask(*({"call": "sha256", "bytes": list(each)} for each in cases))
    assert found == [sha256(each).hexdigest() for each in cases]


@needs_node
def test_blanked_pixels_are_those_of_the_protocol():
    images = show_digits()[0]
    cases = [(0, 70), (1, 70), (7, 5), (999, 95), (12, 50), (3, 100)]
    found = ask(
        *(
            {
                "call": "damaged",
                "image": images[seed].ravel().tolist(),
                "damage": [{"kind": "blank", "amount": percent, "seed": seed}],
            }
            for seed, percent in cases
        )
    )
    for pixels, (seed, percent) in zip(found, cases, strict=True):
        want = blank(images[seed : seed + 1], [seed], percent / 100)
        assert pixels == want.ravel().tolist()


@needs_node
def test_other_damage_comes_from_its_seed():
    image = np.random.default_rng(0).integers(100, 156, 784).tolist()
    kinds = [("holes", 3, 5), ("holes", 3, 6), ("noise", 20, 5), ("noise", 20, 6)]
    calls = [
        {"call": "damaged", "image": image, "damage": [{"kind": k, "amount": a, "seed": s}]}
        for k, a, s in kinds
    ]
    holes, others, noise, more = ask(*calls)
    assert ask(*calls) == [holes, others, noise, more]
    assert holes != others and noise != more
    assert 40 < holes.count(0) < 3 * 40 and set(holes) - {0} <= set(image)
    assert 18 < np.std(np.subtract(noise, image)) < 22


DRAWING = [0] * 300 + [255, 0, 7] + [0] * 281 + [9] * 200
SCENES = [
    {"digit": 42},
    {"drawing": DRAWING},
    {"drawing": [0] * 784},
    {"noise": 4294967295},
]


@needs_node
@pytest.mark.parametrize("source", SCENES, ids=lambda source: next(iter(source)))
def test_a_permalink_holds_its_scene(source):
    scene = {
        "skeleton": "digits-memory",
        "gate": "gate-letters-upper-stored",
        "mode": "both",
        "source": source,
        "damage": [
            {"kind": "blank", "amount": 55, "seed": 3},
            {"kind": "noise", "amount": 20, "seed": 4294967295},
            {"kind": "holes", "amount": 2, "seed": 0},
        ],
    }
    (link,) = ask({"call": "hash", "scene": scene})
    assert link.startswith("#skeleton=digits-memory&gate=gate-letters-upper-stored&mode=both")
    assert ask({"call": "scene", "hash": link}) == [scene]


@needs_node
@pytest.mark.parametrize(
    "hash",
    [
        "#skeleton=nothing",
        "#digit=100",
        "#digit=-1&mode=none",
        "#noise=4294967296",
        "#drawing=AAAA",
        "#drawing=%%%",
        "#skeleton=__proto__&damage=constructor-1-1.blank-101-1.blank-1.noise-x-1",
        "#gate=../../x&skeleton=digits-memory",
    ],
)
def test_a_link_that_makes_no_sense_gives_the_default(hash):
    found, default = ask({"call": "scene", "hash": hash}, {"call": "scene", "hash": ""})
    assert found == default | {"damage": []}


@needs_node
def test_the_referee_reads_as_its_network_does():
    images, _ = show_digits()
    damaged = blank(images[:60], range(60), 0.5)
    cases = np.concatenate([images[:DIGITS], damaged])
    classifier = network()
    classifier.load_state_dict({name: torch.tensor(t) for name, t in dequantised().items()})
    want, sure = Referee(classifier).read(cases)
    (found,) = ask({"call": "read", "images": cases.reshape(len(cases), -1).tolist()})
    assert [each["digit"] for each in found] == want.tolist()
    np.testing.assert_allclose([each["confidence"] for each in found], sure, atol=1e-4)
    whole, _ = Referee.load().read(images)
    small, _ = Referee(classifier).read(images)
    assert np.count_nonzero(whole != small) <= 2


def still(spec, change):
    """A skeleton whose channel 0 moves by ``change`` a step until it is saturated."""
    zero = calibrated(spec, np.random.default_rng(0))
    update = Layer(
        zero.update.weight * 0,
        np.eye(1, spec.channels, dtype=np.int64)[0] * change,
        zero.update.shift * 0,
    )
    return replace(zero, update=update)


def nudging(spec, delta):
    """A gate that answers every plane with ``delta`` everywhere."""
    ones = np.zeros((1, spec.cells), np.int8)
    return GateNetwork(
        GateLayer(ones, np.zeros(1, np.int32), np.zeros(1, np.uint8)),
        GateLayer(
            np.zeros((spec.deltas, 1), np.int8),
            np.full(spec.deltas, delta, np.int32),
            np.zeros(spec.deltas, np.uint8),
        ),
    )


@needs_node
@pytest.mark.parametrize("mapping", ["nearest2", "phase4"])
def test_rest_is_what_golden_says_and_back_is_the_way_there(mapping, tmp_path):
    gate = Gate(input_channel=0, output_channel=1, start=5, every=2, mapping=mapping)
    spec = Spec(height=8, width=8, channels=4, multiplier=1, image=4, gate=gate)
    skeleton, net = still(spec, 50), nudging(spec, 100)
    skeleton.save(tmp_path)
    net.save(tmp_path / "gate.safetensors")
    image = np.random.default_rng(1).integers(0, 256, (1, 4, 4), np.uint8)
    call = {"call": "rest", "folder": str(tmp_path), "image": image.ravel().tolist()}
    (found,) = ask(call | {"lanes": [True, False], "steps": 80, "wipes": [40]})
    there = found["there"]
    assert found["back"] == there[-2::-1]
    for lane, gate_network in enumerate((net, None)):
        machine = Machine(Skeleton.load(tmp_path), gate_network)
        states = machine.model.encode(image)
        expect_rest(machine, states, [(each["step"], each["lanes"][lane]) for each in there])


def expect_rest(machine, states, told):
    """Each look's digest and rest are those of golden's machine, the wipe after 40 included."""
    since, before, wiped = 0, states, False
    seen = []
    for step, lane in told:
        if step == 40 and lane["moved"] is not None and seen and seen[-1] == 40:
            states = states.copy()
            states.reshape(1, machine.spec.channels, -1)[:, :, :4] = 0
            since, wiped = step, True
        elif step:
            before, states = states, machine.advance(states, step)
            if (before != states).any() or machine.phase(step - 1) < 0:
                since = step
        seen.append(step)
        rests = step - since >= machine.period
        assert lane["sha256"] == sha256(states.tobytes()).hexdigest()
        assert lane["rest"] == (since if rests else None), step
    assert wiped and lane["rest"] is not None
