"""The array on silicon: one filter a clock, without registers for long ways or hard multipliers."""

from amaranth import *
from amaranth.lib import data

from golden.errors import InputError
from golden.fixed import HIDDEN, SHIFTS, WEIGHT
from hw.array.array import SystolicArray
from hw.array.requantiser import Requantiser
from hw.array.residual import Residual
from hw.asic.carry_save import CarrySave
from hw.asic.ranges import fill, filter_sum, total_sum, update_sum
from hw.asic.totals import Totals
from hw.asic.window import RowWindow
from hw.primitives import ReadOnlyMemory, delay, spare
from hw.scan import Scan
from hw.shapes import PAIR, Geometry, operand_shape, perceive_row
from hw.skeleton_memory import layouts

__all__ = ["AsicArray", "require_geometry"]


def require_geometry(geometry: Geometry) -> None:
    """Raise unless the array can be built for a chip."""
    spec = geometry.spec
    for name, value, good, choices in (
        ("filters", geometry.filters, geometry.filters == 1, "1"),
        ("spec.multiplier", spec.multiplier, geometry.phases > RowWindow.LATENCY, "5 to 8"),
        ("spec.boundary", spec.boundary, not geometry.border, "zero"),
        ("spec.width", spec.width, not spec.width & spec.width - 1, "4, 8, 16, 32 or 64"),
    ):
        if not good:
            raise InputError(f"The chip in standard cells takes {name} {choices}, not {value!r}")


