"""The lattice port's walk: channel by channel within cell by cell."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import STATE
from golden.wire import Operation
from hw.raster import Raster
from hw.shapes import Geometry, code

__all__ = ["Walk", "arrival_layout", "walks_layout"]


def walks_layout() -> data.StructLayout:
    """Shape of which operation walks the lattice: one of these, or none."""
    names = [kind.name.lower() for kind in Operation if kind != Operation.RUN]
    return data.StructLayout(dict.fromkeys(names, 1))


def arrival_layout() -> data.StructLayout:
    """Shape of what a step has read, and the byte that came with it.

    With ``cleared``, the code is to become 0.
    """
    return data.StructLayout({"valid": 1, "code": code(STATE), "byte": 8, "cleared": 1})


class Walk(wiring.Component):
    """Walk the lattice once an operation, a channel a clock, waiting for bytes or for room.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    has_one_port : bool
        Whether the lattice's memory has one port, which a step may have to wait for.

    Members
    -------
    walks : In(walks_layout())
        The operation under way.
    room : In(1)
        Whether there is room for what a reading step gives.
    waits : In(1)
        Whether no step is made: the memory's one port is in use.
    finish : In(1)
        Whether the operation is over: the next walk begins at the first channel.
    check : In
        Row of which `channel` is to be the slot, while there is no operation.
    i_data : In(stream.Signature(8))
        Bytes that the steps take.
    step : Out(1)
        Whether a step is made.
    position, channel, inside : Out
        Where, and whether that is within the image's window.
    through : Out(1)
        Whether the walk is over; the pipeline behind it may not be.
    """

    def __init__(self, geometry: Geometry, *, has_one_port: bool = False):
        self.geometry = geometry
        self.has_one_port = has_one_port

        spec = geometry.spec
        super().__init__({
            "walks": In(walks_layout()),
            "room": In(1),
            **({"waits": In(1)} if has_one_port else {}),
            "finish": In(1),
            "check": In(geometry.check),
            "i_data": In(stream.Signature(8)),
            "step": Out(1),
            "position": Out(geometry.position),
            "channel": Out(range(spec.channels)),
            "inside": Out(1, init=spec.margins == (0, 0)),
            "through": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        spec, channel = self.geometry.spec, self.channel
        # What steers the walk is worked out a step ahead.
        m.submodules.after = after = Raster(self.geometry, ahead=1)  # the next cell
        last_cell = Signal()
        leaves = Signal()  # a step leaves the cell
        active = Signal()
        m.d.sync += active.eq(self.walks.as_value().any() & ~self.through)
        inside = self.is_inside(after.position)  # the next cell
        skips = self.walks.read_image  # a step for a cell in the margin

        self.steer(m, active, leaves & inside)
        self.take_bytes(m, leaves)
        with m.If(self.step):
            m.d.sync += [
                channel.eq(Mux(leaves, 0, channel + 1)),
                leaves.eq(Mux(leaves, skips & ~inside, channel == spec.channels - 2)),
            ]
        with m.Elif(~active):
            m.d.sync += leaves.eq(skips & ~self.inside)
        m.d.comb += after.advance.eq(self.step & leaves)
        with m.If(after.advance):
            m.d.sync += [
                self.position.eq(after.position),
                self.inside.eq(inside),
                last_cell.eq(after.last),
            ]
            with m.If(last_cell):
                m.d.sync += [self.through.eq(1), active.eq(0)]
        with m.If(self.finish):
            m.d.sync += self.through.eq(0)
        with m.If(self.check.active):  # both memories take their address from here
            m.d.sync += channel.eq(self.check.slot)

        return m

    def steer(self, m: Module, active: Signal, enters: Value) -> None:
        """Make a step unless it lacks a byte or room; it may be one that ``enters`` the window."""
        walks = self.walks
        needs_byte = Signal()
        lacks_room = Signal()
        # A clock old. After the window has been left, a step may wait a clock for a byte in vain.
        within = self.inside | enters
        m.d.sync += [
            needs_byte.eq(walks.load_state | walks.zero | (walks.load_image & within)),
            lacks_room.eq((walks.read_state | walks.read_image) & ~self.room),
        ]
        lacks_byte = needs_byte & ~self.i_data.valid
        step = active & ~lacks_byte & ~lacks_room
        m.d.comb += self.step.eq(step & ~self.waits if self.has_one_port else step)

    def take_bytes(self, m: Module, leaves: Signal) -> None:
        """Take a byte with the step that uses the last of it: a code, a pixel or eight bits."""
        walks = self.walks
        of_cell = Signal()  # a clock old: the cell has been the same for some channels
        last_bit = self.position.cell[:3] == 7
        m.d.sync += of_cell.eq((walks.load_image & self.inside) | (walks.zero & last_bit))
        done = walks.load_state | (leaves & of_cell)
        m.d.comb += self.i_data.ready.eq(self.step & done)

    def is_inside(self, at: data.View) -> Value:
        """Return whether a cell shows a pixel of the image."""
        rows, columns = self.geometry.spec.window
        is_row = (at.y >= rows.start) & (at.y < rows.stop)
        return is_row & (at.x >= columns.start) & (at.x < columns.stop)
