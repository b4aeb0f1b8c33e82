"""Tables of docs/memory.md from made-up results in which no two figures are the same."""

import json
import re
from itertools import count

import numpy as np

from sw.experiments.memory import (
    compute,
    damage,
    falling,
    holding,
    landscape,
    letters,
    saliency,
    valleys,
)
from sw.experiments.memory.forgetting import forgetting
from sw.experiments.memory.page import bars, head, verdict


def lines(text):
    """Return the cells of each line of the tables in a text, without rules and other lines."""
    found = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    return [[cell.strip() for cell in line[2:-1].split(" |")] for line in found]


def cells(*values):
    return [str(value) for value in values]


def maker():
    """Return a function that makes scores of three new figures, and one that shows the last."""
    numbers = count(11)

    def make():
        a, b, c = (next(numbers) for _ in range(3))
        return {"psnr_mean": a, "psnr_of_mean": b, "digit_id": c}

    return make


def shown(found):
    mean, of_mean, read = found["psnr_mean"], found["psnr_of_mean"], found["digit_id"]
    return [f"{mean:.2f} dB", f"{of_mean:.2f} dB", f"{read:.2f} %"]


CHIP = {"lattices": 2, "steps": 3, "codes_equal": 7654321}
TOLD = "\nOn the simulated chip: 7,654,321 codes, every one equal.\n"


def test_falling():
    chip = {"digits": CHIP, "noise": None}
    text = falling.tabulate({"steps": 77, "read": {"digits": [3, 1], "noise": [4]}, "chip": chip})
    assert lines(text) == [["fallen from", "read at step 77"], ["digits", "3 1"], ["noise", "4"]]
    assert text.endswith(TOLD)
    both = falling.tabulate({"steps": 7, "read": {}, "chip": {"digits": CHIP, "noise": CHIP}})
    assert "15,308,642 codes" in both


def held(make):
    return {
        "steps": {step: make() for step in ("10", "20")},
        "struck": {step: make() for step in ("5", "9")},
    }


def test_holding():
    make = maker()
    results = held(make) | {
        "share_of_cells": 0.4,
        "blanked": make(),
        "at_rest": 91.25,
        "chip": CHIP,
    }
    other = held(make) | {"at_rest": 1.75, "skeleton": "name"}
    text = holding.tabulate(results | {"restoring": other})

    def row(label, kind, step):
        return [label, *shown(results[kind][step]), *shown(other[kind][step])[::2]]

    assert lines(text)[1:] == [
        ["blanked", *shown(results["blanked"]), "", ""],
        row("step 10", "steps", "10"),
        row("step 20", "steps", "20"),
        row("40% of the cells lost after step 5", "struck", "5"),
        row("40% of the cells lost after step 9", "struck", "9"),
        ["exactly at rest in the end", "91.25 %", "", "", "1.75 %", ""],
    ]
    names = ["`name`: mean PSNR", "`name`: read right"]
    assert lines(text)[0] == ["", "mean PSNR", "PSNR of mean", "read right", *names]
    assert text.endswith(TOLD)


def test_valleys():
    ends = {"distinct": 1501, "largest_basins": [9, 8, 7, 6, 5, 4], "by_digit": list(range(40, 50)),
            "in_lattice_codes": {"within": 1.1, "between": 2.2, "silhouette": 0.33},
            "in_pixels": {"within": 4.4, "between": 5.5, "silhouette": 0.66}}  # fmt: skip
    moves = {"cells lost": {"returned": 61.5}, "noise 2": {"returned": 62.5}}
    results = {"attractors": ends, "by_step": 1002, "at_rest": 71.5, "in_cycles": 12.5,
               "settled": 84.0, "last_entry": 803, "sure": 88.5, "sure_and_same_later": 87.5,
               "entropy_bits": 3.125, "digits": list(range(20, 30)), "chip": CHIP,
               "second": {"by_digit": [50.0, None, *range(60, 68)]},
               "shaken": {"moves": moves}}  # fmt: skip
    text = valleys.tabulate(results)
    assert lines(text) == [
        ["digit", *cells(*range(10))],
        ["starts", *cells(*range(20, 30))],
        ["attractors", *cells(*range(40, 50))],
        ["read alike by two referees", "50.0 %", "", *(f"{n}.0 %" for n in range(60, 68))],
        ["noise", ""],
        ["exactly at rest by step 1,002", "71.50 %"],
        ["in a cycle by then", "12.50 %"],
        ["last step at which one was entered", "803"],
        ["read with confidence, and the same 200 steps on", "87.5 %"],
        ["entropy over the ten digits", "3.12 bits, at most 3.32"],
        ["distinct attractors", "1,501"],
        ["starts in the largest basins", "9, 8, 7, 6, 5"],
        ["distance of what they show, same digit and others", "4.4 and 5.5 pixel codes"],
        ["silhouette of what they show", "0.66"],
        ["silhouette of their lattices", "0.33"],
        ["then", "cells lost", "noise 2"],
        ["same digit later", "61.5 %", "62.5 %"],
    ]
    assert text.endswith(TOLD)
    assert f"{np.log2(10):.2f}" == "3.32"


