"""What a target may have in silicon: multipliers and memories, here in portable form.

Each has the register stages of the hard block that replaces it, so that a target's version computes
the same codes with the same latency.
"""

from collections.abc import Iterable

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import Format

__all__ = [
    "BlockMemory",
    "Multiplier",
    "ReadOnlyMemory",
    "connect_each",
    "copies",
    "delay",
    "has_one_port",
    "saturate",
    "spare",
    "way",
]


def spare(platform: object, clocks: int) -> int:
    """Return how many of ``clocks`` are left out on a platform: all where ways are short."""
    return clocks if getattr(platform, "has_short_ways", False) else 0


def way(platform: object) -> str:
    """Return the domain of what is a register for a long way, or to split long logic, alone."""
    return "comb" if spare(platform, 1) else "sync"


def has_one_port(platform: object) -> bool:
    """Return whether a lattice's memory has one port on a platform, to read or to write."""
    return getattr(platform, "has_one_port", False)


def delay(m: Module, value: Value, clocks: int, *, name: str, init: int = 0) -> Value:
    """Return ``value`` as it was ``clocks`` clocks ago."""
    for index in range(clocks):
        stage = Signal(value.shape(), name=f"{name}_{index + 1}", init=init, reset_less=True)
        m.d.sync += stage.eq(value)
        value = stage
    return value


def copies(m: Module, value: Value, count: int, *, name: str) -> list[Signal]:
    """Return ``count`` registers of ``value``, a clock later: each can be near what it serves.

    They are alike, so a synthesiser would make one of them: the attribute forbids it.
    """
    registers = [
        Signal(value.shape(), name=f"{name}_copy{index}", reset_less=True, attrs={"keep": 1})
        for index in range(count)
    ]
    m.d.sync += [register.eq(value) for register in registers]
    return registers


def saturate(m: Module, value: Value, format: Format, *, name: str) -> Signal:
    """Return ``value`` clamped to ``format``, a clock later."""
    result = Signal(Shape(format.width, format.signed), name=name, reset_less=True)
    with m.If(value > format.max):
        m.d.sync += result.eq(format.max)
    with m.Elif(value < format.min):
        m.d.sync += result.eq(format.min)
    with m.Else():
        m.d.sync += result.eq(value)
    return result


def connect_each(sources: Iterable[Value], targets: Iterable[Value]) -> list:
    """Return the assignments of each of ``sources`` to its one of ``targets``."""
    return [target.eq(source) for source, target in zip(sources, targets, strict=True)]


class Multiplier(wiring.Component):
    """Multiply two integers.

    Latency is three clocks (operands, product, output), none where ways are short; initiation
    interval one. Does not accept backpressure. Takes one multiplier block.

    Parameters
    ----------
    a, b : Shape
        Shapes of the operands.

    Members
    -------
    a, b : In
        Operands.
    product : Out
        Their product.
    """

    LATENCY = 3
    SPARE = 3

    def __init__(self, a, b):
        super().__init__({"a": In(a), "b": In(b), "product": Out((Signal(a) * Signal(b)).shape())})

    def elaborate(self, platform):
        if hasattr(platform, "get_multiplier") and (hard := platform.get_multiplier(self)):
            return hard
        m = Module()

        if spare(platform, self.SPARE):
            m.d.comb += self.product.eq(self.a * self.b)
            return m

        a = Signal.like(self.a, reset_less=True)
        b = Signal.like(self.b, reset_less=True)
        product = Signal.like(self.product, reset_less=True)
        output = Signal.like(self.product, reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), product.eq(a * b), output.eq(product)]
        m.d.comb += self.product.eq(output)

        return m


class BlockMemory(wiring.Component):
    """A memory with one write port and one read port, its read data registered twice.

    Latency is two enabled clocks. A read of an address in the very clock that writes it returns
    anything: users keep the two apart.

    Parameters
    ----------
    width : int
        Bits in a row.
    depth : int
        Number of rows.
    granularity : int
        Bits that share a write enable; default: all of a row.
    wide : bool
        Whether its blocks lie apart. Then addresses and what is written have a register first, for
        the way alone, and a clock more; not where ways are short.
    single : bool
        Whether one port is enough: what is read in a clock that writes is not wanted.

    Members
    -------
    write_address, write_data, write_enable : In
        Row to write, what to write, and which parts of it.
    read_address, read_enable : In
        Row to read; both read registers hold while the enable is low.
    read_data : Out
        The row two enabled clocks ago.
    """

    LATENCY = 2

    def __init__(self, width, depth, *, granularity=None, wide=False, single=False):
        self.width = width
        self.depth = depth
        self.granularity = granularity or width
        self.wide = wide
        self.single = single

        super().__init__({
            "write_address": In(range(depth)),
            "write_data": In(width),
            "write_enable": In(width // self.granularity),
            "read_address": In(range(depth)),
            "read_enable": In(1, init=1),
            "read_data": Out(width),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_block_memory") and (hard := platform.get_block_memory(self)):
            return hard
        m = Module()

        m.submodules.memory = mem = memory.Memory(
            shape=unsigned(self.width), depth=self.depth, init=[]
        )
        write = mem.write_port(granularity=self.granularity)
        read = mem.read_port()
        given = way(platform) if self.wide else "comb"
        m.d[given] += [
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            write.en.eq(self.write_enable),
            read.addr.eq(self.read_address),
        ]
        m.d.comb += read.en.eq(self.read_enable)
        output = Signal(self.width, reset_less=True)
        with m.If(self.read_enable):
            m.d.sync += output.eq(read.data)
        m.d.comb += self.read_data.eq(output)

        return m


class ReadOnlyMemory(wiring.Component):
    """A memory without a write port, initialised at synthesis, its read data registered twice.

    Latency is two clocks, one where ways are short.

    Parameters
    ----------
    shape : ShapeLike
        Shape of a row.
    init : list of int
        The rows; their number is the depth.

    Members
    -------
    address : In
        Row to read.
    data : Out
        The row at that address, so many clocks ago.
    """

    LATENCY = 2
    SPARE = 1

    def __init__(self, shape, init):
        self.shape = shape
        self.init = init

        super().__init__({"address": In(range(len(init))), "data": Out(shape)})

    def elaborate(self, platform):
        if hasattr(platform, "get_read_only_memory") and (
            hard := platform.get_read_only_memory(self)
        ):
            return hard
        m = Module()

        width = Shape.cast(self.shape).width
        m.submodules.rows = mem = memory.Memory(
            shape=unsigned(width), depth=len(self.init), init=self.init
        )
        read = mem.read_port()
        output = Signal(width, reset_less=True)
        m.d.comb += [read.addr.eq(self.address), Value.cast(self.data).eq(output)]
        m.d.sync += output.eq(read.data)

        return m
