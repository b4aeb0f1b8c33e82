"""Encoder and read-out: one product per clock, with coefficients from the skeleton memory."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import SHIFTS, WEIGHT, Format
from hw.array.requantiser import Requantiser
from hw.primitives import Multiplier, ReadOnlyMemory, delay, spare
from hw.scan import Scan, token_layout
from hw.shapes import Geometry, code, coefficient_row

__all__ = ["PointwiseUnit"]


class PointwiseUnit(wiring.Component):
    """Multiply samples by coefficients, sum the products and requantise the sum.

    A sum of the encoder has one product, a sum of the read-out has one per channel. Bit-exact with
    ``golden.naive.encode`` and ``golden.naive.readout``.

    Latency is fourteen clocks from the last sample of a sum, four where ways are short, initiation
    interval one sample. Does not accept backpressure. Takes one multiplier block.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    rows : list of int
        Rows of the skeleton memory: a weight, a bias and a shift for each channel.
    sample, to : Format
        Formats of the samples and of the codes.
    acc : Shape
        Shape of the sum.
    memory : str
        Name of the skeleton memory.

    Members
    -------
    sample, channel, skeleton : In
        Sample; channel and skeleton that its coefficients belong to.
    valid, first, last : In
        Whether there is a sample, the first or the last of its sum.
    code, o_valid : Out
        A code, and whether there is one.
    i_scan, o_scan : In, Out
        Tokens past the memory; see `hw.scan`.
    """

    LATENCY = ReadOnlyMemory.LATENCY + Multiplier.LATENCY + 4 + Requantiser.LATENCY
    SPARE = ReadOnlyMemory.SPARE + Multiplier.SPARE + 2 + Requantiser.SPARE

    def __init__(
        self,
        geometry: Geometry,
        rows: list[int],
        *,
        sample: Format,
        to: Format,
        acc: Shape,
        memory: str,
    ):
        self.geometry = geometry
        self.rows = rows
        self.memory = memory
        self.acc = acc
        self.to = to

        super().__init__({
            "sample": In(code(sample)),
            "channel": In(range(geometry.spec.channels)),
            "skeleton": In(geometry.skeleton),
            "valid": In(1),
            "first": In(1),
            "last": In(1),
            "code": Out(code(to)),
            "o_valid": Out(1),
            "i_scan": In(token_layout(geometry)),
            "o_scan": Out(token_layout(geometry)),
        })

    def elaborate(self, platform):
        m = Module()

        memory = ReadOnlyMemory.LATENCY + 1 - spare(platform, ReadOnlyMemory.SPARE + 1)
        product = Multiplier.LATENCY + 1 - spare(platform, Multiplier.SPARE + 1)
        m.submodules.rom = rom = ReadOnlyMemory(coefficient_row(), self.rows)
        # The memory's row gets a clock for the way alone.
        row = delay(m, Value.cast(rom.data), 1 - spare(platform, 1), name="row")
        held = data.View(coefficient_row(), row)
        m.submodules.scan = scan = Scan(self.geometry, self.memory, len(row))
        m.submodules.multiplier = multiplier = Multiplier(self.sample.shape(), code(WEIGHT))
        m.d.comb += [
            scan.i.eq(self.i_scan),
            scan.row.eq(row),
            self.o_scan.eq(scan.o),
            rom.address.eq(Cat(self.channel, self.skeleton)),
            multiplier.a.eq(delay(m, self.sample, memory, name="sample")),
            multiplier.b.eq(held.weight),
        ]

        wait = memory + product + 1
        valid = delay(m, self.valid, wait, name="valid")
        first = delay(m, self.first, wait, name="first")
        bias = delay(m, held.bias, product, name="bias")
        arrived = delay(m, multiplier.product, 1 - spare(platform, 1), name="product")
        term, acc = Signal(self.acc, reset_less=True), Signal(self.acc, reset_less=True)
        m.d.sync += term.eq(bias + arrived)
        with m.If(valid):
            m.d.sync += acc.eq(Mux(first, 0, acc) + term)

        latency = self.LATENCY - spare(platform, self.SPARE)
        m.submodules.requantiser = requantiser = Requantiser(
            self.acc, max_shift=SHIFTS[-1], to=self.to
        )
        m.d.comb += [
            requantiser.acc.eq(acc),
            requantiser.shift.eq(delay(m, held.shift, product + 2, name="shift")),
            self.code.eq(requantiser.code),
            self.o_valid.eq(delay(m, self.valid & self.last, latency, name="o_valid")),
        ]

        return m
