"""Tables of docs/memory.md, one for each experiment, from its results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sw.report.docs import table

__all__ = ["TABLES"]

Results = Mapping[str, Any]


def scores(found: Results) -> tuple[str, str, str]:
    """Return what is told of one set of restored digits."""
    return (
        f"{found['psnr_mean']:.2f} dB",
        f"{found['psnr_of_mean']:.2f} dB",
        f"{found['digit_id']:.2f} %",
    )


def on_chip(found: Results | None) -> str:
    """Return what was compared with the chip."""
    if found is None:
        return ""
    return f"\nOn the simulated chip: {found['codes_equal']:,} codes, every one equal.\n"


def falling(results: Results) -> str:
    """Return what the falls were read as."""
    rows = [(name, " ".join(map(str, read))) for name, read in results["read"].items()]
    chips = [chip for chip in results["chip"].values() if chip is not None]
    codes = {"codes_equal": sum(chip["codes_equal"] for chip in chips)} if chips else None
    return table(("fallen from", f"read at step {results['steps']}"), rows) + on_chip(codes)


def holding(results: Results) -> str:
    """Return what digits hold, and what becomes of them where holding was not learnt."""
    share = f"{results['share_of_cells']:.0%} of the cells lost after step"
    other = results["restoring"]
    rows = [("blanked", *scores(results["blanked"]), "", "")]
    for kind, label in (("steps", "step"), ("struck", share)):
        for step, found in results[kind].items():
            psnr, _, read = scores(other[kind][step])
            rows.append((f"{label} {step}", *scores(found), psnr, read))
    rest, others = (f"{each['at_rest']:.2f} %" for each in (results, other))
    rows.append(("exactly at rest in the end", rest, "", "", others, ""))
    name = other["skeleton"]
    heads = (
        "mean PSNR",
        "PSNR of mean",
        "read right",
        f"`{name}`: mean PSNR",
        f"`{name}`: read right",
    )
    return table(("", *heads), rows) + on_chip(results["chip"])


def valleys(results: Results) -> str:
    """Return where noise falls, what lies there, and what drives it out."""
    from sw.experiments.memory.valleys import EARLY, LATE

    most = math.log2(len(results["digits"]))
    ends, apart = results["attractors"], results["attractors"]["in_pixels"]
    last = results["last_entry"]
    rows = [
        (f"exactly at rest by step {results['by_step']:,}", f"{results['at_rest']:.2f} %"),
        ("in a cycle by then", f"{results['in_cycles']:.2f} %"),
        ("last step at which one was entered", last if last >= 0 else "none"),
        (
            f"read with confidence, and the same {LATE - EARLY} steps on",
            f"{results['sure_and_same_later']} %",
        ),
        ("entropy over the ten digits", f"{results['entropy_bits']:.2f} bits, at most {most:.2f}"),
        ("distinct attractors", f"{ends['distinct']:,}"),
        ("starts in the largest basins", ", ".join(map(str, ends["largest_basins"][:5]))),
        (
            "distance of what they show, same digit and others",
            f"{apart['within']} and {apart['between']} pixel codes",
        ),
        ("silhouette of what they show", apart["silhouette"]),
        ("silhouette of their lattices", ends["in_lattice_codes"]["silhouette"]),
    ]
    digits = table(
        ("digit", *map(str, range(10))),
        [("starts", *results["digits"]), ("attractors", *ends["by_digit"])],
    )
    moves = results["shaken"]["moves"]
    shaken = table(
        ("then", *moves),
        [("same digit later", *(f"{m['returned']:.1f} %" for m in moves.values()))],
    )
    told = (digits, table(("noise", ""), rows), shaken)
    return "\n".join(told) + on_chip(results["chip"])


def landscape(results: Results) -> str:
    """Return the numbers of maps and paths, rule and rule with gate."""
    names = list(results["maps"])
    maps, paths = results["maps"].values(), results["paths"].values()
    rows = [
        ("distance to the end, mean over the map", *(m["to_end"]["mean"] for m in maps)),
        ("minima of that distance", *(m["to_end"]["minima"] for m in maps)),
        ("grid points over which it stays like itself", *(m["to_end"]["reach"] for m in maps)),
        ("motion in a step, mean over the map", *(m["motion"]["mean"] for m in maps)),
        ("minima of that motion", *(m["motion"]["minima"] for m in maps)),
        ("points that fall to a sure digit", *(f"{m['read_surely']} %" for m in maps)),
        ("digits among them", *(m["digits_read_surely"] for m in maps)),
        ("paths that fall to both their digits", *(f"{p['keep_both_ends']} %" for p in paths)),
        ("changes of digit along a path", *(p["changes_of_digit"] for p in paths)),
        ("barrier on a path, in motion", *(p["barrier_motion"] for p in paths)),
    ]
    return table(("energies in codes", *names), rows) + on_chip(results["chip"])


def saliency(results: Results) -> str:
    """Return how much of what the gate looks at is ink."""
    return table(
        ("opening", "strongest, logits a code", "weight on ink", "blocks with ink"),
        (
            (
                step,
                found["strongest"],
                f"{found['weight_on_ink']} %",
                f"{found['blocks_with_ink']} %",
            )
            for step, found in results["openings"].items()
        ),
    )


def damage(results: Results) -> str:
    """Return what is read right after losses, and under faults."""
    shares = list(results["lost"])
    steps = list(results["lost"]["0"])
    lost = table(
        ("read right, cells lost", *(f"{float(share):.0%}" for share in shares)),
        (
            (f"after step {step}", *(results["lost"][share][step]["digit_id"] for share in shares))
            for step in steps
        ),
    )
    faults = [("none", *scores(results["whole"]))]
    faults += [(name, *scores(found)) for name, found in results["faults"].items()]
    headings = ("fault of the memory", "mean PSNR", "PSNR of mean", "read right")
    return lost + "\n" + table(headings, faults) + on_chip(results["chip"])


def letters(results: Results) -> str:
    """Return what each gate restores of letters and of digits."""
    told = table(
        ("gate", "letters, mean PSNR", "digits, mean PSNR", "digits read right"),
        (
            (
                name,
                f"{found['letters']['psnr_mean']:.2f} dB",
                f"{found['digits']['psnr_mean']:.2f} dB",
                f"{found['digits']['digit_id']:.2f} %",
            )
            for name, found in results["gates"].items()
        ),
    )
    told += "\n![Digits and letters with each gate](memory/letters.png)\n"
    return told + "![Letters as each gate restores them](memory/letters-shown.png)\n"


def compute(results: Results) -> str:
    """Return what a restoration takes and what it reaches."""
    rows = []
    for name, curve in results["curves"].items():
        last = list(curve.values())[-1]
        bits = "" if results["toggles"] is None else f"{results['toggles'][name]['total']:,}"
        rows.append((name, f"{last['macs'] / 1e6:.2f} M", bits, *scores(last)))
    if (other := results["autoencoder"]) is not None:
        rows.append(("auto-encoder", f"{other['macs'] / 1e6:.2f} M", "", *scores(other)))
    told = table(
        ("", "multiply-accumulates", "toggles on chip", "mean PSNR", "PSNR of mean", "read right"),
        rows,
    )
    parts = results["macs"]
    told += "\n" + table(parts, [[f"{work:,}" for work in parts.values()]])
    if (toggles := results["toggles"]) is None:
        return told
    rest = toggles["a step of a fallen digit"]["total"]
    step = toggles["rule and gate"]["total"] / toggles["rule and gate"]["steps"]
    return told + (
        f"\nA step of a digit that has come to lie toggles {rest:,} bits, {rest / step:.0%} of the "
        f"{step:,.0f} of a step of its fall.\n"
    )


TABLES = {
    "falling": falling,
    "holding": holding,
    "valleys": valleys,
    "landscape": landscape,
    "saliency": saliency,
    "damage": damage,
    "letters": letters,
    "compute": compute,
}
