# amaranth: UnusedElaboratable=no
"""Faults on the wires: whole runs of the real driver over a simulated board that is disturbed.

``python -m tests.faults --cases 10000`` runs as many seeded cases and prints what became of them.
In each, a batch is loaded, run with a gate and read, while bytes are dropped, doubled, flipped,
inserted and cut off, the board is reset in mid-frame, the host dies in mid-request, or one end's
rate is wrong for a while. ``--usb`` does the same to the packets of a USB host, see
`tests.usb_faults`. Held to, in every case:

- what is read is golden's, or the driver says in one error that it cannot go on;
- it takes no more than a bounded number of clocks;
- once a delimiter has been sent and the wires are calm, the very next frame is answered;
- the run, tried again, is bit-exact.
"""

import argparse
import time
from collections import Counter
from functools import cache

import numpy as np

from golden.device import GoldenDevice, run
from golden.frames import DELIMITER
from golden.samples import calibrated, network
from golden.skeleton import Skeleton
from golden.spec import Gate, Spec
from golden.wire import PATIENCE, Kind
from hw.checker import check_clocks
from hw.shapes import Geometry
from sim.devices.board import SimulatedBoard, SimulatedPort
from sw.serial.device import ChipDevice
from sw.serial.link import Link, LinkError

__all__ = ["KINDS", "Bench", "FaultyPort", "HostDied", "main"]

KINDS = ("drop", "double", "flip", "insert", "truncate", "repeat", "pace", "reset", "die")
STEPS = 2
CHUNKS = 4
"""Chunks of a request that may wait one after another here."""


class HostDied(Exception):
    """The host has gone in the middle of a request."""


class FaultyPort(SimulatedPort):
    """A port that disturbs what passes, until it has done so a few times.

    Parameters
    ----------
    board : SimulatedBoard
        The board.
    rng : numpy.random.Generator
        Decides what happens.
    kinds : list of str
        What is still to happen, in this order.
    """

    def __init__(self, board, rng, kinds=()):
        super().__init__(board)
        self.rng = rng
        self.kinds = list(kinds)

    def write(self, data):
        """Send bytes, or what is left of them."""
        if self.kinds and self.rng.random() < 0.3:
            data = self.disturb(self.kinds.pop(0), data)
        super().write(data)

    def read(self):
        """Receive bytes, or what is left of them."""
        data = super().read()
        if data and self.kinds and self.kinds[0] in KINDS[:6] and self.rng.random() < 0.3:
            data = self.mangle(self.kinds.pop(0), data)
        return data

    def disturb(self, kind, data):
        """Return what is sent of `data`; the board may be disturbed as well."""
        board, cut = self.board, int(self.rng.integers(1, len(data) + 1))
        if kind == "pace":
            board.pace(*board.divisor * self.rng.uniform(0.5, 2, 2))
            super().write(data)
            board.clock(1 << 62, board.quiet + self.patience)
            board.pace(board.divisor)
            return b""
        if kind in ("reset", "die"):
            super().write(data[:cut])
            board.clock(int(self.rng.integers(1, 10 * board.divisor * cut + 2000)), 1 << 62)
            if kind == "die":
                raise HostDied
            board.reset()
            return data[cut:]
        return self.mangle(kind, data)

    def mangle(self, kind, data):
        """Return bytes with a fault of that kind in them."""
        place = int(self.rng.integers(len(data)))
        count = int(self.rng.integers(1, 4))
        noise = self.rng.integers(0, 256, count).astype(np.uint8).tobytes()
        if kind == "drop":
            return data[:place] + data[place + count :]
        if kind == "double":
            return data[: place + count] + data[place:]
        if kind == "flip":
            flipped = data[place] ^ 1 << int(self.rng.integers(8))
            return data[:place] + bytes([flipped]) + data[place + 1 :]
        if kind == "insert":
            return data[:place] + noise + data[place:]
        return data + data if kind == "repeat" else data[:place]


class Remembering:
    """A gate's network that computes the answer to a plane once."""

    def __init__(self, network):
        self.network = network
        self.known = {}

    def deltas(self, planes):
        """Map planes to deltas."""
        return np.stack([self.delta(plane) for plane in planes])

    def delta(self, plane):
        """Map one plane to its delta."""
        key = plane.tobytes()
        if key not in self.known:
            self.known[key] = self.network.deltas(plane[None].copy())[0]
        return self.known[key]


