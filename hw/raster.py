"""The raster: the order in which a lattice is read, cell by cell."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.shapes import Geometry

__all__ = ["Raster"]


class Raster(wiring.Component):
    """Count the cells of a lattice in raster order, again and again.

    With a border of one cell, each row begins with the row's last cell and ends with its first, and
    the rows begin with the lattice's last row and end with its first. So on a torus the neighbours
    of a cell are its neighbours in the raster, too.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    border : int
        Cells of the border, 0 or 1.
    ahead : int
        Cells of the first row that are passed over at the start, without a border.

    Members
    -------
    advance : In(1)
        Whether to go to the next cell.
    row, column : Out
        Place in the raster.
    position : Out(geometry.position)
        Cell of the lattice that is there.
    last : Out(1)
        Whether the place is the raster's last.
    """

    def __init__(self, geometry: Geometry, *, border: int = 0, ahead: int = 0):
        self.geometry = geometry
        self.border = border
        self.ahead = ahead
        spec = geometry.spec
        self.rows = geometry.read_rows if border else spec.height
        self.columns = geometry.read_columns if border else spec.width

        super().__init__({
            "advance": In(1),
            "row": Out(range(self.rows)),
            "column": Out(range(self.columns), init=ahead),
            "position": Out(geometry.position),
            "last": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        row_ends = self.column == self.columns - 1
        m.d.comb += self.last.eq(row_ends & (self.row == self.rows - 1))
        with m.If(self.advance):
            m.d.sync += self.column.eq(Mux(row_ends, 0, self.column + 1))
            with m.If(row_ends):
                m.d.sync += self.row.eq(Mux(self.last, 0, self.row + 1))
        if self.border:
            self.follow(m, row_ends)
        else:
            cell = Signal(self.geometry.cell, init=self.ahead)
            with m.If(self.advance):
                m.d.sync += cell.eq(Mux(self.last, 0, cell + 1))
            m.d.comb += [
                self.position.x.eq(self.column),
                self.position.y.eq(self.row),
                self.position.cell.eq(cell),
            ]

        return m

    def follow(self, m: Module, row_ends: Value) -> None:
        """Keep the lattice's cell beside the place in a raster with a border."""
        spec = self.geometry.spec
        last_x, last_y = spec.width - 1, spec.height - 1
        # The first cell is the one before the lattice's first, around both edges.
        x = Signal(range(spec.width), init=last_x)
        y = Signal(range(spec.height), init=last_y)
        row = Signal(self.geometry.cell, init=last_y * spec.width)  # the row's first cell
        with m.If(self.advance):
            m.d.sync += x.eq(Mux(row_ends, last_x, Mux(x == last_x, 0, x + 1)))
            with m.If(self.last):
                m.d.sync += [y.eq(last_y), row.eq(row.init)]
            with m.Elif(row_ends & (y == last_y)):
                m.d.sync += [y.eq(0), row.eq(0)]
            with m.Elif(row_ends):
                m.d.sync += [y.eq(y + 1), row.eq(row + spec.width)]
        position = self.position
        m.d.comb += [position.x.eq(x), position.y.eq(y), position.cell.eq(row + x)]
