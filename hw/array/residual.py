"""The residual: turns accumulators into changes of state and adds them to the state."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.fixed import STATE
from hw.primitives import ReadOnlyMemory, delay, saturate, spare, way
from hw.scan import Scan, token_layout
from hw.shapes import code, residual_row, update_sum

__all__ = ["Residual"]

FINE = 2  # bits of the shift that the second shift stage takes
LIMIT = 255  # a change this large saturates any state; all its bits are ones


class Residual(wiring.Component):
    """Add the bias, shift and cut towards zero, add to the state, saturate; one channel per clock.

    Bit-exact with ``STATE.clamp(state + golden.fixed.trunc_shift(bias + total, shift))``.
    The magnitude is shifted, so that both signs are cut towards zero.

    Latency is twelve clocks, four where ways are short; the state is three, or one, behind the
    accumulator. Initiation interval one. Does not accept backpressure.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    rows : list of int
        Rows of the skeleton memory: a bias and a shift for each word.
    lane : int
        Number of its channel within a word.
    acc : Shape or None
        Shape of an accumulator with its bias; default: what any skeleton can reach.

    Members
    -------
    total, word, skeleton : In
        Accumulator without its bias; word and skeleton that its bias and shift belong to.
    state : In
        State before the step, behind the accumulator by as much as the memory's row.
    code : Out
        State after the step.
    i_scan, o_scan : In, Out
        Tokens past the memory; see `hw.scan`.
    """

    STATE_LATENCY = ReadOnlyMemory.LATENCY + 1
    LATENCY = ReadOnlyMemory.LATENCY + 10
    SPARE = ReadOnlyMemory.SPARE + 7

    def __init__(self, geometry, rows, lane=0, *, acc=None):
        self.geometry = geometry
        self.rows = rows
        self.lane = lane
        self.acc = acc or update_sum(geometry.spec.filters)

        super().__init__({
            "total": In(geometry.accumulator),
            "word": In(range(geometry.words)),
            "skeleton": In(geometry.skeleton),
            "state": In(code(STATE)),
            "code": Out(code(STATE)),
            "i_scan": In(token_layout(geometry)),
            "o_scan": Out(token_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.rom = rom = ReadOnlyMemory(residual_row(), self.rows)
        # The memory's row gets a clock for the way alone.
        row = delay(m, Value.cast(rom.data), 1 - spare(platform, 1), name="row")
        held = data.View(residual_row(), row)
        m.submodules.scan = scan = Scan(self.geometry, f"residual{self.lane}", len(row))
        m.d.comb += [
            rom.address.eq(Cat(self.word, self.skeleton)),
            scan.i.eq(self.i_scan),
            scan.row.eq(row),
            self.o_scan.eq(scan.o),
        ]
        wait = ReadOnlyMemory.LATENCY + 1 - spare(platform, ReadOnlyMemory.SPARE + 1)
        total = delay(m, self.total, wait, name="total")
        early = way(platform)  # all stages but 1, 7 and 9
        step = 1 - spare(platform, 1)

        # Stage 1: the whole accumulator.
        acc = Signal(self.acc, reset_less=True)
        m.d.sync += acc.eq(total + held.bias)

        # Stages 2 and 3: the magnitude.
        flipped = Signal(len(acc), reset_less=True)
        m.d[early] += flipped.eq(acc ^ acc[-1].replicate(len(acc)))
        magnitude = Signal(len(acc), reset_less=True)
        m.d[early] += magnitude.eq(flipped + delay(m, acc[-1], step, name="sign"))

        # Stages 4 and 5: shift, the coarse part first.
        coarse = Signal.like(magnitude, reset_less=True)
        fine = Signal.like(magnitude, reset_less=True)
        shift = delay(m, held.shift, 3 - spare(platform, 2), name="shift")
        m.d[early] += coarse.eq(magnitude >> (shift[FINE:] << FINE))
        m.d[early] += fine.eq(coarse >> delay(m, shift[:FINE], step, name="fine"))

        # Stages 6 and 7: limit, and restore the sign by inversion; the one to add comes in stage 8.
        bits = bits_for(LIMIT)
        negative = delay(m, acc[-1], 5 - spare(platform, 5), name="negative")
        large = Signal(reset_less=True)
        m.d[early] += large.eq(fine[bits:].any())
        limited = delay(m, fine[:bits], step, name="limited") | large.replicate(bits)
        change = Signal(signed(bits + 1), reset_less=True)
        m.d.sync += change.eq(Cat(limited, Const(0, 1)) ^ negative.replicate(bits + 1))

        # Stage 8: add to the state.
        state = delay(m, self.state, 7 - spare(platform, 5), name="state")
        total = Signal(signed(STATE.width + 2), reset_less=True)
        m.d[early] += total.eq(state + change + delay(m, negative, 1, name="added"))

        # Stage 9: saturate.
        m.d.comb += self.code.eq(saturate(m, total, STATE, name="saturated"))

        return m
