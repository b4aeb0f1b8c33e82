"""The chip's ports, stated once: the chip, the crossing and the link are joined by `connect`."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.wire import STATUS
from hw.shapes import IDENTITY, Geometry

__all__ = ["COUNTER", "FLUSH", "MEANINGS", "chip_ports", "served_ports"]

COUNTER = STATUS["clocks"].bits
"""Bits of a counter of clocks: it lasts for weeks."""

FLUSH = 128
"""Clocks that a reset lasts: more than any pipeline of the chip holds."""


MEANINGS = {
    "i_command": "what to do, and with which context",
    "i_data": "bytes of images and raw lattices, as the command says that it takes",
    "o_data": "bytes of images and raw lattices, as the command says that it gives",
    "o_plane": "the plane that the gate reads, after each step after which it acts",
    "i_delta": "what the gate adds, a code for a quarter of the cells, after each plane",
    "running": "contexts with a run under way, a bit each",
    "clocks": "clocks in which a run was under way",
    "busy": "clocks in which filters were computed",
    "checked": "whether the skeletons are checked: before, no command is taken",
    "damaged": "places whose skeleton is damaged, a bit each: no command with such a one is taken",
    "identity_address": "byte to read of what the places hold: see `hw.checker.Checker`",
    "identity": "the byte, three clocks later",
    "i_run": "runs of a hardwired chip, in order; after the last step the image is shown",
    "i_pixel": "pixels of images, in raster order",
    "o_pixel": "pixels of the images that lattices show after runs",
    "i_cell": "cells of a lattice to load between runs: a code for each channel",
    "o_cell": "each cell as a step writes it",
    "o_cell_valid": "whether there is one; it does not wait",
}
"""What streams and ports of the chips are for."""


def chip_ports(geometry: Geometry) -> wiring.Signature:
    """Ports of a chip, as the chip has them: see `MEANINGS`."""
    return wiring.Signature({
        "i_command": In(stream.Signature(geometry.command)),
        "i_data": In(stream.Signature(8)),
        "o_data": Out(stream.Signature(8)),
        "o_plane": Out(stream.Signature(geometry.plane)),
        "i_delta": In(stream.Signature(geometry.delta)),
        "running": Out(geometry.contexts),
        "clocks": Out(COUNTER),
        "busy": Out(COUNTER),
        "checked": Out(1),
        "damaged": Out(geometry.skeletons),
        "identity_address": In(range(IDENTITY * geometry.skeletons)),
        "identity": Out(8),
    })


def served_ports(geometry: Geometry) -> wiring.Signature:
    """Ports of a chip behind a crossing: those of a chip, and what has not reached it yet.

    running : Out
        Contexts with a run under way, or with one asked for by a command that waits.
    pending : Out(1)
        Whether commands wait.
    taken : Out(1)
        Whether the chip has taken all data and deltas.
    reset : In(1)
        Whether the chip is to be reset.
    """
    return wiring.Signature({
        **chip_ports(geometry).members,
        "checked": Out(1, init=1),
        "pending": Out(1),
        "taken": Out(1, init=1),
        "reset": In(1),
    })
