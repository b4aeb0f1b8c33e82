"""How chunks get what the chip gives: states of the walk through an EXCHANGE."""

from amaranth import *
from amaranth.lib import stream

from golden.wire import NO_PLANE, Tag
from hw.link.compact import Compressor
from hw.link.walk import Walk

__all__ = ["collect_planes", "compress", "fetch"]


def compress(walk: Walk) -> Compressor:
    """Put what a `Compressor` gives into the response; return it."""
    m, ports = walk.m, walk.ports
    compressor = Compressor()
    m.submodules.compressor = ResetInserter(walk.rests)(compressor)
    m.d.comb += [
        ports.o.payload.eq(compressor.o.payload),
        ports.o.valid.eq(compressor.o.valid),
    ]
    with m.State("Compress"), m.If(~compressor.ends):
        m.next = "Tag"
        with m.If(walk.tag == Tag.COMPACT_PLANES):
            m.next = "Planes"
    return compressor


def fetch(walk: Walk, compressor: Compressor) -> None:
    """Take bytes from the chip."""
    m, data = walk.m, walk.ports.i_data
    with m.State("Fetch"):
        with m.If(data.valid & data.ready):
            walk.count_down()
            with m.If(walk.count == 1):
                m.next = "Tag"
        give(walk, compressor, data, data.payload, walk.count == 1)


def collect_planes(walk: Walk, compressor: Compressor) -> None:
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
        with m.If(plane.valid & plane.ready & plane.p.last):
            walk.count_down()
            m.next = "Planes"
        give(walk, compressor, plane, plane.p.code.as_unsigned(), plane.p.last)


def give(
    walk: Walk, compressor: Compressor, port: stream.Interface, byte: Value, last: Value
) -> None:
    """Put a byte of the chip into the response, or into the compressor, or wait for it."""
    m = walk.m
    with m.If(walk.compact):
        m.d.comb += [
            compressor.i.p.data.eq(byte),
            compressor.i.p.last.eq(last),
            compressor.i.valid.eq(port.valid),
            port.ready.eq(compressor.i.ready),
        ]
        with m.If(port.valid & port.ready & last):
            m.next = "Compress"
    with m.Else():
        m.d.comb += port.ready.eq(1)
        with m.If(port.valid):
            walk.emit(byte)
    with m.If(~port.valid):
        walk.wait()
