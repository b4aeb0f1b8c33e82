"""Libraries in C++: compiled for this machine on first use, then kept in the cache."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from golden.cache import cache_folder
from golden.errors import InputError, reason
from golden.files import replacement
from golden.library import is_whole, keep_library, load_library, write_stamp
from golden.tools import call, compiler, environment, processor

__all__ = ["Source", "Unavailable", "kept_library", "library"]

HERE = Path(__file__).parent
FLAGS = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-fPIC", "-shared", "-Wno-psabi")
ARITHMETIC = ("-fno-math-errno", "-fno-trapping-math")  # no -ffast-math: codes must be exact


class Unavailable(Exception):
    """A library is not available; one line says why."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a library is made from: one file, which may include the headers of this folder.

    Parameters
    ----------
    path : Path
        The file. Its folder names the folder in the cache.
    functions : tuple of str
        Functions that the library must have.
    title : str
        What people call it.
    """

    path: Path
    functions: tuple[str, ...]
    title: str

    def command(self, channels: int, multiplier: int) -> list[str]:
        """Return the compiler's command for rules of that many channels and filters a channel."""
        defines = (f"-DCHANNELS={channels}", f"-DMULTIPLIER={multiplier}")
        return [*compiler(), *FLAGS, *ARITHMETIC, *defines, f"-I{HERE}", str(self.path)]

    def place(self, channels: int, multiplier: int) -> Path:
        """Return where the library lies, under a digest of all that it is made from.

        Raises `InputError` without a compiler or a cache.
        """
        command = self.command(channels, multiplier)
        if shutil.which(command[0]) is None:
            raise InputError("no C++ compiler on PATH")
        name = f"{self.path.stem}-{channels}-{multiplier}-{digest(self, command)}.so"
        return cache_folder(self.path.parent.name) / name


def library(source: Source, channels: int, multiplier: int) -> ctypes.CDLL:
    """Return the library for rules of that many channels and filters a channel.

    Raises `Unavailable` without a compiler, or where it fails. ``CXX`` names the compiler, with
    arguments or without. A library is not believed unless it is the one whose checksum was written
    beside it.
    """
    found = attempt(source, channels, multiplier)
    if isinstance(found, str):
        raise Unavailable(found)
    return found


@cache
def attempt(source: Source, channels: int, multiplier: int) -> ctypes.CDLL | str:
    """Return the library, or why there is none: a failing compiler is not asked at every step."""
    try:
        path, command = source.place(channels, multiplier), source.command(channels, multiplier)
        keep_library(
            path,
            path.parent,
            lambda: compile_library(source, command, path),
            lambda: say(f"waiting for another process that builds the {source.title}"),
        )
        return load_library(path, source.functions)
    except (InputError, OSError) as error:
        return reason(error)


@cache
def kept_library(source: Source, channels: int, multiplier: int) -> ctypes.CDLL | None:
    """Return the library if it lies in the cache already, else None."""
    try:
        path = source.place(channels, multiplier)
        return load_library(path, source.functions) if is_whole(path) else None
    except (InputError, OSError):
        return None


def say(text: str) -> None:
    """Tell the user."""
    print(text, file=sys.stderr, flush=True)


def digest(source: Source, command: list[str]) -> str:
    """Return a digest of sources, compiler, flags and processor: a cache may be on a network."""
    sha = hashlib.sha256()
    for folder in dict.fromkeys((HERE, source.path.parent)):
        for path in sorted(folder.glob("*.h")):
            sha.update(path.read_bytes())
    sha.update(source.path.read_bytes())
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


def compile_library(source: Source, command: list[str], path: Path) -> None:
    """Compile, and put the result in its place whole, its checksum after it."""
    say(f"building the {source.title} (some seconds, once)")
    log = path.with_suffix(".log")
    with replacement(path) as made:
        call([*command, "-o", str(made)], log)
        load_library(made, source.functions)  # a compiler's exit code 0 is no library
    write_stamp(path)
    log.unlink(missing_ok=True)
