"""The fused step's library: compiled on first use for this machine, then kept."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pooch

__all__ = ["Unavailable", "library"]

HERE = Path(__file__).parent
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared", "-Wno-psabi")
ARITHMETIC = ("-fno-math-errno", "-fno-trapping-math")  # no -ffast-math: codes must be exact


class Unavailable(Exception):
    """Why there is no fused step here, in one line."""


@cache
def library(channels: int, multiplier: int) -> ctypes.CDLL:
    """Return the library for rules of that many channels and filters a channel.

    Raises `Unavailable` without a compiler, or where it fails. ``CXX`` names the compiler;
    libraries lie in the user's cache, each under a digest of all that it is made from.
    """
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        raise Unavailable("no C++ compiler on PATH")
    defines = (f"-DCHANNELS={channels}", f"-DMULTIPLIER={multiplier}")
    command = [compiler, *FLAGS, *ARITHMETIC, *defines, str(HERE / "step.cpp")]
    path = folder() / f"step-{channels}-{multiplier}-{digest(command)}.so"
    if not path.exists():
        compile_library(command, path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise Unavailable(str(error)) from error


def folder() -> Path:
    """Return the folder of the libraries; XDG_CACHE_HOME moves it."""
    return Path(pooch.os_cache("thalweg")) / "fused"


def digest(command: list[str]) -> str:
    """Return a digest of sources, compiler, flags and processor: a cache may be on a network."""
    sha = hashlib.sha256()
    for path in (*sorted(HERE.glob("*.h")), HERE / "step.cpp"):
        sha.update(path.read_bytes())
    version = subprocess.run([command[0], "--version"], capture_output=True, check=False)
    sha.update(repr((command, version.stdout, processor())).encode())
    return sha.hexdigest()[:12]


def processor() -> str:
    """Return what the machine says of its processor's instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine() + platform.processor()
    return platform.machine() + next((x for x in lines if x.startswith(("flags", "Features"))), "")


def compile_library(command: list[str], path: Path) -> None:
    """Compile, and put the result in its place whole: two processes may do so at once."""
    print("building the fused training step (some seconds, once)", file=sys.stderr, flush=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
            made = Path(temporary) / path.name
            run = subprocess.run(
                [*command, "-o", made], capture_output=True, text=True, check=False
            )
            if run.returncode:
                raise Unavailable(f"{command[0]} failed: {first_line(run.stderr)}")
            made.replace(path)
    except OSError as error:
        raise Unavailable(str(error)) from error


def first_line(text: str) -> str:
    """Return the first line that names an error."""
    lines = text.strip().splitlines() or ["without a word"]
    return next((line for line in lines if "error" in line), lines[0])
