"""The lattice port: images and raw lattices in and out, a code a clock, beside the engine."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from golden.fixed import PIXEL, STATE
from golden.wire import Operation
from hw.port.loader import Loader
from hw.port.pointwise import PointwiseUnit
from hw.port.skid import Skid
from hw.port.unloader import Unloader
from hw.port.walk import Walk, arrival_layout, walks_layout
from hw.primitives import delay, has_one_port, spare
from hw.scan import token_layout
from hw.shapes import Geometry, encode_sum, readout_sum

__all__ = ["LatticePort"]


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
    margin. ZERO takes two where the lattice's memory has one port: some steps read, then their
    codes are written. Loads and ZERO spend a pending delta: a load overwrites it, ZERO writes back
    what it reads. The reads leave it pending.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    images : dict of str to list of int
        Skeleton memory images.
    read_latency : int
        Clocks from `read_at` and `read_word` to `read_codes`.

    Members
    -------
    i_command : In(stream)
        Operations, each acknowledged when it is through; of reads, when its last byte is buffered.
    i_data, o_data : In(stream), Out(stream)
        Bytes in and out.
    context : Out
        Context to read and write.
    read_at, read_word : Out
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

    def __init__(self, geometry: Geometry, images: dict[str, list[int]], *, read_latency: int):
        self.geometry = geometry
        self.images = images
        self.read_latency = read_latency

        super().__init__({
            "i_command": In(stream.Signature(geometry.command)),
            "i_data": In(stream.Signature(8)),
            "o_data": Out(stream.Signature(8)),
            "context": Out(geometry.context),
            "read_at": Out(geometry.position),
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

        # Bytes wait in here: whether one is taken is settled late in a clock.
        m.submodules.bytes = bytes_ = Skid(8)
        m.submodules.walk = walk = Walk(self.geometry, has_one_port=has_one_port(platform))
        m.submodules.loader = loader = Loader(self.geometry)
        pointwise = PointwiseUnit.LATENCY - spare(platform, PointwiseUnit.SPARE)
        drain = self.read_latency + pointwise + 1
        m.submodules.unloader = unloader = Unloader(drain=drain)

        # Commands and bytes -> steps of the walk.
        walks, skeleton = self.take_command(m, loader.done | unloader.done)
        connect(m, flipped(self.i_data), bytes_.i)
        connect(m, bytes_.o, walk.i_data)
        m.d.comb += [
            walk.walks.eq(walks),
            walk.room.eq(unloader.room),
            walk.finish.eq(self.i_command.ready),
            walk.check.eq(self.check),
        ]
        if walk.has_one_port:  # ZERO alone writes what it reads
            m.d.comb += walk.waits.eq(walks.zero & loader.enable.any())
        # Steps -> what they read.
        arrival = self.read(m, walk)
        # Pixels -> codes -> words to write.
        encoder = self.encode(m, walk, skeleton)
        m.d.comb += [
            loader.walks.eq(walks),
            loader.i.eq(arrival),
            loader.encoded.eq(encoder.code),
            loader.encoded_valid.eq(encoder.o_valid),
            self.write_cell.eq(loader.cell),
            self.write_word.eq(loader.word),
            self.write_codes.eq(loader.codes),
            self.write_enable.eq(loader.enable),
            self.spend.eq(loader.done),
        ]
        # Codes read -> pixels -> bytes.
        readout = self.read_out(m, walk, arrival, skeleton)
        m.d.comb += [
            unloader.walks.eq(walks),
            unloader.i.eq(arrival),
            unloader.pixel.eq(readout.code),
            unloader.pixel_valid.eq(readout.o_valid),
            unloader.through.eq(walk.through),
        ]
        connect(m, unloader.o_data, flipped(self.o_data))

        m.d.comb += [
            encoder.i_scan.eq(self.i_scan),
            readout.i_scan.eq(encoder.o_scan),
            self.o_scan.eq(readout.o_scan),
        ]

        return m

    def take_command(self, m: Module, done: Value) -> tuple[data.View, Value]:
        """Return which operation walks, until it is ``done``, and the skeleton to do it with."""
        command = self.i_command
        walks = Signal(walks_layout())
        under_way = Signal()
        goes_on = Signal()
        m.d.sync += under_way.eq(command.valid & ~command.ready)
        m.d.comb += goes_on.eq(under_way & ~command.ready)
        for name in walks.shape().members:
            operation = Operation[name.upper()]
            m.d.sync += walks[name].eq(goes_on & (command.p.operation == operation))
        # An answer from a register, a clock long: short ways to all who hear it.
        m.d.sync += command.ready.eq(done & ~command.ready)
        m.d.sync += self.context.eq(command.p.context)
        skeleton = Mux(self.check.active, self.check.skeleton, command.p.skeleton)
        return walks, delay(m, skeleton, 1, name="skeleton")

    def read(self, m: Module, walk: Walk) -> data.View:
        """Read the word of a step; return its code together with what came with the step."""
        wait, lanes = self.read_latency, exact_log2(self.geometry.lanes)
        m.d.comb += [self.read_word.eq(walk.channel >> lanes), self.read_at.eq(walk.position)]
        lane = delay(m, walk.channel[:lanes], wait, name="lane")
        byte = walk.i_data.payload
        cleared = walk.walks.zero & byte.bit_select(walk.position.cell[:3], 1)
        arrival = Signal(arrival_layout())
        m.d.comb += [
            arrival.valid.eq(delay(m, walk.step, wait, name="valid")),
            arrival.code.eq(self.read_codes[lane]),
            arrival.byte.eq(delay(m, byte, wait, name="byte")),
            arrival.cleared.eq(delay(m, cleared, wait, name="cleared")),
        ]
        return arrival

    def encode(self, m: Module, walk: Walk, skeleton: Value) -> PointwiseUnit:
        """Encode pixels, and 0 around them, as the walk takes them; return the encoder."""
        m.submodules.encoder = encoder = PointwiseUnit(
            self.geometry,
            self.images["encode"],
            sample=PIXEL,
            to=STATE,
            acc=encode_sum(),
            memory="encode",
        )
        m.d.comb += [
            encoder.sample.eq(Mux(walk.inside, walk.i_data.payload, 0)),
            encoder.channel.eq(walk.channel),
            encoder.skeleton.eq(skeleton),
            encoder.valid.eq(walk.step & walk.walks.load_image),
            encoder.first.eq(1),
            encoder.last.eq(1),
        ]
        return encoder

    def read_out(self, m: Module, walk: Walk, arrival: data.View, skeleton: Value) -> PointwiseUnit:
        """Sum a pixel from the codes of each cell inside the window; return the read-out."""
        channels, wait = self.geometry.spec.channels, self.read_latency
        m.submodules.readout = readout = PointwiseUnit(
            self.geometry,
            self.images["readout"],
            sample=STATE,
            to=PIXEL,
            acc=readout_sum(channels),
            memory="readout",
        )
        channel = delay(m, walk.channel, wait, name="readout_channel")
        shown = walk.step & walk.inside & walk.walks.read_image
        m.d.comb += [
            readout.sample.eq(arrival.code),
            readout.channel.eq(channel),
            readout.skeleton.eq(skeleton),
            readout.valid.eq(delay(m, shown, wait, name="readout_valid")),
            readout.first.eq(channel == 0),
            readout.last.eq(channel == channels - 1),
        ]
        return readout
