"""A memory of the chip, made of SRAMs of a PDK."""

from __future__ import annotations

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.asic.macros import Macro
from hw.asic.srams import Assembly

__all__ = ["SramMemory", "sram_ports"]

IHP_PORT = ("CLK", "MEN", "WEN", "REN", "ADDR", "DIN", "DLY", "DOUT", "BM")
"""Ports of each side of an SRAM of IHP's; the test logic has the same, but for DLY and DOUT."""


def sram_ports(made: Assembly) -> dict[str, tuple[str, int]]:
    """Return way and bits of each port of a block, apart from its supplies."""
    sram, address = made.sram, exact_log2(made.sram.rows)
    bits = {"ADDR": address, "DIN": sram.bits, "DOUT": sram.bits, "BM": sram.bits}
    ports: dict[str, tuple[str, int]] = {}
    if made.library.pdk == "ihp-sg13g2":
        for side in "A" if sram.single else "AB":
            for name in IHP_PORT:
                way = "output" if name == "DOUT" else "input"
                ports[f"{side}_{name}"] = way, bits.get(name, 1)
            for name in ("EN", *(name for name in IHP_PORT if name not in ("DLY", "DOUT"))):
                ports[f"{side}_BIST_{name}"] = "input", bits.get(name, 1)
        return ports
    inputs = {"clk0": 1, "csb0": 1, "web0": 1, "wmask0": sram.bits // made.library.mask}
    inputs |= {"addr0": address, "din0": sram.bits, "clk1": 1, "csb1": 1, "addr1": address}
    ports = {name: ("input", count) for name, count in inputs.items()}
    return ports | {f"dout{side}": ("output", sram.bits) for side in (0, 1)}


class SramMemory(wiring.Component):
    """Do what a macro of `hw.asic.macros` does, with SRAMs of a PDK.

    Latency is one clock, initiation interval one. A block is enabled when it is read or written.
    Takes registers for the place of a row within the blocks, and for the row where the blocks do
    not hold it.

    Parameters
    ----------
    macro : Macro
        The memory; it must be one that is written.
    made : Assembly
        How it is made of blocks.

    Members
    -------
    As `hw.asic.macros` says, without the clock.
    """

    def __init__(self, macro: Macro, made: Assembly):
        self.macro = macro
        self.made = made

        super().__init__({
            name: (Out if way == "output" else In)(bits)
            for name, (way, bits) in macro.ports.items()
            if name != "clk"
        })

    def elaborate(self, platform):
        m = Module()

        macro, made = self.macro, self.made
        if macro.single:
            to_write = to_read = self.addr
            writes, reads = self.en & self.w_en, self.en & ~self.w_en
        else:
            to_write, to_read = self.w_addr, self.r_addr
            writes, reads = self.w_en, self.r_en
        lane, row, bank = self.place(to_write)
        columns = self.written(lane, writes)
        read_lane, read_row, read_bank = self.place(to_read)

        shown = []
        for index in range(made.banks):
            parts = []
            for column, (data, mask) in enumerate(columns):
                block, out = self.block(
                    writes=writes.any() & (bank == index),
                    row=row,
                    data=data,
                    mask=mask,
                    reads=reads & (read_bank == index),
                    read_row=read_row,
                )
                m.submodules[f"bank{index}_{column}"] = block
                parts.append(out)
            shown.append(Cat(*parts))

        m.d.comb += self.r_data.eq(self.found(m, shown, read_lane, read_bank, reads))

        return m

    def place(self, address: Value) -> tuple[Value, Value, Value]:
        """Return lane, row and bank of an address; each has a bit at least."""
        lanes, rows = exact_log2(self.made.lanes), exact_log2(self.made.sram.rows)
        row = address[lanes : lanes + rows]
        return address[:lanes] | C(0, 1), row | C(0, rows), address[lanes + rows :] | C(0, 1)

    def written(self, lane: Value, enables: Value) -> list[tuple[Value, Value]]:
        """Return what each column is written with, and which of its bits."""
        macro, made = self.macro, self.made
        enabled = Cat(enable.replicate(macro.granularity) for enable in enables)
        if made.columns > 1:
            size = made.stride
            starts = range(0, macro.bits, size)
            data = self.w_data
            return [(data[at : at + size] | C(0, size), mask(enabled, at, size)) for at in starts]
        data = Cat((self.w_data | C(0, made.stride)) for _ in range(made.lanes))
        lanes = [
            Mux(lane == index, mask(enabled, 0, made.stride), 0) for index in range(made.lanes)
        ]
        return [(data, Cat(part[: made.stride] for part in lanes))]

    def found(self, m: Module, shown: list[Value], lane: Value, bank: Value, reads: Value) -> Value:
        """Return the row that was read last."""
        made = self.made
        from_lane = Signal.like(lane, name="from_lane", reset_less=True)
        from_bank = Signal.like(bank, name="from_bank", reset_less=True)
        with m.If(reads):
            m.d.sync += [from_lane.eq(lane), from_bank.eq(bank)]
        row = Array(shown)[from_bank] if made.banks > 1 else shown[0]
        word = row.word_select(from_lane, made.stride) if made.lanes > 1 else row
        word = word[: self.macro.bits]
        if made.library.holds:
            return word
        fresh, kept = Signal(), Signal(self.macro.bits, reset_less=True)
        m.d.sync += fresh.eq(reads)
        with m.If(fresh):
            m.d.sync += kept.eq(word)
        return Mux(fresh, word, kept)

    def block(
        self, *, writes: Value, row: Value, data: Value, mask: Value, reads: Value, read_row: Value
    ) -> tuple[Instance, Signal]:
        """Return a block and what it shows."""
        made, sram = self.made, self.made.sram
        out, clock = Signal(sram.bits), ClockSignal()
        if made.library.pdk != "ihp-sg13g2":
            write_mask = mask[:: made.library.mask]
            used = {"clk0": clock, "csb0": ~writes, "web0": 0, "wmask0": write_mask, "addr0": row}
            used |= {"din0": data, "clk1": clock, "csb1": ~reads, "addr1": read_row, "dout1": out}
        elif sram.single:
            used = {"A_CLK": clock, "A_MEN": writes | reads, "A_WEN": writes, "A_REN": reads}
            used |= {"A_ADDR": row, "A_DIN": data, "A_BM": mask, "A_DOUT": out, "A_DLY": 1}
        else:
            used = {"A_CLK": clock, "A_MEN": writes, "A_WEN": writes, "A_ADDR": row, "A_DLY": 1}
            used |= {"A_DIN": data, "A_BM": mask, "B_CLK": clock, "B_MEN": reads, "B_REN": reads}
            used |= {"B_ADDR": read_row, "B_DOUT": out, "B_DLY": 1}
        ports = {}
        for name, (way, bits) in sram_ports(made).items():
            idle = C(0, bits) if way == "input" else Signal(bits, name=f"unused_{name}")
            ports[f"{way[0]}_{name}"] = used.get(name, idle)
        return Instance(sram.name, **ports), out


def mask(enabled: Value, start: int, size: int) -> Value:
    """Return the write mask of some bits of a row, up to the size of a column."""
    return enabled[start : start + size] | C(0, size)
