"""The sequencer: which pass streams through the array, slot by slot, and where it is written."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.array import slot_layout
from hw.clocks import overlaps
from hw.context import pending_layout
from hw.ports import COUNTER
from hw.primitives import delay
from hw.sequencer.account import Account
from hw.sequencer.computer import Computer
from hw.sequencer.passes import Chooser
from hw.sequencer.reader import Reader
from hw.sequencer.slots import SlotCounter
from hw.sequencer.writer import Writer
from hw.shapes import Geometry

__all__ = ["Sequencer"]


class Sequencer(wiring.Component):
    """Stream passes through the array without a gap, for as long as a context has one to make.

    A pass reads a lattice once, in raster order, and writes it in place one step on. The read of
    the next pass begins in the clock after the last read of this one. It may be of the same context
    or of another. So the pipeline drains only where nothing is left to do or every context waits
    for its delta. A context keeps the array until its run ends or its gate opens.

    A lattice that wraps around, or is too small for the pipeline, drains it after every pass.

    `hw.clocks` says how many clocks a run takes.

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
    running, owns : Out
        Which contexts have a run under way; the same for what gives it their lattice.
    pending : Out
        Delta pending in each context.
    spend : In
        Contexts whose pending delta is spent by a write through the port.
    delta : In
        Contexts whose delta has arrived.
    open : Out
        Contexts that wait for a delta.
    read_context, read_at, read_word : Out
        Word to read.
    read_keep, read_repeat : Out
        Whether it is of the row to keep, or of the row that was kept; see `Reader`.
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
        Clocks in which a run was under way; clocks in which filters were computed.
    """

    def __init__(self, geometry: Geometry, *, read_latency: int, word_latency: int):
        self.geometry = geometry
        self.wait = read_latency - word_latency

        contexts = geometry.contexts
        super().__init__({
            "i_run": In(stream.Signature(geometry.command)),
            "running": Out(contexts),
            "owns": Out(contexts),
            "pending": Out(data.ArrayLayout(pending_layout(geometry), contexts)),
            "spend": In(contexts),
            "delta": In(contexts),
            "open": Out(contexts),
            "read_context": Out(geometry.context),
            "read_at": Out(geometry.position),
            "read_keep": Out(1),
            "read_repeat": Out(1),
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

        m.submodules.account = account = Account(self.geometry)
        m.submodules.chooser = chooser = Chooser(self.geometry)
        m.submodules.slots = slots = SlotCounter(self.geometry)
        m.submodules.reader = reader = Reader(self.geometry, overlap=overlaps(self.geometry))
        m.submodules.computer = computer = Computer(self.geometry, wait=self.wait)
        m.submodules.writer = writer = Writer(self.geometry)

        # Runs of all contexts -> the next pass.
        connect(m, flipped(self.i_run), account.i_run)
        m.d.comb += [
            account.spend.eq(self.spend),
            account.delta.eq(self.delta),
            chooser.prospects.eq(account.prospects),
            chooser.reading.eq(reader.current.context),
        ]
        # The next pass -> words to read.
        m.d.comb += [
            slots.moves.eq(reader.active | computer.active),
            reader.near_end.eq(slots.near_end),
            reader.at_end.eq(slots.at_end),
            reader.available.eq(chooser.available),
            reader.chosen.eq(chooser.chosen),
            reader.computing.eq(computer.active),
            reader.written.eq(writer.ends),
            self.read_context.eq(reader.current.context),
            self.read_at.eq(reader.position),
            self.read_keep.eq(reader.keep),
            self.read_repeat.eq(reader.repeat),
            self.read_word.eq(slots.word),
        ]
        # Words that are here -> slots to compute.
        m.d.comb += [
            computer.index.eq(slots.slot),
            computer.advance.eq(slots.advance),
            computer.at_end.eq(slots.at_end),
            computer.reading.eq(reader.active),
            computer.read_pass.eq(reader.current),
            computer.read_row.eq(reader.row),
            computer.read_column.eq(reader.column),
            computer.skeletons.eq(account.skeletons),
            computer.check.eq(self.check),
            self.slot.eq(computer.slot),
        ]
        self.write_back(m, writer, computer, account)
        # Passes that begin, have been read, have been written -> the runs' account.
        m.d.comb += [
            account.begins.eq(reader.begins),
            account.ends.eq(reader.ends),
            account.read_pass.eq(reader.current),
            account.written.eq(writer.ends),
            account.written_pass.eq(writer.current),
            self.running.eq(account.running),
            self.owns.eq(account.owns),
            self.pending.eq(account.pending),
            self.open.eq(account.open),
        ]
        self.count(m, computer)

        return m

    def write_back(self, m: Module, writer: Writer, computer: Computer, account: Account) -> None:
        """Words that the array has computed -> where they go, and what the gate reads of them."""
        channels = Array(account.input_channels)
        m.d.comb += [
            writer.array_valid.eq(self.array_valid),
            writer.array_word.eq(self.array_word),
            writer.computed.eq(computer.current),
            self.write.eq(writer.write),
            self.write_context.eq(writer.current.context),
            self.write_cell.eq(writer.cell),
            self.write_word.eq(writer.word),
            self.write_opening.eq(writer.current.opening),
            self.input_channel.eq(channels[writer.current.context]),
        ]

    def count(self, m: Module, computer: Computer) -> None:
        """Count the clocks of runs, and those in which filters were computed."""
        with m.If(self.running.any()):
            m.d.sync += self.clocks.eq(self.clocks + 1)
        with m.If(delay(m, computer.active, 1, name="computed")):
            m.d.sync += self.busy.eq(self.busy + 1)
