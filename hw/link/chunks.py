"""How the chip is given what chunks bring: states of the walk through an EXCHANGE."""

from amaranth import *

from golden.wire import Error
from hw.link.command import CommandReader
from hw.link.compact import COUNT_BITS, Expander
from hw.link.walk import Walk

__all__ = [
    "expand",
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


def expand(walk: Walk) -> None:
    """Expand data and hand them on to the chip; on the first walk, check that they are whole."""
    m, ports = walk.m, walk.ports
    half = Signal()  # the byte's low nibble has been read
    expander = Expander()
    m.submodules.expander = ResetInserter(read_values(walk, expander, half))(expander)
    m.d.comb += [
        expander.i.payload.eq(ports.byte.word_select(half, 4)),
        expander.o.ready.eq(~walk.act | ports.o_data.ready),
    ]
    with m.State("Expand"):
        m.d.comb += expander.i.valid.eq(walk.here & (walk.count != 0))
        with m.If(expander.over & ~half):
            m.next = "Tag"
            with m.If(walk.act):
                m.next = "Handed on"
            with m.Elif(expander.wrong | (walk.count != 0)):
                walk.end(Error.BAD_BODY)
        with m.Elif(walk.count == 0):
            with m.If(expander.i.ready):
                walk.end(Error.BAD_BODY)
        with m.Elif(walk.here & (expander.i.ready | expander.over)):
            m.d.sync += half.eq(~half)
            with m.If(half):
                walk.count_down()
                walk.go_on()
            # What fills the last byte is 0.
            with m.If(expander.over & (expander.i.payload != 0)):
                walk.end(Error.BAD_BODY)
        with m.If(walk.act & expander.o.valid):
            hand_value_on(walk, expander.o.payload)


def read_values(walk: Walk, expander: Expander, half: Signal) -> Signal:
    """Read the number of values; return a reset for the expander, which begins anew behind it."""
    m, ports = walk.m, walk.ports
    begin, values = Signal(), Signal(COUNT_BITS)
    m.d.comb += expander.count.eq(values)
    for name, part, following in (
        ("Values low", values[:8], "Values high"),
        ("Values high", values[8:], "Expand"),
    ):
        with m.State(name), m.If(walk.here):
            m.d.comb += begin.eq(1)
            m.d.sync += [part.eq(ports.byte), half.eq(0)]
            walk.count_down()
            walk.go_on()
            m.next = following
    return begin


def hand_value_on(walk: Walk, value: Value) -> None:
    """Hand a value on to the chip."""
    port = walk.ports.o_data
    walk.m.d.comb += [port.payload.eq(value), port.valid.eq(1)]
    with walk.m.If(~port.ready):
        walk.wait()
