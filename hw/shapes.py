"""Shapes of everything that travels through the chip, all derived from a spec and a folding."""

from dataclasses import dataclass, field

from amaranth import *
from amaranth.lib import data
from amaranth.utils import bits_for

from golden.errors import InputError
from golden.fixed import (
    BIAS,
    HIDDEN,
    PIXEL,
    SHIFTS,
    STATE,
    UPDATE_BIAS,
    UPDATE_SHIFTS,
    WEIGHT,
    Format,
)
from golden.layout import Layout
from golden.spec import Spec
from golden.wire import GATE, REQUEST, STATUS, Operation, lean_bytes, response_bytes

__all__ = [
    "FOLDINGS",
    "IDENTITY",
    "LEAST_SLOTS",
    "MOST_CONTEXTS",
    "MOST_SKELETONS",
    "PAIR",
    "TAPS",
    "Geometry",
    "code",
    "foldings",
    "interval",
    "struct",
]

TAPS = 9
"""Taps of one perception filter."""

PAIR = 2
"""Weights that share a multiplier: two filters of a channel, or two channels of a hidden code."""

FOLDINGS = (1, 2, 5, 10)
"""Filters per clock of the chips that are measured."""

SIDES = range(4, 65, 4)
"""Cells a side."""

CHANNELS = (4, 8, 16)

LEAST_SLOTS = 4
"""Clocks of a cell that the sequencer needs to be a clock ahead."""

MOST_SKELETONS = STATUS["damaged"].bits
"""Places for skeletons that a chip can have: its status has a bit for each."""

MOST_CONTEXTS = STATUS["running"].bits
"""Lattices, likewise."""

IDENTITY = 64
"""Bytes that tell what a skeleton's place in the chip holds; a power of two."""


def code(format: Format) -> Shape:
    """Shape of one code of ``format``."""
    return Shape(format.width, format.signed)


def interval(low: int, high: int) -> Shape:
    """Narrowest shape that holds every integer from ``low`` to ``high``."""
    return Shape.cast(range(low, high + 1))


