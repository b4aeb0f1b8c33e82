"""Passes: what travels with one through the array, and which one comes next."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.shapes import Geometry

__all__ = ["Chooser", "pass_layout", "prospect_layout"]


def pass_layout(geometry: Geometry) -> data.StructLayout:
    """Shape of a pass: its context, whether the gate acts after it, whether it ends its run."""
    return data.StructLayout({"context": geometry.context, "opening": 1, "last": 1})


def prospect_layout() -> data.StructLayout:
    """Shape of a context's next pass: whether it may begin, and what `pass_layout` says of it."""
    return data.StructLayout({"ready": 1, "opening": 1, "last": 1})


class Chooser(wiring.Component):
    """Choose the next pass long before the one being read ends.

    The context of the pass being read comes first: its run ends sooner, and the host can unload it
    meanwhile. Then comes the context of the lowest number.

    Only a pass that begins makes a context unready, so what is chosen stays right.

    Latency is one clock.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    prospects : In(ArrayLayout(prospect_layout(), contexts))
        Each context's next pass.
    reading : In
        Context of the pass being read.
    available : Out(1)
        Whether any context is ready.
    chosen : Out(pass_layout(geometry))
        The next pass, while one is available.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "prospects": In(data.ArrayLayout(prospect_layout(), geometry.contexts)),
            "reading": In(geometry.context),
            "available": Out(1),
            "chosen": Out(pass_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        ready = Cat(prospect.ready for prospect in self.prospects)
        opening = Cat(prospect.opening for prospect in self.prospects)
        last = Cat(prospect.last for prospect in self.prospects)

        context = Signal(self.geometry.context)
        for index in reversed(range(self.geometry.contexts)):
            with m.If(ready[index]):
                m.d.comb += context.eq(index)
        with m.If(ready.bit_select(self.reading, 1)):
            m.d.comb += context.eq(self.reading)

        m.d.sync += [
            self.available.eq(ready.any()),
            self.chosen.context.eq(context),
            self.chosen.opening.eq(opening.bit_select(context, 1)),
            self.chosen.last.eq(last.bit_select(context, 1)),
        ]

        return m
