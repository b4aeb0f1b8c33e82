"""What Python says of the functions of its simulators is what their C++ says."""

import ctypes
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from amaranth import Shape

from golden.spec import Spec
from hw.clocks import RESET_CLOCKS
from hw.shapes import Geometry
from sim.devices import chip, served, wire
from sim.devices.designs import ChipDesign, Port
from tests.played_chip import WORDS

SIM = Path(chip.__file__).parent
TYPES = {
    "void": None,
    "int": ctypes.c_int,
    "double": ctypes.c_double,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "Chip*": ctypes.c_void_p,
    "Board*": ctypes.c_void_p,
    "uint32_t*": ctypes.POINTER(ctypes.c_uint32),
    "uint64_t*": ctypes.POINTER(ctypes.c_uint64),
    "uint8_t*": ctypes.c_char_p,
    "char*": ctypes.c_char_p,
}
FUNCTION = re.compile(r"^([\w*]+) ((?:chip|board)_\w+)\(([^)]*)\)", re.MULTILINE)
OF_TRACED = {"chip_trace", "chip_trace_end"}
"""Functions of a chip that counts toggles."""


def declared(*files):
    """What C++ declares: each function's result and arguments."""
    return {
        name: (TYPES[result], [TYPES[each.removeprefix("const ").split()[0]] for each in
                               filter(None, arguments.split(", "))])
        for file in files
        for result, name, arguments in FUNCTION.findall((SIM / file).read_text())
    }  # fmt: skip


class Plain:
    """A library that has these functions alone, as ctypes gives them."""

    def __init__(self, names):
        for name in names:
            setattr(self, name, SimpleNamespace(restype=ctypes.c_int, argtypes=None))


@pytest.mark.parametrize(
    ("module", "files", "more"),
    [
        (chip, ["chip.cpp"], ()),
        (served, ["served.cpp"], ()),
        (served, ["served.cpp", "wire.cpp"], (wire.FUNCTIONS,)),
    ],
    ids=["chip", "board", "wire"],
)
def test_functions_are_called_as_they_are_declared(monkeypatch, module, files, more):
    wanted = declared(*files)
    library = Plain(wanted)
    monkeypatch.setattr(module, "load_library", {"it": library}.get)
    assert module.load("it", *more) is library
    for name, (result, arguments) in wanted.items():
        function = getattr(library, name)
        assert list(function.argtypes) == arguments, name
        assert function.restype is result, name


def test_a_chip_that_is_not_traced_lacks_those_functions_alone(monkeypatch):
    names = [name for name in declared("chip.cpp") if name not in OF_TRACED]
    library = Plain(names)
    monkeypatch.setattr(chip, "load_library", {"it": library}.get)
    assert chip.load("it") is library and len(names) == 13


def test_numbers_that_python_and_cpp_share_are_the_same():
    text = (SIM / "chip.cpp").read_text()
    (enum,) = re.findall(r"enum \{ (kDone.*) \};", text)
    assert enum == f"kDone = 0, kMore = 1, kStuck = {chip.STUCK}"
    (switch,) = re.findall(r"switch \(port\) \{(.*?)\n    \}", text, re.DOTALL)
    sides = dict(re.findall(r"(?:case )?(\w+): return chip->(\w+);", switch))
    last = {"PLANE": sides.pop("default")}
    assert sides | last == {port.name: port.name.lower() for port in Port}
    assert [*Port] == [*range(5)]


@pytest.mark.parametrize("filters", [1, 2, 5])
@pytest.mark.parametrize("contexts", [1, 2, 8])
def test_cpp_is_told_the_numbers_of_the_ports_and_the_words_of_a_command(filters, contexts):
    geometry = Geometry(spec=Spec(), filters=filters, contexts=contexts)
    assert '#include "model.h"' in (SIM / "chip.cpp").read_text()
    ports, command, reset = ChipDesign(geometry).header.splitlines()
    assert ports == "enum Port { COMMAND = 0, DATA_IN = 1, DELTA = 2, DATA_OUT = 3, PLANE = 4 };"
    words = -(-Shape.cast(geometry.command).width // 32)
    assert command == f"constexpr int kCommandWords = {words};" and words == WORDS
    assert reset == f"constexpr int kResetClocks = {RESET_CLOCKS};"
