"""Tables of README and docs from made-up results in which no two figures are the same."""

import json

import pytest

from golden.errors import InputError
from sw.experiments import measured
from sw.experiments.ablation import page
from sw.experiments.table import report
from sw.judge.referee import FIRST
from sw.judge.referee.second import SECOND
from sw.report import docs


def lines(text):
    """Return a table's lines without the rule below its headings, each as its cells."""
    found = [line[2:-2].split(" | ") for line in text.splitlines()]
    return [found[0], *found[2:]]


def test_the_summary_has_ours_beside_others(tmp_path, monkeypatch):
    claim = {"psnr": 26.7, "digit_id": 94, "flop": 2.4e9}
    rows = [
        {"name": name, "psnr_mean": 10 + place, "digit_id": 90 + place, "parameters": 1000 * place,
         "claim": claim if place == 2 else None}
        for place, name in enumerate(measured.SUMMARY)
    ]  # fmt: skip
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "results.json").write_text(json.dumps([{"name": "another"}, *rows[::-1]]))
    for place, name in enumerate(measured.BESIDE):
        (tmp_path / name).mkdir()
        held = {"blanked": {}, "restored": {"psnr_mean": 22.0 + place, "digit_id": 95.7 + place}}
        (tmp_path / name / "provenance.json").write_text(json.dumps({"results": held}))
    monkeypatch.setattr(measured, "ROOT", tmp_path)
    monkeypatch.setattr(measured, "SHIPPED", tmp_path)
    names = list(measured.SUMMARY.values())
    assert lines(measured.summary()) == [
        ["restorer", "mean PSNR", "read right", "parameters", "the source idea claims"],
        [names[0], "10.00 dB", "90.00 %", "0", ""],
        [names[1], "11.00 dB", "91.00 %", "1,000", ""],
        [names[2], "12.00 dB", "92.00 %", "2,000", "26.7 dB, 94 %"],
        [names[3], "13.00 dB", "93.00 %", "3,000", ""],
        ["`digits-swift`: its gate opens once, int8", "22.00 dB", "95.70 %", "3,000", ""],
        ["`digits-memory`: restores, then holds, int8", "23.00 dB", "96.70 %", "3,000", ""],
        [
            "`digits-mend`: mends where cells are lost, in twelve steps, int8",
            "24.00 dB",
            "97.70 %",
            "3,000",
            "",
        ],
        [
            "`digits-hold`: holds what `digits-mend` restored, int8",
            "25.00 dB",
            "98.70 %",
            "3,000",
            "",
        ],
        [names[4], "14.00 dB", "94.00 %", "4,000", ""],
    ]
    assert names[3].startswith("**`digits`")


def test_rates_have_their_own_figures():
    speed = {"cores": 7, "threads": 8, "golden_digits_per_second": 1234.4,
             "gate_planes_per_second": 56789.2, "simulated_clocks_per_second": 2.25e6,
             "cocotb_clocks_per_second": 0.125e6, "simulated_to_cocotb": 18.0}  # fmt: skip
    assert lines(measured.rates(speed)) == [
        ["on 7 cores", "measured by `make bench`"],
        ["golden, whole gated digits", "1,234 a second"],
        ["gate alone, planes", "56,789 a second"],
        ["simulated chip", "2.25 M clocks a second"],
        ["cocotb bench", "0.125 M clocks a second"],
        ["speed-up of the simulated chip over cocotb", "18.0 x"],
    ]


def test_golden_stands_beside_its_peers():
    threads = {"1": {"golden": 1000.4, "other": 20.0}, "2": {"golden": 2000.0, "third": 3.0}}
    assert lines(measured.peers({"steps": 10, "threads": threads})) == [
        ["10 ungated steps, digits a second", "1 thread", "2 threads"],
        ["golden", "1,000", "2,000"],
        ["other", "20", ""],
        ["third", "", "3"],
    ]
    assert measured.peers(None) == ""


