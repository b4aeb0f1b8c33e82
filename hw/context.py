"""A context: one lattice in memory, and the delta that is still to be added to it."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from golden.fixed import STATE
from hw.primitives import BlockMemory, delay, has_one_port, saturate, spare, way
from hw.shapes import Geometry, code

__all__ = ["Context", "pending_layout"]


def pending_layout(geometry: Geometry) -> data.StructLayout:
    """Shape of which delta is pending: none, or one for all or a phase of the cells."""
    return data.StructLayout({
        "active": 1,
        "phased": 1,
        "row": 1,
        "column": 1,
        "channel": range(geometry.spec.channels),
    })


class Context(wiring.Component):
    """Hold a lattice, and add the pending delta to whatever is read of it.

    The delta has no pass of its own: it is added with saturation on the way out of the memory, for
    a step, a read-out and a raw read alike. It is spent once a pass has written the lattice anew.

    Latency of a read is six clocks, of a write one; where ways are short, three and none.
    Initiation interval one. Takes a memory of a word's width and one of the delta's.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    pending : In
        Which delta is pending for the word to read.
    read_at, read_word : In
        Word to read.
    read_codes : Out
        The word so many clocks ago, the pending delta added.
    write_cell, write_word, write_codes, write_enable : In
        Word to write, and which of its channels.
    delta_index, delta_code, delta_enable : In
        Code of the delta to write, and its ``geometry.site``.
    """

    LATENCY = 1 + BlockMemory.LATENCY + 3
    SPARE = 3

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "pending": In(pending_layout(geometry)),
            "read_at": In(geometry.position),
            "read_word": In(range(geometry.words)),
            "read_codes": Out(geometry.word),
            "write_cell": In(geometry.cell),
            "write_word": In(range(geometry.words)),
            "write_codes": In(geometry.word),
            "write_enable": In(geometry.lanes),
            "delta_index": In(Shape.cast(geometry.site)),
            "delta_code": In(code(STATE)),
            "delta_enable": In(1),
        })

    def elaborate(self, platform):
        m = Module()

        geometry, spec = self.geometry, self.geometry.spec
        m.submodules.lattice = lattice = BlockMemory(
            STATE.width * geometry.lanes,
            spec.cells * geometry.words,
            granularity=STATE.width,
            wide=True,
            single=has_one_port(platform),
        )
        m.d.comb += [
            lattice.read_address.eq(Cat(self.read_word, self.read_at.cell)),
            lattice.write_address.eq(Cat(self.write_word, self.write_cell)),
            lattice.write_data.eq(self.write_codes),
            lattice.write_enable.eq(self.write_enable),
        ]

        # Addresses are registered first: they come through multiplexers, and memories are far away.
        step, early = 1 - spare(platform, 1), way(platform)
        at = data.View(geometry.position, delay(m, self.read_at.as_value(), step, name="read_at"))
        word = delay(m, self.read_word, step, name="read_word")
        m.submodules.delta = delta = BlockMemory(
            STATE.width, 1 << len(self.delta_index), single=True
        )
        m.d.comb += delta.read_address.eq(Cat(at.x[1:], at.y[1:]))
        m.d[early] += [
            delta.write_address.eq(self.delta_index),
            delta.write_data.eq(self.delta_code),
            delta.write_enable.eq(self.delta_enable),
        ]

        # As it was together with the address: it may be spent in the clock after the last one.
        layout = pending_layout(geometry)
        pending = data.View(layout, delay(m, self.pending.as_value(), step, name="pending"))
        reached = Signal()
        is_phase = Cat(at.y[0], at.x[0]) == Cat(pending.row, pending.column)
        m.d.comb += reached.eq(pending.active & (~pending.phased | is_phase))
        # What is read gets a clock for the way: the memory's blocks lie apart.
        stored = data.View(geometry.word, delay(m, lattice.read_data, step, name="stored"))
        for lane in range(geometry.lanes):
            add = Signal(name=f"add{lane}")
            channel = Cat(Const(lane, exact_log2(geometry.lanes)), word)
            m.d.comb += add.eq(reached & (channel == pending.channel))
            add = delay(m, add, BlockMemory.LATENCY, name=f"add{lane}")
            change = Signal(signed(STATE.width), name=f"change{lane}", reset_less=True)
            m.d[early] += change.eq(Mux(add, delta.read_data.as_signed(), 0))
            total = Signal(signed(STATE.width + 1), name=f"total{lane}", reset_less=True)
            m.d[early] += total.eq(stored[lane] + change)
            m.d.comb += self.read_codes[lane].eq(saturate(m, total, STATE, name=f"code{lane}"))

        return m
