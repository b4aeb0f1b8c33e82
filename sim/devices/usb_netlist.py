"""The mapped netlist of a board with a USB port, at a USB host."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hw.boards.top import BoardTop
from sim.devices.netlist import NetlistDesign, wrap
from sim.devices.usb import FUNCTIONS, UsbModel

__all__ = ["UsbNetlistBoard", "UsbNetlistDesign"]

PINS = {
    "usb_0__d_p__io": "dp_i",
    "usb_0__d_n__io": "dn_i",
    "usb_0__d_p__io__level": "dp_o",
    "usb_0__d_n__io__level": "dn_o",
    "usb_0__d_p__io__drives": "driven",
    "usb_0__pullup__io": "pulled",
}


@dataclass(frozen=True)
class UsbNetlistDesign(NetlistDesign):
    """A mapped netlist, driven through the pins of its clock and its USB port.

    Its clock is the oscillator of its PLLs, which is taken to be the same in all.
    """

    shims = ("usb_board.cpp", "served.cpp")
    options = ("-DOSCILLATOR",)

    def wrap(self, ports: Mapping[str, Any]) -> str:
        """Return Verilog of a top with the board's pins."""
        inputs = "input clk, rst, link_clk, link_rst, usb_clk, usb_rst, dp_i, dn_i"
        heading = f"{self.top}({inputs}, output dp_o, dn_o, driven, pulled)"
        wanted = {rf"{self.clock}_0__(io|p)": "clk"} | PINS
        return wrap(heading, ports, wanted, f"a clock {self.clock} and a USB port")


class UsbNetlistBoard(UsbModel):
    """A board whose design is its mapped netlist, initial memory contents included.

    Time counts in clocks of 48 MHz; there is no reset but switching it on.

    Parameters
    ----------
    design : UsbNetlistDesign
        The netlist.
    top : BoardTop
        What it was made from: tells its clocks and how long the chip is waited for.
    """

    def __init__(
        self, design: UsbNetlistDesign, top: BoardTop, *, progress: Callable[[str], None] = print
    ) -> None:
        board = top.board
        assert top.usb is not None, "the design has a USB port"
        super().__init__(
            design,
            geometry=board.geometry,
            patience=board.linked.link.patience,
            ratio=top.usb.outputs[1],
            functions=FUNCTIONS,
            progress=progress,
        )

    def fill(self, memory: str, nines: Sequence[int]) -> None:
        """Replace what a block memory holds, 2048 nines of bits, as if configured so."""
        self._handle.store([*self.design.memories].index(memory), 1, nines)
