"""The checker: a CRC-32 over each skeleton and its digest, before the first command is taken."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.array.lane import Lane
from hw.primitives import ReadOnlyMemory, delay, spare
from hw.scan import ROW, Scan, token_layout
from hw.shapes import IDENTITY, Geometry

__all__ = ["Checker", "check_clocks"]


def position_layout(geometry: Geometry) -> data.StructLayout:
    """Shape of where the walk is; with ``own`` the row is the identity's."""
    return data.StructLayout({
        "own": 1,
        "row": range(geometry.checked),
        "memory": range(len(geometry.scanned)),
        "byte": range(ROW),
    })


def latency(geometry: Geometry) -> int:
    """Return the clocks of a byte: past all scans and the identities, and on to the CRC."""
    return 1 + Scan.LATENCY * (len(geometry.scanned) - 1) + 1 + ReadOnlyMemory.LATENCY + 2


def pause(geometry: Geometry) -> int:
    """Return the clocks between two rows: more than an address or a byte is under way."""
    return max(2 * Lane.LATENCY + geometry.filters, latency(geometry) + 2)


def check_clocks(geometry: Geometry) -> int:
    """Return the clocks of the check: a byte a clock, and two pauses around each row."""
    channels, lanes, own = geometry.spec.channels, len(geometry.lane_memories), IDENTITY // ROW
    past = (geometry.checked - channels) * lanes
    tokens = channels * (len(geometry.scanned) - 1) + past + own
    rows = geometry.checked + own
    return geometry.skeletons * (ROW * tokens + 2 * (pause(geometry) + 1) * rows + 1) + 1


class Checker(wiring.Component):
    """Walk through all skeleton memories after a reset, and tell which skeletons are damaged.

    Place by place and row by row it lays an address on all memories, waits until they hold still,
    and sends a token for each byte along the scan (`hw.scan`). The place's identity comes last and
    ends with the CRC-32 that the others were stored with: `hw.skeleton_memory.message` is the same
    in software. Takes `check_clocks` from the reset on, and a memory of 64 bytes a place.

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

    def __init__(self, geometry: Geometry, identities: list[int]):
        self.geometry = geometry
        self.identities = identities
        self.latency = latency(geometry)
        self.pause = pause(geometry)

        super().__init__({
            "address": Out(geometry.check),
            "o": Out(token_layout(geometry)),
            "i": In(token_layout(geometry)),
            "checked": Out(1),
            "damaged": Out(geometry.skeletons),
            "identity_address": In(range(IDENTITY * geometry.skeletons)),
            "identity": Out(8),
        })

    def elaborate(self, platform):
        m = Module()

        crc = CRC32_ISO_HDLC().create()
        begins = Signal(reset_less=True)  # a reset is faster than the CRC's own `start`
        m.submodules.crc = ResetInserter(begins)(crc)
        place = Signal(self.geometry.skeleton)
        at = Signal(position_layout(self.geometry))
        walking = Signal()
        differs = Signal()
        m.d.sync += [begins.eq(0), differs.eq(~crc.match_detected)]
        with m.FSM():
            self.walk(m, at, walking)
            with m.State("Judge"):
                m.d.sync += [
                    begins.eq(1),
                    self.damaged.bit_select(place, 1).eq(differs),
                    place.eq(place + 1),
                ]
                m.next = "Pause"
                with m.If(place == self.geometry.skeletons - 1):
                    m.d.sync += place.eq(0)
                    m.next = "Done"
            with m.State("Done"):
                m.d.sync += self.checked.eq(1)

        row = Cat(at.row[: exact_log2(IDENTITY // ROW)], place)
        scans = Scan.SPARE * (len(self.geometry.scanned) - 1)
        latency = self.latency - spare(platform, scans + ReadOnlyMemory.SPARE + 1)
        m.d.comb += [
            self.address.active.eq(~self.checked),
            self.address.skeleton.eq(place),
            self.address.slot.eq(at.row),
            crc.data.eq(self.last_memory(m, row, platform)),
            crc.valid.eq(delay(m, walking, latency, name="walking")),
        ]
        m.d.sync += [self.o.memory.eq(at.memory), self.o.byte.eq(at.byte)]

        return m

    def walk(self, m: Module, at: data.View, walking: Signal) -> None:
        """Send a place's tokens, row by row; the address holds until the last one is through."""
        rest = Signal(range(self.pause + 1), init=self.pause)
        rested = Signal()
        last_byte = Signal()
        # A clock old: what they compare counts by one.
        m.d.sync += [rested.eq(rest == 1), last_byte.eq(at.byte == ROW - 2)]
        last_row, last_memory = self.ends(m, at)
        with m.State("Pause"):
            first = Mux(at.own, len(self.geometry.scanned) - 1, 0)
            m.d.sync += [rest.eq(rest - 1), at.byte.eq(0), at.memory.eq(first)]
            with m.If(rested):
                m.next = "Walk"
        with m.State("Walk"):
            m.d.comb += walking.eq(1)
            m.d.sync += [at.byte.eq(at.byte + 1), rest.eq(self.pause)]
            with m.If(last_byte):
                m.d.sync += at.memory.eq(at.memory + 1)
                with m.If(last_memory):
                    m.next = "Drain"
        with m.State("Drain"):
            m.d.sync += rest.eq(rest - 1)
            with m.If(rested):
                m.d.sync += [rest.eq(self.pause), at.row.eq(at.row + 1)]
                m.next = "Pause"
                with m.If(last_row):
                    m.d.sync += [at.row.eq(0), at.own.eq(~at.own)]
                    with m.If(at.own):
                        m.next = "Judge"

    def ends(self, m: Module, at: data.View) -> tuple[Signal, Signal]:
        """Return whether the row is the walk's last, and the memory the row's, clocks later."""
        geometry = self.geometry
        lanes, rules = len(geometry.lane_memories), len(geometry.scanned) - 1
        past = Signal()
        last_row = Signal()
        last_memory = Signal()
        m.d.sync += [
            past.eq(at.row >= geometry.spec.channels),
            last_row.eq(at.row == Mux(at.own, IDENTITY // ROW - 1, geometry.checked - 1)),
            last_memory.eq(at.own | (at.memory == Mux(past, lanes - 1, rules - 1))),
        ]
        return last_row, last_memory

    def last_memory(self, m: Module, row: Value, platform: object) -> Value:
        """Pass tokens by the identities, as a `Scan` would; return the byte behind them."""
        m.submodules.identities = rom = ReadOnlyMemory(8, self.identities)
        m.d.sync += rom.address.eq(Mux(self.checked, self.identity_address, Cat(self.i.byte, row)))
        early = spare(platform, ReadOnlyMemory.SPARE)
        m.d.comb += self.identity.eq(delay(m, rom.data, early, name="identity"))
        mine = delay(m, self.i.memory == len(self.geometry.scanned) - 1, 3 - early, name="mine")
        passing = delay(m, self.i.data, 3 - early, name="passing")
        byte = Signal(8)
        m.d.sync += byte.eq(Mux(mine, rom.data, passing))
        # From the last memory to the CRC is a long way.
        return delay(m, byte, 1 - spare(platform, 1), name="onward")
