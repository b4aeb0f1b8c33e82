"""Where the time of gated digits goes: what is made of measured clocks."""

import json
from types import SimpleNamespace

import pytest

from golden.skeleton import SHIPPED, Skeleton
from hw.boards.rates import LINKS, gated_rate, wire_bytes
from hw.flow.report import step_seconds
from hw.shapes import Geometry
from sim.devices.account import Account, account_of
from sim.devices.chip import Chip
from sim.devices.device import SimulatedDevice
from sim.devices.wire import SimulatedWire, TurningPort
from sim.measure import throughput
from sw.experiments.measured import SPEED


def test_a_clock_counts_for_everything_that_is_at_work_in_it():
    counts = [5, 10, 20, 40, 80, 160, 320, 640, 7, 9]  # bits: wire, engine, gate
    want = Account(1275, 10 + 40 + 160 + 640, 20 + 40 + 320 + 640, 80 + 160 + 320 + 640, 5, 7, 9)
    assert account_of(counts) == want
    assert account_of(counts[:8])[:5] == want[:5]


@pytest.mark.parametrize("kind", [SimulatedDevice, SimulatedWire])
def test_a_machine_tells_all_that_its_simulator_counts(kind):
    def call(name, counts):
        assert name == "account"
        counts[:] = told[: len(counts)]

    told = [1, 2, 4, 8, 16, 32, 64, 128, 7, 9]
    machine = object.__new__(kind)
    counting = machine if kind is SimulatedWire else object.__new__(Chip)
    counting._handle = SimpleNamespace(call=call)
    machine.chip = counting
    ways = (7, 9) if kind is SimulatedWire else (0, 0)
    assert machine.account() == Account(255, 170, 204, 240, 1, *ways)


def test_a_measured_gate_takes_its_seconds_in_clocks(monkeypatch):
    seconds = {1: 0.001, 2: 0.0015}
    skeleton = Skeleton.load(SHIPPED / "digits")
    monkeypatch.setattr(throughput, "gate_seconds", lambda case: seconds)
    monkeypatch.setattr(throughput, "links", lambda *rest: [("wire", "machine", "device")])

    def account(device, machine, contexts, gate):
        assert (device, machine) == ("device", "machine")
        return {"clocks": 1_000_000 + gate(contexts)}

    case = SimpleNamespace(skeleton=skeleton, account=account, damaged=range(7))
    found = throughput.measure([case], 1, 160)
    assert (found["filters"], found["clock_mhz"], found["digits"]) == (1, 160, 7)
    assert found["gate_seconds"] == {"1": 0.001, "2": 0.0015}
    assert [tuple(row.values()) for row in found["rows"]] == [
        ("digits", "wire", 1, False, 1_000_000, 160.0),
        ("digits", "wire", 1, True, 1_160_000, 137.9),
        ("digits", "wire", 2, False, 1_000_000, 160.0),
        ("digits", "wire", 2, True, 1_240_000, 129.0),
    ]


@pytest.mark.parametrize("turn", [0, 40_000])
def test_a_request_sets_out_a_turn_later(turn):
    told = []
    wire = SimpleNamespace(
        patience=5,
        clock=lambda limit, quiet: told.append(("clock", limit, quiet)),
        send=lambda data: told.append(("send", data)),
    )
    TurningPort(wire, turn).write(b"x")
    assert told == [("clock", turn, 1 << 62)] * bool(turn) + [("send", b"x")]


def test_links_are_measured_at_their_rate_and_with_their_turn(monkeypatch):
    paces, ports = [], []
    monkeypatch.setattr(throughput, "SimulatedDevice", lambda *rest, **options: "bare")
    wire = SimpleNamespace(patience=5, pace=paces.append)
    monkeypatch.setattr(throughput, "SimulatedWire", lambda *rest, **options: wire)
    skeleton = Skeleton.load(SHIPPED / "digits")
    connect = lambda port, skeletons: ports.append(port.turn)  # noqa: E731
    case = SimpleNamespace(skeleton=skeleton, connect=connect)
    names = [name for name, *_ in throughput.links(case, 2, 160, print)]
    assert names == ["UART, 3 Mbaud", "USB, full speed", "bare port"]
    assert paces == [160e6 / 300_000, 160e6 / 1_024_000]
    assert ports == [0, 40_000]


SKELETONS = ("digits", "digits-swift")


def measured(skeleton, link, contexts=2):
    """Return what is counted of digits over a link, their spec, and the seconds of a step."""
    gated = json.loads(SPEED.read_text(encoding="utf-8"))["gated"]
    wanted = skeleton, link, contexts, False
    (row,) = (
        row
        for row in gated["rows"]
        if (row["skeleton"], row["link"], row["contexts"], row["gate_measured"]) == wanted
    )
    spec = Skeleton.load(SHIPPED / skeleton).spec
    geometry = Geometry(spec=spec.ungated, filters=gated["filters"])
    return row, spec, step_seconds(geometry, gated["clock_mhz"])


@pytest.mark.parametrize("link", ["uart", "usb"])
@pytest.mark.parametrize("skeleton", SKELETONS)
def test_the_rate_of_a_report_is_what_was_measured(skeleton, link):
    name = {"uart": "UART, 3 Mbaud", "usb": "USB, full speed"}[link]
    row, spec, step = measured(skeleton, name)
    rate = gated_rate(spec, LINKS[link], step)
    # The first digits have nothing to overlap, and the sizes are those of other digits.
    assert rate == pytest.approx(row["digits_per_second"], rel=0.08)


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_bytes_of_a_report_are_what_was_measured(skeleton):
    row, spec, _ = measured(skeleton, "UART, 3 Mbaud")
    assert wire_bytes(spec) == pytest.approx(row["to_chip"] + row["from_chip"], rel=0.08)


BARS = {
    "digits over a UART": ("digits", "UART, 3 Mbaud", lambda engine: 65),
    "a gate that opens once": ("digits-swift", "UART, 3 Mbaud", lambda engine: 150),
    "over USB": ("digits-swift", "USB, full speed", lambda engine: 0.9 * engine),
}


@pytest.mark.parametrize("bar", BARS)
def test_digits_are_gated_as_fast_as_the_project_says(bar):
    skeleton, link, least = BARS[bar]
    row, spec, step = measured(skeleton, link)
    assert row["digits_per_second"] >= least(1 / step / spec.steps)
