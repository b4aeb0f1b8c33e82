"""The checker: a CRC-32 over each skeleton and its digest, before the first command is taken."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.array.lane import Lane
from hw.primitives import ReadOnlyMemory, delay
from hw.scan import ROW, Scan, token_layout
from hw.shapes import IDENTITY

__all__ = ["Checker"]


class Checker(wiring.Component):
    """Walk through all skeleton memories after a reset, and tell which skeletons are damaged.

    Place by place and row by row it lays an address on all memories, waits until they hold still,
    and sends a token for each byte along the scan (`hw.scan`). The place's identity comes last and
    ends with the CRC-32 that the others were stored with: `hw.skeleton_memory.message` is the same
    in software. Takes `clocks` from the reset on, and a memory of 64 bytes a place.

    Afterwards anybody can read the identities.

    Parameters
    ----------
    geometry : Geometry
        Build of the chip.
    identities : list of int
        Bytes of the identities.

    Members
    -------
    address : Out
        Row to read, and whether the memories are to read it.
    o, i : Out, In
        Tokens to the first memory and from the last.
    checked : Out
        All places have been checked.
    damaged : Out
        Places whose CRC was wrong.
    identity_address, identity : In, Out
        A byte of the identities, to be read once all is checked; three clocks from the address.
    """

    def __init__(self, geometry, identities):
        self.geometry = geometry
        self.identities = identities
        # Of a byte: to the checker's register behind the last memory.
        self.latency = 1 + Scan.LATENCY * len(geometry.scanned) + 1
        # More than an address or a token is under way.
        self.pause = max(2 * Lane.LATENCY + geometry.filters, self.latency + 1)

        super().__init__({
            "address": Out(geometry.check),
            "o": Out(token_layout(geometry)),
            "i": In(token_layout(geometry)),
            "checked": Out(1),
            "damaged": Out(geometry.skeletons),
            "identity_address": In(range(IDENTITY * geometry.skeletons)),
            "identity": Out(8),
        })

    @property
    def clocks(self):
        """Clocks of the check: a byte a clock, and two pauses around each row."""
        geometry, own = self.geometry, IDENTITY // ROW
        channels, lanes = geometry.spec.channels, len(geometry.lane_memories)
        past = (geometry.checked - channels) * lanes
        tokens = channels * (len(geometry.scanned) - 1) + past + own
        rows = geometry.checked + own
        return geometry.skeletons * (ROW * tokens + 2 * (self.pause + 1) * rows + 1) + 1

    def elaborate(self, platform):
        m = Module()

        m.submodules.crc = crc = CRC32_ISO_HDLC().create()
        self.place = place = Signal(self.geometry.skeleton)
        self.row = row = Signal(range(self.geometry.checked))
        self.memory = memory = Signal(range(len(self.geometry.scanned)))
        self.byte = byte = Signal(range(ROW))
        self.own = Signal()  # the rows of the identity
        self.walking = Signal()
        m.d.sync += crc.start.eq(0)
        with m.FSM():
            self.walk(m)
            with m.State("Judge"):
                m.d.sync += [
                    crc.start.eq(1),
                    self.damaged.bit_select(place, 1).eq(~crc.match_detected),
                    place.eq(place + 1),
                ]
                m.next = "Pause"
                with m.If(place == self.geometry.skeletons - 1):
                    m.d.sync += place.eq(0)
                    m.next = "Done"
            with m.State("Done"):
                m.d.sync += self.checked.eq(1)

        m.d.comb += [
            self.address.active.eq(~self.checked),
            self.address.skeleton.eq(place),
            self.address.slot.eq(row),
            crc.data.eq(self.last_memory(m, Cat(row[: exact_log2(IDENTITY // ROW)], place))),
            crc.valid.eq(delay(m, self.walking, self.latency, name="walking")),
        ]
        m.d.sync += [self.o.memory.eq(memory), self.o.byte.eq(byte)]

        return m

    def walk(self, m):
        """Send a place's tokens, row by row; the address holds until the last one is through."""
        geometry, own, row = self.geometry, self.own, self.row
        lanes, rules = len(geometry.lane_memories), len(geometry.scanned) - 1
        rest = Signal(range(self.pause + 1), init=self.pause)
        # Flags are a clock old: what they compare counts by one, or holds for longer.
        rested, last_byte, last_memory, last_row = Signal(), Signal(), Signal(), Signal()
        past = Signal()
        m.d.sync += [
            rested.eq(rest == 1),
            last_byte.eq(self.byte == ROW - 2),
            past.eq(row >= geometry.spec.channels),
            last_memory.eq(own | (self.memory == Mux(past, lanes - 1, rules - 1))),
            last_row.eq(row == Mux(own, IDENTITY // ROW - 1, geometry.checked - 1)),
        ]
        with m.State("Pause"):
            m.d.sync += [rest.eq(rest - 1), self.byte.eq(0), self.memory.eq(Mux(own, rules, 0))]
            with m.If(rested):
                m.next = "Walk"
        with m.State("Walk"):
            m.d.comb += self.walking.eq(1)
            m.d.sync += [self.byte.eq(self.byte + 1), rest.eq(self.pause)]
            with m.If(last_byte):
                m.d.sync += self.memory.eq(self.memory + 1)
                with m.If(last_memory):
                    m.next = "Drain"
        with m.State("Drain"):
            m.d.sync += rest.eq(rest - 1)
            with m.If(rested):
                m.d.sync += [rest.eq(self.pause), row.eq(row + 1)]
                m.next = "Pause"
                with m.If(last_row):
                    m.d.sync += [row.eq(0), own.eq(~own)]
                    with m.If(own):
                        m.next = "Judge"

    def last_memory(self, m, row):
        """Pass tokens by the identities, as a `Scan` would; return the byte behind them."""
        m.submodules.identities = rom = ReadOnlyMemory(8, self.identities)
        m.d.sync += rom.address.eq(Mux(self.checked, self.identity_address, Cat(self.i.byte, row)))
        m.d.comb += self.identity.eq(rom.data)
        mine = delay(m, self.i.memory == len(self.geometry.scanned) - 1, 3, name="mine")
        passing = delay(m, self.i.data, 3, name="passing")
        byte = Signal(8)
        m.d.sync += byte.eq(Mux(mine, rom.data, passing))
        return byte