class Bench:
    """A board, and what its runs must give.

    Parameters
    ----------
    skeleton, network
        A skeleton with a gate, and its network.
    filters, places, divisor, patience : int
        Of the board.
    """

    kinds = KINDS
    reported = (LinkError,)
    """What the driver may raise."""

    def __init__(
        self,
        skeleton: Skeleton,
        network,
        *,
        filters=1,
        places=2,
        divisor=4,
        patience=1 << 11,
        progress=print,
    ):
        self.skeletons = (skeleton,)
        self.network = Remembering(network)
        spec = skeleton.spec
        geometry = Geometry(spec=spec.ungated, filters=filters, skeletons=places)
        self.board = self.make_board(
            geometry, divisor=divisor, patience=patience, progress=progress
        )
        images = np.random.default_rng(0).integers(0, 256, (8, 2, spec.image, spec.image), np.uint8)
        self.batches = [
            (batch, self.restored(GoldenDevice(self.skeletons), batch)) for batch in images
        ]
        self.limit = 100 * (self.board.patience + 10 * divisor * 4096)
        # Each chunk of a request may wait for the chip as long as it has patience; a reset waits
        # until the skeletons are checked, on the chip's clock, which is the faster one.
        self.calm = CHUNKS * self.board.patience + check_clocks(geometry)

    def make_board(self, geometry, **options):
        """Return the board."""
        return SimulatedBoard(geometry, self.skeletons, **options)

    def faulty_port(self, rng, planned):
        """Return a port to the board on which faults are planned."""
        return FaultyPort(self.board, rng, planned)

    def calm_port(self):
        """Return a port to the board that is not disturbed any longer."""
        return SimulatedPort(self.board, self.calm)

    def restored(self, device, batch):
        """Run a batch on a device; return the images."""
        device.load_images(batch)
        run(device, self.network, STEPS)
        return device.read_images()

    def case(self, seed):
        """Run one case; return its faults that came to be, and how it ended."""
        rng = np.random.default_rng(seed)
        batch, wanted = self.batches[rng.integers(len(self.batches))]
        planned = [str(kind) for kind in rng.choice(self.kinds, rng.integers(1, 5))]
        port = self.faulty_port(rng, planned)
        begin = self.board.clocks
        try:
            device = ChipDevice(port, self.skeletons, sequence=int(rng.integers(256)))
            end = self.judged(self.restored(device, batch), wanted, seed)
            self.look(device, planned, seed)
        except self.reported:
            end = "reported"
        except HostDied:
            end = "died"
        done = planned[: len(planned) - len(port.kinds)]
        self.require(self.board.clocks - begin < self.limit, seed, "took too long")
        self.again(rng, batch, wanted, seed)
        return done, end if done else "undisturbed"

    def look(self, device, planned, seed):
        """Look at a device whose run was exact."""

    def again(self, rng, batch, wanted, seed):
        """Hold the board to answer the next frame, and the run to be bit-exact."""
        calm = self.calm_port()
        calm.write(DELIMITER)  # may be all that a request lacks
        while calm.read():
            pass
        Link(calm, int(rng.integers(256))).ask(Kind.STATUS, attempts=1)
        device = ChipDevice(calm, self.skeletons, sequence=int(rng.integers(256)))
        self.judged(self.restored(device, batch), wanted, seed)

    def judged(self, found, wanted, seed):
        """Raise unless what was read is golden's."""
        self.require(np.array_equal(found, wanted), seed, "gave another result than golden")
        return "exact"

    def require(self, holds, seed, text):
        """Raise unless a claim holds."""
        if not holds:
            raise AssertionError(f"case {seed} {text}")


@cache
def small_bench(bench=Bench):
    """Return a bench with a lattice of 4 x 4: the link's share of it is the larger one."""
    rng = np.random.default_rng(1)
    gate = Gate(input_channel=0, output_channel=1, start=1)
    spec = Spec(height=4, width=4, image=4, gate=gate)
    return bench(calibrated(spec, rng), network(spec, rng))


@cache
def whole_bench(bench=Bench):
    """Return a bench of a whole chip."""
    rng = np.random.default_rng(2)
    spec = Spec(gate=Gate(input_channel=0, output_channel=1, start=1))
    return bench(
        calibrated(spec, rng), network(spec, rng), filters=5, places=4, divisor=8, patience=PATIENCE
    )


def run_cases(bench, seeds, progress=lambda text: None):
    """Run cases; return how often each fault came to be and how cases with it ended."""
    faults, ends = Counter(), Counter()
    for index, seed in enumerate(seeds, 1):
        done, end = bench.case(seed)
        faults.update(done)
        ends[end] += 1
        if index % 500 == 0:
            progress(f"{index} cases: {dict(ends)}")
    return faults, ends


def main():
    """Run as many cases as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--usb", action="store_true", help="a board at a USB host")
    parser.add_argument("--first", type=int, default=0, help="first case's seed")
    parser.add_argument("--whole", action="store_true", help="the whole chip, 32 x 32")
    options = parser.parse_args()
    kind = Bench
    if options.usb:
        from tests.usb_faults import UsbBench as kind  # which is made of what is here
    bench = whole_bench(kind) if options.whole else small_bench(kind)
    begin = time.monotonic()
    seeds = range(options.first, options.first + options.cases)
    faults, ends = run_cases(bench, seeds, progress=lambda text: print(text, flush=True))
    seconds = time.monotonic() - begin
    print(f"{options.cases} cases, {bench.board.clocks:,} clocks, {seconds:.0f} s")
    print("faults:", ", ".join(f"{kind} {faults[kind]}" for kind in bench.kinds))
    print("ends:", ", ".join(f"{end} {count}" for end, count in sorted(ends.items())))


if __name__ == "__main__":
    main()
