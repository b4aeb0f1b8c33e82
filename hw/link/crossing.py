"""The crossing: passes the chip's streams and signals between its clock and the link's."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.wire import Operation
from hw.link.queue import Queue, Snapshot
from hw.ports import chip_ports, served_ports
from hw.primitives import delay
from hw.shapes import Geometry

__all__ = ["COMMANDS", "Crossing"]

DEPTH = 16
"""Rows of each queue: enough for a payload in two clocks of either side."""

LEAN_DEPTH = 4
"""The same where registers are dear: a payload takes some clocks more."""

COMMANDS = DEPTH - 2
"""Commands that may wait."""

TAKEN = 8
"""Bits of the count of commands taken; commands that wait must be fewer than it can count."""


class Crossing(wiring.Component):
    """Connect a link in domain ``link`` to a chip in domain ``sync``; their clocks are unrelated.

    Streams pass through queues. The chip's state and counters pass as snapshots, about ten clocks
    old; each is from one clock of the chip. A reset by the link, or of its whole domain, empties
    both sides, and must last for tens of clocks of both.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    link : Out(`hw.ports.served_ports`)
        The chip's ports in domain ``link``.
    chip : In(`hw.ports.chip_ports`)
        The chip's ports in domain ``sync``.
    chip_reset : Out(1)
        The chip's reset, from a register of its domain.
    """

    def __init__(self, geometry: Geometry):
        self.geometry = geometry

        super().__init__({
            "link": Out(served_ports(geometry)),
            "chip": In(chip_ports(geometry)),
            "chip_reset": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        resets = self.resets(m)
        towards = {"source": "link", "target": "sync"}
        back = {"source": "sync", "target": "link"}
        queues = {}
        for name, i, o, domains in (
            ("command", self.link.i_command, self.chip.i_command, towards),
            ("i_data", self.link.i_data, self.chip.i_data, towards),
            ("delta", self.link.i_delta, self.chip.i_delta, towards),
            ("o_data", self.chip.o_data, self.link.o_data, back),
            ("plane", self.chip.o_plane, self.link.o_plane, back),
        ):
            queue = Queue(i.payload.shape(), LEAN_DEPTH if self.geometry.lean else DEPTH)
            wrapped = ResetInserter({side: resets[domains[side]] for side in domains})(queue)
            m.submodules[name] = DomainRenamer(domains)(wrapped)
            connect(m, flipped(i), queue.i)
            connect(m, queue.o, flipped(o))
            queues[name] = queue
        m.d.comb += [
            self.link.taken.eq(queues["i_data"].empty & queues["delta"].empty),
            # The link keeps the address for longer than a byte takes, so it needs no register.
            self.chip.identity_address.eq(self.link.identity_address),
            self.link.identity.eq(self.chip.identity),
        ]
        self.tell(m, resets)

        return m

    def resets(self, m: Module) -> dict[str, Value]:
        """Return the resets of both sides' registers, by domain."""
        asked = Signal(init=1, reset_less=True)  # a synchroniser needs a register before it
        synchronised = Signal(init=1)
        m.d.link += asked.eq(self.link.reset | ResetSignal("link", allow_reset_less=True))
        m.submodules.reset = FFSynchronizer(asked, synchronised, o_domain="sync", init=1)
        m.d.comb += self.chip_reset.eq(delay(m, synchronised, 1, name="chip_reset", init=1))
        return {"link": self.link.reset, "sync": self.chip_reset}

    def tell(self, m: Module, resets: dict[str, Value]) -> None:
        """Pass the chip's state to the link, and combine it with the commands that still wait."""
        facts = {
            "taken": self.count_taken(m),
            "running": self.chip.running,
            "clocks": self.chip.clocks,
            "busy": self.chip.busy,
            "checked": self.chip.checked,
            "damaged": self.chip.damaged,
        }
        snapshot = Snapshot(data.StructLayout({name: fact.shape() for name, fact in facts.items()}))
        domains = {"source": "sync", "target": "link"}
        m.submodules.snapshot = DomainRenamer(domains)(
            ResetInserter({side: resets[domain] for side, domain in domains.items()})(snapshot)
        )
        m.d.comb += [
            *(snapshot.i[name].eq(fact) for name, fact in facts.items()),
            self.link.clocks.eq(snapshot.o.clocks),
            self.link.busy.eq(snapshot.o.busy),
            self.link.checked.eq(snapshot.o.checked),
            self.link.damaged.eq(snapshot.o.damaged),
        ]
        self.keep_asked(m, snapshot.o)

    def count_taken(self, m: Module) -> Signal:
        """Return how many commands the chip has taken."""
        taken = Signal(TAKEN)
        with m.If(self.chip_reset):
            m.d.sync += taken.eq(0)
        with m.Elif(self.chip.i_command.valid & self.chip.i_command.ready):
            m.d.sync += taken.eq(taken + 1)
        return taken

    def keep_asked(self, m: Module, told: data.View) -> None:
        """Count a context as running from the moment its run is asked for.

        A command is counted as taken in the clock in which its run begins.
        """
        given = Signal(TAKEN)
        asked = Signal(self.geometry.contexts)
        command = self.link.i_command
        m.d.comb += [
            self.link.pending.eq(given != told.taken),
            self.link.running.eq(told.running | asked),
        ]
        with m.If(~self.link.pending):
            m.d.link += asked.eq(0)
        with m.If(command.valid & command.ready):
            m.d.link += given.eq(given + 1)
            with m.If(command.p.operation == Operation.RUN):
                m.d.link += asked.bit_select(command.p.context, 1).eq(1)
        with m.If(self.link.reset):
            m.d.link += [given.eq(0), asked.eq(0)]
