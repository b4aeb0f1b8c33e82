"""A memory with one port, as a macro on silicon."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SinglePortMemory"]


class SinglePortMemory(wiring.Component):
    """A memory that reads a row or writes one in a clock, its read data registered once.

    Latency is one clock. After a write, what it gives is anything.

    Parameters
    ----------
    width : int
        Bits in a row.
    depth : int
        Number of rows.

    Members
    -------
    address, enable : In
        Row, and whether it is read or written.
    write, write_data : In
        Whether it is written, and what with.
    read_data : Out
        The row of the last read.
    """

    def __init__(self, width: int, depth: int):
        self.width = width
        self.depth = depth

        super().__init__({
            "address": In(range(depth)),
            "enable": In(1),
            "write": In(1),
            "write_data": In(width),
            "read_data": Out(width),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_single_port_memory") and (
            hard := platform.get_single_port_memory(self)
        ):
            return hard
        m = Module()

        m.submodules.memory = mem = memory.Memory(
            shape=unsigned(self.width), depth=self.depth, init=[]
        )
        write, read = mem.write_port(), mem.read_port()
        m.d.comb += [
            write.addr.eq(self.address),
            write.data.eq(self.write_data),
            write.en.eq(self.enable & self.write),
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.read_data.eq(read.data),
        ]

        return m
