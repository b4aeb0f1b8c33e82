# amaranth: UnusedElaboratable=no
"""Generated Verilog: plain, repeatable, and described by the facts beside it."""

import json
import re

import numpy as np
import pytest
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from golden.fixed import STATE
from golden.samples import uniform
from golden.spec import Spec
from hw.array.array import SystolicArray
from hw.array.requantiser import Requantiser
from hw.chip import Chip
from hw.clocks import run_overhead
from hw.flow.names import module_name
from hw.flow.verilog import facts, to_verilog, write_chip, write_verilog
from hw.shapes import Geometry, interval

PARTS = ("payload", "valid", "ready")
GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), filters=2)


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    """Verilog and facts of a small chip with one skeleton."""
    skeleton = uniform(GEOMETRY.spec, np.random.default_rng(25))
    path = write_chip(GEOMETRY, (skeleton,), tmp_path_factory.mktemp("verilog"))
    return skeleton, path.read_text(), json.loads(path.with_suffix(".json").read_text())


def test_a_block_becomes_the_module_that_its_file_is_named_after(tmp_path):
    texts = []
    for name in ("first", "second"):
        path = tmp_path / name / "requantiser.v"
        path.parent.mkdir()
        write_verilog(Requantiser(interval(-999, 999), max_shift=3, to=STATE), path)
        texts.append(path.read_text())
        assert list(path.parent.iterdir()) == [path]
    assert "\nmodule requantiser (\n" in texts[0]
    assert "Yosys" not in texts[0], "a stamp of the tool"
    assert texts[0] == texts[1]


def test_a_design_that_fails_leaves_nothing_behind(tmp_path):
    class Broken(wiring.Component):
        wire: Out(1)

        def elaborate(self, platform):
            raise RuntimeError("no such luck")

    with pytest.raises(RuntimeError, match="no such luck"):
        to_verilog(Broken(), "broken", tmp_path / "broken.v")
    assert not list(tmp_path.iterdir())


def test_ports_are_those_of_the_module(chip):
    _, text, facts = chip
    head = re.search(rf"^module {facts['top']} \(\n(.*?)\n\);$", text, re.DOTALL | re.MULTILINE)
    assert facts["top"] == "thalweg_f2"
    widths = [(port["bits"], f"[{port['bits'] - 1}:0] ") for port in facts["ports"].values()]
    want = [
        f"  {port['direction'] + 'put':6} wire {span if bits > 1 else ''}{name}"
        for (name, port), (bits, span) in zip(facts["ports"].items(), widths, strict=True)
    ]
    # A register that nothing else reads is a port itself.
    found = [re.sub(r" reg (.*) = \S+$", r" wire \1", port) for port in head[1].split(",\n")]
    assert found == want
    assert [*facts["ports"]][:5] == ["clk", "rst", *(f"i_command_{part}" for part in PARTS)]


def test_facts_state_the_build(chip):
    skeleton, _, facts = chip
    assert facts["skeletons"] == [{"name": "uniform", "digest": skeleton.digest}]
    assert facts["multipliers"] == {"depthwise": 9, "pointwise": 16, "encode": 1, "readout": 1}
    assert facts["clocks_per_step"] == 16 * 48
    assert facts["clocks_per_run"]["overhead"] == run_overhead(GEOMETRY)
    assert facts["accumulator_bits"] == {"encode": 21, "perceive": 21, "update": 25, "readout": 21}
    # A context's six clocks and one to choose between contexts; 46 of the array's and one a filter.
    assert facts["latency"] == {"read": 6 + 1, "array": 46 + 2, "centres": 4}
    assert facts["latency"]["array"] == SystolicArray.LATENCY + 2
    assert Spec.from_json(facts["spec"]) == GEOMETRY.spec


