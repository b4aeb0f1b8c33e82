"""Where the time of a gated digit goes: wire, engine, gate, counted in clocks of the simulation."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

import numpy as np

from golden.compact import compress, expand
from golden.compare import require_equal
from golden.device import Device, GoldenDevice, restore
from golden.errors import InputError
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from hw.boards.rates import LINKS, LinkSpec
from hw.shapes import Geometry
from sim.devices.account import Machine, ThinkingNetwork
from sim.devices.board import SimulatedPort
from sim.devices.device import SimulatedDevice
from sim.devices.wire import SimulatedWire, TurningPort

__all__ = ["CONTEXTS", "WIRES", "Case", "measure"]

CONTEXTS = (1, 2)
WIRES: dict[str, LinkSpec | None] = {
    "UART, 3 Mbaud": LINKS["uart"],
    "USB, full speed": LINKS["usb"],
    "bare port": None,
}
"""Links to measure; the bare port is the chip's own streams, a byte a clock each."""


Connect = Callable[[SimulatedPort, tuple[Skeleton, ...]], Device]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Digits to restore, and what restores them."""

    skeleton: Skeleton
    network: GateNetwork
    damaged: np.ndarray
    wanted: np.ndarray
    connect: Connect
    """Makes a device of a port and skeletons: the driver."""

    @classmethod
    def of(
        cls, skeleton: Skeleton, network: GateNetwork | None, damaged: np.ndarray, connect: Connect
    ) -> Self:
        """Return a case with golden's result."""
        if network is None:
            raise InputError(f"Skeleton {skeleton.name!r} must have a gate to be taken apart")
        wanted = restore(GoldenDevice((skeleton,)), network, damaged, skeleton.spec.steps)
        return cls(
            skeleton=skeleton, network=network, damaged=damaged, wanted=wanted, connect=connect
        )

    def account(
        self, device: Device, machine: Machine, contexts: int, gate: Callable[[int], int]
    ) -> dict[str, int]:
        """Restore the digits on so many contexts; return what was counted, divided by the digits.

        `gate` gives the clocks that the host takes for so many planes.
        """
        device.contexts = contexts
        before = machine.account()
        network = ThinkingNetwork(self.network, machine, gate)
        found = restore(device, network, self.damaged, self.skeleton.spec.steps)
        require_equal(found, self.wanted, f"{contexts} contexts: digit {{}}")
        spent = machine.account() - before
        return {name: round(n / len(found)) for name, n in spent._asdict().items()}


def measure(
    cases: Sequence[Case],
    filters: int,
    clock: float,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Return where the time goes for each skeleton, wire, number of contexts, and host.

    A host's gate, the expansion of its planes included, takes no time, or the seconds that it takes
    here, in clocks of ``clock`` MHz.
    """
    seconds = gate_seconds(cases[0])
    rows = []
    for case in cases:
        for name, machine, device in links(case, filters, clock, progress):
            progress(f"restoring with {case.skeleton.name} over {name}, clock by clock")
            for contexts, measured in itertools.product(CONTEXTS, (False, True)):
                gate = {count: round(measured * s * clock * 1e6) for count, s in seconds.items()}
                spent = case.account(device, machine, contexts, gate.__getitem__)
                what = {"skeleton": case.skeleton.name, "link": name, "contexts": contexts}
                rate = {"digits_per_second": round(clock * 1e6 / spent["clocks"], 1)}
                rows.append({**what, "gate_measured": measured, **spent, **rate})
    return {
        "filters": filters,
        "clock_mhz": clock,
        "digits": len(cases[0].damaged),
        "gate_seconds": {str(count): round(s, 6) for count, s in seconds.items()},
        "rows": rows,
    }


def links(
    case: Case, filters: int, clock: float, progress: Callable[[str], None]
) -> Iterator[tuple[str, Machine, Device]]:
    """Yield each of `WIRES`: its name, what simulates it, and the device at its end."""
    geometry = Geometry(spec=case.skeleton.spec.ungated, filters=filters, contexts=max(CONTEXTS))
    wire = SimulatedWire(geometry, (case.skeleton,), progress=progress)
    for name, link in WIRES.items():
        if link is not None:
            wire.pace(clock * 1e6 / link.rate)
            port = TurningPort(wire, round(clock * 1e6 * link.turn))
            yield name, wire, case.connect(port, (case.skeleton,))
            continue
        bare = SimulatedDevice(
            (case.skeleton,), filters=filters, contexts=geometry.contexts, progress=progress
        )
        yield name, bare, bare


def gate_seconds(case: Case, rounds: int = 50) -> dict[int, float]:
    """Return the median seconds that the host takes here to expand and answer so many planes."""
    planes = np.random.default_rng(0).integers(-9, 9, (max(CONTEXTS), case.network.inputs), np.int8)
    forms = [compress(plane.tobytes()) for plane in planes]
    found = {}
    for count in range(1, max(CONTEXTS) + 1):
        times = []
        for _ in range(rounds):
            begin = time.perf_counter()
            for form in forms[:count]:
                expand(form, case.network.inputs)
            case.network.deltas(planes[:count])
            times.append(time.perf_counter() - begin)
        found[count] = median(times)
    return found