def test_training_has_its_own_figures(monkeypatch):
    monkeypatch.setattr(measured, "BATCH", 24)
    speed = {"steps_plain_ms": 101.0, "steps_fused_ms": 22.0, "steps_plain_to_fused": 4.6,
             "gemm_gflops": 333.0, "steps_share_of_gemm": 0.44, "batch_plain_ms": 155.0,
             "batch_fused_ms": 66.0, "batch_plain_to_fused": 2.3,
             "batch_beside_neighbour_to_alone": 1.74,
             "hours_of_7000_batches_of_8": 0.9}  # fmt: skip
    assert lines(measured.training(speed)) == [
        ["training", "measured by `make bench`"],
        ["10 steps of the rule, batch of 24, `nn.Conv2d` in float", "101 ms"],
        ["10 steps of the rule, batch of 24, fused, fake-quantised", "22 ms"],
        ["speed-up", "4.6 x"],
        ["rate of the fused steps, relative to a matrix product", "44% of 333 GFLOP/s"],
        ["whole hybrid batch of 24, fake-quantised, plain torch", "155 ms"],
        ["whole hybrid batch of 24, fake-quantised, fused", "66 ms"],
        ["speed-up", "2.3 x"],
        ["7,000 batches of 8 at this rate", "0.9 h"],
        ["a fused batch beside a process that keeps one core busy", "1.7 x the time"],
    ]
    assert measured.training(None) == ""


def test_the_engine_has_its_own_figures():
    found = {str(f): {"clocks_ungated": 1000 * f, "occupancy_ungated": 0.1 + 0.01 * f,
                      "clocks_gated": 2001 * f, "occupancy_gated": 0.5 + 0.01 * f,
                      "digits_gated": 2, "digits_ungated": 1} for f in (1, 5)}  # fmt: skip
    assert lines(measured.engine(found)) == [
        ["F", "clocks, ungated digit", "busy slots", "clocks, two gated digits", "busy slots"],
        ["1", "1,000", "11.00%", "2,001", "51.00%"],
        ["5", "5,000", "15.00%", "10,005", "55.00%"],
    ]


def test_throughput_has_its_own_figures():
    rows = [{"skeleton": "s", "link": "a", "contexts": 3, "gate_measured": measured,
             "clocks": 2000, "wire": 200, "engine": 600, "gate": 1000, "idle": 120, "to_chip": 5,
             "from_chip": 6, "digits_per_second": 78.9} for measured in (True, False)]  # fmt: skip
    headings = ["skeleton", "link", "contexts", "time of the gate", "clocks a digit"]
    shares = ["10.0%", "30.0%", "50.0%", "6.0%"]
    rows[1]["to_chip"] = 0
    bytes_heading = "bytes to + from the chip"
    assert lines(measured.throughput({"rows": rows})) == [
        [*headings, "wire", "engine", "gate", "none", bytes_heading, "digits a second"],
        ["`s`", "a", "3", "as measured", "2,000", *shares, "5 + 6", "78.9"],
        ["`s`", "a", "3", "no time", "2,000", *shares, "", "78.9"],
    ]


def test_forms_have_their_own_figures_and_a_sum():
    first = {"what": "an image", "plain": 784, "masked": 140.6, "compact": 141.4, "entropy": 64.2}
    second = {"what": "a plane", "plain": 1024, "masked": 434, "compact": 391.4, "entropy": 2000}
    assert lines(measured.forms([first, second])) == [
        ["bytes of", "plain", "masked", "compact", "entropy"],
        ["an image", "784", "141", "141", "64"],
        ["a plane", "1,024", "434", "391", "2,000"],
        ["all", "1,808", "575", "533", "2,064"],
    ]