@pytest.mark.parametrize(
    ("filters", "counts", "step", "array"),
    [
        (1, {"depthwise": 9, "pointwise": 8}, 32 * 80, 46 + 1),
        (5, {"depthwise": 27, "pointwise": 40}, 32 * 16, 46 + 5),
    ],
)
def test_facts_are_of_the_geometry_and_not_of_another(filters, counts, step, array):
    spec = Spec(height=4, width=8, image=4)
    geometry = Geometry(spec=spec, filters=filters, contexts=3, skeletons=6)
    skeletons = [uniform(spec, np.random.default_rng(seed)) for seed in (1, 2)]
    found = facts(geometry, Chip(geometry, skeletons), skeletons)
    assert found["top"] == f"thalweg_f{filters}"
    assert (found["filters"], found["contexts"], found["skeleton_places"]) == (filters, 3, 6)
    assert [one["digest"] for one in found["skeletons"]] == [one.digest for one in skeletons]
    assert found["multipliers"] == counts | {"encode": 1, "readout": 1}
    assert found["clocks_per_step"] == step
    # Four to begin, a line and a cell, the last cell's words and the write, the way to the array.
    overhead = 4 + 9 * step // 32 + 16 + 1 + (7 - 2) + array
    assert found["clocks_per_run"]["overhead"] == overhead
    assert found["latency"]["array"] == array
    lattice = {"memories": [f"context{n}.lattice" for n in range(3)], "rows": 32 * 16, "bits": 8}
    address = "(8 * y + x) * 16 + channel // 1"
    assert found["lattice"] == lattice | {"address": address}
    assert found["ports"]["running"] == {"direction": "out", "bits": 3}
    assert found["ports"]["damaged"] == {"direction": "out", "bits": 6}
    assert found["ports"]["i_data_payload"] == {"direction": "in", "bits": 8}
    assert found["ports"]["clk"] == found["ports"]["rst"] == {"direction": "in", "bits": 1}
    rows = {name: memory["rows"] for name, memory in found["memories"].items()}
    pitch = {1: 128, 5: 16}[filters]
    assert (rows["perceive0"], rows["mix0_0"]) == (6 * pitch, 6 * pitch)
    assert rows["residual0"] == rows["encode"] == rows["readout"] == 6 * 16
    assert rows["identity"] == 6 * 64


def test_a_chip_is_written_with_all_its_skeletons_and_its_check(tmp_path, monkeypatch):
    calls = []

    def recorder(name):
        def call(*places, **names):
            calls.append((name, *places, names))
            return name

        return call

    for name in ("require_fit", "Chip", "describe", "to_verilog", "facts", "write_json"):
        monkeypatch.setattr(f"hw.flow.verilog.{name}", recorder(name))
    path = tmp_path / "thalweg_f2.v"
    assert write_chip(GEOMETRY, "skeletons", tmp_path) == path
    assert calls == [
        ("require_fit", GEOMETRY, "skeletons", {}),
        ("Chip", GEOMETRY, "skeletons", {}),
        ("facts", GEOMETRY, "Chip", "skeletons", {}),
        ("describe", "facts", {}),
        ("to_verilog", "Chip", "thalweg_f2", path, "describe", {}),
        ("write_json", path.with_suffix(".json"), "facts", {"indent": 1}),
    ]


def test_facts_of_another_chip_do_not_stay_beside_a_design(tmp_path, monkeypatch):
    (tmp_path / "thalweg_f2.json").write_text("{}")
    for name in ("Chip", "describe", "to_verilog", "facts"):
        monkeypatch.setattr(f"hw.flow.verilog.{name}", lambda *values: values)

    def fail(path, value, indent):
        raise OSError("no space")

    monkeypatch.setattr("hw.flow.verilog.write_json", fail)
    with pytest.raises(OSError, match="no space"):
        write_chip(GEOMETRY, (), tmp_path)
    assert not list(tmp_path.iterdir())


def test_memories_are_where_the_facts_say(chip):
    _, text, facts = chip
    modules = set(re.findall(r"^module (\w+) \($", text, re.MULTILINE))
    for memory in facts["memories"].values():
        assert module_name(facts["top"], memory["instance"]) in modules
    for lattice in facts["lattice"]["memories"]:
        assert module_name(facts["top"], lattice) in modules
    # A lane of two filters, its two mixing columns; a residual, an encoder, a read-out; identities.
    assert len(facts["memories"]) == 1 + 2 + 1 + 1 + 1 + 1