class AsicArray(Elaboratable):
    """Compute one step of the automaton on a stream of words, as `hw.array.array.SystolicArray`.

    All nine taps are there at once, so that nine products are summed without a chain. The totals of
    a cell leave while the next cell is summed, one in the clock of a word that leaves the window's
    memory free, together with the state that they change: that is kept nowhere else.

    Latency from a cell's last slot to its first word one step on is ``LATENCY`` clocks, and up to
    four more while the window is in use. Sums are as narrow as the skeletons allow.

    The lattice's memory needs one port. An address lasts ``geometry.phases`` clocks, and the window
    takes what its clock 3 reads. Counted from its clock 0, what the window's free clocks fetch is
    written in clocks 12 to ``7 + phases``: three of a read, the window's four, the residual's four
    and one more. Modulo ``phases`` none of them is a clock 3.

    Parameters
    ----------
    array : SystolicArray
        What it stands for: its geometry, skeleton memories and members.
    """

    HIDDEN_LATENCY = SystolicArray.WORD_LATENCY + RowWindow.LATENCY + 2 + 1
    """Clocks from a slot to its hidden code: to the taps, two sums, a requantiser."""

    LATENCY = HIDDEN_LATENCY + 2 + Residual.LATENCY - Residual.SPARE

    def __init__(self, array: SystolicArray):
        require_geometry(array.geometry)
        self.array = array
        self.geometry = array.geometry
        self.images = array.images

    def elaborate(self, platform):
        m = Module()

        geometry, slot = self.geometry, self.array.slot
        wait = SystolicArray.WORD_LATENCY
        m.submodules.window = window = RowWindow(geometry)
        m.submodules.totals = totals = Totals(geometry, total_sum(geometry, self.images))
        edges = delay(m, Value.cast(slot.edges), 1, name="edges")
        m.d.comb += [
            window.word.eq(self.array.word[0]),
            window.advance.eq(delay(m, slot.advance, wait, name="advance")),
            Value.cast(window.edges).eq(edges),
        ]

        # The row of a slot is there with its taps, and the row of its hidden code with that.
        memory = ReadOnlyMemory.LATENCY - spare(platform, ReadOnlyMemory.SPARE)
        places = slot.address if geometry.skeletons > 1 else slot.address.slot
        early = wait + RowWindow.LATENCY - memory - 1
        address = delay(m, Value.cast(places), early, name="address")
        row, scan = self.read(m, "perceive0", address, self.array.i_scan)
        row = delay(m, row, 1, name="perceive_row")
        hidden = self.perceive(m, window, data.View(perceive_row(1), row))
        address = delay(m, address, self.HIDDEN_LATENCY - memory - 1 - early, name="mix_address")
        row, scan = self.read(m, "mix0_0", address, scan)
        weights = delay(m, unpack(row), 1, name="mix_row")

        at = self.HIDDEN_LATENCY
        m.d.comb += [
            totals.hidden.eq(hidden),
            totals.weights.eq(weights),
            totals.first.eq(delay(m, slot.first, at, name="first")),
            totals.ended.eq(delay(m, slot.valid & slot.last, at + 1, name="ended")),
            totals.granted.eq(window.granted),
        ]
        self.change(m, window, totals, scan)

        return m

    def read(
        self, m: Module, name: str, address: Value, scan: data.View
    ) -> tuple[Value, data.View]:
        """Read a skeleton memory; return the row, and where the tokens go on."""
        images = fill(self.geometry, name, self.images[name])
        m.submodules[f"{name}_rom"] = rom = ReadOnlyMemory(layouts(self.geometry)[name], images)
        row = Value.cast(rom.data)
        m.submodules[f"{name}_scan"] = place = Scan(self.geometry, name, len(row))
        m.d.comb += [rom.address.eq(address), place.i.eq(scan), place.row.eq(row)]
        return row, place.o

    def perceive(self, m: Module, window: RowWindow, row: data.View) -> Value:
        """Return the hidden code of nine taps: two clocks of sums, then ReLU and normalisation."""
        acc = Signal(filter_sum(self.images), reset_less=True)
        sums = CarrySave(m, len(acc), name="products")
        for tap, weight in zip(window.taps, row.operands, strict=True):
            sums.multiply_add(tap, weight)
        sums.add(row.biases[0])
        one, other = (delay(m, part, 1, name=f"part{k}") for k, part in enumerate(sums.rows()))
        m.d.sync += acc.eq(one + other)

        m.submodules.norm = norm = Requantiser(acc.shape(), max_shift=SHIFTS[-1], to=HIDDEN)
        m.d.comb += [norm.acc.eq(acc), norm.shift.eq(delay(m, row.shifts[0], 2, name="shift"))]
        return norm.code

    def change(self, m: Module, window: RowWindow, totals: Totals, scan: data.View) -> None:
        """Add what leaves the totals to the states."""
        array, slot, checks = self.array, self.array.slot, self.array.slot.check
        m.submodules.residual0 = residual = Residual(
            self.geometry, self.images["residual0"], acc=update_sum(self.geometry, self.images)
        )
        # The states are those of the cell before the one that the window now writes.
        cell = Signal.like(window.fetch_cell, reset_less=True)
        skeleton = Const(0)
        if self.geometry.skeletons > 1:
            skeleton = Signal(self.geometry.skeleton, reset_less=True)
            at = self.HIDDEN_LATENCY + 1
            late = delay(m, slot.address.skeleton, at, name="skeleton")
            with m.If(totals.ended):
                m.d.sync += skeleton.eq(late)
        with m.If(totals.ended):
            m.d.sync += cell.eq(window.cell - 2)
        m.d.comb += [
            window.fetch.eq(totals.o_valid),
            window.fetch_cell.eq(cell),
            window.fetch_word.eq(totals.o_word),
            residual.i_scan.eq(scan),
            residual.total.eq(totals.total),
            residual.word.eq(Mux(checks, slot.address.slot, totals.o_word)),
            residual.skeleton.eq(Mux(checks, slot.address.skeleton, skeleton)),
            residual.state.eq(window.state),
            array.codes[0].eq(residual.code),
            array.o_scan.eq(residual.o_scan),
        ]
        wait = Residual.LATENCY - Residual.SPARE
        m.d.comb += [
            array.valid.eq(delay(m, window.granted, wait, name="o_valid")),
            array.index.eq(delay(m, totals.o_word, wait, name="o_word")),
        ]


def unpack(row: Value) -> Value:
    """Return the weights of a row of operands; see `hw.array.pe.operand`."""
    width, size = WEIGHT.width, operand_shape(PAIR).width
    weights = []
    for begin in range(0, len(row), size):
        lower, upper = row[begin : begin + width], row[begin + width + 1 : begin + 2 * width + 1]
        borrow = lower[-1]  # the lower weight's sign, taken off the upper one
        weights += [lower, (upper + borrow)[:width]]
    return Cat(weights)
