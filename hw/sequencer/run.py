"""One context's run: steps left, gate, pending delta."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.context import pending_layout
from hw.primitives import copies
from hw.sequencer.passes import pass_layout, prospect_layout
from hw.shapes import Geometry

__all__ = ["Run"]


class Run(wiring.Component):
    """Keep what a context knows of its run, from its start until its last pass is written.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    start, take, moves, more, command : In
        Whether the run starts, twice, whether it has a step to make, which bytes of their number
        above the lowest are not zero, and all else about it.
    begun, opening : In(1)
        Whether one of its passes began a clock ago, and whether the gate opens after that.
    read : In(1)
        Whether a pass of this context has been read.
    written, written_pass : In
        Whether a pass of this context has been written, and which.
    spend : In(1)
        Whether the pending delta is spent by a write through the port.
    delta : In(1)
        Whether the delta has arrived.
    running, owns : Out(1)
        Whether a run is under way; the same for what gives it the lattice.
    open : Out(1)
        Whether it waits for a delta, and its plane is written.
    skeleton, input_channel : Out
        Its skeleton, and the channel that its gate reads.
    pending : Out(pending_layout(geometry))
        Delta pending in the context.
    prospect : Out(prospect_layout())
        The next pass, as it was a clock ago: there is time enough.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "start": In(1),
            "take": In(1),
            "moves": In(1),
            "more": In(3),
            "command": In(geometry.command),
            "begun": In(1),
            "opening": In(1),
            "read": In(1),
            "written": In(1),
            "written_pass": In(pass_layout(geometry)),
            "spend": In(1),
            "delta": In(1),
            "running": Out(1),
            "owns": Out(1),
            "open": Out(1),
            "skeleton": Out(geometry.skeleton),
            "input_channel": Out(range(geometry.spec.channels)),
            "pending": Out(pending_layout(geometry)),
            "prospect": Out(prospect_layout()),
        })

    def elaborate(self, platform):
        m = Module()

        gate = Signal(self.geometry.gate)
        remaining = Signal(32)
        more = Signal(3)  # which bytes of it above the lowest are not zero
        some = Signal()
        blocked = Signal()  # waits for a delta, from the beginning of the pass that opens the gate
        finished = Signal()  # the last pass is written
        m.d.comb += self.input_channel.eq(gate.input_channel)
        m.d.sync += [
            more.eq(Cat(remaining.word_select(byte, 8).any() for byte in range(1, 4))),
            some.eq((remaining[:8] != 0) | more.any()),
            self.prospect.ready.eq(self.running & some & ~blocked),
            self.prospect.opening.eq(gate.active & (gate.wait == 1)),
            self.prospect.last.eq((remaining[:8] == 1) & ~more.any()),
        ]

        with m.If(self.begun):
            m.d.sync += [remaining.eq(remaining - 1), gate.wait.eq(gate.wait - 1)]
            with m.If(self.opening):
                m.d.sync += [blocked.eq(1), gate.wait.eq(gate.every)]
        with m.If(self.written):
            m.d.sync += [
                self.open.eq(self.written_pass.opening),
                finished.eq(self.written_pass.last),
            ]
        with m.If(self.delta):
            m.d.sync += [blocked.eq(0), self.open.eq(0), gate.opening.eq(gate.opening + 1)]
        ends = self.running & finished & ~blocked
        with m.If(ends):
            m.d.sync += finished.eq(0)
        running = Mux(self.start, self.moves, self.running & ~ends)
        [owns] = copies(m, running, 1, name="owns")  # near the memory
        m.d.sync += self.running.eq(running)
        m.d.comb += self.owns.eq(owns)
        with m.If(self.start):
            m.d.sync += [
                remaining.eq(self.command.steps),
                more.eq(self.more),
            ]
        with m.If(self.take):
            m.d.sync += [
                self.skeleton.eq(self.command.skeleton),
                gate.eq(self.command.gate),
            ]
        self.keep_delta(m, gate)

        return m

    def keep_delta(self, m: Module, gate: data.View) -> None:
        """Keep the delta from its arrival until it is spent by a pass, or through the port."""
        pending = self.pending
        with m.If(self.spend):
            m.d.sync += pending.active.eq(0)
        with m.If(self.delta):
            m.d.sync += [
                pending.active.eq(1),
                pending.phased.eq(gate.phased),
                pending.row.eq(gate.opening[1]),
                pending.column.eq(gate.opening[0]),
                pending.channel.eq(gate.output_channel),
            ]
        # The pass has added it to all that it read.
        with m.If(self.read):
            m.d.sync += pending.active.eq(0)