def test_boards_have_their_own_figures(tmp_path, monkeypatch):
    kinds = {kind: {"used": 1000 + place, "available": 2000 + place}
             for place, kind in enumerate(("lut", "ff", "dsp", "bram"))}  # fmt: skip
    values = kinds | {"board": "b", "filters": 5, "clock_mhz": 80, "link": {"name": "UART"},
                      "fmax_mhz": {"min": 91, "median": 92, "max": 93, "seeds": 4},
                      "digits_per_second_engine": 1061, "digits_per_second_gated": 62,
                      "gops_per_dsp": 0.5, "limits": [
                          {"from": "a", "to": "b", "paths": 7, "ns": 5.678},
                          {"from": "c", "to": "c", "paths": 3, "ns": 5}]}  # fmt: skip
    (tmp_path / "docs" / "boards").mkdir(parents=True)
    path = tmp_path / "docs" / "boards" / "b.json"
    path.write_text(json.dumps(values))
    monkeypatch.setattr(measured, "ROOT", tmp_path)
    area = ["1,000 of 2,000", "1,001 of 2,001", "1,002 of 2,002", "1,003 of 2,003"]
    row = ["`b`, F = 5", *area, "91 / 92 / 93, 4 seeds", "80 MHz", "1,061"]
    (headings, found) = lines(measured.boards())
    assert found == [*row, "62 over UART", "0.500"]
    assert headings == ["board", "LUT", "FF", "DSP", "block RAM", "Fmax in MHz", "clock",
                        "digits a second", "gated", "GOPS a DSP"]  # fmt: skip
    assert lines(measured.limits()) == [["board, link", "from", "to", "paths", "slowest, ns"],
                                        ["`b`, UART", "`a`", "`b`", "7", "5.68"],
                                        ["`b`, UART", "`c`", "`c`", "3", "5.00"]]  # fmt: skip
    del values["digits_per_second_gated"]
    path.write_text(json.dumps(values))
    assert lines(measured.boards())[1] == [*row, "", "0.500"]


def test_the_referee_has_its_own_figures(monkeypatch):
    record = {"test_right": 990, "test_digits": 1000, "trained_on": 5432, "epochs": 6,
              "sha256": "0123456789abcdef" * 4, "command": "make it"}  # fmt: skip
    other = record | {"test_right": 980, "command": "make another"}
    records = {FIRST.provenance: record, SECOND.provenance: other}
    monkeypatch.setattr(measured, "read_record", records.get)
    assert lines(measured.referee()) == [
        ["", "referee", "second referee"],
        ["trained on", "5,432 digits, 6 epochs", "5,432 digits, 6 epochs"],
        ["clean test digits read right", "99.00% of 1,000", "98.00% of 1,000"],
        ["SHA-256 of the weights", "`0123456789abcdef…`", "`0123456789abcdef…`"],
        ["made by", "`make it`", "`make another`"],
    ]


ROW = {"name": "r", "psnr_mean": 11.0, "psnr_mse": 12.0, "psnr_mean_pasted": 13.0,
       "psnr_mse_pasted": 14.0, "ssim": 0.515, "digit_id": 96.25, "parameters": 17017,
       "macs": 18180000, "link_bytes": 1919, "images": 2020, "rows": "test",
       "claim": {"psnr": 21.5, "digit_id": 82, "flop": 2.3e9}, "given_mask": False}  # fmt: skip


def test_the_comparison_has_its_own_figures():
    other = ROW | {"given_mask": True, "macs": None, "link_bytes": None, "claim": None}
    few = ROW | {"macs": 9999}
    headings, row, second, third = lines(report.result_table([ROW, other, few]))
    assert headings == list(report.HEADINGS)
    decibels = ["11.00 dB", "12.00 dB", "13.00 dB", "14.00 dB"]
    claim = "21.5 dB, 82 %, 2.3 GFLOP"
    rest = ["0.515", "96.25 %", "17,017"]
    assert row == ["r", *decibels, *rest, "18.18 M", "1,919", "2,020 test", claim]
    assert second[0] == "r (given the mask)" and second[8:11] == ["not counted", "", "2,020 test"]
    assert third[8] == "9,999"


def test_curves_have_their_own_figures():
    points = [{"name": name, "damage": damage, "psnr_mean": a + b, "digit_id": a - b, "images": 5}
              for damage, a in (("10% blanked", 30.0), ("block", 50.0))
              for name, b in (("x", 1.0), ("y", 2.0))]  # fmt: skip
    assert lines(report.curve_table(points)) == [
        ["damage", "x", "y"],
        ["10% blanked", "31.00 dB, 29.0 %", "32.00 dB, 28.0 %"],
        ["block", "51.00 dB, 49.0 %", "52.00 dB, 48.0 %"],
    ]


