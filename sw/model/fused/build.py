"""The library of the fused step: compiled for this machine on first use, then kept in the cache."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from golden.errors import InputError, reason
from golden.files import replacement
from golden.library import keep_library, load_library, write_stamp
from golden.tools import call, compiler, environment, processor
from sw.runs.cache import cache_folder

__all__ = ["Unavailable", "library"]

HERE = Path(__file__).parent
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared", "-Wno-psabi")
ARITHMETIC = ("-fno-math-errno", "-fno-trapping-math")  # no -ffast-math: codes must be exact

FUNCTIONS = ("thalweg_forward", "thalweg_backward")


class Unavailable(Exception):
    """The fused step is not available; one line says why."""


def library(channels: int, multiplier: int) -> ctypes.CDLL:
    """Return the library for rules of that many channels and filters a channel.

    Raises `Unavailable` without a compiler, or where it fails. ``CXX`` names the compiler, with
    arguments or without; libraries lie in the user's cache, each under a digest of all that it is
    made from. A library is not believed unless it is the one whose checksum was written beside it.
    """
    found = attempt(channels, multiplier)
    if isinstance(found, str):
        raise Unavailable(found)
    return found


@cache
def attempt(channels: int, multiplier: int) -> ctypes.CDLL | str:
    """Return the library, or why there is none: a failing compiler is not asked at every step."""
    defines = (f"-DCHANNELS={channels}", f"-DMULTIPLIER={multiplier}")
    try:
        command = [*compiler(), *FLAGS, *ARITHMETIC, *defines, str(HERE / "step.cpp")]
        if shutil.which(command[0]) is None:
            return "no C++ compiler on PATH"
        path = cache_folder("fused") / f"step-{channels}-{multiplier}-{digest(command)}.so"
        keep_library(path, path.parent, lambda: compile_library(command, path), waiting)
        return load_library(path, FUNCTIONS)
    except (InputError, OSError) as error:
        return reason(error)


def waiting() -> None:
    """Say that another process builds."""
    print("waiting for another process that builds the fused training step", file=sys.stderr)


def digest(command: list[str]) -> str:
    """Return a digest of sources, compiler, flags and processor: a cache may be on a network."""
    sha = hashlib.sha256()
    for path in (*sorted(HERE.glob("*.h")), HERE / "step.cpp"):
        sha.update(path.read_bytes())
    words = command[: command.index(FLAGS[0])]
    version = subprocess.run(
        [*words, "--version"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(),
    )
    sha.update(repr((command, version.stdout, processor())).encode())
    return sha.hexdigest()[:12]


def compile_library(command: list[str], path: Path) -> None:
    """Compile, and put the result in its place whole, its checksum after it."""
    print("building the fused training step (some seconds, once)", file=sys.stderr, flush=True)
    log = path.with_suffix(".log")
    with replacement(path) as made:
        call([*command, "-o", str(made)], log)
        load_library(made, FUNCTIONS)  # a compiler's exit code 0 is no library
    write_stamp(path)
    log.unlink(missing_ok=True)
