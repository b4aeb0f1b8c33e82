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
    seconds = {1: 0.001, 2: 0.0015, 3: 0.002, 4: 0.0025}
    skeleton = Skeleton.load(SHIPPED / "digits")
    monkeypatch.setattr(throughput, "gate_seconds", lambda case: seconds)
    monkeypatch.setattr(throughput, "links", lambda *rest: [("wire", "machine", "device")])

    def account(device, machine, contexts, gate):
        assert (device, machine) == ("device", "machine")
        return {"clocks": 1_000_000 + gate(contexts)}

    case = SimpleNamespace(skeleton=skeleton, account=account)
    told = throughput.measure(case, 1, 160)
    assert (told["skeleton"], told["filters"], told["clock_mhz"]) == ("digits", 1, 160)
    assert told["gate_seconds"] == {"1": 0.001, "2": 0.0015, "3": 0.002, "4": 0.0025}
    assert [tuple(row.values()) for row in told["rows"]] == [
        ("wire", 1, False, 1_000_000, 160.0),
        ("wire", 1, True, 1_160_000, 137.9),
        ("wire", 2, False, 1_000_000, 160.0),
        ("wire", 2, True, 1_240_000, 129.0),
        ("wire", 4, False, 1_000_000, 160.0),
        ("wire", 4, True, 1_400_000, 114.3),
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
    assert names == ["UART, 3 Mbaud", "USB, full speed", "12 MB/s", "bare port"]
    assert paces == [160e6 / 300_000, 160e6 / 1_024_000, 160 / 12]
    assert ports == [0, 40_000, 0]


def test_what_was_measured_is_a_gated_digit_of_at_most_5_kilobytes():
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    rows = [row for row in speed["gated"]["rows"] if row["link"] != "bare port"]
    assert all(0 < row["to_chip"] + row["from_chip"] <= 5_000 for row in rows)


def test_the_rate_of_a_report_is_what_was_measured():
    speed = json.loads(SPEED.read_text(encoding="utf-8"))["gated"]
    (measured,) = (
        row["digits_per_second"]
        for row in speed["rows"]
        if (row["link"], row["contexts"], row["gate_measured"]) == ("UART, 3 Mbaud", 2, False)
    )
    spec = Skeleton.load(SHIPPED / "digits").spec
    geometry = Geometry(spec=spec.ungated, filters=speed["filters"])
    rate = gated_rate(spec, LINKS["uart"], step_seconds(geometry, speed["clock_mhz"]))
    # Two digits differ, and the longer plane lets the other one wait.
    assert measured < rate < 1.08 * measured


def test_bytes_of_a_report_are_what_was_measured():
    speed = json.loads(SPEED.read_text(encoding="utf-8"))["gated"]
    (measured,) = (
        row["to_chip"] + row["from_chip"]
        for row in speed["rows"]
        if (row["link"], row["contexts"], row["gate_measured"]) == ("UART, 3 Mbaud", 2, False)
    )
    spec = Skeleton.load(SHIPPED / "digits").spec
    assert wire_bytes(spec) == pytest.approx(measured, rel=0.05)


def test_digits_over_a_uart_are_at_least_65_a_second():
    speed = json.loads(SPEED.read_text(encoding="utf-8"))["gated"]
    rates = {
        (row["contexts"], row["gate_measured"]): row["digits_per_second"]
        for row in speed["rows"]
        if row["link"] == "UART, 3 Mbaud"
    }
    assert all(rate >= 65 for (contexts, _), rate in rates.items() if contexts > 1)
