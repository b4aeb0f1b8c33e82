"""What a skeleton costs as logic: the estimate, its verb, and the facts beside the Verilog."""

import json

import pytest

from golden.files import ROOT, read_json
from golden.samples import calibrated
from golden.skeleton import SHIPPED, Skeleton
from hw.flow.hardwired import estimate, write_chip
from hw.hardwired.plan import Plan
from sw.experiments.hardwired import adders, placement
from tests.hardwired import SMALL, skeleton_of
from tests.lint import lint

pytest.importorskip("da4ml")


def test_parts_add_up():
    skeleton = skeleton_of(calibrated, SMALL)
    found = estimate(Plan(skeleton))
    channels = [f"perceive {channel}" for channel in range(SMALL.channels)]
    assert [part["part"] for part in found["parts"]] == ["encode", *channels, "update", "readout"]
    for name in ("adders", "bits", "registers"):
        assert found[name] == sum(part[name] for part in found["parts"])
    shared = sum(part["adders"] for part in found["parts"] if part["part"] in channels)
    assert found["adders_per_filter"] == round(shared / SMALL.filters, 1)


def test_digits_takes_fewer_adders_than_the_bar_leaves_room_for(thalweg, tmp_path):
    path = tmp_path / "cost.json"
    code, out, err = thalweg("estimate", "--hardwired", "--output", path)
    found = json.loads(path.read_text())
    assert (code, err) == (0, "")
    assert found == estimate(Plan(Skeleton.load(SHIPPED / "digits")))
    assert found["clocks_per_digit"] == 10_240
    assert found["lut"] < 42_000 and found["ff"] < 48_000
    lines = out.splitlines()
    assert lines[0].split() == "part outputs adders per output bits in a row".split()
    assert len(lines) == 1 + len(found["parts"]) + 2
    assert f"{found['adders']:,} adders of {found['bits']:,} bits" in lines[-2]


def test_what_docs_tell_of_digits_is_still_so():
    told = read_json(ROOT / "docs" / "hardwired.json")
    told.pop("placed", None)
    assert told == estimate(Plan(Skeleton.load(SHIPPED / "digits")))


def test_the_estimate_is_near_what_was_placed():
    told = read_json(ROOT / "docs" / "hardwired.json")
    if "placed" not in told:
        pytest.skip("docs/hardwired.json was made without --place")
    for kind in ("lut", "ff"):
        used = told["placed"][kind]["used"]
        assert abs(told[kind] - used) < 0.05 * used
    assert told["placed"]["skeleton"] == told["skeleton"]


def test_docs_show_every_part_and_what_was_placed():
    found = read_json(ROOT / "docs" / "hardwired.json")
    lines = adders(found).splitlines()
    assert len(lines) == 2 + len(found["parts"]) + 1
    assert lines[-1].startswith(f"| all |  | {found['adders']:,} |")
    found.pop("placed", None)
    lut, ff = f"{found['lut']:,}", f"{found['ff']:,}"
    assert placement(found).splitlines()[2:] == [f"| LUT | {lut} |", f"| FF | {ff} |"]
    cells = {"used": 1234, "available": 5678}
    fmax = {"min": 99.2, "median": 100.4, "max": 101.5, "seeds": 3}
    rates = {"fmax_mhz": fmax, "digits_per_second_engine": 9912.1, "device": "LFE5U-85F"}
    found["placed"] = rates | dict.fromkeys(("lut", "ff", "dsp", "bram"), cells)
    lines = placement(found).splitlines()
    assert f"| LUT | {lut} | 1,234 of 5,678 |" in lines
    assert lines[-2:] == ["| MHz |  | 99 / 100 / 102, 3 seeds |", "| digits a second |  | 9,912 |"]


@pytest.mark.parametrize(
    ("words", "other"),
    [
        (("--board", "ulx3s-85f"), "board"),
        (("--filters", 2), "filters"),
        (("--link", "usb"), "link"),
        (("--channels", 8), "channels"),
        (("--boundary", "wrap"), "boundary"),
        (("--all",), "all"),
    ],
)
def test_options_of_a_folded_chip_are_refused(fails, words, other):
    fails(
        f"--hardwired and --{other} must not be given together", "estimate", "--hardwired", *words
    )


def test_placing_is_for_what_is_hardwired(fails):
    fails("--place must be given with --hardwired", "estimate", "--place")


def test_the_verilog_is_whole_and_says_what_it_is(tmp_path):
    plan = Plan(skeleton_of(calibrated, SMALL))
    path = write_chip(plan, tmp_path)
    assert lint(path) == (0, "")
    text, facts = path.read_text(), json.loads(path.with_suffix(".json").read_text())
    assert text.startswith("// thalweg_hardwired: a chip that runs one cellular automaton")
    assert f"//   skeleton     calibrated, {plan.skeleton.digest}\n" in text
    assert "module thalweg_hardwired (" in text and " * " not in text.split("lint_off")[-1]
    assert facts["clocks_per_step"] == plan.pass_clocks
    assert facts["skeleton"] == {"name": "calibrated", "digest": plan.skeleton.digest}
    assert facts["ports"]["i_run_payload"]["fields"] == [
        {"field": "steps", "offset": 0, "bits": 16},
        {"field": "resume", "offset": 16, "bits": 1},
    ]
