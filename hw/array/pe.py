"""The processing element: one product of the array, or two with one multiplier."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.fixed import WEIGHT
from hw.primitives import Multiplier, copies, delay
from hw.shapes import operand_shape

__all__ = ["ProcessingElement", "operand", "products"]

LOW = WEIGHT.width + 1  # bits of the product that the lower weight owns alone
OVERLAP = 7  # bits that the two products share


def operand(weights: Sequence[int]) -> int:
    """Return the operand of one weight or two, as an integer."""
    return weights[0] if len(weights) == 1 else (weights[1] << LOW) + weights[0]


def products(sample: int, packed: int) -> tuple[int, int]:
    """Return both products of a sample with the two weights of an operand.

    The integer model of the hardware. The products overlap in one wide product by seven bits. The
    upper one modulo 128, computed apart, tells what of these bits is the lower one's.
    """
    mask = (1 << OVERLAP) - 1
    wide = sample * packed
    upper = (packed >> LOW) + (packed >> LOW - 1 & 1)  # the upper weight, less the borrow
    low = (wide >> LOW) - (sample & mask) * (upper & mask) & mask
    low -= (low >> OVERLAP - 1) << OVERLAP
    return low << LOW | wide & (1 << LOW) - 1, (wide >> LOW) - low


class ProcessingElement(wiring.Component):
    """Multiply a sample by each weight and add each product to the partial sum handed in for it.

    Two weights share one multiplier: any sample of eight bits, any two weights, exactly. The
    operand holds ``(weights[1] << 9) + weights[0]``; see `products`.

    Latency is seven clocks from sample and operand, one from the partial sums; initiation interval
    one. Does not accept backpressure. Takes one multiplier block.

    Parameters
    ----------
    count : int
        Weights, 1 or 2.
    sample : Shape
        Shape of the sample.
    i_sum, o_sum : Shape
        Shapes of a partial sum before and after this element.

    Members
    -------
    sample, operand : In
        Operands of the multiplier.
    i_sums : In
        A partial sum for each weight, six clocks behind the operands it goes with.
    o_sums : Out
        Partial sums with the products added.
    """

    LATENCY = Multiplier.LATENCY + 4

    def __init__(self, count: int, *, sample: Shape, i_sum: Shape, o_sum: Shape):
        self.count = count

        super().__init__({
            "sample": In(sample),
            "operand": In(operand_shape(count)),
            "i_sums": In(i_sum).array(count),
            "o_sums": Out(o_sum).array(count),
        })

    def elaborate(self, platform):
        m = Module()

        m.submodules.multiplier = multiplier = Multiplier(self.sample.shape(), self.operand.shape())
        m.d.comb += [multiplier.a.eq(self.sample), multiplier.b.eq(self.operand)]
        # The multiplier is far away: its product gets a clock for the way alone.
        wide = delay(m, multiplier.product, 1, name="product")
        found = [delay(m, wide, 2, name="single")] if self.count == 1 else self.separate(m, wide)
        for before, product, after in zip(self.i_sums, found, self.o_sums, strict=True):
            total = Signal.like(after, name="total", reset_less=True)
            m.d.sync += total.eq(before + product)
            m.d.comb += after.eq(total)

        return m

    def separate(self, m: Module, wide: Signal) -> tuple[Signal, Signal]:
        """Return the two products within ``wide``, two clocks later."""
        # Clock 5: what of the upper bits is the lower product's.
        low = Signal(signed(OVERLAP), reset_less=True)
        m.d.sync += low.eq(wide[LOW : LOW + OVERLAP] - self.modulo(m))
        # Clock 6: the upper product without it.
        late = delay(m, wide, 1, name="wide")
        lower, upper = (
            Signal(signed(OVERLAP + LOW), name=name, reset_less=True) for name in ("lower", "upper")
        )
        m.d.sync += [lower.eq(Cat(late[:LOW], low)), upper.eq((late >> LOW) - low)]
        return lower, upper

    def modulo(self, m: Module) -> Signal:
        """Return the upper product modulo 128, four clocks after the operands."""
        [sample] = copies(m, self.sample[:OVERLAP], 1, name="sample")  # not the neighbour's, too
        packed = delay(m, self.operand[LOW - 1 : LOW + OVERLAP], 1, name="operand")
        borrow, upper = packed[0], packed[1:]
        rows = [Mux(borrow, sample, 0)]
        rows += [Mux(bit, sample, 0) << place for place, bit in enumerate(upper)]
        # Clocks 2 to 4: two rows, four rows, all eight are added.
        while len(rows) > 1:
            pairs = list(zip(rows[::2], rows[1::2], strict=True))
            rows = []
            for one, other in pairs:
                total = Signal(OVERLAP, name=f"rows{len(pairs)}", reset_less=True)
                m.d.sync += total.eq(one + other)
                rows.append(total)
        return rows[0]
