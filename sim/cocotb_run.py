"""Build a design for cocotb under Verilator and run a bench on it."""

import json
import shutil
import time

import numpy as np
from cocotb_tools.runner import Verilator

from hw.verilog import top_name, write_chip
from sim.verilate import build_root, prepend_verilator, require_tools

__all__ = ["bench_folder", "run_bench", "run_chip_bench"]

BUILD_ARGS = ("-Wno-WIDTH", "-Wno-fatal")  # Amaranth widens operands itself


class LeanVerilator(Verilator):
    """cocotb's runner, with the top's ports alone public.

    With every signal public, which is what it asks for, Verilator writes five times the code, and
    the chip runs a third as fast.
    """

    def _build_command(self):
        lean = {"--public-flat-rw": ("--public-depth", "1")}
        return [
            [part for word in command for part in lean.get(word, (word,))]
            for command in super()._build_command()
        ]


def bench_folder(name):
    """Return an empty folder of that name below ``build/sim``."""
    folder = (build_root() / "sim" / name).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def run_bench(source, bench, folder, *, env=(), tests=None, sources=(), arguments=()):
    """Build ``source``, whose stem names its top, and run ``sim.bench_<bench>`` on it.

    More ``sources`` and ``arguments`` are Verilator's.

    Raises RuntimeError if a test fails. The logs of build and bench are left in ``folder``.
    """
    require_tools()
    prepend_verilator()
    runner = LeanVerilator()
    runner.build(
        sources=[source, *sources],
        hdl_toplevel=source.stem,
        build_args=[*BUILD_ARGS, *arguments],
        build_dir=folder,
        always=True,
        log_file=folder / "build.log",
    )
    log = folder / "bench.log"
    try:
        runner.test(
            hdl_toplevel=source.stem,
            test_module=f"sim.bench_{bench}",
            extra_env=dict(env),
            build_dir=folder,
            test_dir=folder,
            test_filter=tests,
            log_file=log,
        )
    except SystemExit:
        lines = log.read_text(errors="replace").splitlines()
        marks = ("Seeding", "Error: ", "FAIL")  # the seed is for $COCOTB_RANDOM_SEED
        wrong = [line.strip() for line in lines if any(mark in line for mark in marks)]
        raise RuntimeError(f"The bench failed, see {log}:\n" + "\n".join(wrong[:20])) from None


def run_chip_bench(
    geometry,
    skeletons,
    *,
    name,
    images=None,
    networks=(),
    cases=(("nearest2", 0), ("phase4", 3)),
    image_mappings=("own",),
    adversarial_states=7,
    random_states=1,
    steps=10,
    tests=None,
):
    """Compare a chip with golden in cocotb, every code of every state of every step.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory; all are run.
    name : str
        Folder below ``build/sim`` for everything generated.
    images : ndarray, optional
        Damaged images to restore, uint8 (n, image, image).
    networks : sequence of GateNetwork
        Each skeleton's own gate, as far as there are any.
    cases : sequence of tuple of str and int
        How the raw lattices are run: with a random gate, ``nearest2``, ``phase4`` or ``none``, and
        with streams that rest so many clocks at most.
    image_mappings : sequence of str
        The gates of the images: the same, or ``own``.
    adversarial_states, random_states : int
        How many raw lattices of each kind.
    steps : int
        Steps of an image.
    tests : str, optional
        Regular expression of the tests to run; all of them unless told.
    """
    folder = bench_folder(name)
    begin = time.monotonic()
    source = write_chip(geometry, skeletons, folder)
    for place, skeleton in enumerate(skeletons):
        (folder / f"skeleton{place}").mkdir()
        skeleton.save(folder / f"skeleton{place}")
    for place, network in enumerate(networks):
        network.save(folder / f"skeleton{place}" / "gate.safetensors")
    size = geometry.spec.image
    np.save(
        folder / "images.npy", np.zeros((0, size, size), np.uint8) if images is None else images
    )
    plan = {
        "spec": geometry.spec.to_json(),
        "filters": geometry.filters,
        "contexts": geometry.contexts,
        "skeletons": len(skeletons),
        "cases": list(cases),
        "image_mappings": list(image_mappings),
        "adversarial_states": adversarial_states,
        "random_states": random_states,
        "steps": steps,
    }
    (folder / "plan.json").write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    assert source.stem == top_name(geometry)
    run_bench(source, "chip", folder, env={"BENCH": str(folder)}, tests=tests)
    return time.monotonic() - begin
