"""Memories as macros: modules with a documented port, which a memory compiler's block goes into.

A macro of one port for reading and writing is called ``ram1_<rows>x<bits>``. Its ports:

============ ====== =========================================================================
port         way    is
============ ====== =========================================================================
clk          in     clock, rising edge
addr         in     row to read or to write
en           in     whether to do either; `r_data` holds while it is low
w_en         in     whether to write
w_data       in     what to write
r_data       out    the row, from a register: it follows the edge that took `addr`; anything
                    after a write
============ ====== =========================================================================

A macro with a port for each is called ``ram_<rows>x<bits>``, followed by ``_by<bits>`` where parts
of a row are written apart. Its ports:

============ ====== =========================================================================
port         way    is
============ ====== =========================================================================
clk          in     clock, rising edge
w_addr       in     row to write
w_data       in     what to write
w_en         in     a bit for each part of the row: whether to write it
r_addr       in     row to read
r_en         in     whether to read; `r_data` holds while it is low
r_data       out    the row, from a register: it follows the edge that took `r_addr`
============ ====== =========================================================================

A row that is read in the clock that writes it may come out as anything. A macro that is only read
is called ``rom_<rows>x<bits>_<crc>``, after the CRC-32 of its contents, and has ``clk``, ``r_addr``
and ``r_data`` alone.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.utils import ceil_log2

__all__ = ["Macro", "model", "ram", "rom", "single"]


@dataclass(frozen=True)
class Macro:
    """A memory outside the logic.

    Parameters
    ----------
    rows, bits : int
        Rows, and bits of a row.
    granularity : int
        Bits that share a write enable; 0 where nothing is written.
    contents : tuple of int
        Its rows, where nothing is written.
    single : bool
        Whether one port serves for reading and writing.
    """

    rows: int
    bits: int
    granularity: int = 0
    contents: tuple[int, ...] = ()
    single: bool = False

    @property
    def name(self) -> str:
        """Name of its module."""
        if not self.granularity:
            size = -(-self.bits // 8)
            text = b"".join(row.to_bytes(size, "little") for row in self.contents)
            return f"rom_{self.rows}x{self.bits}_{zlib.crc32(text):08x}"
        if self.single:
            return f"ram1_{self.rows}x{self.bits}"
        parts = f"_by{self.granularity}" if self.granularity < self.bits else ""
        return f"ram_{self.rows}x{self.bits}{parts}"

    @property
    def ports(self) -> dict[str, tuple[str, int]]:
        """Way and bits of each port."""
        address = ceil_log2(self.rows)
        if self.single:
            inputs = {"clk": 1, "addr": address, "en": 1, "w_en": 1, "w_data": self.bits}
            ways = {name: ("input", bits) for name, bits in inputs.items()}
            return {**ways, "r_data": ("output", self.bits)}
        ports = {"clk": ("input", 1), "r_addr": ("input", address), "r_data": ("output", self.bits)}
        if not self.granularity:
            return ports
        return ports | {
            "r_en": ("input", 1),
            "w_addr": ("input", address),
            "w_data": ("input", self.bits),
            "w_en": ("input", self.bits // self.granularity),
        }


def ram(rows: int, bits: int, granularity: int) -> Macro:
    """Return the macro of a memory that is written."""
    return Macro(rows, bits, granularity)


def single(rows: int, bits: int) -> Macro:
    """Return the macro of a memory with one port."""
    return Macro(rows, bits, bits, single=True)


def rom(bits: int, contents: Sequence[int]) -> Macro:
    """Return the macro of a memory with these rows, that is only read."""
    return Macro(len(contents), bits, 0, tuple(contents))


def model(macro: Macro) -> str:
    """Return Verilog of a macro for simulation; a memory that is written begins with anything."""
    ports = ",\n".join(
        f"    {way} {'reg ' if way == 'output' else ''}{f'[{bits - 1}:0] '}{name}"
        for name, (way, bits) in macro.ports.items()
    )
    lines = [f"module {macro.name}(", ports, ");"]
    lines += [f"    reg [{macro.bits - 1}:0] memory [0:{macro.rows - 1}];"]
    if macro.single:
        lines += [
            "    always @(posedge clk) if (en) begin",
            "        if (w_en) memory[addr] <= w_data;",
            "        r_data <= memory[addr];",
            "    end",
        ]
    elif macro.granularity:
        lines += writes(macro)
        lines += ["    always @(posedge clk) if (r_en) r_data <= memory[r_addr];"]
    else:
        lines += ["    initial begin"]
        lines += [
            f"        memory[{row}] = {macro.bits}'h{value:x};"
            for row, value in enumerate(macro.contents)
        ]
        lines += ["    end", "    always @(posedge clk) r_data <= memory[r_addr];"]
    return "\n".join([*lines, "endmodule\n"])


def writes(macro: Macro) -> list[str]:
    """Return lines that write each part of a row whose enable is high."""
    lines = ["    always @(posedge clk) begin"]
    for part in range(macro.bits // macro.granularity):
        high, low = (part + 1) * macro.granularity - 1, part * macro.granularity
        lines += [
            f"        if (w_en[{part}]) memory[w_addr][{high}:{low}] <= w_data[{high}:{low}];"
        ]
    return [*lines, "    end"]
