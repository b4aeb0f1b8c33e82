"""The raster: the order in which a lattice is read, cell by cell."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.shapes import Geometry

__all__ = ["Raster"]


class Raster(wiring.Component):
    """Count the cells of a lattice in raster order, again and again.

    Where the lattice is a torus, the raster has a border of one cell: each row begins with the
    row's last cell and ends with its first, and the rows begin with the lattice's last row and end
    with its first. So the neighbours of a cell are its neighbours in the raster, too.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    advance : In(1)
        Whether to go to the next cell.
    row, column : Out
        Place in the raster.
    position : Out(geometry.position)
        Cell of the lattice that is there.
    last : Out(1)
        Whether it is the raster's last.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "advance": In(1),
            "row": Out(range(geometry.rows)),
            "column": Out(range(geometry.columns)),
            "position": Out(geometry.position),
            "last": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        row_ends = self.column == self.geometry.columns - 1
        m.d.comb += self.last.eq(row_ends & (self.row == self.geometry.rows - 1))
        with m.If(self.advance):
            m.d.sync += self.column.eq(Mux(row_ends, 0, self.column + 1))
            with m.If(row_ends):
                m.d.sync += self.row.eq(Mux(self.last, 0, self.row + 1))
        self.follow(m, row_ends)

        return m

    def follow(self, m: Module, row_ends: Value) -> None:
        """Keep the lattice's cell beside the place in the raster."""
        spec, border = self.geometry.spec, self.geometry.border
        last_x, last_y = spec.width - 1, spec.height - 1
        # With a border the first cell is the one before the lattice's first, around both edges.
        x = Signal(range(spec.width), init=border * last_x)
        y = Signal(range(spec.height), init=border * last_y)
        row = Signal(self.geometry.cell, init=border * last_y * spec.width)  # its first cell
        with m.If(self.advance):
            m.d.sync += x.eq(Mux(row_ends, x.init, Mux(x == last_x, 0, x + 1)))
            with m.If(self.last):
                m.d.sync += [y.eq(y.init), row.eq(row.init)]
            with m.Elif(row_ends & (y == last_y)):
                m.d.sync += [y.eq(0), row.eq(0)]
            with m.Elif(row_ends):
                m.d.sync += [y.eq(y + 1), row.eq(row + spec.width)]
        cell = row + x
        if not border:  # no need to add: the cells are counted
            cell = Signal(self.geometry.cell)
            with m.If(self.advance):
                m.d.sync += cell.eq(Mux(self.last, 0, cell + 1))
        m.d.comb += [self.position.x.eq(x), self.position.y.eq(y), self.position.cell.eq(cell)]