def test_forgetting(tmp_path):
    for price, place in (("10", 2), ("0", 1)):
        steps = {"10": {"psnr_mean": 20.0 + place}, "200": {"psnr_mean": 10.0, "digit_id": 95.5}}
        apart = {"within": 42.0, "between": 43.0, "silhouette": -0.1}
        ends = {"distinct": 1000 * place, "in_lattice_codes": apart}
        ends["in_pixels"] = {"silhouette": 0.8}
        found = {"holding": {"steps": steps}, "valleys": {"starts": 3000, "attractors": ends}}
        (tmp_path / f"{price}.json").write_text(json.dumps({"experiments": found}))
    assert lines(forgetting(tmp_path)) == [
        ["price", "0", "10"],
        ["mean PSNR at step 10", "21.00 dB", "22.00 dB"],
        ["mean PSNR at step 200", "10.00 dB", "10.00 dB"],
        ["read right at step 200", "95.50 %", "95.50 %"],
        ["starts from noise", "3,000", "3,000"],
        ["distinct attractors", "1,000", "2,000"],
        ["distance of lattices, same digit and others", *["42.0 and 43.0 codes"] * 2],
        ["silhouette of lattices", "-0.100", "-0.100"],
        ["silhouette of what they show", "0.800", "0.800"],
    ]


def test_landscape():
    numbers = count(11)

    def field():
        return {name: next(numbers) for name in ("lowest", "mean", "highest", "minima", "reach")}

    maps = {name: {"to_end": field(), "motion": field(), "read_surely": next(numbers),
                   "digits_read_surely": next(numbers)} for name in ("a", "b")}  # fmt: skip
    keys = "paths", "changes_of_digit", "keep_both_ends", "barrier_to_end", "barrier_motion"
    paths = {name: {key: next(numbers) for key in keys} for name in ("a", "b")}
    text = landscape.tabulate({"maps": maps, "paths": paths, "chip": CHIP})

    def pair(label, get, unit=""):
        return [label, *(f"{get(name)}{unit}" for name in ("a", "b"))]

    assert lines(text) == [
        ["energies in codes", "a", "b"],
        pair("distance to the end, mean over the map", lambda n: maps[n]["to_end"]["mean"]),
        pair("minima of that distance", lambda n: maps[n]["to_end"]["minima"]),
        pair("grid points over which it stays like itself", lambda n: maps[n]["to_end"]["reach"]),
        pair("motion in a step, mean over the map", lambda n: maps[n]["motion"]["mean"]),
        pair("minima of that motion", lambda n: maps[n]["motion"]["minima"]),
        pair("points that fall to a sure digit", lambda n: maps[n]["read_surely"], " %"),
        pair("digits among them", lambda n: maps[n]["digits_read_surely"]),
        pair("paths that fall to both their digits", lambda n: paths[n]["keep_both_ends"], " %"),
        pair("changes of digit along a path", lambda n: paths[n]["changes_of_digit"]),
        pair("barrier on a path, in motion", lambda n: paths[n]["barrier_motion"]),
    ]
    assert text.endswith(TOLD)


def test_saliency():
    found = {"4": {"strongest": 0.5, "weight_on_ink": 21.5, "blocks_with_ink": 17.5}}
    assert lines(saliency.tabulate({"openings": found})) == [
        ["opening", "strongest, logits a code", "weight on ink", "blocks with ink"],
        ["4", "0.5", "21.5 %", "17.5 %"],
    ]


