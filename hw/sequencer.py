"""The sequencer: which pass streams through the array, slot by slot, and where it is written."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.array.array import slot_layout
from hw.context import pending_layout
from hw.ports import COUNTER
from hw.primitives import delay

__all__ = ["Sequencer"]


def pass_layout(geometry):
    """Shape of a pass: its context, whether the gate acts after it, whether it ends its run."""
    return data.StructLayout({"context": geometry.context, "opening": 1, "last": 1})


def run_layout(geometry):
    """Shape of what a context knows of its run."""
    return data.StructLayout({
        "running": 1,
        "blocked": 1,  # waits for a delta, from the beginning of the pass that opens the gate
        "open": 1,  # that pass is written: the delta may come
        "finished": 1,  # the last pass is written
        "remaining": 32,
        "skeleton": geometry.skeleton,
        "gate": geometry.gate,
        "pending": pending_layout(geometry),
    })


class Sequencer(wiring.Component):
    """Stream passes through the array without a gap, for as long as a context has one to make.

    A pass reads a lattice once, in raster order, and writes it in place one step on. The read of
    the next pass begins in the clock after the last read of this one, be it of the same context or
    of another, so the pipeline drains only where nothing is left to do or every context waits for
    its delta. A context keeps the array until its run ends or its gate opens.

    A run of T ungated steps takes ``T * cells * slots`` clocks, and once four clocks to begin,
    ``(width + 1) * slots`` for the last line, ``words`` for the last cell's totals, and the
    pipeline.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    read_latency : int
        Clocks from `read_cell` and `read_word` to the array's word.
    word_latency : int
        Clocks that a slot must come ahead of its word.

    Members
    -------
    i_run : In(stream)
        Runs to start: ``context``, ``skeleton``, ``steps`` and ``gate``. Ready while the context's
        last run has ended.
    running : Out
        Which contexts have a run under way.
    pending : Out
        Delta pending in each context.
    spend : In
        Contexts whose pending delta is spent by a write through the port.
    delta : In
        Contexts whose delta has arrived.
    open : Out
        Contexts that wait for a delta.
    read_context, read_cell, read_word : Out
        Word to read.
    slot : Out
        What the array is to compute.
    array_valid, array_word : In
        Whether the array has a word to write, and its number.
    write, write_context, write_cell, write_word : Out
        Contexts that the array's word of a clock ago goes to, and where to.
    write_opening : Out
        Whether the gate opens after the pass being written.
    input_channel : Out
        Channel that the gate reads in that pass.
    check : In
        Row that every slot is to name instead, while there is nothing to run.
    clocks, busy : Out
        Clocks in which a run was under way; clocks in which every multiplier had a product to make.
    """

    def __init__(self, geometry, *, read_latency, word_latency):
        self.geometry = geometry
        self.wait = read_latency - word_latency

        contexts = geometry.contexts
        super().__init__({
            "i_run": In(stream.Signature(geometry.command)),
            "running": Out(contexts),
            "pending": Out(data.ArrayLayout(pending_layout(geometry), contexts)),
            "spend": In(contexts),
            "delta": In(contexts),
            "open": Out(contexts),
            "read_context": Out(geometry.context),
            "read_cell": Out(geometry.cell),
            "read_word": Out(range(geometry.words)),
            "slot": Out(slot_layout(geometry)),
            "array_valid": In(1),
            "array_word": In(range(geometry.words)),
            "write": Out(contexts),
            "write_context": Out(geometry.context),
            "write_cell": Out(geometry.cell),
            "write_word": Out(range(geometry.words)),
            "write_opening": Out(1),
            "input_channel": Out(range(geometry.spec.channels)),
            "check": In(geometry.check),
            "clocks": Out(COUNTER),
            "busy": Out(COUNTER),
        })

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        runs = [
            Signal(run_layout(geometry), name=f"run{index}") for index in range(geometry.contexts)
        ]
        # The pass being read, the one being computed, the one being written.
        reading, computing = Signal(), Signal()
        read_pass = Signal(pass_layout(geometry))
        compute_pass = Signal(pass_layout(geometry))

        moving = Signal()
        m.d.comb += moving.eq(reading | computing)
        nears, tick = self.count_slots(m, moving)
        following, available = self.choose(m, runs, read_pass)
        begins, ends = self.read(
            m, nears, tick, computing, following, available, reading, read_pass
        )
        self.compute(m, runs, tick, reading, read_pass, computing, compute_pass)
        finish = self.write_back(m, runs, compute_pass)
        self.account(m, runs, begins, read_pass, finish)
        for index, run in enumerate(runs):
            # The pass has added the pending delta to all that it read.
            with m.If(ends & (read_pass.context == index)):
                m.d.sync += run.pending.active.eq(0)

        m.d.comb += [
            self.running.eq(Cat(run.running for run in runs)),
            self.open.eq(Cat(run.open for run in runs)),
            *(pending.eq(run.pending) for pending, run in zip(self.pending, runs, strict=True)),
        ]
        with m.If(self.running.any()):
            m.d.sync += self.clocks.eq(self.clocks + 1)
        with m.If(delay(m, computing, 1, name="computed")):
            m.d.sync += self.busy.eq(self.busy + 1)

        return m

    def count_slots(self, m, moving):
        """Count the slots of a cell; return whether this is its last but one, and its last."""
        geometry = self.geometry
        self.place = place = Signal(range(geometry.slots))
        phase = Signal(range(geometry.phases))
        # Flags that a counter has come somewhere are a clock old wherever nothing changes faster:
        # short paths from counters to everything that they steer.
        nears, tick = Signal(), Signal()
        m.d.comb += nears.eq(place == geometry.slots - 2)
        m.d.sync += tick.eq(nears)
        self.advance = Signal()
        m.d.comb += self.advance.eq(moving & (phase == 0))
        with m.If(tick):
            m.d.sync += [place.eq(0), phase.eq(0), self.read_word.eq(0)]
        with m.Elif(moving):
            m.d.sync += place.eq(place + 1)
            with m.If(phase == geometry.phases - 1):
                m.d.sync += [phase.eq(0), self.read_word.eq(self.read_word + 1)]
            with m.Else():
                m.d.sync += phase.eq(phase + 1)
        return nears, tick

    def choose(self, m, runs, read_pass):
        """Settle on the next pass long before this one ends; return it, and whether there is one.

        Only a pass that begins makes a context unready, so what is chosen stays right.
        """
        # Flags of each run, clocks old: there is time enough.
        ready, opening, last = (
            Signal(len(runs), name=f"next_{n}") for n in ("ready", "opening", "last")
        )
        some = Signal(len(runs))
        for index, run in enumerate(runs):
            m.d.sync += [
                some[index].eq(run.remaining != 0),
                ready[index].eq(run.running & some[index] & ~run.blocked),
                opening[index].eq(run.gate.active & (run.gate.wait == 1)),
                last[index].eq(run.remaining == 1),
            ]
        context = Signal(self.geometry.context)
        for index in reversed(range(len(runs))):
            with m.If(ready[index]):
                m.d.comb += context.eq(index)
        # Stay with a context: its run ends sooner, and the host can unload it meanwhile.
        with m.If(ready.bit_select(read_pass.context, 1)):
            m.d.comb += context.eq(read_pass.context)

        available = Signal()
        following = Signal(pass_layout(self.geometry))
        m.d.sync += [
            available.eq(ready.any()),
            following.context.eq(context),
            following.opening.eq(opening.bit_select(context, 1)),
            following.last.eq(last.bit_select(context, 1)),
        ]
        return following, available

    def read(self, m, nears, tick, computing, following, available, reading, read_pass):
        """Read pass after pass without a gap where one is ready; return begin and end."""
        m.d.comb += self.read_context.eq(read_pass.context)

        last = Signal()
        m.d.sync += last.eq(self.read_cell == self.geometry.spec.cells - 1)
        begins, ends, between = Signal(), Signal(), Signal()
        # In the last slot of a cell: a pass has been read, or none is being read.
        m.d.sync += [ends.eq(nears & reading & last), between.eq(nears & ~reading)]
        m.d.comb += begins.eq(available & (ends | between | ~(reading | computing)))
        m.d.sync += reading.eq(begins | (reading & ~ends))
        with m.If(begins):
            m.d.sync += read_pass.eq(following)
        with m.If(tick & reading):
            m.d.sync += self.read_cell.eq(self.read_cell + 1)  # from the last one to 0
        return begins, ends

    def compute(self, m, runs, tick, reading, read_pass, computing, compute_pass):
        """Compute the cell whose window the newest cell completes, a line and a cell behind."""
        geometry, spec = self.geometry, self.geometry.spec
        cell = Signal(geometry.cell)
        last, complete = Signal(), Signal()
        m.d.sync += [last.eq(cell == spec.cells - 1), complete.eq(self.read_cell == spec.width)]
        with m.If(tick & computing):
            m.d.sync += cell.eq(cell + 1)
            with m.If(last):
                m.d.sync += [computing.eq(0), cell.eq(0)]
        with m.If(tick & reading & complete):
            m.d.sync += [computing.eq(1), compute_pass.eq(read_pass)]

        x = cell[: exact_log2(spec.width)]
        y = cell[exact_log2(spec.width) :]
        skeletons = Array(run.skeleton for run in runs)
        slot = Signal.like(self.slot)
        m.d.comb += [
            slot.advance.eq(self.advance),
            slot.valid.eq(computing),
            slot.first.eq(self.place == 0),
            slot.last.eq(self.place == geometry.slots - 1),
            slot.edges.top.eq(y == 0),
            slot.edges.bottom.eq(y == spec.height - 1),
            slot.edges.left.eq(x == 0),
            slot.edges.right.eq(x == spec.width - 1),
            slot.address.slot.eq(self.place),
            slot.address.skeleton.eq(skeletons[compute_pass.context]),
            slot.check.eq(self.check.active),
        ]
        with m.If(self.check.active):
            m.d.comb += [
                slot.address.slot.eq(self.check.slot),
                slot.address.skeleton.eq(self.check.skeleton),
            ]
        late = delay(m, slot.as_value(), self.wait, name="slot")
        m.d.comb += self.slot.as_value().eq(late)

    def write_back(self, m, runs, compute_pass):
        """Tell where the array's words go; return the contexts whose pass is written."""
        geometry = self.geometry
        cell = Signal(geometry.cell)
        self.write_pass = write_pass = Signal.like(compute_pass)
        first, final = Signal(init=1), Signal()  # the next word is a pass's first; the last cell's
        ends, last = Signal(), Signal()
        m.d.comb += ends.eq(self.array_valid & (self.array_word == geometry.words - 1))
        m.d.sync += final.eq(cell == geometry.spec.cells - 1)
        with m.If(self.array_valid):
            m.d.sync += first.eq(ends & final)
            # The first word of a pass comes while that pass is being computed.
            with m.If(first):
                m.d.sync += write_pass.eq(compute_pass)
        with m.If(ends):
            m.d.sync += cell.eq(cell + 1)
        m.d.sync += [
            self.write_cell.eq(cell),
            self.write_word.eq(self.array_word),
            last.eq(ends & final),
        ]
        written = delay(m, self.array_valid, 1, name="written")

        channels = Array(run.gate.input_channel for run in runs)
        m.d.comb += [
            self.write_context.eq(write_pass.context),
            self.write_opening.eq(write_pass.opening),
            self.input_channel.eq(channels[write_pass.context]),
        ]
        finish = Signal(len(runs))
        for index in range(len(runs)):
            mine = write_pass.context == index
            m.d.comb += [self.write[index].eq(written & mine), finish[index].eq(last & mine)]
        return finish

    def account(self, m, runs, begins, read_pass, finish):
        """Keep each context's run: steps left, gate, pending delta."""
        begun = delay(m, begins, 1, name="begun")  # a long time before the next pass
        command = self.i_run.p
        taken, starts, moves = Signal(len(runs)), Signal(len(runs)), Signal()
        m.d.sync += [
            starts.eq(taken),
            moves.eq(command.steps != 0),
            self.i_run.ready.eq(taken.any()),
        ]
        for index, run in enumerate(runs):
            gate = run.gate
            with m.If(begun & (read_pass.context == index)):
                m.d.sync += [run.remaining.eq(run.remaining - 1), gate.wait.eq(gate.wait - 1)]
                with m.If(read_pass.opening):
                    m.d.sync += [run.blocked.eq(1), gate.wait.eq(gate.every)]

            with m.If(finish[index]):
                m.d.sync += [
                    run.open.eq(self.write_pass.opening),
                    run.finished.eq(self.write_pass.last),
                ]
            with m.If(self.spend[index]):
                m.d.sync += run.pending.active.eq(0)
            with m.If(self.delta[index]):
                m.d.sync += [
                    run.blocked.eq(0),
                    run.open.eq(0),
                    gate.opening.eq(gate.opening + 1),
                    run.pending.active.eq(1),
                    run.pending.phased.eq(gate.phased),
                    run.pending.row.eq(gate.opening[1]),
                    run.pending.column.eq(gate.opening[0]),
                    run.pending.channel.eq(gate.output_channel),
                ]
            with m.If(run.running & run.finished & ~run.blocked):
                m.d.sync += [run.running.eq(0), run.finished.eq(0)]

            waits = self.i_run.valid & ~self.i_run.ready & (command.context == index)
            m.d.comb += taken[index].eq(waits & ~run.running)
            with m.If(starts[index]):
                m.d.sync += [
                    run.running.eq(moves),
                    run.remaining.eq(command.steps),
                    run.skeleton.eq(command.skeleton),
                    run.gate.eq(command.gate),
                ]
