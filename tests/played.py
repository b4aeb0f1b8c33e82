"""nextpnr and ecppack, played by scripts: they are quick, and do what a test's plan says."""

import json
import shlex
import sys
from dataclasses import replace
from types import SimpleNamespace

from hw.boards.catalogue import BOARDS, BoardSpec
from hw.flow.bitstream import NINES, cells, replace_memories

__all__ = ["BIT", "BOARD", "Flow", "config", "sdf"]

BOARD = replace(BOARDS["ulx3s-25f"], clock=160)
"""The board that is played."""

BIT = b"\xff\0Part: x\0\xff\xff\xff\xbd\xb3" + bytes(1 << 17) + b"\x5e\0\0\0\xff\xff\xff\xff"

USE = {
    "TRELLIS_COMB": {"used": 6101, "available": 24288},
    "TRELLIS_FF": {"used": 6502, "available": 24289},
    "MULT18X18D": {"used": 27, "available": 28},
    "DP16KD": {"used": 13, "available": 56},
}

NEXTPNR = """
import json, pathlib, sys
plan = json.loads((pathlib.Path(__file__).parent / "plan.json").read_text())
assert sys.argv[1] == "--played", "arguments of its own"
options = dict(zip(sys.argv, sys.argv[1:]))
assert pathlib.Path(options["--lpf"]).read_text() and pathlib.Path(options["--json"]).read_text()
if "--write" in options:
    pathlib.Path(options["--write"]).write_text(plan["packed"])
else:
    seed = options["--seed"]
    if plan.get("idle"):
        sys.exit()
    with open("runs", "a") as file:
        file.write(seed + "\\n")
    if (chip := plan["clocks"].get(seed)) is None:
        sys.exit("ERROR: no room for seed " + seed)
    part, _, rest = plan["config"].partition("\\n")
    text = plan["config"] and f"{part}\\n.comment seed {seed}\\n{rest}"
    pathlib.Path(options["--textcfg"]).write_text(text)
    fmax = {"chip": {"achieved": chip[0], "constraint": 160.0}}
    fmax["copy"] = {"achieved": chip[0] + 5, "constraint": 160.0}
    fmax["link"] = {"achieved": chip[1], "constraint": 60.0024}
    report = json.dumps({"fmax": fmax, "utilization": plan["use"]})
    pathlib.Path(options["--report"]).write_text(report[: plan.get("length")])
    pathlib.Path(options["--sdf"]).write_text(plan["sdf"])
"""

ECPPACK = """
import json, pathlib, sys
plan = json.loads((pathlib.Path(__file__).parent / "plan.json").read_text())
options = dict(zip(sys.argv, sys.argv[1:]))
text = pathlib.Path(options["--input"]).read_text()
pathlib.Path("packed.config").write_text(text)
pathlib.Path(options["--bit"]).write_bytes(bytes.fromhex(plan["bit"]))
"""


