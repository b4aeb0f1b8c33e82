"""The chip: contexts, array, sequencer and ports put together."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped
from amaranth.utils import exact_log2

from golden.wire import Operation
from hw.array.array import SystolicArray
from hw.checker import Checker
from hw.clocks import READ_LATENCY
from hw.context import Context
from hw.kept_row import KeptRow
from hw.port.gate_port import GatePort
from hw.port.lattice_port import LatticePort
from hw.ports import chip_ports
from hw.primitives import delay
from hw.sequencer.sequencer import Sequencer
from hw.skeleton_memory import images

__all__ = ["Chip"]


class Chip(wiring.Component):
    """Run skeletons on lattices: images in, steps, planes out and deltas in, images out.

    Commands are taken in order. RUN starts a run and is through at once; every other operation, and
    the next RUN, waits until its context's run has ended. So a context is loaded and unloaded while
    another runs. Planes and deltas have streams of their own and wait for nothing but each other.

    After a reset the skeleton memories are checked; until then no command is taken, and one that
    names a damaged skeleton never is: ask `damaged` first.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.
    check : bool
        Whether the memories are checked, which takes some ten thousand clocks.

    Members
    -------
    As `hw.ports.chip_ports` says.
    """

    READ_LATENCY = READ_LATENCY

    def __init__(self, geometry, skeletons, *, check=True):
        self.geometry = geometry
        self.check = check
        self.images = images(geometry, skeletons)

        super().__init__(chip_ports(geometry))

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        m.submodules.array = array = SystolicArray(geometry, self.images)
        m.submodules.sequencer = sequencer = Sequencer(
            geometry, read_latency=self.READ_LATENCY, word_latency=SystolicArray.WORD_LATENCY
        )
        m.submodules.gate_port = gate_port = GatePort(geometry)
        m.submodules.lattice_port = port = LatticePort(
            geometry, self.images, read_latency=self.READ_LATENCY
        )

        self.check_memories(m, array, sequencer, port)
        self.dispatch(m, sequencer, port)
        codes = self.connect_contexts(m, array, sequencer, gate_port, port)
        self.connect_gate(m, codes, sequencer, gate_port)
        connect(m, flipped(self.i_data), port.i_data)
        connect(m, port.o_data, flipped(self.o_data))
        m.d.comb += [
            array.slot.eq(sequencer.slot),
            sequencer.array_valid.eq(array.valid),
            sequencer.array_word.eq(array.index),
            self.running.eq(sequencer.running),
            self.clocks.eq(sequencer.clocks),
            self.busy.eq(sequencer.busy),
        ]

        return m

    def check_memories(self, m, array, sequencer, port):
        """Lay the checker's addresses on all memories, and lead the scan past them."""
        if not self.check:
            m.d.comb += self.checked.eq(1)
            return
        m.submodules.checker = checker = Checker(self.geometry, self.images["identity"])
        m.d.comb += [
            sequencer.check.eq(checker.address),
            port.check.eq(checker.address),
            array.i_scan.eq(checker.o),
            port.i_scan.eq(array.o_scan),
            checker.i.eq(port.o_scan),
            checker.identity_address.eq(self.identity_address),
            self.identity.eq(checker.identity),
            self.checked.eq(checker.checked),
            self.damaged.eq(checker.damaged),
        ]

    def dispatch(self, m, sequencer, port):
        """Hand runs to the sequencer and the rest to the port, once the context is at rest."""
        command = self.i_command
        # A clock behind, and never across two commands.
        sound = Signal()
        damaged = self.damaged.bit_select(command.p.skeleton, 1)
        m.d.sync += sound.eq(command.valid & ~command.ready & self.checked & ~damaged)
        m.d.comb += [
            sequencer.i_run.payload.eq(command.payload),
            port.i_command.payload.eq(command.payload),
        ]
        with m.If(command.p.operation == Operation.RUN):
            m.d.comb += sequencer.i_run.valid.eq(command.valid & sound)
        with m.Else():
            rests = ~self.running.bit_select(command.p.context, 1)
            m.d.comb += port.i_command.valid.eq(command.valid & rests & sound)
        # Both answer from registers, and only to what they were given.
        m.d.comb += command.ready.eq(sequencer.i_run.ready | port.i_command.ready)

    def connect_contexts(self, m, array, sequencer, gate_port, port):
        """Give each context's memory to the engine during its runs, else to the port.

        Returns the words that the engine writes.
        """
        codes = Signal(self.geometry.word, reset_less=True)
        m.d.sync += codes.eq(array.codes)
        words = []
        for index in range(self.geometry.contexts):
            context = Context(self.geometry)
            m.submodules[f"context{index}"] = context
            words.append(context.read_codes)
            m.d.comb += [
                context.pending.eq(sequencer.pending[index]),
                context.delta_index.eq(gate_port.delta_index[index]),
                context.delta_code.eq(gate_port.delta_code),
                context.delta_enable.eq(gate_port.delta_enable[index]),
            ]
            with m.If(sequencer.running[index]):
                m.d.comb += [
                    context.read_at.eq(sequencer.read_at),
                    context.read_word.eq(sequencer.read_word),
                    context.write_cell.eq(sequencer.write_cell),
                    context.write_word.eq(sequencer.write_word),
                    context.write_codes.eq(codes),
                    context.write_enable.eq(sequencer.write[index].replicate(self.geometry.lanes)),
                ]
            with m.Else():
                chosen = port.context == index
                m.d.comb += [
                    context.read_at.eq(port.read_at),
                    context.read_word.eq(port.read_word),
                    context.write_cell.eq(port.write_cell),
                    context.write_word.eq(port.write_word),
                    context.write_codes.eq(port.write_codes),
                    context.write_enable.eq(Mux(chosen, port.write_enable, 0)),
                    sequencer.spend[index].eq(port.spend & chosen),
                ]

        chosen = delay(m, sequencer.read_context, Context.LATENCY, name="read_context")
        read = Signal(self.geometry.word)
        with m.Switch(chosen):
            for index, codes_read in enumerate(words):
                with m.Case(index):
                    m.d.comb += read.eq(codes_read)
        if self.geometry.border:
            read = self.keep_row(m, sequencer, read)
        word = Signal(self.geometry.word, reset_less=True)
        m.d.sync += word.eq(read)
        m.d.comb += array.word.eq(word)
        found = Signal.like(word)
        with m.Switch(port.context):
            for index, read in enumerate(words):
                with m.Case(index):
                    m.d.sync += found.eq(read)
        m.d.comb += port.read_codes.eq(found)
        return codes

    def keep_row(self, m, sequencer, word):
        """Return the word that was read, or was kept of a row that is written anew by now."""
        m.submodules.kept_row = row = KeptRow(self.geometry, wait=Context.LATENCY)
        m.d.comb += [
            row.keep.eq(sequencer.read_keep),
            row.repeat.eq(sequencer.read_repeat),
            row.x.eq(sequencer.read_at.x),
            row.word.eq(sequencer.read_word),
            row.i.eq(word),
        ]
        return row.o

    def connect_gate(self, m, codes, sequencer, gate_port):
        """Tap the channel that the gate reads off the words being written."""
        geometry = self.geometry
        connect(m, gate_port.o_plane, flipped(self.o_plane))
        connect(m, flipped(self.i_delta), gate_port.i_delta)
        lanes = exact_log2(geometry.lanes)
        lane, word = sequencer.input_channel[:lanes], sequencer.input_channel[lanes:]
        m.d.comb += [
            gate_port.code.eq(codes[lane] if lanes else codes[0]),
            gate_port.context.eq(sequencer.write_context),
            gate_port.last.eq(sequencer.write_cell == geometry.spec.cells - 1),
            gate_port.valid.eq(
                sequencer.write.any() & sequencer.write_opening & (sequencer.write_word == word)
            ),
            gate_port.open.eq(sequencer.open),
            sequencer.delta.eq(gate_port.complete),
        ]
