"""The requantiser: from accumulators to codes by rounding, shifting and saturating."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import delay, spare, way
from hw.shapes import code

__all__ = ["Requantiser"]

FINE = 2  # bits of the shift that the second stage takes


class Requantiser(wiring.Component):
    """Round, shift and saturate accumulators; each comes with its own shift.

    Bit-exact with ``to.clamp(golden.fixed.round_shift(acc, shift))``. With an unsigned format the
    saturation is also the ReLU: negative values round to 0 or below, and become 0.

    Latency is five clocks, one where ways are short, initiation interval one. Does not accept
    backpressure.

    Parameters
    ----------
    acc : Shape
        Shape of the accumulators, signed.
    max_shift : int
        Largest shift that may arrive.
    to : Format
        Format of the codes.

    Members
    -------
    acc, shift : In
        Accumulator and its shift.
    code : Out
        The code five clocks later.
    """

    LATENCY = 5
    SPARE = 4

    def __init__(self, acc, *, max_shift, to):
        acc = Shape.cast(acc)
        if not acc.signed or acc.width < to.width:
            raise ValueError(
                f"Accumulator shape must be signed and hold {to.width} bits, not {acc!r}"
            )

        self.to = to

        super().__init__({
            "acc": In(acc),
            "shift": In(range(max_shift + 1)),
            "code": Out(code(to)),
        })

    def elaborate(self, platform):
        m = Module()

        wide = signed(self.acc.shape().width + 1)
        coarse, fine = Signal(wide, reset_less=True), Signal(wide, reset_less=True)
        rounded = Signal(wide, reset_less=True)
        early = way(platform)  # all stages but the last
        step = 1 - spare(platform, 1)

        # Stages 1 and 2: shift by one bit less, the coarse part of the shift first.
        low = delay(m, self.shift[:FINE], step, name="shift")
        m.d[early] += coarse.eq((self.acc << 1) >> (self.shift[FINE:] << FINE))
        m.d[early] += fine.eq(coarse >> low)

        # Stage 3: add one and drop the last bit: half up in one adder.
        m.d[early] += rounded.eq((fine + 1) >> 1)

        # Stages 4 and 5: first decide whether to saturate, then do it.
        kept = len(self.code) - self.to.signed  # bits below the sign
        above, negative = Signal(reset_less=True), Signal(reset_less=True)
        low = delay(m, rounded[: len(self.code)], step, name="rounded")
        m.d[early] += [
            negative.eq(rounded[-1]),
            above.eq(rounded[kept:] != rounded[-1].replicate(len(rounded) - kept)),
        ]
        code = Signal(len(self.code), reset_less=True)
        with m.If(negative & (above if self.to.signed else 1)):
            m.d.sync += code.eq(self.to.min)
        with m.Elif(above):
            m.d.sync += code.eq(self.to.max)
        with m.Else():
            m.d.sync += code.eq(low)
        m.d.comb += self.code.eq(code)

        return m