def struct(layout: Layout) -> data.StructLayout:
    """Shape of a message as it travels."""
    return data.StructLayout({field.name: field.bits for field in layout})


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """One build of the chip: the lattice, how far it is folded, and how much it holds.

    The lattice streams in words of `lanes` channels. A word lasts `phases` clocks. In each,
    `filters` perception filters are computed: `parallel` of each of the word's channels.

    A `lean` chip's link keeps packets that are as short as the lattice allows, and short queues.
    """

    spec: Spec = field(default_factory=Spec)
    filters: int = 5
    contexts: int = 2
    skeletons: int = 4
    lean: bool = False

    def __post_init__(self):
        multiplier = self.spec.multiplier
        if self.filters not in foldings(multiplier):
            choices = ", ".join(map(str, foldings(multiplier)))
            raise InputError(
                f"Filters per clock must be one of {choices} where a channel has {multiplier}, "
                f"not {self.filters!r}"
            )
        for name, most in (("skeletons", MOST_SKELETONS), ("contexts", MOST_CONTEXTS)):
            count = getattr(self, name)
            if not 1 <= count <= most:
                raise InputError(f"The chip must have 1 to {most} {name}, not {count!r}")
        for name, allowed, choices in (
            ("height", SIDES, "4 to 64 in steps of 4"),
            ("width", SIDES, "4 to 64 in steps of 4"),
            ("channels", CHANNELS, "4, 8 or 16"),
        ):
            value = getattr(self.spec, name)
            if value not in allowed:
                raise InputError(f"The chip takes spec.{name} {choices}, not {value!r}")
        if self.slots < LEAST_SLOTS:
            raise InputError(
                f"{self.filters} filters per clock leave {self.slots} clocks a cell, "
                f"the chip needs {LEAST_SLOTS}"
            )

    @property
    def lanes(self) -> int:
        """Channels in a word."""
        return max(1, self.filters // self.spec.multiplier)

    @property
    def parallel(self) -> int:
        """Filters of one channel that are computed in one clock."""
        return self.filters // self.lanes

    @property
    def words(self) -> int:
        """Words in a cell."""
        return self.spec.channels // self.lanes

    @property
    def phases(self) -> int:
        """Clocks that a word lasts."""
        return -(-self.spec.multiplier // self.parallel)

    @property
    def slots(self) -> int:
        """Clocks that a cell lasts."""
        return self.words * self.phases

    @property
    def lane_filters(self) -> list[int]:
        """Filters of each lane: two of a channel, one where a channel's are odd."""
        pairs, single = divmod(self.parallel, PAIR)
        return self.lanes * [*pairs * [PAIR], *single * [1]]

    @property
    def border(self) -> int:
        """Cells that a pass reads beyond each edge: one where the lattice is a torus."""
        return int(self.spec.boundary == "wrap")

    @property
    def read_rows(self) -> int:
        """Rows that a pass reads, its border's included."""
        return self.spec.height + 2 * self.border

    @property
    def read_columns(self) -> int:
        """Columns that a pass reads, its border's included."""
        return self.spec.width + 2 * self.border

    @property
    def response(self) -> int:
        """Most bytes of a response of its link."""
        cells = self.spec.cells
        return lean_bytes(cells) if self.lean else response_bytes(cells)

    @property
    def request(self) -> int:
        """Most bytes of a request of its link, a power of two."""
        return self.response if self.lean else REQUEST

    def channel(self, word: int, lane: int) -> int:
        """Channel that ``lane`` of ``word`` holds."""
        return word * self.lanes + lane

    @property
    def word(self) -> data.ArrayLayout:
        """Shape of one word: a code for each lane, lane 0 in the low bits."""
        return data.ArrayLayout(code(STATE), self.lanes)

    @property
    def context(self) -> Shape:
        """Shape of the number of a context."""
        return unsigned(bits_for(self.contexts - 1))

    @property
    def skeleton(self) -> Shape:
        """Shape of the number of a skeleton."""
        return unsigned(bits_for(self.skeletons - 1))

    @property
    def cell(self) -> Shape:
        """Shape of a cell's number: ``width * y + x``."""
        return unsigned(bits_for(self.spec.cells - 1))

    @property
    def position(self) -> data.StructLayout:
        """Shape of a cell's number, and of its column and row."""
        return data.StructLayout({
            "cell": self.cell,
            "x": range(self.spec.width),
            "y": range(self.spec.height),
        })

    @property
    def site(self) -> data.StructLayout:
        """Shape of where a delta's code is kept: the column and row of its four cells."""
        return data.StructLayout({
            "x": range(self.spec.width // 2),
            "y": range(self.spec.height // 2),
        })

    @property
    def address(self) -> data.StructLayout:
        """Shape of where a slot's weights are in a skeleton memory."""
        return data.StructLayout({
            "slot": unsigned(bits_for(self.slots - 1)),
            "skeleton": self.skeleton,
        })

    @property
    def check(self) -> data.StructLayout:
        """Shape of the row that is read of all skeleton memories while they are checked."""
        return data.StructLayout({
            "active": 1,
            "slot": unsigned(bits_for(self.checked - 1)),
            "skeleton": self.skeleton,
        })

    @property
    def checked(self) -> int:
        """Rows of a skeleton that are checked: a slot, or a channel, has one in each memory."""
        return max(self.slots, self.spec.channels)

    @property
    def scanned(self) -> list[str]:
        """Names of the skeleton memories in the order in which they are checked."""
        residuals = [f"residual{lane}" for lane in range(self.lanes)]
        return [*self.lane_memories, *residuals, "encode", "readout", "identity"]

    @property
    def lane_memories(self) -> list[str]:
        """Names of the skeleton memories that hold a row a slot."""
        return [
            name
            for lane, filters in enumerate(self.lane_filters)
            for name in (f"perceive{lane}", *(f"mix{lane}_{k}" for k in range(filters)))
        ]

    @property
    def accumulator(self) -> Shape:
        """Shape of the sum over all hidden codes of a cell, bias aside."""
        return mix_sum(self.spec.filters)

    @property
    def gate(self) -> data.StructLayout:
        """Shape of when and where the gate acts in a run.

        The fields of `golden.wire.GATE`, as narrow as this chip needs them.
        """
        channel = bits_for(self.spec.channels - 1)
        narrow = {"opening": 2, "input_channel": channel, "output_channel": channel}
        return data.StructLayout({name: narrow.get(name, bits) for name, bits, _ in GATE})

    @property
    def command(self) -> data.StructLayout:
        """Shape of a command; ``steps`` and ``gate`` matter to a run alone."""
        return data.StructLayout({
            "operation": Operation,
            "context": self.context,
            "skeleton": self.skeleton,
            "steps": 32,
            "gate": self.gate,
        })

    @property
    def plane(self) -> data.StructLayout:
        """Shape of one code of a gate plane on its way to the host."""
        return data.StructLayout({"code": code(STATE), "context": self.context, "last": 1})

    @property
    def delta(self) -> data.StructLayout:
        """Shape of one code of a delta on its way from the host."""
        return data.StructLayout({"code": code(STATE), "context": self.context})


def foldings(multiplier: int) -> list[int]:
    """Return the filters per clock that a chip may have where a channel has ``multiplier``.

    All of a channel's filters, a part of them that spreads evenly over some clocks, or all of two
    channels.
    """
    evenly = {-(-multiplier // phases) for phases in range(1, multiplier + 1)}
    return [*sorted(evenly), 2 * multiplier]


def product(a: Format, b: Format) -> tuple[int, int]:
    """Smallest and largest product of a code of ``a`` and one of ``b``."""
    ends = [x * y for x in (a.min, a.max) for y in (b.min, b.max)]
    return min(ends), max(ends)


def tap_sum(taps: int) -> Shape:
    """Shape of a perception filter's bias with its first ``taps`` products."""
    low, high = product(WEIGHT, STATE)
    return interval(BIAS.min + taps * low, BIAS.max + taps * high)


def mix_sum(hidden: int) -> Shape:
    """Shape of a sum of ``hidden`` products of the update, bias aside."""
    low, high = product(WEIGHT, HIDDEN)
    return interval(hidden * low, hidden * high)


def update_sum(filters: int) -> Shape:
    """Shape of the update's accumulator, bias included."""
    low, high = product(WEIGHT, HIDDEN)
    return interval(UPDATE_BIAS.min + filters * low, UPDATE_BIAS.max + filters * high)


def encode_sum() -> Shape:
    """Shape of the encoder's accumulator."""
    low, high = product(WEIGHT, PIXEL)
    return interval(BIAS.min + low, BIAS.max + high)


def readout_sum(channels: int) -> Shape:
    """Shape of the read-out's accumulator."""
    low, high = product(WEIGHT, STATE)
    return interval(BIAS.min + channels * low, BIAS.max + channels * high)


def operand_shape(weights: int) -> Shape:
    """Shape of what a multiplier takes of one weight or two."""
    return signed(WEIGHT.width if weights == 1 else 2 * WEIGHT.width + 2)


def perceive_row(filters: int) -> data.StructLayout:
    """Shape of what one filter needs, or two: operands of the taps in raster order, bias, shift."""
    return data.StructLayout({
        "operands": data.ArrayLayout(operand_shape(filters), TAPS),
        "biases": data.ArrayLayout(code(BIAS), filters),
        "shifts": data.ArrayLayout(range(len(SHIFTS)), filters),
    })


def mix_row(channels: int) -> data.ArrayLayout:
    """Shape of what one hidden code needs: an operand for each two channels."""
    return data.ArrayLayout(operand_shape(PAIR), channels // PAIR)


def residual_row() -> data.StructLayout:
    """Shape of what one channel's update needs."""
    return data.StructLayout({"bias": code(UPDATE_BIAS), "shift": range(len(UPDATE_SHIFTS))})


def coefficient_row() -> data.StructLayout:
    """Shape of what one product of the encoder or the read-out needs."""
    return data.StructLayout({
        "weight": code(WEIGHT),
        "bias": code(BIAS),
        "shift": range(len(SHIFTS)),
    })
