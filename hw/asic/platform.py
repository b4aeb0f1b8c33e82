"""The platform of a chip in standard cells: what `hw.primitives` and the array become there."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from golden.fixed import WEIGHT
from hw.asic.macros import Macro, ram, rom
from hw.primitives import delay

__all__ = ["Asic"]

SMALL_ROWS = 32
"""Rows up to which a memory that is written is made of flip-flops."""


class Asic:
    """Builds the chip's blocks for standard cells; nothing has a value before it is given one.

    Memories become macros, see `hw.asic.macros`; small ones become flip-flops. Two products are
    two multipliers of eight bits, and the registers that a hard multiplier and its long ways want
    are left out. `Asic.macros` lists the macros of what was elaborated.

    Parameters
    ----------
    skeleton : str
        What the skeleton memory is: ``logic``, or ``macro``.
    """

    spare_clocks = 6
    """See `hw.array.pe.spare`: the sums are there a clock after the operands."""

    def __init__(self, *, skeleton: str = "logic") -> None:
        self.skeleton = skeleton
        self.macros: list[Macro] = []

    def get_processing_element(self, element: wiring.Component) -> Module:
        """Return a multiplier and adder for each weight, with a register behind them."""
        m = Module()
        weights = unpack(m, element.operand) if element.count > 1 else [element.operand]
        for weight, before, after in zip(weights, element.i_sums, element.o_sums, strict=True):
            total = Signal.like(after, name="total", reset_less=True)
            m.d.sync += total.eq(before + element.sample * weight)
            m.d.comb += after.eq(total)
        return m

    def get_delay_line(self, line: wiring.Component) -> Module | None:
        """Return a shift register for a short line; None for one in a memory."""
        if line.words > SMALL_ROWS:
            return None
        m = Module()
        word = line.i
        with m.If(line.advance):
            for index in range(line.words + 1):
                stage = Signal(line.width, name=f"stage{index}", reset_less=True)
                m.d.sync += stage.eq(word)
                word = stage
        m.d.comb += [line.o.eq(word), line.o_advance.eq(delay(m, line.advance, 1, name="advance"))]
        return m

    def get_block_memory(self, memory: wiring.Component) -> Module:
        """Return a macro with a register behind it, or flip-flops for a small memory."""
        if memory.depth <= SMALL_ROWS:
            return register_file(memory)
        m = Module()
        macro = ram(memory.depth, memory.width, memory.granularity)
        self.macros.append(macro)
        row = Signal(memory.width)
        m.submodules.macro = Instance(
            macro.name,
            i_clk=ClockSignal(),
            i_w_addr=memory.write_address,
            i_w_data=memory.write_data,
            i_w_en=memory.write_enable,
            i_r_addr=memory.read_address,
            i_r_en=memory.read_enable,
            o_r_data=row,
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
            self.macros.append(macro)
            row = Signal(len(data))
            m.submodules.macro = Instance(
                macro.name, i_clk=ClockSignal(), i_r_addr=memory.address, o_r_data=row
            )
            m.d.comb += data.eq(delay(m, row, 1, name="row"))
            return m
        m.submodules.rows = rows = Memory(
            shape=unsigned(len(data)), depth=len(memory.init), init=memory.init
        )
        read = rows.read_port(domain="comb")
        m.d.comb += [
            read.addr.eq(delay(m, memory.address, memory.LATENCY, name="address")),
            data.eq(read.data),
        ]
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


def unpack(m: Module, operand: Value) -> list[Signal]:
    """Return the two weights of an operand; see `hw.array.pe.operand`."""
    lower, upper = Signal(signed(WEIGHT.width)), Signal(signed(WEIGHT.width))
    borrow = operand[WEIGHT.width]  # the lower weight's sign, taken off the upper one
    m.d.comb += [
        lower.eq(operand[: WEIGHT.width]),
        upper.eq(operand[WEIGHT.width + 1 :] + borrow),
    ]
    return [lower, upper]