def test_baselines_have_their_own_figures(tmp_path, monkeypatch):
    recipe = {"batches": 4000, "batch": 32, "rate": 0.002}
    shorter = [{"batches": batches, "held_out_psnr": batches / 100} for batches in (1000, 2000)]
    record = {"parameters": 1234, "recipe": recipe, "held_out_psnr": 21.5, "seconds": 600,
              "shorter": shorter}  # fmt: skip
    (tmp_path / "unet.json").write_text(json.dumps(record))
    monkeypatch.setattr(report, "WEIGHTS", tmp_path)
    row = ["`unet`", "1,234", "4,000 x 32", "0.002", "20.00 dB", "21.50 dB", "10 min"]
    assert lines(report.baselines())[1:] == [row]
    del record["shorter"]
    (tmp_path / "unet.json").write_text(json.dumps(record))
    assert lines(report.baselines())[1][4] == ""


RUNS = [{"seed": 3, "psnr_mean": 21.0, "digit_id": 95.0, "seconds": 61.0},
        {"seed": 4, "psnr_mean": 22.5, "digit_id": 97.25, "seconds": 72.0}]  # fmt: skip
ABLATED = {"name": "x", "says": "xx", "psnr_mean": 21.75, "psnr_spread": 1.5,
           "psnr_to_base": -0.25, "digit_id": 96.12, "digit_id_to_base": 0.5,
           "link_bytes": 4321, "seconds": 66.0, "runs": RUNS, "changes": {}}  # fmt: skip
RESULTS = {"batches": 800, "qat_batches": 200, "qat_rate": 0.002, "batch": 32,
           "rows": [ABLATED], "digits": {"images": 2000, "rows": "test"}}  # fmt: skip


def test_an_ablation_has_its_own_figures():
    row = ["xx", "21.75 dB", "1.50 dB", "-0.25 dB", "96.12 %", "+0.50 %", "4,321", "66 s"]
    assert lines(page.result_table(RESULTS)) == [list(page.HEADINGS), row]
    first = RESULTS | {"rows": [ABLATED | {"psnr_to_base": None, "digit_id_to_base": None}]}
    assert lines(page.result_table(first))[1][3:6] == ["", "96.12 %", ""]
    assert lines(page.seed_table(RESULTS)) == [
        ["run", "mean PSNR", "read right", "training"],
        ["xx, seed 3", "21.00 dB", "95.00 %", "61 s"],
        ["xx, seed 4", "22.50 dB", "97.25 %", "72 s"],
        ["spread", "1.50 dB", "2.25 %", ""],
    ]
    assert page.head(RESULTS) == (
        "800 batches of 32 in float, 200 of QAT at a rate of 0.002; seeds per row: 2. Int8 on "
        "golden, 2,000 test digits. The\nspread is the difference between the best and the worst "
        "seed.\n"
    )


PAGE = "# A\n\n<!-- begin: a -->\nold\n<!-- end: a -->\n\nby hand\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A README and a page of docs, both with a part that is out of date, and one without."""
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/one.md"):
        (tmp_path / name).write_text(PAGE)
    (tmp_path / "docs/two.md").write_text("by hand\n")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr("sw.cli.docs.parts", lambda: {"a": "new\n"})
    return tmp_path


def test_a_stale_page_is_named_and_nothing_is_written(checkout, fails, thalweg):
    stale = ", ".join(str(checkout / name) for name in ("README.md", "docs/one.md"))
    fails(f"{stale} must be brought up to date: make docs", "docs", "--check")
    assert [path.read_text() for path in (checkout / "README.md", checkout / "docs/one.md")] == ([
        PAGE,
        PAGE,
    ])
    assert thalweg("docs") == (0, f"wrote {stale}\n", "")
    new = PAGE.replace("old", "new")
    assert (checkout / "README.md").read_text() == (checkout / "docs/one.md").read_text() == new
    assert thalweg("docs", "--check") == thalweg("docs") == (0, "everything is up to date\n", "")
    (checkout / "docs/one.md").write_text(PAGE)
    line = f"{checkout / 'docs/one.md'} must be brought up to date: make docs"
    fails(line, "docs", "--check")


def test_a_part_that_nothing_makes_is_refused(checkout):
    (checkout / "docs/two.md").write_text(PAGE.replace(": a ", ": b "))
    with pytest.raises(InputError, match=r"two.md must not have a part 'b': nothing makes it$"):
        docs.update({"a": "new\n"})
