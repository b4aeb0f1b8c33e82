"""How each kind of chunk is dealt with: states of the walk through an EXCHANGE."""

from amaranth import *

from golden.wire import NO_PLANE, Error
from hw.link.command import CommandReader
from hw.link.walk import Walk

__all__ = [
    "collect_planes",
    "fetch",
    "hand_bytes_on",
    "hand_command_on",
    "read_command",
    "read_context",
]


def read_command(walk: Walk) -> None:
    """Read a command; on the first walk, check it."""
    m, ports = walk.m, walk.ports
    m.submodules.reader = reader = CommandReader(ports.geometry)
    m.d.comb += [
        reader.byte.eq(ports.byte),
        reader.damaged.eq(ports.damaged),
        ports.o_command.payload.eq(reader.command),
    ]
    with m.State("Command"):
        with m.If(walk.count == 0):
            m.next = "Check command"
            with m.If(walk.act):
                m.next = "Hand on"
        with m.Elif(walk.here):
            m.d.comb += reader.shift.eq(1)
            walk.count_down()
            walk.go_on()
    with m.State("Check command"):
        m.next = "Tag"
        with m.If(reader.error != Error.NONE):
            walk.end(reader.error)


def hand_command_on(walk: Walk) -> None:
    """Hand the command on to the chip."""
    m, ports = walk.m, walk.ports
    with m.State("Hand on"):
        m.d.comb += ports.o_command.valid.eq(1)
        with m.If(ports.o_command.ready):
            m.next = "Tag"
        with m.Else():
            walk.wait()


def read_context(walk: Walk) -> None:
    """Read which context a delta is for; on the first walk, check it."""
    m, ports = walk.m, walk.ports
    context = Signal(ports.geometry.context)
    m.d.comb += ports.o_delta.p.context.eq(context)
    with m.State("Context"), m.If(walk.here):
        m.d.sync += context.eq(ports.byte)
        walk.count_down()
        walk.go_on()
        m.next = "Skip"
        with m.If(walk.act):
            m.next = "Delta"
        with m.Elif(ports.byte >= ports.geometry.contexts):
            walk.end(Error.NO_SUCH_CONTEXT)


def hand_bytes_on(walk: Walk) -> None:
    """Hand data or a delta on to the chip, byte by byte."""
    m, ports = walk.m, walk.ports
    m.d.comb += [ports.o_data.payload.eq(ports.byte), ports.o_delta.p.code.eq(ports.byte)]
    for name, port in (("Data", ports.o_data), ("Delta", ports.o_delta)):
        with m.State(name):
            m.d.comb += port.valid.eq(walk.here)
            with m.If(port.valid & port.ready):
                walk.count_down()
                walk.go_on()
                with m.If(walk.count == 1):
                    m.next = "Handed on"
            with m.Elif(walk.here):
                walk.wait()
    # So that nothing stays behind which the chip did not want.
    with m.State("Handed on"):
        with m.If(ports.taken):
            m.next = "Tag"
        with m.Else():
            walk.wait()


def fetch(walk: Walk) -> None:
    """Take bytes from the chip."""
    m, data = walk.m, walk.ports.i_data
    with m.State("Fetch"):
        m.d.comb += data.ready.eq(1)
        with m.If(data.valid):
            walk.emit(data.payload)
            walk.count_down()
            with m.If(walk.count == 1):
                m.next = "Tag"
        with m.Else():
            walk.wait()


def collect_planes(walk: Walk) -> None:
    """Take planes as long as there are, and some are wanted or on their way."""
    m, ports, plane = walk.m, walk.ports, walk.ports.i_plane
    rests = Signal()
    m.d.comb += rests.eq(~ports.running.any() & ~ports.pending)
    none_comes = (rests & walk.patience.settled) | walk.patience.late
    with m.State("Planes"):
        with m.If((walk.count != 0) & plane.valid):
            walk.emit(plane.p.context)
            m.next = "Plane"
        with m.Elif((walk.count == 0) | none_comes):
            walk.emit(NO_PLANE)
            m.next = "Tag"
        with m.Else():
            m.d.comb += walk.patience.waiting.eq(1)
    with m.State("Plane"):
        m.d.comb += plane.ready.eq(1)
        with m.If(plane.valid):
            walk.emit(plane.p.code.as_unsigned())
            with m.If(plane.p.last):
                walk.count_down()
                m.next = "Planes"
        with m.Else():
            walk.wait()
