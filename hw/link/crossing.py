"""The crossing: the chip's streams and signals, between its clock and the link's."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out, connect, flipped

from golden.wire import Operation
from hw.link.queue import Queue, Snapshot
from hw.primitives import delayed
from hw.sequencer import COUNTER

__all__ = ["COMMANDS", "Crossing"]

DEPTH = 16
"""Rows of each queue: enough for a payload a clock."""

COMMANDS = DEPTH - 2
"""Commands that may wait."""

TAKEN = 8
"""Bits of the count of commands taken: it must not come round within those that wait."""


class Crossing(wiring.Component):
    """Join a link on domain ``link`` to a chip on domain ``sync``, whatever the two clocks are.

    Streams pass through queues. What the chip tells of itself comes as a snapshot: all of it as it
    was in one clock of the chip, about ten clocks ago. A reset, of the link's or of its whole
    domain, empties everything on both sides, and must last for tens of clocks of both.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.

    Members
    -------
    i_command, i_data, o_data, o_plane, i_delta
        The link's ends of the streams; see `hw.chip.Chip`.
    reset : In(1)
        Whether the chip is to be reset.
    running : Out
        Contexts with a run under way, or with one asked for by a command that waits.
    pending : Out(1)
        Whether commands wait.
    taken : Out(1)
        Whether the chip has taken all data and deltas.
    clocks, busy, checked, damaged : Out
        What the chip tells of itself.
    chip_command, chip_i_data, chip_o_data, chip_plane, chip_delta
        The chip's ends of the streams.
    chip_running, chip_clocks, chip_busy, chip_checked, chip_damaged : In
        The chip's own.
    chip_reset : Out(1)
        The chip's reset, from a register of its domain.
    """

    def __init__(self, geometry):
        self.geometry = geometry

        command, byte = stream.Signature(geometry.command), stream.Signature(8)
        plane, delta = stream.Signature(geometry.plane), stream.Signature(geometry.delta)
        super().__init__({
            "i_command": In(command),
            "i_data": In(byte),
            "o_data": Out(byte),
            "o_plane": Out(plane),
            "i_delta": In(delta),
            "reset": In(1),
            "running": Out(geometry.contexts),
            "pending": Out(1),
            "taken": Out(1),
            "clocks": Out(COUNTER),
            "busy": Out(COUNTER),
            "checked": Out(1),
            "damaged": Out(geometry.skeletons),
            "chip_command": Out(command),
            "chip_i_data": Out(byte),
            "chip_o_data": In(byte),
            "chip_plane": In(plane),
            "chip_delta": Out(delta),
            "chip_running": In(geometry.contexts),
            "chip_clocks": In(COUNTER),
            "chip_busy": In(COUNTER),
            "chip_checked": In(1),
            "chip_damaged": In(geometry.skeletons),
            "chip_reset": Out(1),
        })

    def elaborate(self, platform):
        m = Module()

        resets = self.resets(m)
        towards = {"source": "link", "target": "sync"}
        back = {"source": "sync", "target": "link"}
        queues = {}
        for name, i, o, domains in (
            ("command", self.i_command, self.chip_command, towards),
            ("i_data", self.i_data, self.chip_i_data, towards),
            ("delta", self.i_delta, self.chip_delta, towards),
            ("o_data", self.chip_o_data, self.o_data, back),
            ("plane", self.chip_plane, self.o_plane, back),
        ):
            queue = Queue(i.payload.shape(), DEPTH)
            wrapped = ResetInserter({side: resets[domains[side]] for side in domains})(queue)
            m.submodules[name] = DomainRenamer(domains)(wrapped)
            connect(m, flipped(i), queue.i)
            connect(m, queue.o, flipped(o))
            queues[name] = queue
        m.d.comb += self.taken.eq(queues["i_data"].empty & queues["delta"].empty)
        self.tell(m, resets)

        return m

    def join(self, m, link, chip):
        """Join a `hw.link.link.Link` and a `hw.chip.Chip`, all three of them submodules of `m`."""
        connect(m, link.o_command, self.i_command)
        connect(m, link.o_data, self.i_data)
        connect(m, self.o_data, link.i_data)
        connect(m, self.o_plane, link.i_plane)
        connect(m, link.o_delta, self.i_delta)
        connect(m, self.chip_command, chip.i_command)
        connect(m, self.chip_i_data, chip.i_data)
        connect(m, chip.o_data, self.chip_o_data)
        connect(m, chip.o_plane, self.chip_plane)
        connect(m, self.chip_delta, chip.i_delta)
        m.d.comb += [
            *(
                getattr(link, name).eq(getattr(self, name))
                for name in ("running", "pending", "taken", "clocks", "busy", "checked", "damaged")
            ),
            *(
                getattr(self, f"chip_{name}").eq(getattr(chip, name))
                for name in ("running", "clocks", "busy", "checked", "damaged")
            ),
            self.reset.eq(link.reset),
            # The link holds the address still for longer than a byte takes: no register between.
            chip.identity_address.eq(link.identity_address),
            link.identity.eq(chip.identity),
        ]

    def resets(self, m):
        """Return the resets of both sides' registers, by their domain."""
        asked = Signal(init=1, reset_less=True)  # a synchroniser wants a register before it
        synchronised = Signal(init=1)
        m.d.link += asked.eq(self.reset | ResetSignal("link", allow_reset_less=True))
        m.submodules.reset = FFSynchronizer(asked, synchronised, o_domain="sync", init=1)
        m.d.comb += self.chip_reset.eq(delayed(m, synchronised, 1, name="chip_reset", init=1))
        return {"link": self.reset, "sync": self.chip_reset}

    def tell(self, m, resets):
        """Bring over what the chip tells of itself, and hold it against what was asked."""
        given, taken = Signal(TAKEN), Signal(TAKEN)
        facts = {
            "taken": taken,
            "running": self.chip_running,
            "clocks": self.chip_clocks,
            "busy": self.chip_busy,
            "checked": self.chip_checked,
            "damaged": self.chip_damaged,
        }
        snapshot = Snapshot(data.StructLayout({name: fact.shape() for name, fact in facts.items()}))
        domains = {"source": "sync", "target": "link"}
        m.submodules.snapshot = DomainRenamer(domains)(
            ResetInserter({side: resets[domain] for side, domain in domains.items()})(snapshot)
        )
        m.d.comb += [
            *(snapshot.i[name].eq(fact) for name, fact in facts.items()),
            self.clocks.eq(snapshot.o.clocks),
            self.busy.eq(snapshot.o.busy),
            self.checked.eq(snapshot.o.checked),
            self.damaged.eq(snapshot.o.damaged),
        ]

        with m.If(self.chip_reset):
            m.d.sync += taken.eq(0)
        with m.Elif(self.chip_command.valid & self.chip_command.ready):
            m.d.sync += taken.eq(taken + 1)

        # A context counts as running from the moment its run is asked for: a command is counted as
        # taken in the clock in which its run begins.
        asked = Signal(self.geometry.contexts)
        command = self.i_command
        m.d.comb += [
            self.pending.eq(given != snapshot.o.taken),
            self.running.eq(snapshot.o.running | asked),
        ]
        with m.If(~self.pending):
            m.d.link += asked.eq(0)
        with m.If(command.valid & command.ready):
            m.d.link += given.eq(given + 1)
            with m.If(command.p.operation == Operation.RUN):
                m.d.link += asked.bit_select(command.p.context, 1).eq(1)
        with m.If(self.reset):
            m.d.link += [given.eq(0), asked.eq(0)]
