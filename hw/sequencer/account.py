"""The account of all runs: a command starts one, and passes move it on."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.context import pending_layout
from hw.primitives import copies, delay
from hw.sequencer.passes import pass_layout, prospect_layout
from hw.sequencer.run import Run
from hw.shapes import Geometry

__all__ = ["Account"]


class Account(wiring.Component):
    """Keep each context's run, and tell each what happens to it.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    i_run : In(stream.Signature(geometry.command))
        Runs to start. Ready while the context's last run has ended.
    begins, ends : In(1)
        Whether a pass begins to be read, or ends.
    read_pass : In(pass_layout(geometry))
        The pass being read.
    written, written_pass : In
        Contexts whose pass has been written, and the pass.
    spend, delta : In
        Contexts whose pending delta is spent by a write through the port, or has arrived.
    running, owns, open, pending, skeletons, input_channels, prospects : Out
        What each context knows of its run; see `hw.sequencer.run.Run`.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        contexts = geometry.contexts
        channel = range(geometry.spec.channels)
        super().__init__({
            "i_run": In(stream.Signature(geometry.command)),
            "begins": In(1),
            "ends": In(1),
            "read_pass": In(pass_layout(geometry)),
            "written": In(contexts),
            "written_pass": In(pass_layout(geometry)),
            "spend": In(contexts),
            "delta": In(contexts),
            "running": Out(contexts),
            "owns": Out(contexts),
            "open": Out(contexts),
            "pending": Out(data.ArrayLayout(pending_layout(geometry), contexts)),
            "skeletons": Out(data.ArrayLayout(geometry.skeleton, contexts)),
            "input_channels": Out(data.ArrayLayout(channel, contexts)),
            "prospects": Out(data.ArrayLayout(prospect_layout(), contexts)),
        })

    def elaborate(self, platform):
        m = Module()

        command = self.i_run.p
        some = Signal(4)  # of the count of steps, a bit for each byte
        taken = Signal(self.geometry.contexts)
        starts, takes = copies(m, taken, 2, name="starts")  # each serves tens of registers
        m.d.sync += [
            some.eq(Cat(command.steps.word_select(byte, 8).any() for byte in range(4))),
            self.i_run.ready.eq(taken.any()),
        ]
        begun = delay(m, self.begins, 1, name="begun")  # a long time before the next pass

        for index in range(self.geometry.contexts):
            m.submodules[f"run{index}"] = run = Run(self.geometry)
            waits = self.i_run.valid & ~self.i_run.ready & (command.context == index)
            mine = self.read_pass.context == index
            m.d.comb += [
                taken[index].eq(waits & ~run.running),
                run.start.eq(starts[index]),
                run.take.eq(takes[index]),
                run.moves.eq(some.any()),
                run.more.eq(some[1:]),
                run.command.eq(command),
                run.begun.eq(begun & mine),
                run.opening.eq(self.read_pass.opening),
                run.read.eq(self.ends & mine),
                run.written.eq(self.written[index]),
                run.written_pass.eq(self.written_pass),
                run.spend.eq(self.spend[index]),
                run.delta.eq(self.delta[index]),
                self.running[index].eq(run.running),
                self.owns[index].eq(run.owns),
                self.open[index].eq(run.open),
                self.pending[index].eq(run.pending),
                self.skeletons[index].eq(run.skeleton),
                self.input_channels[index].eq(run.input_channel),
                self.prospects[index].eq(run.prospect),
            ]

        return m
