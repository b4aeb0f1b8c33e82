"""The requantiser: from accumulators to codes by rounding, shifting and saturating."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.primitives import delay
from hw.shapes import code

__all__ = ["Requantiser"]

FINE = 2  # bits of the shift that the second stage takes


class Requantiser(wiring.Component):
    """Round, shift and saturate accumulators; each comes with its own shift.

    Bit-exact with ``to.clamp(golden.fixed.round_shift(acc, shift))``. With an unsigned format the
    saturation is also the ReLU: negative values round to 0 or below, and become 0.

    Latency is five clocks, initiation interval one. Does not accept backpressure.

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

        # Stages 1 and 2: shift by one bit less, the coarse part of the shift first.
        low = delay(m, self.shift[:FINE], 1, name="shift")
        m.d.sync += coarse.eq((self.acc << 1) >> (self.shift[FINE:] << FINE))
        m.d.sync += fine.eq(coarse >> low)

        # Stage 3: add one and drop the last bit: half up in one adder.
        m.d.sync += rounded.eq((fine + 1) >> 1)

        # Stages 4 and 5: first decide whether to saturate, then do it.
        kept = len(self.code) - self.to.signed  # bits below the sign
        above, negative = Signal(reset_less=True), Signal(reset_less=True)
        low = delay(m, rounded[: len(self.code)], 1, name="rounded")
        m.d.sync += [
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
