"""`thalweg check`: exit codes, the lines, the report, and what breaks it off."""

import json
import os
import re
import threading
import time
import tty
from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest

import sw.cli.check
from golden.device import Counters, GoldenDevice
from golden.errors import InputError
from golden.skeleton import SHIPPED, SKELETON_FILE, Skeleton
from hw.clocks import run_overhead
from hw.shapes import Geometry
from sim.devices import chip as simulated
from sim.devices.device import SimulatedDevice
from sw.check.device import LAST
from tests.played_chip import PlayedChip as PlayedDesign
from tests.played_link import PlayedChip

pytestmark = pytest.mark.usefixtures("nothing_at_hand")


@pytest.fixture
def run(thalweg, pair, tmp_path):
    """Check a device with two small skeletons; return exit code, lines, stderr and report."""

    def run(*words, skeletons=pair):
        output = tmp_path / "out" / "check.json"
        named = [word for folder in skeletons for word in ("--skeleton", folder)]
        code, out, err = thalweg("check", "--quick", "--output", output, *named, *words)
        report = json.loads(output.read_text()) if output.exists() else None
        return code, out.splitlines(), err, report

    return run


@pytest.fixture
def serial(monkeypatch, pair):
    """Have a port be a played chip of two skeletons; return the function that makes it so."""

    def play(**options):
        chip = PlayedChip([Skeleton.load(folder) for folder in pair], **options)
        monkeypatch.setattr("sw.serial.port.SerialPort", lambda path, baud: chip)
        return chip

    def clocks(spec, filters, steps):
        busy = steps * spec.cells * spec.filters // filters
        return Counters(busy + 7 * steps, busy)

    monkeypatch.setattr(sw.cli.check, "predict", clocks)
    return play


def open_with(monkeypatch, device):
    """Have every device be this one."""
    monkeypatch.setattr(sw.cli.check, "open_device", lambda name, held, filters: device(held))


class Wrong(GoldenDevice):
    """Golden, whose images have one code that is wrong."""

    def read_images(self):
        images = super().read_images()
        images[0, 1, 1] ^= 1
        return images


def test_golden_passes(run):
    code, lines, err, report = run()
    assert (code, err) == (0, "")
    assert lines[-2] == "22 checks made, 0 differ, 6 not available"
    assert re.fullmatch(r"wrote \S+/out/check.json: attach it to a bug report", lines[-1])
    assert len(lines) == 28 + 2 == len(report["results"]) + 2
    assert lines[0].startswith("device           golden  ")
    assert re.search(r"^one +random lattices +[\d,]+ codes equal, \d+\.\d s$", lines[7])
    assert report["equal"]


def test_the_report_says_what_was_checked_where_and_with_what(run, pair):
    _, _, _, report = run("--seed", 7)
    assert report["options"] == {
        "quick": True, "lattices": 2, "seed": 7, "skeleton": [str(each) for each in pair],
        "baud": None,
    }  # fmt: skip
    skeletons = [Skeleton.load(each) for each in pair]
    digests = [{"name": each.name, "digest": each.digest} for each in skeletons]
    assert (report["device"], report["skeletons"]) == ("golden", digests)
    assert report["facts"] is None
    assert {"thalweg", "python", "system", "numpy", "torch"} <= report["versions"].keys()
    assert all(report["versions"][name] for name in ("thalweg", "python", "system"))
    assert report["ended"] is None
    check = report["results"][5]
    assert check.pop("seconds") >= 0
    assert check == {
        "name": "states, read back",
        "skeleton": "one",
        "what": "random and adversarial lattices are loaded and read",
        "result": "equal",
        "not_available": None,
        "unit": "codes",
        "codes": 4 * 256,
        "differ": 0,
        "first_difference": None,
        "details": {},
    }
    compared = [each["codes"] for each in report["results"] if each["unit"] == "codes"]
    assert report["codes"] == sum(compared)


def test_a_difference_is_exit_code_1_and_all_checks_are_made(run, monkeypatch):
    open_with(monkeypatch, Wrong)
    code, lines, err, report = run()
    assert code == 1
    assert err.startswith("thalweg: one: images, read back: lattice 0: pixel (1, 1) is ")
    assert err.endswith("; 22 checks made, 15 differ, 6 not available\n")
    differing = [each for each in report["results"] if each["result"] == "differs"]
    assert len(report["results"]) == 28 and len(differing) == 15
    assert not report["equal"] and report["ended"] is None
    assert all(each["differ"] and each["first_difference"] for each in differing)
    marked = [line for line in lines if " DIFFER: " in line]
    assert len(marked) == 15 and re.search(r" DIFFER: lattice 0: .* \(\d+ in all\)$", marked[0])


