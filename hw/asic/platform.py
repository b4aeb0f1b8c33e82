"""The platform of a chip in standard cells: what `hw.primitives` and the array become there."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from hw.array.array import SystolicArray
from hw.asic.array import AsicArray
from hw.asic.macros import Macro, ram, rom, single
from hw.asic.single_port import SinglePortMemory
from hw.asic.sram_memory import SramMemory
from hw.asic.srams import SramLibrary, assemble
from hw.primitives import delay

__all__ = ["Asic"]

SMALL_ROWS = 32
"""Rows up to which a memory that is written is made of flip-flops."""


class Asic:
    """Builds the chip's blocks for standard cells; nothing has a value before it is given one.

    Memories become macros, see `hw.asic.macros`; small ones become flip-flops. The lattice's memory
    has one port, since the array leaves it clocks to write in. The registers that long ways and
    hard multipliers want are left out, and the array is another: see `hw.asic.array`. `Asic.macros`
    lists the macros of what was elaborated.

    Parameters
    ----------
    skeleton : str
        What the skeleton memory is: ``logic``, or ``macro``.
    srams : SramLibrary, optional
        The PDK's SRAMs that macros are made of; without it, they are modules outside the chip.
    """

    has_short_ways = True
    """See `hw.primitives.spare`."""

    has_one_port = True
    """See `hw.primitives.has_one_port`."""

    def __init__(self, *, skeleton: str = "logic", srams: SramLibrary | None = None) -> None:
        self.skeleton = skeleton
        self.srams = srams
        self.macros: list[Macro] = []

    def get_array(self, array: SystolicArray) -> AsicArray:
        """Return the array whose products need no chain."""
        return AsicArray(array)

    def get_single_port_memory(self, memory: SinglePortMemory) -> Module | None:
        """Return a macro; None for a small memory, which becomes flip-flops."""
        if memory.depth <= SMALL_ROWS:
            return None
        m = Module()
        self.add_macro(
            m,
            single(memory.depth, memory.width),
            addr=memory.address,
            en=memory.enable,
            w_en=memory.write,
            w_data=memory.write_data,
            r_data=memory.read_data,
        )
        return m

    def get_block_memory(self, memory: wiring.Component) -> Module:
        """Return a macro with a register behind it, or flip-flops for a small memory."""
        if memory.single:
            return share_port(memory)
        if memory.depth <= SMALL_ROWS:
            return register_file(memory)
        m = Module()
        row = Signal(memory.width)
        self.add_macro(
            m,
            ram(memory.depth, memory.width, memory.granularity),
            w_addr=memory.write_address,
            w_data=memory.write_data,
            w_en=memory.write_enable,
            r_addr=memory.read_address,
            r_en=memory.read_enable,
            r_data=row,
        )
        output = Signal(memory.width, reset_less=True)
        with m.If(memory.read_enable):
            m.d.sync += output.eq(row)
        m.d.comb += memory.read_data.eq(output)
        return m

    def get_read_only_memory(self, memory: wiring.Component) -> Module:
        """Return the rows as logic behind a register of the address, or as a macro."""
        m = Module()
        data = Value.cast(memory.data)
        if self.skeleton == "macro":
            macro = rom(len(data), memory.init)
            self.add_macro(m, macro, r_addr=memory.address, r_data=data)
            return m
        m.submodules.rows = rows = Memory(
            shape=unsigned(len(data)), depth=len(memory.init), init=memory.init
        )
        read = rows.read_port(domain="comb")
        m.d.comb += [
            read.addr.eq(delay(m, memory.address, 1, name="address")),
            data.eq(read.data),
        ]
        return m

    def add_macro(self, m: Module, macro: Macro, **ports: Value) -> None:
        """Add a memory: a module outside the chip, or the PDK's SRAMs."""
        self.macros.append(macro)
        if self.srams is None:
            ways = {name: way[0] for name, (way, _) in macro.ports.items()}  # i or o
            named = {f"{ways[name]}_{name}": value for name, value in ports.items()}
            m.submodules.macro = Instance(macro.name, i_clk=ClockSignal(), **named)
            return
        m.submodules.macro = made = SramMemory(macro, assemble(macro, self.srams))
        for name, value in ports.items():
            port = getattr(made, name)
            m.d.comb += value.eq(port) if macro.ports[name][0] == "output" else port.eq(value)


def share_port(memory: wiring.Component) -> Module:
    """Return a memory with one port and a register behind it; it writes rather than reads."""
    m = Module()
    m.submodules.memory = made = SinglePortMemory(memory.width, memory.depth)
    output = Signal(memory.width, reset_less=True)
    m.d.comb += [
        made.write.eq(memory.write_enable.any()),
        made.enable.eq(made.write | memory.read_enable),
        made.address.eq(Mux(made.write, memory.write_address, memory.read_address)),
        made.write_data.eq(memory.write_data),
        memory.read_data.eq(output),
    ]
    with m.If(memory.read_enable):
        m.d.sync += output.eq(made.read_data)
    return m


def register_file(memory: wiring.Component) -> Module:
    """Return a small memory of flip-flops, its read data registered twice."""
    m = Module()
    share = memory.granularity
    rows = [Signal(memory.width, name=f"row{row}", reset_less=True) for row in range(memory.depth)]
    for row, held in enumerate(rows):
        with m.If(memory.write_address == row):
            for part, enable in enumerate(memory.write_enable):
                bits = slice(part * share, (part + 1) * share)
                with m.If(enable):
                    m.d.sync += held[bits].eq(memory.write_data[bits])
    found = Signal(memory.width, reset_less=True)
    output = Signal(memory.width, reset_less=True)
    with m.If(memory.read_enable):
        m.d.sync += [found.eq(Array(rows)[memory.read_address]), output.eq(found)]
    m.d.comb += memory.read_data.eq(output)
    return m
