"""Hard multipliers and block memories of the Lattice ECP5, register for register.

Sources: Lattice FPGA-TN-02204 (memory) and FPGA-TN-02205 (sysDSP), and the netlists that Yosys
infers, which a test compares with.
"""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring

from golden.errors import InputError
from hw.primitives import copies, delay

__all__ = [
    "MOST_ROWS",
    "Ecp5",
    "block_count",
    "initial_values",
    "is_small",
    "read_tiles",
    "tile_words",
]

TILES = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18))
"""Rows and bits of a DP16KD with a port of its own for writing and for reading."""

READ_TILES = (*TILES, (512, 36))
"""The same where nothing is written: both data ports together make rows of 36 bits."""

MOST_ROWS = TILES[0][0]
"""Rows that a memory can have."""

NEAR = 4
"""Blocks of a wide memory that share registers of what they are given."""

SMALL = 512  # bits up to which a memory is cheaper in lookup tables
ADDRESS_BITS = 14
WORDS = 1024  # words of 18 bits in a DP16KD
WORDS_A_VALUE = 16

Access = tuple[Value, Value, Value]
"""Address, data and enable of a port."""


class Ecp5:
    """Mixin of a platform: builds the primitives of `hw.primitives` from the part's own blocks."""

    def get_multiplier(self, multiplier: wiring.Component) -> Module:
        """Return a MULT18X18D with its operand, pipeline and output registers."""
        m = Module()
        registers = ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")
        operands = {"A": multiplier.a, "B": multiplier.b}
        product = Signal(signed(36))
        m.submodules.block = Instance(
            "MULT18X18D",
            **{f"p_REG_{register}_CLK": "CLK0" for register in registers},
            p_GSR="DISABLED",
            i_CLK0=ClockSignal(),
            i_CE0=Const(1),
            i_RST0=Const(0),
            **{f"i_{signal}": Const(0) for signal in ("SOURCEA", "SOURCEB")},
            # An unsigned operand is extended with zeros first, so both are always signed.
            **{f"i_SIGNED{name}": Const(1) for name in operands},
            **{
                f"i_{name}{index}": bit
                for name, value in operands.items()
                for index, bit in enumerate(extend(m, value, 18))
            },
            **{f"o_P{index}": bit for index, bit in enumerate(product)},
        )
        m.d.comb += multiplier.product.eq(product)
        return m

    def get_block_memory(self, memory: wiring.Component) -> Module | None:
        """Return DP16KDs side by side, port A writes, port B reads; None for a small memory."""
        if is_small(memory.width, memory.depth):
            return None
        share = memory.granularity
        rows, bits, ranges = tiles(memory.width, memory.depth, share)
        m = Module()
        given = (memory.read_address, memory.write_address, memory.write_enable)
        groups, data = [given] * len(ranges), memory.write_data
        if memory.wide:
            groups = registered(m, given, -(-len(ranges) // NEAR))
            data = delay(m, data, 1, name="write_data")
        for index, (low, high) in enumerate(ranges):
            read_address, write_address, write_enable = groups[index // NEAR]
            m.submodules[f"tile{index}"] = dp16kd(
                rows,
                bits,
                write=(write_address, data[low:high], write_enable[low // share]),
                read=(read_address, memory.read_data[low:high], memory.read_enable),
            )
        return m

    def get_read_only_memory(self, memory: wiring.Component) -> Module:
        """Return DP16KDs side by side with their initial contents."""
        m = Module()
        data = Value.cast(memory.data)
        rows, bits, tiles = read_tiles(memory.init, len(data))
        for index, (low, high, init) in enumerate(tiles):
            m.submodules[f"tile{index}"] = dp16kd(
                rows,
                bits,
                read=(memory.address, data[low:high], Const(1)),
                init=init,
            )
        return m


def registered(m: Module, given: Sequence[Value], count: int) -> list[list[Value]]:
    """Return ``count`` registers of what is given, a clock later."""
    found = []
    for register in copies(m, Cat(*given), count, name="given"):
        begins = [sum(map(len, given[:index])) for index in range(len(given))]
        found.append([register[b : b + len(v)] for b, v in zip(begins, given, strict=True)])
    return found


def is_small(width: int, depth: int) -> bool:
    """Whether a memory that is written is left to lookup tables."""
    return width * depth <= SMALL


def block_count(width: int, depth: int, granularity: int) -> int:
    """Return the DP16KDs of a memory; its granularity is 0 where nothing is written.

    A memory of more rows than there can be counts as if blocks were put on top of each other.
    """
    layers, depth = -(-depth // MOST_ROWS), min(depth, MOST_ROWS)
    if not granularity:
        return layers * len(read_ranges(width, depth)[2])
    return 0 if is_small(width, depth) else layers * len(tiles(width, depth, granularity)[2])


def tiles(width: int, depth: int, granularity: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Return rows and bits of a written memory's tiles, and of each the range of its bits."""
    rows, bits = find_tile(TILES, depth)
    # A tile may be wider than what shares a write enable: then some of its bits lie idle.
    step = min(bits, granularity)
    ranges = [
        (low, min(low + step, begin + granularity))
        for begin in range(0, width, granularity)
        for low in range(begin, begin + granularity, step)
    ]
    return rows, bits, ranges


def read_ranges(width: int, depth: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Return the same of a read-only memory."""
    rows, bits = find_tile(READ_TILES, depth)
    return rows, bits, [(low, min(low + bits, width)) for low in range(0, width, bits)]


def find_tile(kinds: Sequence[tuple[int, int]], depth: int) -> tuple[int, int]:
    """Return rows and bits of the widest kind that has so many rows."""
    if depth > MOST_ROWS:
        raise InputError(f"A memory must have at most {MOST_ROWS:,} rows, not {depth:,}")
    return next(kind for kind in reversed(kinds) if kind[0] >= depth)


def read_tiles(
    init: Sequence[int], width: int
) -> tuple[int, int, list[tuple[int, int, list[int]]]]:
    """Return rows and bits of a read-only memory's tiles, and of each its bits' range and rows."""
    rows, bits, ranges = read_ranges(width, len(init))
    return (
        rows,
        bits,
        [(low, high, [row >> low & (1 << high - low) - 1 for row in init]) for low, high in ranges],
    )


def extend(m: Module, value: Value, width: int) -> Signal:
    """Return ``value`` sign- or zero-extended to ``width`` bits."""
    wide = Signal(signed(width))
    m.d.comb += wide.eq(value)
    return wide


def dp16kd(
    rows: int,
    bits: int,
    *,
    read: Access,
    write: Access | None = None,
    init: Sequence[int] = (),
) -> Instance:
    """Return a block memory of ``rows`` by ``bits``, its read data registered twice.

    Where nothing is written, a row may have 36 bits.
    """
    width = Const(bits, 32)
    return Instance(
        "DP16KD",
        **{f"p_DATA_WIDTH_{port}": width for port in "AB"},
        **{f"p_REGMODE_{port}": "OUTREG" for port in "AB"},
        p_GSR="DISABLED",
        p_RESETMODE="SYNC",
        **{f"p_CSDECODE_{port}": "0b000" for port in "AB"},
        **{f"p_{name}": value for name, value in initial_values(init, bits).items()},
        **(
            control_pins("A", rows, write) | control_pins("B", rows, read) | write_pins(bits, write)
        ),
        **read_pins(bits, read[1]),
    )


def control_pins(port: str, rows: int, access: Access | None) -> dict[str, Value]:
    """Return a port's pins aside from its data: address, clock, reset and enables."""
    address, _, enable = access or (Const(0), None, Const(0))
    skip = ADDRESS_BITS - (rows - 1).bit_length()  # address bits below a row
    bus = Cat(Const(0, skip), address)
    return {
        **{
            f"i_AD{port}{index}": bus[index] if index < len(bus) else Const(0)
            for index in range(ADDRESS_BITS)
        },
        f"i_CLK{port}": ClockSignal(),
        f"i_RST{port}": Const(0),
        **{f"i_CS{port}{index}": Const(0) for index in range(3)},
        **{f"i_{kind}{port}": enable for kind in ("CE", "OCE")},
    }


def write_pins(bits: int, write: Access | None) -> dict[str, Value]:
    """Return the pins for writing through port A, which replace some of its control pins."""
    pins = {"i_WEA": Const(0), "i_WEB": Const(0)}
    if write:
        pins |= {"i_WEA": write[2], "i_CEA": Const(1)}
        if bits > 9:  # the lowest address bits of a wide port enable its bytes
            pins |= {"i_ADA0": Const(1), "i_ADA1": Const(1)}
        pins |= {f"i_DIA{index}": bit for index, bit in enumerate(write[1])}
    if bits == 36:
        pins["i_WEA"] = Const(1)  # port A only lends its data pins
    return pins


def read_pins(bits: int, data: Value) -> dict[str, Value]:
    """Return the pins for reading: port B's, and port A's for the upper half of a wide row."""
    pins = {}
    for index, bit in enumerate(data):
        port, place = ("B", index) if bits <= 18 else ("AB"[index // 18], index % 18)
        pins[f"o_DO{port}{place}"] = bit
    return pins


def initial_values(rows: Sequence[int], bits: int) -> dict[str, Const]:
    """Return the INITVAL parameters of a DP16KD: 16 words of 18 bits each, 20 bits apart."""
    words = tile_words(rows, bits)
    return {
        f"INITVAL_{index:02X}": Const(
            sum(
                word << 20 * place
                for place, word in enumerate(
                    words[index * WORDS_A_VALUE : (index + 1) * WORDS_A_VALUE]
                )
            ),
            320,
        )
        for index in range(WORDS // WORDS_A_VALUE)
    }


def tile_words(rows: Sequence[int], bits: int) -> list[int]:
    """Return the words of 18 bits that a DP16KD with these rows holds.

    Rows of up to 4 bits leave every ninth bit of a word free.
    """
    words = [0] * WORDS
    used = bits if bits >= 9 else 8  # bits of each nine that hold rows
    for index, row in enumerate(rows):
        if bits >= 18:
            for part in range(bits // 18):
                words[index * (bits // 18) + part] = row >> 18 * part & 0x3FFFF
        else:
            per_nine = used // bits
            nine, place = divmod(index, per_nine)
            words[nine // 2] |= row << 9 * (nine % 2) + bits * place
    return words
