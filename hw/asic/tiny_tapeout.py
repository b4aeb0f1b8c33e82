"""The chip on the pins of Tiny Tapeout: the link's bytes, each with a handshake."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer, ResetSynchronizer
from amaranth.lib.wiring import In, Out

from golden.skeleton import Skeleton
from hw.linked_chip import LinkedChip
from hw.primitives import delay
from hw.shapes import Geometry

__all__ = ["BIDIRECTIONAL", "TinyTapeout"]

BIDIRECTIONAL = (
    ("put", "input", "rises: the chip takes the byte on ui; hold it until taken rises"),
    ("get", "input", "rises: the byte on uo has been read; hold it until gone rises"),
    ("", "input", ""),
    ("", "input", ""),
    ("taken", "output", "follows put: once high the byte is taken"),
    ("valid", "output", "there is a byte on uo, while gone is low"),
    ("gone", "output", "follows get: once high the byte is gone"),
    ("running", "output", "a run is under way"),
)
"""Name, way and meaning of each bidirectional pin."""


class TinyTapeout(wiring.Component):
    """Serve a host that speaks the protocol of ``docs/protocol.md`` on the pins of Tiny Tapeout.

    The host's clock need not be the chip's: `put` and `get` are synchronised, and a byte moves at
    their rising edge. Latency from an edge to `taken` or `gone` is three clocks. A byte takes the
    host four edges, so that it can be as slow as it likes. The project's reset must be low for
    `hw.clocks.RESET_CLOCKS` clocks.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    skeletons : sequence of Skeleton
        Contents of the skeleton memory.

    Members
    -------
    ui_in, uo_out : In(8), Out(8)
        Byte from the host, byte to the host.
    uio_in, uio_out, uio_oe : In(8), Out(8), Out(8)
        The pins of `BIDIRECTIONAL`, and which of them are outputs.
    ena : In(1)
        Whether the project is chosen; it works regardless.
    clk, rst_n : In(1)
        Clock, and reset while low.
    """

    def __init__(self, geometry: Geometry, skeletons: Sequence[Skeleton]):
        self.linked = LinkedChip(geometry, skeletons)

        super().__init__({
            "ui_in": In(8),
            "uo_out": Out(8),
            "uio_in": In(8),
            "uio_out": Out(8),
            "uio_oe": Out(8),
            "ena": In(1),
            "clk": In(1),
            "rst_n": In(1),
        })

    def elaborate(self, platform):
        m = Module()

        m.domains.sync = sync = ClockDomain(async_reset=True)
        m.d.comb += sync.clk.eq(self.clk)
        m.submodules.reset = ResetSynchronizer(~self.rst_n)
        m.submodules.linked = linked = DomainRenamer({"link": "sync"})(self.linked)

        pins = {name: place for place, (name, _, _) in enumerate(BIDIRECTIONAL) if name}
        rises, answers = {}, {}
        for name, answer in (("put", "taken"), ("get", "gone")):
            here = Signal(name=f"{name}_here")
            m.submodules[name] = FFSynchronizer(self.uio_in[pins[name]], here)
            before = delay(m, here, 1, name=f"{name}_before")
            rises[name] = here & ~before
            answers[answer] = before
        # What leaves the chip comes from registers.
        valid, running = Signal(), Signal()
        m.d.sync += [
            self.uo_out.eq(linked.o.payload),
            valid.eq(linked.o.valid),
            running.eq(linked.running.any()),
        ]
        answers |= {"valid": valid, "running": running}
        m.d.comb += [
            *(self.uio_out[pins[name]].eq(value) for name, value in answers.items()),
            linked.i.p.data.eq(self.ui_in),
            linked.i.valid.eq(rises["put"]),
            linked.o.ready.eq(rises["get"]),
            *(
                self.uio_oe[place].eq(way == "output")
                for place, (_, way, _) in enumerate(BIDIRECTIONAL)
            ),
        ]

        return m
