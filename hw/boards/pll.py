"""The PLL of the ECP5: dividers that make the wanted clocks of a board's oscillator."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import *

__all__ = ["USB", "USB_IO", "Pll", "UsbPll", "pll_settings", "usb_pll_settings"]

VCO = (400, 800)  # MHz of the ECP5's oscillator
PHASE_DETECTOR = 3.125  # MHz that its phase detector needs at least
LINK = 75  # MHz that the link runs at at most
STEP = 3  # MHz: the link's clock is a multiple, so that common rates are exact

USB_IO, USB = 48, 12
"""MHz of a full-speed port: of what samples its wires, and of what takes a bit a clock."""

LEVELS = {
    "RST": 0,
    "STDBY": 0,
    "PHASESEL0": 0,
    "PHASESEL1": 0,
    "PHASEDIR": 1,
    "PHASESTEP": 1,
    "PHASELOADREG": 1,
    "PLLWAKESYNC": 0,
    "ENCLKOP": 0,
    "ENCLKOS": 0,
}
"""Inputs of the PLL that never change."""

OUTPUTS = (("OP", "A"), ("OS", "B"), ("OS2", "C"))
"""Its outputs, and the multiplexer of each."""


@dataclass(frozen=True)
class Pll:
    """Dividers of a PLL: input, feedback, and those of the chip's and the link's clock; and both.

    The feedback is taken from the chip's clock: ``clock = reference * feedback / input``.
    """

    input: int
    feedback: int
    chip_output: int
    link_output: int
    clock: float
    link: int

    def block(
        self, reference: Value, frequency: float, chip: Signal, link: Signal, locked: Signal
    ) -> Instance:
        """Return the PLL between ``reference``, of that frequency in MHz, and both clocks."""
        outputs = ((self.chip_output, chip, self.clock), (self.link_output, link, self.link))
        return block(self, reference, frequency, outputs, locked)


@dataclass(frozen=True)
class UsbPll:
    """Dividers of the PLL of a full-speed port: input, feedback, and those of its outputs.

    The feedback is a clock of its own, of `fed` MHz; the others are of `USB_IO` and `USB` MHz.
    """

    input: int
    feedback: int
    outputs: tuple[int, int, int]
    fed: float

    def block(
        self, reference: Value, frequency: float, usb_io: Signal, usb: Signal, locked: Signal
    ) -> Instance:
        """Return the PLL between ``reference``, of that frequency in MHz, and both clocks."""
        clocks = ((Signal(name="fed"), self.fed), (usb_io, USB_IO), (usb, USB))
        outputs = [(divider, *clock) for divider, clock in zip(self.outputs, clocks, strict=True)]
        return block(self, reference, frequency, outputs, locked)


def pll_settings(reference: float, clock: float) -> Pll:
    """Return the `Pll` that makes ``clock`` of ``reference``, in MHz, and the fastest link."""
    found = [
        Pll(divider, int(feedback), output, int(clock * output / link), clock, link)
        for divider in range(1, int(reference / PHASE_DETECTOR) + 1)
        if (feedback := clock * divider / reference) == int(feedback) and 1 <= feedback <= 128
        for output in range(1, 129)
        if VCO[0] <= clock * output <= VCO[1]
        for link in range(STEP, LINK + 1, STEP)
        if clock * output % link == 0 and clock * output / link <= 128
    ]
    if not found:
        raise ValueError(f"The PLL must make {clock!r} MHz of {reference!r} MHz, and cannot")
    return max(found, key=lambda pll: pll.link)


def usb_pll_settings(reference: float) -> UsbPll:
    """Return the `UsbPll` of a reference in MHz, its oscillator as slow as can be."""
    found = [
        (oscillator, divider, abs(output - oscillator // USB_IO), feedback, output)
        for oscillator in range(USB_IO, VCO[1] + 1, USB_IO)
        if oscillator >= VCO[0]
        for divider in range(1, int(reference / PHASE_DETECTOR) + 1)
        for output in range(1, 129)
        for feedback in [round(oscillator * divider / (reference * output))]
        if 1 <= feedback <= 128 and reference * feedback * output == oscillator * divider
    ]
    if not found:
        raise ValueError(f"The PLL must make {USB_IO} MHz of {reference!r} MHz, and cannot")
    oscillator, divider, _, feedback, output = min(found)
    dividers = output, oscillator // USB_IO, oscillator // USB
    return UsbPll(divider, feedback, dividers, oscillator / output)


def block(
    pll: Pll | UsbPll,
    reference: Value,
    frequency: float,
    outputs: Sequence[tuple[int, Signal, float]],
    locked: Signal,
) -> Instance:
    """Return the PLL whose first output is fed back.

    An output is its divider, its clock and the clock's frequency in MHz.
    """
    arguments: dict = {}
    for (name, multiplexer), values in zip(OUTPUTS, outputs, strict=False):
        arguments |= output(name, multiplexer, *values)
    return Instance(
        "EHXPLLL",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_FEEDBK_PATH="CLKOP",
        p_CLKI_DIV=pll.input,
        p_CLKFB_DIV=pll.feedback,
        **arguments,
        **{f"i_{name}": Const(level) for name, level in LEVELS.items()},
        i_CLKI=reference,
        i_CLKFB=outputs[0][1],
        o_LOCK=locked,
        a_FREQUENCY_PIN_CLKI=str(frequency),
    )


def output(name: str, multiplexer: str, divider: int, clock: Signal, frequency: float) -> dict:
    """Return an instance's arguments of one output of the PLL."""
    return {
        f"p_OUTDIVIDER_MUX{multiplexer}": f"DIV{multiplexer}",
        f"p_CLK{name}_ENABLE": "ENABLED",
        f"p_CLK{name}_DIV": divider,
        f"p_CLK{name}_CPHASE": divider - 1,
        f"p_CLK{name}_FPHASE": 0,
        f"o_CLK{name}": clock,
        f"a_FREQUENCY_PIN_CLK{name}": str(frequency),
    }
