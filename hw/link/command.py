"""A command on its way from the wire to the chip: its shape, its faults, its translation."""

from amaranth import *

from golden.wire import COMMAND, Error, Operation
from hw.shapes import struct

__all__ = ["command_error", "translate", "wire_command"]


def wire_command():
    """Shape of a command as it travels."""
    return struct(COMMAND)


def command_error(m, geometry, command, damaged):
    """Return what is wrong with a command as it travelled; ``damaged`` has a bit for each place."""
    error = Signal(8)
    places = Signal(geometry.skeletons)
    m.d.comb += places.eq(damaged >> command.skeleton)
    with m.If(command.operation >= len(Operation)):
        m.d.comb += error.eq(Error.BAD_OPERATION)
    with m.Elif(command.context >= geometry.contexts):
        m.d.comb += error.eq(Error.NO_SUCH_CONTEXT)
    with m.Elif(command.skeleton >= geometry.skeletons):
        m.d.comb += error.eq(Error.NO_SUCH_SKELETON)
    with m.Elif(places[0]):
        m.d.comb += error.eq(Error.SKELETON_DAMAGED)
    return error


def translate(command, to):
    """Return the assignments of a command as it travelled to one for the chip."""
    return [
        *(to[name].eq(command[name]) for name in ("context", "skeleton", "steps")),
        to.operation.eq(command.operation),
        *(to.gate[name].eq(command[name]) for name in to.gate.shape().members),
    ]
