"""The gate port: sends planes to the host and receives deltas."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from golden.fixed import STATE
from hw.port.ring import Ring
from hw.shapes import Geometry, code

__all__ = ["GatePort"]


class GatePort(wiring.Component):
    """Buffer planes while a pass computes them, and count the codes of deltas.

    A plane begins to leave when its first cell is written. The buffer holds one plane for each
    context, which is enough: no context has more at a time. Deltas of several contexts may
    interleave code by code.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    code, context, last, valid : In
        Code of a plane, in raster order; its context; whether it is the last of its plane.
    o_plane : Out(stream)
        Planes, in the order in which they were written.
    open : In
        Contexts that wait for a delta; deltas of others are not accepted.
    i_delta : In(stream)
        Codes of deltas, each context's in raster order.
    delta_index, delta_code, delta_enable : Out
        Code of a delta to store, its ``geometry.site``, and a bit for each context that it is for,
        one clock after it came.
    complete : Out
        Contexts whose delta is complete with the code being stored.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        contexts = geometry.contexts
        super().__init__({
            "code": In(code(STATE)),
            "context": In(geometry.context),
            "last": In(1),
            "valid": In(1),
            "o_plane": Out(stream.Signature(geometry.plane)),
            "open": In(contexts),
            "i_delta": In(stream.Signature(geometry.delta)),
            "delta_index": Out(data.ArrayLayout(Shape.cast(geometry.site), contexts)),
            "delta_code": Out(code(STATE)),
            "delta_enable": Out(contexts),
            "complete": Out(contexts),
        })

    def elaborate(self, platform):
        m = Module()

        geometry = self.geometry
        m.submodules.planes = planes = Ring(
            geometry.plane, 1 << ceil_log2(geometry.spec.cells * geometry.contexts)
        )
        m.d.comb += [
            planes.data.code.eq(self.code),
            planes.data.context.eq(self.context),
            planes.data.last.eq(self.last),
            planes.enable.eq(self.valid),
        ]
        connect(m, planes.o, flipped(self.o_plane))

        # A context is open for a clock more than it takes codes.
        takes = self.open & ~self.complete
        delta = self.i_delta
        m.d.comb += delta.ready.eq(takes.bit_select(delta.p.context, 1))
        m.d.sync += self.delta_code.eq(delta.p.code)
        for index in range(geometry.contexts):
            taken = Signal(name=f"taken{index}")
            m.d.comb += taken.eq(delta.valid & takes[index] & (delta.p.context == index))
            site, last = self.count_sites(m, taken)
            m.d.sync += [
                self.delta_index[index].eq(site),
                self.delta_enable[index].eq(taken),
                self.complete[index].eq(taken & last),
            ]

        return m

    def count_sites(self, m: Module, taken: Signal) -> tuple[data.View, Value]:
        """Return the site of a context's next code, in raster order, and whether it is the last."""
        site = Signal(self.geometry.site)
        rows, columns = self.geometry.spec.height // 2, self.geometry.spec.width // 2
        row_ends, last_row = Signal(), Signal()  # worked out a code ahead
        with m.If(taken):
            m.d.sync += [
                site.x.eq(Mux(row_ends, 0, site.x + 1)),
                row_ends.eq(~row_ends & (site.x == columns - 2)),
            ]
            with m.If(row_ends):
                m.d.sync += [
                    site.y.eq(Mux(last_row, 0, site.y + 1)),
                    last_row.eq(~last_row & (site.y == rows - 2)),
                ]
        return site, row_ends & last_row