def arrays(text):
    """The memories of a Verilog text: bits and rows, by the module that holds them."""
    found = {}
    for name, body in re.findall(r"^module (\w+) \(.*?;(.*?)^endmodule$", text, re.M | re.S):
        for bits, rows in re.findall(r"^  reg \[(\d+):0\] \w+ \[(\d+):0\];$", body, re.M):
            found[name] = (int(bits) + 1, int(rows) + 1)
    return found


def test_memories_are_as_large_as_the_facts_say(chip):
    _, text, facts = chip
    found = arrays(text)
    for memory in facts["memories"].values():
        assert found[module_name(facts["top"], memory["instance"])] == (
            memory["bits"],
            memory["rows"],
        )
    for lattice in facts["lattice"]["memories"]:
        want = facts["lattice"]["bits"], facts["lattice"]["rows"]
        assert found[module_name(facts["top"], lattice)] == want


def test_the_lattice_has_every_channel_of_every_cell_at_an_address_of_its_own(chip):
    _, _, facts = chip
    lattice, lanes = facts["lattice"], facts["lattice"]["bits"] // 8
    places = [
        eval(lattice["address"], {"x": x, "y": y, "channel": channel})
        for y in range(4)
        for x in range(4)
        for channel in range(16)
    ]
    assert places == sorted(places)
    assert sorted(set(places)) == list(range(lattice["rows"]))
    assert all(places.count(place) == lanes for place in set(places))


def test_fields_fill_their_row_and_their_port(chip):
    _, _, facts = chip
    rows = {name: (memory["bits"], memory["row"]) for name, memory in facts["memories"].items()}
    ports = {name: (port["bits"], port.get("fields", [])) for name, port in facts["ports"].items()}
    groups = {**rows, **ports, "gate": (44, ports["i_command_payload"][1][-1]["fields"])}
    for name, (bits, parts) in groups.items():
        ends = [part["offset"] + part["bits"] for part in parts]
        assert [part["offset"] for part in parts] == [0, *ends][: len(parts)], name
        assert not parts or ends[-1] == bits, name
    widths = {
        name: {part["field"]: part["bits"] for part in parts} for name, (_, parts) in groups.items()
    }
    assert widths["perceive0"] == {"operands": 9 * 18, "biases": 2 * 20, "shifts": 2 * 4}
    assert widths["mix0_1"] == {str(pair): 18 for pair in range(8)}
    assert widths["residual0"] == {"bias": 24, "shift": 5}
    assert widths["encode"] == widths["readout"] == {"weight": 8, "bias": 20, "shift": 4}
    command = {"operation": 3, "context": 1, "skeleton": 2, "steps": 32, "gate": 44}
    assert widths["i_command_payload"] == command
    assert widths["o_plane_payload"] == {"code": 8, "context": 1, "last": 1}


def test_multipliers_are_those_of_the_verilog(chip):
    _, text, facts = chip
    names = re.findall(r"^module (\w+)_multiplier \($", text, re.MULTILINE)
    kinds = {
        "depthwise": r"lane\d+_perceive",
        "pointwise": r"lane\d+_mix\d+",
        "encode": "encoder",
        "readout": "readout",
    }
    found = {
        kind: sum(re.search(rf"_{part}(_pe\d+)?$", name) is not None for name in names)
        for kind, part in kinds.items()
    }
    assert found == facts["multipliers"] and sum(found.values()) == len(names)


def test_nothing_tells_where_the_verilog_was_made(chip):
    _, text, _ = chip
    attributes = set(re.findall(r"\(\* (\S+) ", text))
    assert {"keep", "top"} <= attributes, "copies are to stay"
    assert not {name for name in attributes if re.match(r"src|generator|amaranth", name)}


def test_no_vendor_primitive_and_no_initial_lattice(chip):
    _, text, _ = chip
    modules = set(re.findall(r"^module (\w+) \($", text, re.MULTILINE))
    instances = re.findall(r"^  (\w+) \w+ \($", text, re.MULTILINE)
    assert instances and set(instances) <= modules
