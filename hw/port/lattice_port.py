"""The lattice port: images and raw lattices in and out, a code a clock, beside the engine."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from golden.fixed import PIXEL, STATE
from golden.wire import Operation
from hw.port.pointwise import PointwiseUnit
from hw.port.skid import Skid
from hw.primitives import delay
from hw.scan import token_layout
from hw.shapes import encode_sum, readout_sum

__all__ = ["LatticePort"]

BUFFER = 32  # bytes: more than the pipeline holds


class LatticePort(wiring.Component):
    """Load, read and zero lattices whose context is at rest.

    Every operation walks the lattice once, channel by channel within cell by cell:

    ========== ============================ ==============================
    operation  bytes in                     bytes out
    ========== ============================ ==============================
    LOAD_IMAGE pixels, raster order
    LOAD_STATE codes, channels within cells
    READ_IMAGE                              pixels, raster order
    READ_STATE                              codes, channels within cells
    ZERO       a bit a cell, low bit first
    ========== ============================ ==============================

    An operation takes a clock a channel, ``cells * channels`` in all, of which READ_IMAGE skips the
    margin. Loads and ZERO spend a pending delta: a load overwrites it, ZERO writes back what it
    reads. The reads leave it pending.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    images : dict of str to list of int
        Skeleton memory images.
    read_latency : int
        Clocks from `read_cell` and `read_word` to `read_codes`.

    Members
    -------
    i_command : In(stream)
        Operations, each acknowledged when it is through; of reads, when its last byte is buffered.
    i_data, o_data : In(stream), Out(stream)
        Bytes in and out.
    context : Out
        Context to read and write.
    read_cell, read_word : Out
        Word to read.
    read_codes : In
        The word, `read_latency` clocks later.
    write_cell, write_word, write_codes, write_enable : Out
        Word to write, and which of its channels.
    spend : Out
        Whether the operation spends the context's pending delta.
    check : In
        Row that both memories are to read, while there is no operation.
    i_scan, o_scan : In, Out
        Tokens past the memories; see `hw.scan`.
    """

    def __init__(self, geometry, images, *, read_latency):
        self.geometry = geometry
        self.images = images
        self.read_latency = read_latency

        super().__init__({
            "i_command": In(stream.Signature(geometry.command)),
            "i_data": In(stream.Signature(8)),
            "o_data": Out(stream.Signature(8)),
            "context": Out(geometry.context),
            "read_cell": Out(geometry.cell),
            "read_word": Out(range(geometry.words)),
            "read_codes": In(geometry.word),
            "write_cell": Out(geometry.cell),
            "write_word": Out(range(geometry.words)),
            "write_codes": Out(geometry.word),
            "write_enable": Out(geometry.lanes),
            "spend": Out(1),
            "check": In(geometry.check),
            "i_scan": In(token_layout(geometry)),
            "o_scan": Out(token_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        command = self.i_command
        self.is_ = {
            kind: Signal(name=kind.name.lower()) for kind in Operation if kind != Operation.RUN
        }
        under_way, goes_on = Signal(), Signal()
        m.d.sync += under_way.eq(command.valid & ~command.ready)
        m.d.comb += goes_on.eq(under_way & ~command.ready)
        for kind, signal in self.is_.items():
            m.d.sync += signal.eq(goes_on & (command.p.operation == kind))
        # Bytes wait in here: whether one is taken is settled late in a clock.
        m.submodules.bytes = bytes_ = Skid(8)
        connect(m, flipped(self.i_data), bytes_.i)
        self.byte_in = bytes_.o
        skeleton = Mux(self.check.active, self.check.skeleton, command.p.skeleton)
        self.skeleton = delay(m, skeleton, 1, name="skeleton")
        m.d.sync += self.context.eq(command.p.context)

        self.walk(m)
        loaded = self.load(m)
        unloaded = self.unload(m)
        # An answer from a register, a clock long: short ways to all who hear it.
        m.d.sync += command.ready.eq((loaded | unloaded) & ~command.ready)

        return m

    def walk(self, m):
        """Walk the lattice, a channel a clock, waiting for bytes or for room."""
        spec = self.geometry.spec
        self.cell = cell = Signal(self.geometry.cell)
        self.channel = channel = Signal(range(spec.channels))
        self.room = Signal()
        self.through = Signal()  # the walk is over, the pipeline may not be

        # What steers the walk is worked out a step ahead.
        after = Signal(self.geometry.cell, init=1)
        self.inside = Signal(init=spec.margins == (0, 0))
        last_channel, last_cell, last_bit = Signal(), Signal(), Signal()
        walks = Signal()
        m.d.sync += walks.eq(Cat(self.is_.values()).any() & ~self.through)
        leaves = self.steer(m, walks, last_channel, last_bit)
        with m.If(self.go):
            m.d.sync += [
                channel.eq(Mux(leaves, 0, channel + 1)),
                last_channel.eq(~leaves & (channel == spec.channels - 2)),
            ]
            with m.If(leaves):
                m.d.sync += [
                    cell.eq(after),
                    after.eq(after + 1),
                    self.inside.eq(self.is_inside(after)),
                    last_cell.eq(after == spec.cells - 1),
                    last_bit.eq(after[:3] == 7),
                ]
                with m.If(last_cell):
                    m.d.sync += [self.through.eq(1), walks.eq(0)]
        with m.If(self.i_command.ready):
            m.d.sync += self.through.eq(0)
        with m.If(self.check.active):  # both memories take their address from here
            m.d.sync += channel.eq(self.check.slot)
        self.follow(m)

    def steer(self, m, walks, last_channel, last_bit):
        """Tell whether there is a step, and take its byte; return whether it leaves the cell."""
        load_image, load_state, read_image, read_state, zero = self.is_.values()
        inside = self.inside
        always = Signal()  # every step takes a byte, or a bit
        full, full_inside = Signal(), Signal()  # no room for what each step gives, or those inside
        m.d.sync += [
            always.eq(load_state | zero),
            full.eq(read_state & ~self.room),
            full_inside.eq(read_image & ~self.room),
        ]
        lacks_byte, lacks_room = Signal(), Signal()
        self.go = Signal()
        m.d.comb += [
            lacks_byte.eq((always | (load_image & inside)) & ~self.byte_in.valid),
            lacks_room.eq(full | (full_inside & inside)),
            self.go.eq(walks & ~lacks_byte & ~lacks_room),
        ]
        byte_done = load_state | (last_channel & ((load_image & inside) | (zero & last_bit)))
        m.d.comb += self.byte_in.ready.eq(self.go & byte_done)
        return last_channel | (read_image & ~inside)

    def follow(self, m):
        """Read the word, and keep what it turns out to be for until it is here."""
        wait, lanes = self.read_latency, exact_log2(self.geometry.lanes)
        byte, zero = self.byte_in.payload, self.is_[Operation.ZERO]
        m.d.comb += Cat(self.read_word, self.read_cell).eq(Cat(self.channel, self.cell) >> lanes)
        self.lane = delay(m, self.channel[:lanes], wait, name="lane")
        self.byte = delay(m, byte, wait, name="byte")
        self.cleared = delay(m, zero & byte.bit_select(self.cell[:3], 1), wait, name="cleared")
        self.reading = delay(m, self.go, wait, name="reading")

    def is_inside(self, cell):
        """Return whether a cell shows a pixel of the image."""
        spec = self.geometry.spec
        x, y = cell[: exact_log2(spec.width)], cell[exact_log2(spec.width) :]
        rows, columns = spec.window
        return (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)

    def load(self, m):
        """Write codes in walking order: encoded pixels, raw codes, or what was read.

        Returns whether the last one has been written.
        """
        geometry, spec, is_ = self.geometry, self.geometry.spec, self.is_
        m.submodules.encoder = encoder = PointwiseUnit(
            geometry,
            self.images["encode"],
            sample=PIXEL,
            to=STATE,
            acc=encode_sum(),
            memory="encode",
        )
        load_image = is_[Operation.LOAD_IMAGE]
        m.d.comb += [
            encoder.sample.eq(Mux(self.inside, self.byte_in.payload, 0)),
            encoder.channel.eq(self.channel),
            encoder.skeleton.eq(self.skeleton),
            encoder.valid.eq(self.go & load_image),
            encoder.first.eq(1),
            encoder.last.eq(1),
            encoder.i_scan.eq(self.i_scan),
        ]
        self.scan = encoder.o_scan

        raw = is_[Operation.LOAD_STATE] | is_[Operation.ZERO]
        found = Mux(is_[Operation.LOAD_STATE], self.byte, self.read_codes[self.lane].as_unsigned())
        value, valid = Signal(8, reset_less=True), Signal()
        m.d.sync += [
            value.eq(Mux(raw, Mux(self.cleared, 0, found), encoder.code.as_unsigned())),
            valid.eq(encoder.o_valid | (self.reading & raw)),
        ]

        channel = Signal(range(spec.channels))
        cell = Signal(geometry.cell)
        with m.If(valid):
            m.d.sync += Cat(channel, cell).eq(Cat(channel, cell) + 1)
        lanes = exact_log2(geometry.lanes)
        m.d.comb += [
            Cat(self.write_word, self.write_cell).eq(Cat(channel, cell) >> lanes),
            self.write_codes.as_value().eq(value.replicate(geometry.lanes)),
            self.write_enable.eq(valid << channel[:lanes]),
        ]
        done = Signal()
        m.d.sync += done.eq(valid & (Cat(channel, cell) == spec.cells * spec.channels - 1))
        m.d.comb += self.spend.eq(done)
        return done

    def unload(self, m):
        """Buffer raw codes or the pixels that they show; walk on only while there is room.

        Returns whether all of them are buffered.
        """
        geometry, spec, is_ = self.geometry, self.geometry.spec, self.is_
        wait = self.read_latency
        m.submodules.readout = readout = PointwiseUnit(
            geometry,
            self.images["readout"],
            sample=STATE,
            to=PIXEL,
            acc=readout_sum(spec.channels),
            memory="readout",
        )
        read_image, read_state = is_[Operation.READ_IMAGE], is_[Operation.READ_STATE]
        channel = delay(m, self.channel, wait, name="readout_channel")
        inside = delay(m, self.inside, wait, name="readout_inside")
        m.d.comb += [
            readout.sample.eq(self.read_codes[self.lane]),
            readout.channel.eq(channel),
            readout.skeleton.eq(self.skeleton),
            readout.valid.eq(self.reading & read_image & inside),
            readout.first.eq(channel == 0),
            readout.last.eq(channel == spec.channels - 1),
            readout.i_scan.eq(self.scan),
            self.o_scan.eq(readout.o_scan),
        ]

        m.submodules.buffer = buffer = SyncFIFOBuffered(width=8, depth=BUFFER)
        m.d.sync += [
            buffer.w_data.eq(
                Mux(read_image, readout.code, self.read_codes[self.lane].as_unsigned())
            ),
            buffer.w_en.eq(readout.o_valid | (self.reading & read_state)),
            self.room.eq(buffer.level < BUFFER // 2),
        ]
        connect(m, buffer.r_stream, flipped(self.o_data))

        # The pipeline is empty this long after the walk.
        drained = delay(m, self.through, wait + PointwiseUnit.LATENCY + 1, name="drained")
        return (read_image | read_state) & self.through & drained
