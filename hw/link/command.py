"""Commands from the wire: their shape, their check, and their translation for the chip."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.wire import COMMAND, Error, Operation
from hw.shapes import Geometry, struct

__all__ = ["CommandReader", "command_error", "translate", "wire_command"]


def wire_command() -> data.StructLayout:
    """Shape of a command on the wire."""
    return struct(COMMAND)


def command_error(m: Module, geometry: Geometry, command: data.View, damaged: Value) -> Signal:
    """Return the error of a command from the wire; ``damaged`` has a bit for each place."""
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


def translate(command: data.View, to: data.View) -> list:
    """Return assignments from a command of the wire to a command for the chip."""
    return [
        *(to[name].eq(command[name]) for name in ("context", "skeleton", "steps")),
        to.operation.eq(command.operation),
        *(to.gate[name].eq(command[name]) for name in to.gate.shape().members),
    ]


class CommandReader(wiring.Component):
    """Gather a command from its bytes; tell what is wrong with it, and what it is for the chip.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    shift, byte : In
        Whether the next byte is here, and the byte.
    damaged : In
        Places whose skeleton is damaged.
    error : Out(8)
        Of a whole command, what is wrong with it: a `golden.wire.Error`.
    command : Out(geometry.command)
        A whole command that nothing is wrong with.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "shift": In(1),
            "byte": In(8),
            "damaged": In(geometry.skeletons),
            "error": Out(8),
            "command": Out(geometry.command),
        })

    def elaborate(self, platform):
        m = Module()

        read = Signal(wire_command())
        with m.If(self.shift):
            m.d.sync += read.as_value().eq(Cat(read.as_value()[8:], self.byte))
        m.d.comb += self.error.eq(command_error(m, self.geometry, read, self.damaged))
        m.d.comb += translate(read, self.command)

        return m
