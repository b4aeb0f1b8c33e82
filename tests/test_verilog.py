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
from hw.array.array import Array
from hw.array.requantiser import Requantiser
from hw.flow.verilog import run_overhead, to_verilog, write_chip, write_verilog
from hw.shapes import Geometry, interval

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
    assert "module requantiser(" in texts[0]
    assert not texts[0].startswith("/*"), "a stamp of the tool"
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
    header = re.search(rf"module {facts['top']}\((.*?)\);(.*?)endmodule", text, re.DOTALL)
    assert facts["top"] == "thalweg_f2"
    assert set(header[1].replace("\n", " ").replace(" ", "").split(",")) == set(facts["ports"])
    for name, port in facts["ports"].items():
        width = f"[{port['bits'] - 1}:0] " if port["bits"] > 1 else ""
        assert f"{port['direction']}put {width}{name};" in header[2]


def test_facts_state_the_build(chip):
    skeleton, _, facts = chip
    assert facts["skeletons"] == [{"name": "uniform", "digest": skeleton.digest}]
    assert facts["multipliers"] == {"depthwise": 18, "pointwise": 32, "encode": 1, "readout": 1}
    assert facts["clocks_per_step"] == 16 * 40
    assert facts["clocks_per_run"]["overhead"] == run_overhead(GEOMETRY)
    assert facts["accumulator_bits"] == {"encode": 21, "perceive": 21, "update": 25, "readout": 21}
    # A context's six clocks and one to choose between contexts; 39 of the array's and one a lane.
    assert facts["latency"] == {"read": 6 + 1, "array": 39 + 2, "centres": 4}
    assert facts["latency"]["array"] == Array.LATENCY + 2
    assert Spec.from_json(facts["spec"]) == GEOMETRY.spec


def test_memories_are_where_the_facts_say(chip):
    _, text, facts = chip
    modules = set(re.findall(r"^module \\?(\S+?)\s*\(", text, re.MULTILINE))
    for memory in facts["memories"].values():
        assert f"{facts['top']}.{memory['instance']}" in modules
    for lattice in facts["lattice"]["memories"]:
        assert f"{facts['top']}.{lattice}" in modules
    assert len(facts["memories"]) == 2 * 2 + 2 + 2 + 1


def arrays(text):
    """The memories of a Verilog text: bits and rows, by the module that holds them."""
    found = {}
    for name, body in re.findall(r"^module \\?(\S+?)\s*\(.*?;(.*?)^endmodule$", text, re.M | re.S):
        for bits, rows in re.findall(r"^  reg \[(\d+):0\] \w+ \[(\d+):0\];$", body, re.M):
            found[name] = (int(bits) + 1, int(rows) + 1)
    return found


def test_memories_are_as_large_as_the_facts_say(chip):
    _, text, facts = chip
    found = arrays(text)
    for memory in facts["memories"].values():
        assert found[f"{facts['top']}.{memory['instance']}"] == (memory["bits"], memory["rows"])
    for lattice in facts["lattice"]["memories"]:
        want = facts["lattice"]["bits"], facts["lattice"]["rows"]
        assert found[f"{facts['top']}.{lattice}"] == want


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
    groups = {**rows, **ports, "gate": (44, ports["i_command__payload"][1][-1]["fields"])}
    for name, (bits, parts) in groups.items():
        ends = [part["offset"] + part["bits"] for part in parts]
        assert [part["offset"] for part in parts] == [0, *ends][: len(parts)], name
        assert not parts or ends[-1] == bits, name
    widths = {
        name: {part["field"]: part["bits"] for part in parts} for name, (_, parts) in groups.items()
    }
    assert widths["perceive1"] == {"weights": 72, "bias": 20, "shift": 4}
    assert widths["mix0"] == {str(channel): 8 for channel in range(16)}
    assert widths["residual0"] == {"bias": 24, "shift": 5}
    assert widths["encode"] == widths["readout"] == {"weight": 8, "bias": 20, "shift": 4}
    command = {"operation": 3, "context": 1, "skeleton": 2, "steps": 32, "gate": 44}
    assert widths["i_command__payload"] == command
    assert widths["o_plane__payload"] == {"code": 8, "context": 1, "last": 1}


def test_multipliers_are_those_of_the_verilog(chip):
    _, text, facts = chip
    names = re.findall(r"^module \\?(\S+)\.multiplier \(", text, re.MULTILINE)
    kinds = {
        "depthwise": "perceive",
        "pointwise": "mix",
        "encode": "encoder",
        "readout": "readout",
    }
    found = {kind: sum(f".{part}." in f"{name}." for name in names) for kind, part in kinds.items()}
    assert found == facts["multipliers"] and sum(found.values()) == len(names)


def test_no_vendor_primitive_and_no_initial_lattice(chip):
    _, text, _ = chip
    modules = set(re.findall(r"^module \\?(\S+?)\s*\(", text, re.MULTILINE))
    instances = re.findall(r"^  \\?([\w.$]+) +\\?[\w.$]+ +\($", text, re.MULTILINE)
    assert instances and set(instances) <= modules