def test_more_lattices_are_checked_unless_it_is_to_be_quick(thalweg, pair, tmp_path):
    output = tmp_path / "x.json"
    assert thalweg("check", "--skeleton", pair[0], "--output", output)[0] == 0
    report = json.loads(output.read_text())
    assert report["options"]["lattices"] == 8 and not report["options"]["quick"]
    assert report["results"][5]["codes"] == (8 + 7) * 256


def test_all_shipped_skeletons_are_checked_unless_some_are_named(thalweg, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr("sw.check.run.jobs_of", lambda subjects: told.append(subjects) or [])
    assert thalweg("check", "--output", tmp_path / "x.json")[0] == 0
    shipped = sorted(path.parent.name for path in SHIPPED.glob(f"*/{SKELETON_FILE}"))
    assert [each.skeleton.name for each in told[0]] == shipped


def test_the_report_has_its_place(thalweg, pair, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = thalweg("check", "--quick", "--skeleton", pair[0])
    assert code == 0 and out.endswith("wrote build/check/check.json: attach it to a bug report\n")
    assert (tmp_path / "build" / "check" / "check.json").is_file()


def test_a_simulated_chip_passes_flags_and_counters_included(run, monkeypatch):
    def opened(name, skeletons, filters):
        assert (name, filters) == ("simulated", 2)
        geometry = Geometry(spec=skeletons[0].spec.ungated, filters=filters)
        chip = PlayedDesign(geometry, skeletons, overhead=run_overhead(geometry))
        monkeypatch.setattr(simulated, "build_library", lambda *given: "it")
        monkeypatch.setattr(simulated, "load", {"it": chip}.get)
        return SimulatedDevice(skeletons, filters=filters)

    monkeypatch.setattr(sw.cli.check, "open_device", opened)
    code, lines, err, report = run("--device", "simulated", "--filters", 2)
    assert (code, err) == (0, "")
    assert lines[-2] == "24 checks made, 0 differ, 4 not available"
    assert report["filters"] == 2
    results = {each["name"]: each for each in report["results"]}
    assert results["damage flags"]["codes"] == 2 and results["counters"]["codes"] == 12


def test_a_simulated_chip_with_a_damaged_skeleton_fails(run, monkeypatch):
    def opened(name, skeletons, filters):
        geometry = Geometry(spec=skeletons[0].spec.ungated, filters=filters)
        damaged = skeletons[0].name == "one"
        chip = PlayedDesign(
            geometry, skeletons, overhead=run_overhead(geometry), damaged=int(damaged)
        )
        monkeypatch.setattr(simulated, "build_library", lambda *given: "it")
        monkeypatch.setattr(simulated, "load", {"it": chip}.get)
        return SimulatedDevice(skeletons, filters=filters)

    monkeypatch.setattr(sw.cli.check, "open_device", opened)
    code, _, err, report = run("--device", "simulated")
    assert code == 1
    assert err.startswith(
        "thalweg: device: damage flags: one: the chip found its skeleton damaged; "
    )
    words = {(each["skeleton"], each["result"]) for each in report["results"] if each["skeleton"]}
    assert words == {
        ("one", "differs"), ("one", "not available"), ("two", "equal"), ("two", "not available")
    }  # fmt: skip


def test_a_board_passes_and_its_facts_are_reported(run, serial):
    chip = serial(contexts=3)
    code, lines, err, report = run("--device", "serial:/dev/x", "--baud", 9600)
    assert (code, err) == (0, "")
    assert lines[-2] == "26 checks made, 0 differ, 2 not available"
    assert chip.closed
    assert report["device"] == "serial:/dev/x" and report["options"]["baud"] == 9600
    facts = report["facts"]
    assert (facts["contexts"], facts["filters"]) == (3, 5)
    assert facts["digests"] == [each["digest"] for each in report["skeletons"]]
    link = report["results"][-1]
    assert (
        link["details"]["requests"] == link["codes"] and link["details"]["repeated requests"] == 0
    )


def test_a_repeated_request_is_exit_code_1(run, serial):
    serial(lost=lambda number: number == 50)
    code, _, err, report = run("--device", "serial:/dev/x")
    assert code == 1 and "link: repeated requests: 1, none is expected" in err
    assert [each["name"] for each in report["results"] if each["result"] == "differs"] == ["link"]


def test_a_board_that_is_unplugged_is_one_line_and_the_report_says_so(run, serial):
    chip = serial(lost=lambda number: number >= 60)
    code, lines, err, report = run("--device", "serial:/dev/x")
    text = "the port gives no answer: is the board on, and at this rate?"
    assert (code, err) == (2, f"thalweg: {text}\n") and chip.closed
    assert (report["equal"], report["ended"]) == (False, text)
    assert 0 < len(report["results"]) == len(lines) - 2 < 28
    assert {each["result"] for each in report["results"]} <= {"equal", "not available"}


def test_a_port_that_goes_away_in_the_end_is_one_line(run, serial, monkeypatch):
    serial()

    def gone(bench):
        raise InputError("/dev/x went away: input/output error")

    monkeypatch.setattr("sw.check.run.LAST", (replace(LAST[-1], work=gone),))
    code, _, err, report = run("--device", "serial:/dev/x")
    assert (code, err) == (2, "thalweg: /dev/x went away: input/output error\n")
    assert report["ended"] == "/dev/x went away: input/output error"


def test_a_chip_that_answers_with_garbage_is_one_line(fails, serial, pair, tmp_path):
    chip = serial()
    chip.respond = lambda message: b"\0" + bytes(range(40))
    text = "the port must be a Thalweg chip: what it says of itself makes no sense"
    words = ("--device", "serial:/dev/x", "--skeleton", pair[0], "--output", tmp_path / "x.json")
    fails(text, "check", *words)
    assert chip.closed and not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("babbled", [b"T=21.5\r\n", b"\0\0\0", bytes(range(256)), b"\3\7\0"])
def test_a_device_that_babbles_is_one_line(thalweg, pair, tmp_path, monkeypatch, babbled):
    monkeypatch.setattr("sw.serial.port.SILENCE", 0.2)
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    name, ends = os.ttyname(theirs), threading.Event()
    os.set_blocking(ours, False)

    def babble():
        while not ends.wait(0.02):
            with suppress(BlockingIOError):
                os.write(ours, babbled)

    thread = threading.Thread(target=babble)
    thread.start()
    begin, output = time.monotonic(), tmp_path / "x.json"
    try:
        words = ("--device", f"serial:{name}", "--skeleton", pair[0], "--output", output)
        code, out, err = thalweg("check", *words)
    finally:
        ends.set()
        thread.join()
        os.close(ours)
        os.close(theirs)
    assert (code, out) == (2, "")
    text = "sends bytes that are no answer: is it a Thalweg board, at this rate?"
    assert err == f"thalweg: {name} {text}\n"
    assert time.monotonic() - begin < 20 and not output.exists()


def test_an_interrupted_check_leaves_no_report(run, tmp_path, monkeypatch):
    class Interrupted(GoldenDevice):
        def read_images(self):
            raise KeyboardInterrupt

    assert run()[3] is not None
    open_with(monkeypatch, Interrupted)
    code, lines, err, report = run()
    assert (code, err, report) == (130, "", None)
    assert len(lines) == 4


def test_what_is_wrong_is_said_before_an_earlier_report_is_touched(fails, run, pair, tmp_path):
    output = tmp_path / "out" / "check.json"
    run()
    before = output.read_bytes()
    words = ("check", "--output", output, "--skeleton", pair[0])
    fails("--device must be golden, simulated or serial:PORT, not 'usb'", *words, "--device", "usb")
    fails("--filters must be 1 to 16, not 0", *words, "--filters", 0)
    text = "/dev/none must be a free serial port at 3000000 baud: no such file or directory"
    fails(text, *words, "--device", "serial:/dev/none")
    assert output.read_bytes() == before


def test_an_output_that_cannot_be_written_is_said_first(fails, pair, tmp_path):
    (tmp_path / "folder").mkdir()
    text = f"{tmp_path}/folder must be a file to write, not a folder"
    fails(text, "check", "--skeleton", pair[0], "--output", tmp_path / "folder")


def test_on_a_terminal_each_check_is_named_while_it_runs(monkeypatch, capsys):
    shown = []

    class Screen:
        is_terminal = True

        def status(self, text):
            shown.append(text)
            return nullcontext()

    monkeypatch.setattr(sw.cli.check, "console", lambda stderr: Screen())
    with sw.cli.check.working("digits: link (3 of 9)"):
        pass
    assert shown == ["digits: link (3 of 9)"]
