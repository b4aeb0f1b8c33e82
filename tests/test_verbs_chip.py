"""What verbs of the chip hand on: every option reaches the argument it is meant for."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hw.boards.catalogue import BOARDS, find_board
from hw.shapes import Geometry
from sim.cocotb_run import Plan
from sw.data.damage import blank
from sw.data.load import Digits, show_digits
from sw.serial.device import ChipDevice
from tests.recorded import names
from tests.shelf import SMALL

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


def test_verilog_is_written_for_all_skeletons(thalweg, pair, tmp_path, monkeypatch, calls):
    monkeypatch.setattr("hw.flow.verilog.write_chip", calls.fake("write_chip", "there"))
    words = ("--filters", 2, "--output", tmp_path / "v")
    assert thalweg("verilog", *pair, *pair, pair[1], *words) == (0, "wrote there\n", "")
    (geometry, skeletons, output), _ = calls.of("write_chip")
    assert geometry == Geometry(spec=replace(SMALL, gate=None), filters=2, skeletons=8)
    assert names(skeletons) == ["one", "two", "one", "two", "two"] and output == tmp_path / "v"


@pytest.mark.parametrize("name", ["thalweg_f5.v", "thalweg_f5.json"])
def test_verilog_is_refused_before_the_work_where_a_folder_is(fails, pair, tmp_path, name):
    path = tmp_path / "v" / name
    path.mkdir(parents=True)
    text = f"{path} must be a file to write, not a folder"
    fails(text, "verilog", pair[0], "--output", tmp_path / "v")


REPORT = {"fmax_mhz": {"min": 61, "median": 62, "max": 63, "seeds": 4}, "clock_mhz": 60}


def test_a_bitstream_is_built_as_told(thalweg, pair, monkeypatch, calls):
    monkeypatch.setattr("hw.flow.build.build", calls.fake("build", REPORT))
    words = ("--filters", 2, "--seeds", 4, "--output", "o")
    told = "61 / 62 / 63 MHz over 4 seeds, clock 60 MHz\nwrote o/thalweg.bit and o/report.json\n"
    assert thalweg("bitstream", "ulx3s-45f", *pair, *words) == (0, told, "")
    (board, skeletons, folder), options = calls.of("build")
    assert (board, folder, callable(options.pop("say"))) == (
        find_board("ulx3s-45f"),
        Path("o"),
        True,
    )
    assert names(skeletons) == ["one", "two"] and options == {
        "filters": 2,
        "link": "uart",
        "seeds": 4,
    }


def test_a_bitstream_holds_digits_unless_told(thalweg, monkeypatch, calls):
    monkeypatch.setattr("hw.flow.build.build", calls.fake("build", REPORT))
    assert thalweg("bitstream", "ulx3s-85f")[0] == 0
    (_, skeletons, folder), options = calls.of("build")
    assert (names(skeletons), folder) == (["digits"], Path("build/ulx3s-85f"))
    assert (options["filters"], options["seeds"]) == (None, 5)


@pytest.mark.parametrize(
    ("words", "path", "flash"),
    [((), "build/ulx3s-45f/thalweg.bit", False), (("--bitstream", "x", "--flash"), "x", True)],
)
def test_a_board_is_programmed_as_told(thalweg, monkeypatch, calls, words, path, flash):
    monkeypatch.setattr("hw.flow.loading.program", calls.fake("program"))
    assert thalweg("program", "ulx3s-45f", *words) == (0, "ulx3s-45f runs it\n", "")
    assert calls.of("program") == ((find_board("ulx3s-45f"), Path(path)), {"flash": flash})


def test_a_bitstream_is_refilled_in_the_order_told(thalweg, pair, monkeypatch, calls):
    gives = lambda source, skeletons, output: ([], [s.digest for s in skeletons])  # noqa: E731
    monkeypatch.setattr("hw.flow.reskeleton.reskeleton", calls.fake("refill", gives))
    code, out, _ = thalweg("reskeleton", "x.bit", pair[1], pair[0], "--output", "y.bit")
    (source, skeletons, output), _ = calls.of("refill")
    assert (source, names(skeletons), output) == (Path("x.bit"), ["two", "one"], Path("y.bit"))
    now = ", ".join(f"{skeleton.digest[:12]}…" for skeleton in skeletons)
    assert (code, out) == (0, f"wrote y.bit: no skeleton before, {now} now\n")


@pytest.fixture
def simulated(monkeypatch, calls):
    """Have `thalweg sim` simulate nothing; its data are show digits."""
    proof = SimpleNamespace(images=31, codes=32_000, clocks=33_000)
    monkeypatch.setattr("sim.cocotb_run.run_chip_bench", calls.fake("bench", 1.5))
    monkeypatch.setattr("sim.proof.prove.prove", calls.fake("prove", proof))
    images = show_digits()[0]
    labels = np.zeros(1000, np.uint8)
    found = Digits(images, labels, images, labels, "show digits")
    monkeypatch.setattr("sw.data.load.load", calls.fake("load", found))
    return calls


@pytest.mark.parametrize("gated", [True, False])
def test_sim_proves_the_first_digits_twice_over(thalweg, folder, simulated, gated):
    words = ("--images", 5, "--filters", 1, "--data", "d", *([] if gated else ["--no-gate"]))
    code, out, _ = thalweg("sim", folder, *words)
    assert code == 0 and out.splitlines() == [
        "5 damaged test digits on the chip, F = 1",
        "cocotb, 2 of them, every code of every step ...",
        "cocotb: equal to golden on 2 digits",
        "fast device: equal to golden on 31 digits, 32,000 codes, 33,000 clocks",
    ]
    assert simulated.of("load") == ((Path("d"),), {})
    damaged = blank(show_digits()[0][:5], range(5), 0.7)
    (geometry, skeletons, plan), options = simulated.of("bench")
    assert geometry == Geometry(spec=skeletons[0].spec.ungated, filters=1)
    assert names(skeletons) == ["random"]
    np.testing.assert_array_equal(options.pop("images"), damaged[:2])
    assert len(options.pop("networks")) == gated
    assert plan == Plan(image_mappings=("own" if gated else "none",), steps=10)
    assert options == {"name": "digits-f1", "tests": "every_image"}
    (restorer, rest), options = simulated.of("prove")
    assert (restorer.skeleton.name, restorer.network is not None) == ("random", gated)
    np.testing.assert_array_equal(rest, damaged[2:])
    assert callable(options.pop("progress")) and options == {"filters": 1}
    assert restorer.steps == 10


@pytest.mark.parametrize("count", [1, 2])
def test_sim_takes_a_few_digits_by_cocotb_alone(thalweg, folder, simulated, count):
    code, out, _ = thalweg("sim", folder, "--images", count, "--gate", folder / "gate.safetensors")
    assert code == 0 and out.endswith(f"cocotb: equal to golden on {count} digits\n")
    assert simulated.names == ["load", "bench"]
    assert len(simulated.of("bench")[1]["images"]) == count


@pytest.fixture
def served(monkeypatch, calls):
    """Have `thalweg simulate` simulate nothing."""
    monkeypatch.setattr("sim.devices.board.SimulatedBoard", calls.fake("board", "a board"))
    monkeypatch.setattr(
        "sim.devices.terminal.serve", calls.fake("serve", lambda board, ready: ready("/dev/x"))
    )
    return calls


def test_a_simulated_board_is_made_as_told(thalweg, pair, served):
    words = ("--filters", 2, "--baud", 6_000_000)
    assert thalweg("simulate", *pair, *pair, pair[0], *words) == (0, "/dev/x\n", "")
    (geometry, skeletons), options = served.of("board")
    assert geometry == Geometry(spec=replace(SMALL, gate=None), filters=2, skeletons=8)
    assert names(skeletons) == ["one", "two", "one", "two", "one"] and options["divisor"] == 4
    assert served.of("serve")[0] == ("a board",)


def test_a_simulated_board_holds_digits_unless_told(thalweg, served, capsys):
    assert thalweg("simulate", "--board", "ulx3s-25f")[0] == 0
    (geometry, skeletons), options = served.of("board")
    assert (geometry.filters, geometry.skeletons) == (find_board("ulx3s-25f").filters, 4)
    assert (names(skeletons), options["divisor"]) == (["digits"], 8)
    options["progress"]("building")
    assert tuple(capsys.readouterr()) == ("", "building\n")


@pytest.mark.parametrize(("words", "count", "filters"), [
    ((), 20, 5), (("--images", 3, "--filters", 2), 3, 2),
])  # fmt: skip
def test_the_demonstration_runs_on_the_simulated_chip(
    thalweg, folder, tmp_path, monkeypatch, calls, words, count, filters
):
    monkeypatch.setattr("sw.cli.demo.open_device", calls.fake("open", "chip"))
    monkeypatch.setattr("sw.restore.demo.demonstrate", calls.fake("demonstrate"))
    output = tmp_path / "o"
    assert thalweg("demo", folder, "--output", output, *words)[0] == 0
    (name, skeletons, found), _ = calls.of("open")
    assert (name, names(skeletons), found) == ("simulated", ["random"], filters)
    (chip, skeleton, network, images, place), options = calls.of("demonstrate")
    assert (chip, skeleton, images, place) == ("chip", skeletons[0], count, output)
    assert network is not None and callable(options["progress"])
    for name in ("restored.png", "report.json"):
        (output / name).mkdir()
        code, _, err = thalweg("demo", folder, "--output", output)
        assert code == 2 and err.startswith(f"thalweg: {output / name} must be a file to write")
        (output / name).rmdir()


def engine(first):
    return {"digits_ungated": 1, "clocks_ungated": first, "occupancy_ungated": 0.125,
            "digits_gated": 2, "clocks_gated": 2 * first, "occupancy_gated": 0.25}  # fmt: skip


ROW = {"skeleton": "digits", "link": "UART", "contexts": 2, "clocks": 4_000, "wire": 400,
       "engine": 1_200, "gate": 2_000, "idle": 240, "to_chip": 1_000, "from_chip": 234,
       "digits_per_second": 5.5}  # fmt: skip
GATED = {"filters": 1, "clock_mhz": 60, "digits": 16, "rows": [ROW]}


def test_the_benchmark_measures_everything_and_says_it(thalweg, tmp_path, monkeypatch, calls):
    for place, gives in (
        ("golden.speed", {"golden_digits_per_second": 1234.5, "cores": 2}),
        ("sw.play.speed", {"page_digits_per_second": 77}),
        ("sim.measure.speed", {"cocotb_clocks_per_second": 55, "engine": {"1": engine(1000)}}),
        ("sim.measure.throughput", GATED),
    ):
        monkeypatch.setattr(f"{place}.measure", calls.fake(place, dict(gives)))
    training = calls.fake("sw.train.speed", {"training": {"steps_plain_ms": 4321}})
    beside = {"steps": 3, "images": 7, "threads": {"1": {"golden": 9999.5}}}
    monkeypatch.setattr("sw.experiments.peers.measure", calls.fake("peers", {"peers": beside}))
    # In the place of the module itself, which would load all of PyTorch's compiler.
    monkeypatch.setitem(sys.modules, "sw.train.speed", SimpleNamespace(measure=training))
    monkeypatch.setattr("sim.measure.throughput.Case.of", calls.fake("case", "case"))
    file = tmp_path / "sub" / "r.json"
    code, out, err = thalweg("bench", "--board", "ulx3s-45f", "--output", file)
    assert (code, err) == (0, "") and out.splitlines() == [
        "golden digits per second: 1,234.5",
        "cores: 2",
        "page digits per second: 77",
        "cocotb clocks per second: 55",
        "steps plain ms: 4,321",
        "golden, 1 threads: 9,999.5 digits a second",
        "F = 1, 1 ungated: 1,000 clocks, 12.50% of multiplier slots busy",
        "F = 1, 2 gated: 2,000 clocks, 25.00% of multiplier slots busy",
        "16 gated digits, F = 1, 60 MHz, a digit:",
        "digits, UART, 2 contexts, gate 2,000 clocks: 4,000 clocks, wire 10%, engine 30%, "
        "gate 50%, idle 6%, 1,234 bytes, 5.5 a second",
        f"wrote {file}",
    ]
    board = find_board("ulx3s-45f")
    given = ["case", "case"], board.filters, board.clock
    assert calls.of("sim.measure.throughput")[0] == given
    for name, made in zip(("digits", "digits-swift"), calls.all("case"), strict=True):
        (skeleton, network, damaged, connect), _ = made
        assert (skeleton.name, network is None, connect) == (name, False, ChipDevice)
        np.testing.assert_array_equal(damaged, blank(show_digits()[0][:16], range(16), 0.7))
    assert json.loads(file.read_text()) == {
        "golden_digits_per_second": 1234.5, "cores": 2, "page_digits_per_second": 77,
        "training": {"steps_plain_ms": 4321}, "peers": beside,
        "cocotb_clocks_per_second": 55, "engine": {"1": engine(1000)}, "gated": GATED,
    }  # fmt: skip


def test_a_benchmark_of_no_board_or_into_a_folder_measures_nothing(thalweg, fails, tmp_path):
    known = ", ".join(BOARDS)
    fails(f"Board must be one of {known}, not 'none'", "bench", "--board", "none")
    fails(f"{tmp_path} must be a file to write, not a folder", "bench", "--output", tmp_path)


def test_a_hardwired_chip_is_written_for_its_skeleton(thalweg, pair, tmp_path, monkeypatch, calls):
    monkeypatch.setattr("hw.flow.hardwired.write_chip", calls.fake("write_chip", "there"))
    words = ("--hardwired", "--output", tmp_path / "v")
    assert thalweg("verilog", pair[1], *words) == (0, "wrote there\n", "")
    (plan, output), _ = calls.of("write_chip")
    assert (plan.skeleton.name, output) == ("two", tmp_path / "v")


def test_no_filters_are_refused_and_not_taken_for_the_default(fails, pair):
    text = "Filters per clock must be one of 1, 2, 3, 5, 10 where a channel has 5, not 0"
    fails(text, "verilog", pair[0], "--filters", 0)


def test_a_hardwired_chip_is_refused_where_it_cannot_be(fails, pair, tmp_path):
    fails("A hardwired chip holds one skeleton, not 2", "verilog", *pair, "--hardwired")
    text = "--hardwired and --filters must not be given together"
    fails(text, "verilog", pair[0], "--hardwired", "--filters", 5)
    fails(text, "sim", pair[0], "--hardwired", "--filters", 5)
    text = "--netlist must be given with --hardwired: see thalweg netlist-sim"
    fails(text, "sim", pair[0], "--netlist")
    text = "--hardwired and --gate must not be given together"
    fails(text, "sim", pair[0], "--hardwired", "--gate", "g")
    path = tmp_path / "v" / "thalweg_hardwired.json"
    path.mkdir(parents=True)
    text = f"{path} must be a file to write, not a folder"
    fails(text, "verilog", pair[0], "--hardwired", "--output", tmp_path / "v")
