"""The passes: when the lattice is read, step by step, and what for."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.hardwired.shapes import RUN

__all__ = ["Passes"]


class Passes(wiring.Component):
    """Take runs, and make as many passes for each as it has steps.

    A pass begins in the clock after its run was taken, or after the pass before it.

    Parameters
    ----------
    cells : int
        Clocks in which a pass reads.
    clocks : int
        Clocks of a pass.
    drain : int
        Clocks after the last pass of a run until all that it writes is written.

    Members
    -------
    i_run : In(stream)
        Runs.
    image, room, whole : In(1)
        Whether an image waits, there is room for a restored one, and the lattice is whole.
    begins, takes : Out(1)
        Whether a run begins, and whether it takes an image.
    reads, first, last : Out(1)
        Whether a cell is read; whether it is one of an image, whether it is one of the last step.
    running : Out(1)
        Whether a run is under way.
    """

    def __init__(self, *, cells: int, clocks: int, drain: int):
        self.cells = cells
        self.clocks = clocks
        self.drain = drain

        super().__init__({
            "i_run": In(stream.Signature(RUN)),
            "image": In(1),
            "room": In(1),
            "whole": In(1),
            "begins": Out(1),
            "takes": Out(1),
            "reads": Out(1),
            "first": Out(1),
            "last": Out(1),
            "running": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        run, resume = self.i_run, self.i_run.p.resume
        active = Signal()
        clock = Signal(range(self.clocks))
        left = Signal.like(run.p.steps)  # steps, this one included
        settling = Signal(range(self.drain + 1))
        pass_ends, free = Signal(), Signal()
        m.d.comb += [
            pass_ends.eq(clock == self.clocks - 1),
            self.last.eq(left == 1),
            free.eq(~active | (pass_ends & self.last)),
            run.ready.eq(free & self.room & self.whole & (resume | self.image)),
            self.begins.eq(run.valid & run.ready),
            self.takes.eq(self.begins & ~resume),
            self.reads.eq(active & (clock < self.cells)),
            self.running.eq(active | settling.any()),
        ]
        with m.If(active):
            m.d.sync += [clock.eq(Mux(pass_ends, 0, clock + 1)), settling.eq(self.drain)]
            with m.If(pass_ends):
                m.d.sync += [self.first.eq(0), left.eq(left - 1), active.eq(~self.last)]
        with m.Elif(settling.any()):
            m.d.sync += settling.eq(settling - 1)
        with m.If(self.begins):
            m.d.sync += [active.eq(1), self.first.eq(~resume), left.eq(run.p.steps)]

        return m
