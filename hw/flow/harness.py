"""A harness for a chip that is only placed: registers hold its ports, so that it needs few pins.

Hundreds of pins would pull a placement apart, to all sides of the die, and paths to and from pins
have no clock. In the harness every path is one between registers.
"""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Harness"]


class Harness(wiring.Component):
    """Drive a chip's inputs from a shift register, and fold its outputs into another one.

    Parameters
    ----------
    chip : wiring.Component
        What is to be placed.

    Members
    -------
    i, o : In(1), Out(1)
        Where inputs are shifted in, and folded outputs out.
    """

    def __init__(self, chip: wiring.Component):
        self.chip = chip

        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()

        m.submodules.chip = chip = self.chip
        ports = [*chip.signature.flatten(chip)]
        inputs = Cat(Value.cast(port) for _, member, port in ports if member.flow is In)
        outputs = Cat(Value.cast(port) for _, member, port in ports if member.flow is Out)
        given, folded = Signal(len(inputs)), Signal(len(outputs))
        m.d.sync += [
            given.eq(Cat(self.i, given)),
            folded.eq(Cat(given[-1], folded) ^ outputs),
        ]
        m.d.comb += [inputs.eq(given), self.o.eq(folded[-1])]

        return m
