"""The chip: contexts, array, sequencer and ports put together."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import connect, flipped
from amaranth.utils import exact_log2

from golden.skeleton import Skeleton
from golden.wire import Operation
from hw.array.array import SystolicArray
from hw.checker import Checker
from hw.clocks import READ_LATENCY, READ_SPARE
from hw.context import Context
from hw.kept_row import KeptRow
from hw.port.gate_port import GatePort
from hw.port.lattice_port import LatticePort
from hw.ports import chip_ports
from hw.primitives import copies, delay, spare
from hw.sequencer.sequencer import Sequencer
from hw.shapes import Geometry
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
    reset : Value or None
        What clears the chip as its clock domain's reset does, a clock later.

    Members
    -------
    As `hw.ports.chip_ports` says.
    """

    READ_LATENCY = READ_LATENCY

    def __init__(
        self,
        geometry: Geometry,
        skeletons: Sequence[Skeleton],
        *,
        check: bool = True,
        reset: Value | None = None,
    ):
        self.geometry = geometry
        self.check = check
        self.reset = reset
        self.images = images(geometry, skeletons)

        super().__init__(chip_ports(geometry))

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        read_latency = self.READ_LATENCY - spare(platform, READ_SPARE)
        array = SystolicArray(geometry, self.images)
        sequencer = Sequencer(
            geometry, read_latency=read_latency, word_latency=SystolicArray.WORD_LATENCY
        )
        gate_port = GatePort(geometry)
        port = LatticePort(geometry, self.images, read_latency=read_latency)
        self.add(m, array=array, sequencer=sequencer, gate_port=gate_port, lattice_port=port)

        self.check_memories(m, array, sequencer, port)
        step = 1 - spare(platform, 1)
        self.dispatch(m, sequencer, port, step)
        contexts = [Context(geometry) for _ in range(geometry.contexts)]
        codes = Signal(geometry.word, reset_less=True)  # what the engine writes
        m.d.sync += codes.eq(array.codes)
        self.connect_contexts(m, contexts, codes, sequencer, port)
        self.hand_words_on(m, contexts, array, sequencer, port, platform)
        self.connect_gate(m, codes, sequencer, gate_port)
        self.store_deltas(m, contexts, gate_port)
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

    def add(self, m: Module, **blocks: wiring.Component) -> None:
        """Add blocks, each with a register of the reset: a block is near its own."""
        for name, block in blocks.items():
            if self.reset is not None:
                [reset] = copies(m, self.reset, 1, name=f"{name}_reset")
                block = ResetInserter(reset)(block)
            m.submodules[name] = block

    def check_memories(
        self, m: Module, array: SystolicArray, sequencer: Sequencer, port: LatticePort
    ) -> None:
        """Lay the checker's addresses on all memories, and lead the scan past them."""
        if not self.check:
            m.d.comb += self.checked.eq(1)
            return
        checker = Checker(self.geometry, self.images["identity"])
        self.add(m, checker=checker)
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

    def dispatch(self, m: Module, sequencer: Sequencer, port: LatticePort, step: int) -> None:
        """Hand runs to the sequencer and the rest to the port, once the context is at rest."""
        # The command comes from far away: ``step`` registers are there for the way alone, and one
        # for that of the answer. Both answer from registers, and only to what they were given.
        given = delay(m, self.i_command.valid, step, name="given")
        shape = self.geometry.command
        command = shape(delay(m, Value.cast(self.i_command.payload), step, name="command"))
        answered = sequencer.i_run.ready | port.i_command.ready
        ready = delay(m, answered, 1, name="answered")
        over = answered | ready | delay(m, ready, 1, name="ready")  # the next is not given yet
        sound = Signal(reset_less=True)  # no command is given during a reset
        damaged = self.damaged.bit_select(command.skeleton, 1)
        m.d.sync += sound.eq(given & ~over & self.checked & ~damaged)
        m.d.comb += [
            self.i_command.ready.eq(ready),
            sequencer.i_run.payload.eq(command),
            port.i_command.payload.eq(command),
        ]
        with m.If(command.operation == Operation.RUN):
            m.d.comb += sequencer.i_run.valid.eq(sound)
        with m.Else():
            rests = ~self.running.bit_select(command.context, 1)
            m.d.comb += port.i_command.valid.eq(rests & sound)

    def connect_contexts(
        self,
        m: Module,
        contexts: Sequence[Context],
        codes: data.View,
        sequencer: Sequencer,
        port: LatticePort,
    ) -> None:
        """Give each context's memory to the engine during its runs, else to the port."""
        for index, context in enumerate(contexts):
            self.add(m, **{f"context{index}": context})
            m.d.comb += context.pending.eq(sequencer.pending[index])
            with m.If(sequencer.owns[index]):
                enable = sequencer.write[index].replicate(self.geometry.lanes)
                m.d.comb += access(context, sequencer, codes, enable)
            with m.Else():
                chosen = port.context == index
                enable = Mux(chosen, port.write_enable, 0)
                m.d.comb += access(context, port, port.write_codes, enable)
                m.d.comb += sequencer.spend[index].eq(port.spend & chosen)

    def hand_words_on(
        self,
        m: Module,
        contexts: Sequence[Context],
        array: SystolicArray,
        sequencer: Sequencer,
        port: LatticePort,
        platform: object,
    ) -> None:
        """Hand the words that are read on to the array and to the port."""
        words = [context.read_codes for context in contexts]
        wait, step = Context.LATENCY - spare(platform, Context.SPARE), 1 - spare(platform, 1)
        chosen = delay(m, sequencer.read_context, wait, name="read_context")
        word = select(m, words, chosen, name="chosen")
        if self.geometry.border:
            word = self.keep_row(m, sequencer, word, wait)
        found = select(m, words, port.context, name="found")
        m.d.comb += array.word.as_value().eq(delay(m, word.as_value(), step, name="word"))
        m.d.comb += port.read_codes.as_value().eq(delay(m, found.as_value(), step, name="read"))

    def keep_row(self, m: Module, sequencer: Sequencer, word: data.View, wait: int) -> data.View:
        """Return the word that was read, or was kept of a row that is written anew by now."""
        row = KeptRow(self.geometry, wait=wait)
        self.add(m, kept_row=row)
        m.d.comb += [
            row.keep.eq(sequencer.read_keep),
            row.repeat.eq(sequencer.read_repeat),
            row.x.eq(sequencer.read_at.x),
            row.word.eq(sequencer.read_word),
            row.i.eq(word),
        ]
        return row.o

    def connect_gate(
        self, m: Module, codes: data.View, sequencer: Sequencer, gate_port: GatePort
    ) -> None:
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

    def store_deltas(self, m: Module, contexts: Sequence[Context], gate_port: GatePort) -> None:
        """Store deltas in the contexts that they are for."""
        for index, context in enumerate(contexts):
            m.d.comb += [
                context.delta_index.eq(gate_port.delta_index[index]),
                context.delta_code.eq(gate_port.delta_code),
                context.delta_enable.eq(gate_port.delta_enable[index]),
            ]


def access(
    context: Context, user: Sequencer | LatticePort, codes: data.View, enable: Value
) -> list:
    """Return the assignments of what ``user`` reads and writes to a context's memory."""
    return [
        context.read_at.eq(user.read_at),
        context.read_word.eq(user.read_word),
        context.write_cell.eq(user.write_cell),
        context.write_word.eq(user.write_word),
        context.write_codes.eq(codes),
        context.write_enable.eq(enable),
    ]


def select(m: Module, words: Sequence[data.View], index: Value, *, name: str) -> data.View:
    """Return the word of that index."""
    word = Signal(words[0].shape(), name=name)
    with m.Switch(index):
        for case, read in enumerate(words):
            with m.Case(case):
                m.d.comb += word.eq(read)
    return word
