"""The array: from a raster of words to the same raster one step on."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.array.accumulator import Accumulator
from hw.array.lane import Lane
from hw.array.residual import Residual
from hw.array.window import Edges, Window
from hw.primitives import BlockMemory, ReadOnlyMemory, connect_each, delay
from hw.scan import token_layout
from hw.shapes import TAPS, Geometry

__all__ = ["SystolicArray", "centres", "slot_layout"]


def centres(geometry: Geometry) -> int:
    """Return how many cells' states wait for their change: more than the pipeline holds."""
    totals = Lane.LATENCY + geometry.filters + Accumulator.LATENCY - 2
    wait = totals - ReadOnlyMemory.LATENCY - TAPS // 2
    return 1 << ceil_log2(2 + -(-wait // geometry.slots))


def slot_layout(geometry: Geometry) -> data.StructLayout:
    """Shape of what the array is told of a slot: the clock in which a filter of a cell is computed.

    ``advance`` marks the first clock of a word; all else concerns the cell in the window's centre.
    With ``check`` there is nothing to compute, and every memory is to read the row at ``address``.
    """
    return data.StructLayout({
        "advance": 1,
        "valid": 1,
        "first": 1,
        "last": 1,
        "edges": Edges,
        "address": geometry.address,
        "check": 1,
    })


class SystolicArray(wiring.Component):
    """Compute one step of the automaton on a stream of words.

    Bit-exact with ``golden.naive.step``. In each of a cell's ``slots`` clocks, F filters are
    computed: nine multipliers for each two filters of a channel, and in each filter's mixing column
    one for every two channels.

    Latency from the slot to the cell's first word one step on is ``LATENCY + F`` clocks after the
    cell's last slot; initiation interval one slot. Does not accept backpressure.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    images : dict of str to list of int
        Skeleton memory images, as `hw.skeleton_memory.images` makes them.

    Members
    -------
    slot : In
        What to compute.
    word : In
        Newest word, two clocks behind the slot that it arrives in.
    codes, valid, index : Out
        A word one step on, whether there is one, and its number within the cell.
    i_scan, o_scan : In, Out
        Tokens past the memories; see `hw.scan`.
    """

    WORD_LATENCY = ReadOnlyMemory.LATENCY
    LATENCY = Lane.LATENCY + Accumulator.LATENCY - 1 + Residual.LATENCY

    def __init__(self, geometry, images):
        self.geometry = geometry
        self.images = images

        super().__init__({
            "slot": In(slot_layout(geometry)),
            "word": In(geometry.word),
            "codes": Out(geometry.word),
            "valid": Out(1),
            "index": Out(range(geometry.words)),
            "i_scan": In(token_layout(geometry)),
            "o_scan": Out(token_layout(geometry)),
        })

    def elaborate(self, platform):
        if hasattr(platform, "get_array") and (hard := platform.get_array(self)):
            return hard
        m = Module()

        geometry = self.geometry
        m.submodules.window = window = Window(geometry)
        wait = self.WORD_LATENCY
        m.d.comb += [
            window.word.eq(self.word),
            window.advance.eq(delay(m, self.slot.advance, wait, name="advance")),
            window.valid.eq(delay(m, self.slot.valid, wait, name="centre")),
            Value.cast(window.edges).eq(delay(m, Value.cast(self.slot.edges), wait, name="edges")),
        ]

        lane, scan = None, self.i_scan
        for index in range(len(geometry.lane_filters)):
            before, lane = lane, self.lane(index)
            m.submodules[f"lane{index}"] = lane
            self.connect_lane(m, window, before, lane)
            m.d.comb += lane.i_scan.eq(scan)
            scan = lane.o_scan

        m.submodules.accumulator = accumulator = Accumulator(geometry)
        wait = Lane.LATENCY + geometry.filters - 2  # a clock ahead of the sums
        skeleton = delay(m, self.slot.address.skeleton, wait, name="skeleton")
        m.d.comb += [
            *connect_each(lane.o_sums, accumulator.sums),
            accumulator.valid.eq(delay(m, self.slot.valid, wait, name="valid")),
            accumulator.first.eq(delay(m, self.slot.first, wait, name="first")),
            accumulator.last.eq(delay(m, self.slot.last, wait, name="last")),
            accumulator.skeleton.eq(skeleton),
            accumulator.check.active.eq(self.slot.check),
            accumulator.check.slot.eq(self.slot.address.slot),
            accumulator.check.skeleton.eq(self.slot.address.skeleton),
        ]

        m.submodules.centres = ring = self.ring(m, window, accumulator)
        states = data.View(geometry.word, ring.read_data)
        for index in range(geometry.lanes):
            residual = Residual(geometry, self.images[f"residual{index}"], index)
            m.submodules[f"residual{index}"] = residual
            m.d.comb += [
                residual.i_scan.eq(scan),
                residual.total.eq(accumulator.totals[index]),
                residual.word.eq(accumulator.o_word),
                residual.skeleton.eq(accumulator.o_skeleton),
                residual.state.eq(states[index]),
                self.codes[index].eq(residual.code),
            ]
            scan = residual.o_scan
        wait = Residual.LATENCY
        m.d.comb += [
            self.valid.eq(delay(m, accumulator.o_valid, wait, name="o_valid")),
            self.index.eq(delay(m, accumulator.o_word, wait, name="o_word")),
            self.o_scan.eq(scan),
        ]

        return m

    def lane(self, index: int) -> Lane:
        """Return the lane with its part of the skeleton memory."""
        columns = range(self.geometry.lane_filters[index])
        return Lane(
            self.geometry,
            index,
            perceive=self.images[f"perceive{index}"],
            mix=[self.images[f"mix{index}_{column}"] for column in columns],
        )

    def connect_lane(self, m: Module, window: Window, before: Lane | None, lane: Lane) -> None:
        """Feed a lane from the one before, or from the window where a new channel begins."""
        channel, filter = divmod(lane.before, self.geometry.parallel)
        if before is None:
            m.d.comb += lane.i_address.eq(self.slot.address)
        else:
            m.d.comb += [
                lane.i_address.eq(before.o_address),
                *connect_each(before.o_sums, lane.i_sums),
            ]

        if filter:
            taps = before.o_taps
        else:
            wait = lane.before + 1  # as a row of the lane's memory, for the way alone
            taps = [delay(m, word[channel], wait, name=f"tap{channel}") for word in window.taps]
        m.d.comb += connect_each(taps, lane.i_taps)

    def ring(self, m: Module, window: Window, accumulator: Accumulator) -> BlockMemory:
        """Keep each cell's state until its change is known; both come in the same order."""
        geometry = self.geometry
        rows = centres(geometry) * geometry.words
        ring = BlockMemory(Shape.cast(geometry.word).width, rows, wide=True)
        valid = delay(m, window.centre_valid, 1, name="centre_valid")
        m.d.comb += [
            ring.write_data.eq(delay(m, Value.cast(window.centre), 1, name="centre")),
            ring.write_enable.eq(valid),
        ]
        with m.If(valid):
            m.d.sync += ring.write_address.eq(ring.write_address + 1)
        with m.If(accumulator.o_valid):
            m.d.sync += ring.read_address.eq(ring.read_address + 1)
        return ring
