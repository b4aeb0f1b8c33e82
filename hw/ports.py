"""The chip's ports, stated once: the chip, the crossing and the link are joined by `connect`."""

from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.wire import STATUS
from hw.shapes import IDENTITY

__all__ = ["COUNTER", "chip_ports", "served_ports"]

COUNTER = STATUS["clocks"].bits
"""Bits of a counter of clocks: it lasts for weeks."""


def chip_ports(geometry):
    """Ports of a chip, as the chip has them.

    i_command : In(stream)
        What to do; see `hw.shapes.Geometry.command`.
    i_data, o_data : In(stream), Out(stream)
        Bytes of images and raw lattices; see `hw.port.lattice_port.LatticePort`.
    o_plane, i_delta : Out(stream), In(stream)
        Planes and deltas; see `hw.port.gate_port.GatePort`.
    running : Out
        Contexts with a run under way.
    clocks, busy : Out
        Clocks in which a run was under way, and those in which every multiplier was of use.
    checked, damaged : Out
        Whether the skeletons are checked, and which are damaged.
    identity_address, identity : In, Out
        Bytes that tell what the places hold; see `hw.checker.Checker` and `hw.skeleton_memory`.
    """
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


def served_ports(geometry):
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
