"""The project for Tiny Tapeout: its own test passes on the Verilog that it is made of."""

from hw.asic.library import find_library
from hw.asic.tiny_project import write_project
from sim.cocotb_run import judge, run_job
from sim.devices.asic import chip_of
from sim.hardwired import RANDOM
from sim.tiny_tapeout import conversation
from tests.toy_srams import sram_models

REPORT = {"area_mm2": 0.45, "corner": {"name": "typ"}, "period_ns": 4.0}


def run(folder, monkeypatch):
    """Run the project's test on its Verilog, everything random at power-up."""
    monkeypatch.setenv("PYTHONPATH", str(folder / "test"))
    models = folder / "srams.v"
    models.write_text(sram_models("sg13g2"))
    sources = [folder / "test" / "tb.v", folder / "src" / "tt_um_thalweg.v", models]
    job = {
        "top": "tb",
        "sources": [str(path) for path in sources],
        "arguments": ["-Wno-lint", "-Wno-fatal", "--x-initial", "unique", "-CFLAGS", "-O0"],
        "module": "test",
        "variables": {},
        "tests": None,
        "plusargs": RANDOM,
    }
    with judge(folder / "results.xml", "test", folder / "bench.log"):
        run_job(job, folder)


def test_the_project_restores_an_image_as_golden_does(tmp_path, monkeypatch):
    chip = chip_of("tiny")
    folder = tmp_path / "project"
    info = write_project(chip, find_library("sg13g2"), REPORT, conversation(chip), folder)
    assert 'tiles: "8x4"' in info.read_text()
    run(folder, monkeypatch)
