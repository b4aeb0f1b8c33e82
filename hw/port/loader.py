"""The lattice port's loader: codes go into the lattice in walking order."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from golden.fixed import STATE
from hw.port.walk import arrival_layout, walks_layout
from hw.shapes import Geometry, code

__all__ = ["Loader"]


class Loader(wiring.Component):
    """Write codes in walking order: encoded pixels, raw codes, or what was read.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    walks : In(walks_layout())
        The operation under way.
    i : In(arrival_layout())
        What a step has read, and its byte.
    encoded, encoded_valid : In
        A code of the encoder, and whether there is one.
    cell, word, codes, enable : Out
        Word to write, and which of its channels.
    done : Out(1)
        Whether the lattice's last code has been written.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "walks": In(walks_layout()),
            "i": In(arrival_layout()),
            "encoded": In(code(STATE)),
            "encoded_valid": In(1),
            "cell": Out(geometry.cell),
            "word": Out(range(geometry.words)),
            "codes": Out(geometry.word),
            "enable": Out(geometry.lanes),
            "done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        geometry, spec = self.geometry, self.geometry.spec
        raw = self.walks.load_state | self.walks.zero
        unpacked = Mux(self.walks.load_state, self.i.byte, self.i.code.as_unsigned())
        value = Signal(8, reset_less=True)
        valid = Signal()
        m.d.sync += [
            value.eq(Mux(raw, Mux(self.i.cleared, 0, unpacked), self.encoded.as_unsigned())),
            valid.eq(self.encoded_valid | (self.i.valid & raw)),
        ]

        channel = Signal(range(spec.channels))
        cell = Signal(geometry.cell)
        position = Cat(channel, cell)
        with m.If(valid):
            m.d.sync += position.eq(position + 1)
        with m.If(self.done):
            m.d.sync += position.eq(0)
        m.d.sync += self.done.eq(valid & (position == spec.cells * spec.channels - 1))

        lanes = exact_log2(geometry.lanes)
        m.d.comb += [
            Cat(self.word, self.cell).eq(position >> lanes),
            self.codes.as_value().eq(value.replicate(geometry.lanes)),
            self.enable.eq(valid << channel[:lanes]),
        ]

        return m