def test_damage():
    make = maker()
    lost = {share: {step: make() for step in ("1", "2")} for share in ("0", "0.1", "0.25")}
    whole, faults = make(), {"flips 0.1": make(), "rows 1": make()}
    text = damage.tabulate({"lost": lost, "whole": whole, "faults": faults, "chip": CHIP})
    assert lines(text) == [
        ["read right, cells lost", "0%", "10%", "25%"],
        ["after step 1", *(str(lost[share]["1"]["digit_id"]) for share in lost)],
        ["after step 2", *(str(lost[share]["2"]["digit_id"]) for share in lost)],
        ["fault of the memory", "mean PSNR", "PSNR of mean", "read right"],
        ["none", *shown(whole)],
        ["flips 0.1", *shown(faults["flips 0.1"])],
        ["rows 1", *shown(faults["rows 1"])],
    ]
    assert text.endswith(TOLD)


def test_letters():
    make = maker()
    gates = {name: {"letters": make(), "digits": make()} for name in ("own", "only")}
    text = letters.tabulate({"gates": gates})
    heads = ["gate", "letters, mean PSNR", "digits, mean PSNR", "digits read right"]
    pictures = re.findall(r"\]\((memory/[^)]*)\)", text)
    assert pictures == ["memory/letters.png", "memory/letters-shown.png"]
    assert lines(text)[0] == heads
    assert lines(text)[1:] == [
        [name, shown(gates[name]["letters"])[0], *shown(gates[name]["digits"])[::2]]
        for name in gates
    ]


def test_compute():
    make = maker()
    curves = {name: {step: {"macs": place * 10**6 + int(step)} | make() for step in ("1", "10")}
              for place, name in ((3, "rule"), (5, "rule and gate"))}  # fmt: skip
    toggles = {"rule": {"steps": 10, "total": 1111}, "rule and gate": {"steps": 8, "total": 4000},
               "a step of a fallen digit": {"steps": 1, "total": 150}}  # fmt: skip
    other = {"macs": 7_250_000} | make()
    macs = {"encode": 1001, "step": 1002, "opening": 1003, "readout": 1004}
    results = {"curves": curves, "toggles": toggles, "autoencoder": other, "macs": macs}
    text = compute.tabulate(results)
    heads = ["", "multiply-accumulates", "toggles on chip"]
    assert lines(text)[0] == [*heads, "mean PSNR", "PSNR of mean", "read right"]
    assert lines(text)[1:] == [
        ["rule", "3.00 M", "1,111", *shown(curves["rule"]["10"])],
        ["rule and gate", "5.00 M", "4,000", *shown(curves["rule and gate"]["10"])],
        ["auto-encoder", "7.25 M", "", *shown(other)],
        ["encode", "step", "opening", "readout"],
        ["1,001", "1,002", "1,003", "1,004"],
    ]
    assert text.endswith(
        "A step of a digit that has come to lie toggles 150 bits, 30% of the 500 of a step of its "
        "fall.\n"
    )
    bare = compute.tabulate(results | {"toggles": None, "autoencoder": None})
    assert lines(bare)[1] == ["rule", "3.00 M", "", *shown(curves["rule"]["10"])]
    assert "fall" not in bare and "auto" not in bare


BARS = [{"name": "n1", "bar": "at least 1", "measured": "2", "met": True},
        {"name": "n2", "bar": "at most 3", "measured": "4", "met": False}]  # fmt: skip


def test_the_page_counts_what_is_cleared():
    found = {"skeleton": "s", "skeleton_digest": "0123456789abcdef0", "bars": {"x": BARS, "y": []},
             "experiments": {"holding": {"digits": 1234, "rows": "test"},
                             "valleys": {"starts": 5678}}}  # fmt: skip
    assert head(found) == (
        "Measured on `s` (`0123456789abcdef…`): 1,234 test digits and 5,678 starts from noise. "
        "1 of 2 bars are cleared.\n"
    )
    assert lines(bars(found["bars"])) == [
        ["experiment", "", "bar", "measured", "cleared"],
        ["x", "n1", "at least 1", "2", "yes"],
        ["x", "n2", "at most 3", "4", "**no**"],
    ]
    assert verdict(BARS) == "**Missed**, 1 of 2 bars: n2: 4, bar at most 3.\n"
    assert verdict(BARS[:1]) == "**Cleared**, 1 of 1 bars.\n"
    assert verdict([]) == "No bar: this is there to be seen.\n"
