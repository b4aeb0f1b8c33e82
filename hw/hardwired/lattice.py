"""The lattice: one memory, which is read and written in place, or loaded between runs."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.hardwired.shapes import state
from hw.primitives import BlockMemory
from hw.raster import Raster
from hw.shapes import Geometry

__all__ = ["Lattice"]


class Lattice(wiring.Component):
    """Hold a lattice of whole cells.

    Latency of a read is two clocks, of a write one; initiation interval one. Takes a memory.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    address : In
        Number of the cell to read.
    o : Out
        The cell two clocks ago.
    i, i_valid : In
        Cells to write, in raster order, and whether there is one.
    place : Out(geometry.position)
        Place of the cell to write.
    i_cell : In(stream)
        Cells to load, in raster order.
    open : In(1)
        Whether cells may be loaded: nothing is written then.
    whole : Out(1)
        Whether no loading is half done.
    """

    LATENCY = BlockMemory.LATENCY

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "address": In(geometry.cell),
            "o": Out(state(geometry)),
            "i": In(state(geometry)),
            "i_valid": In(1),
            "place": Out(geometry.position),
            "i_cell": In(stream.Signature(state(geometry))),
            "open": In(1),
            "whole": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        spec = self.geometry.spec
        m.submodules.memory = memory = BlockMemory(len(Value.cast(self.i)), spec.cells)
        m.submodules.raster = raster = Raster(self.geometry)
        loaded = Signal(self.geometry.cell)  # cells of a lattice that is half loaded
        loads = Signal()
        m.d.comb += [
            memory.read_address.eq(self.address),
            Value.cast(self.o).eq(memory.read_data),
            raster.advance.eq(self.i_valid),
            self.place.eq(raster.position),
            self.i_cell.ready.eq(self.open),
            loads.eq(self.i_cell.valid & self.open),
            self.whole.eq(loaded == 0),
        ]
        with m.If(loads):
            m.d.sync += loaded.eq(Mux(loaded == spec.cells - 1, 0, loaded + 1))
        m.d.sync += [
            memory.write_enable.eq(loads | self.i_valid),
            memory.write_address.eq(Mux(self.i_valid, raster.position.cell, loaded)),
            memory.write_data.eq(
                Mux(self.i_valid, Value.cast(self.i), Value.cast(self.i_cell.payload))
            ),
        ]

        return m