def config(found):
    """Return a whole configuration with these block memories, by their number."""
    empty = "\n".join([" ".join(["000"] * 8)] * (NINES // 8))
    body = "".join(f".bram_init {number}\n{empty}\n\n" for number in found)
    parts = "".join(f".tile_group x\nword: EBR0.WID {f'{n:09b}'[::-1]}\n\n" for n in found)
    return replace_memories(f".device LFE5U-25F\n\n{body}{parts}", found)


def sdf(clock):
    """Return the delays of a clock's two registers with a table between: 0.5 + 1 + 0.2 + 2 ns."""
    wires = [
        (f"{clock}/CLKO", "board.linked.chip.first1.r_FF/CLK", 0),
        (f"{clock}/CLKO", "board.linked.chip.second.s_FF/CLK", 0),
        ("board.linked.chip.first1.r_FF/Q", "board.linked.chip.x_LUT/A", 1000),
        ("board.linked.chip.x_LUT/F", "board.linked.chip.second.s_FF/DI", 2000),
    ]
    lines = [f"(INTERCONNECT {a} {b} (0:0:{ps}) (0:0:{ps}))" for a, b, ps in wires]
    for cell in ("first1.r", "second.s"):
        lines += [
            f"(INSTANCE board.linked.chip.{cell}_FF)",
            "(IOPATH CLK Q (400:450:500) (400:450:500))",
            "(SETUPHOLD (posedge DI) (posedge CLK) (0:0:0) (1:2:3))",
        ]
    lines += ["(INSTANCE board.linked.chip.x_LUT)", "(IOPATH A F (100:150:200) (100:150:200))"]
    return "\n".join(lines)


def found_memories(names):
    """Return the number that is played of each block memory, out of order, and what each holds."""
    step = next(step for step in (5, 7, 11) if len(names) % step)
    numbers = {name: 3 + (step * place + 2) % len(names) for place, name in enumerate(names)}
    assert len(set(numbers.values())) == len(names)
    return numbers, {
        number: tuple((number * 7 + place) % 512 for place in range(NINES))
        for number in numbers.values()
    }


class Flow:
    """The flow of a board whose tools are played; `plan` is what they do, and may be changed.

    `synthesised` counts the calls of Yosys.
    """

    board = BOARD

    def __init__(self, monkeypatch, folder, geometry):
        self.folder, self.synthesised, self.said = folder, 0, []
        monkeypatch.setitem(BOARDS, BOARD.name, BOARD)
        self.pins, self.tools = "pins", folder / "played tools"
        self.tools.mkdir()
        for name, text in (("nextpnr", NEXTPNR), ("ecppack", ECPPACK)):
            (self.tools / f"{name}.py").write_text(text)
        for variable, name, own in (
            ("NEXTPNR_ECP5", "nextpnr", ["--played"]),
            ("ECPPACK", "ecppack", []),
        ):
            command = [sys.executable, str(self.tools / f"{name}.py"), *own]
            monkeypatch.setenv(variable, shlex.join(command))
        names = [*cells(geometry), "other0", "other1"]
        self.numbers, self.held = found_memories(names)
        module = {"cells": {n: memory_cell(number) for n, number in self.numbers.items()}}
        module["attributes"] = {"top": "1"}
        self.plan = {
            "packed": json.dumps({"modules": {"thalweg": module}}),
            "clocks": {},
            "config": config(self.held),
            "use": USE,
            "sdf": sdf("chip"),
            "bit": BIT.hex(),
        }
        make = BoardSpec.make_platform
        monkeypatch.setattr(BoardSpec, "make_platform", lambda board: self.planned(make(board)))
        monkeypatch.setattr("hw.flow.build.BoardTop", played_top)
        monkeypatch.setattr("hw.flow.synthesis.yosys", self.yosys)

    def yosys(self, read, text, passes, log, *, top):
        """Play Yosys."""
        self.synthesised += 1
        return json.dumps({"modules": {top: {"cells": {"from": text}}}})

    def planned(self, platform):
        """Return a platform that elaborates nothing: its design is what the top was made of."""

        def prepare(top, name):
            return SimpleNamespace(files={f"{name}.il": top.made_of, f"{name}.lpf": self.pins})

        platform.prepare = prepare
        return platform

    def save(self):
        """Write the plan for the tools."""
        (self.tools / "plan.json").write_text(json.dumps(self.plan))

    def runs(self, output):
        """Return the seeds that were placed."""
        path = output / "runs"
        return path.read_text().split() if path.exists() else []


def memory_cell(number):
    """Return a block memory of a packed netlist."""
    return {"type": "DP16KD", "attributes": {"WID": f"{number:b}"}}


def played_top(geometry, skeletons, *, pll, usb):
    """Return what stands for a `BoardTop`."""
    made_of = repr((geometry, [skeleton.digest for skeleton in skeletons], pll, usb))
    return SimpleNamespace(board=SimpleNamespace(geometry=geometry), made_of=made_of)
