"""The cocotb benches of single blocks, on blocks that are played: one rare mistake fails them."""

import importlib
import json
import sys

import numpy as np
import pytest

from golden.fixed import HIDDEN, STATE, round_shift, trunc_shift
from hw.array.requantiser import Requantiser
from hw.array.residual import Residual
from sim.benches import streams
from tests.played_bench import Handle, play


@pytest.fixture
def bench(monkeypatch):
    """Return a function that imports a bench with these variables."""

    def bench(name, **variables):
        for variable, value in variables.items():
            monkeypatch.setenv(variable, str(value))
        name = f"sim.benches.bench_{name}"
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
        return module

    return bench


class Pipe:
    """A block that gives what a function makes of its inputs, so many clocks later."""

    def __init__(self, work, latency, widths, output, late=()):
        self.work, self.output = work, output
        self.clk, self.rst = Handle(), Handle()
        self.names = [*widths]
        for name, width in widths.items():
            setattr(self, name, Handle(width))
        self.late = {name: late.get(name, 0) if late else 0 for name in widths}
        self.seen, self.latency, self.clocks = [], latency, 0

    def settle(self):
        pass

    def rise(self):
        self.seen.append({name: getattr(self, name).value for name in self.names})
        at = len(self.seen) - self.latency
        if at >= 0:
            given = [self.seen[at + self.late[name]][name] for name in self.names]
            if name := self.output:
                getattr(self, name).value = self.work(*given[:-1])


def requantise(wrong=lambda acc, shift: False):
    def work(acc, shift):
        code = int(HIDDEN.clamp(round_shift(acc.to_signed(), int(shift))))
        return code ^ bool(wrong(acc.to_signed(), int(shift)))

    return Pipe(work, Requantiser.LATENCY, {"acc": 21, "shift": 4, "code": 8}, "code")


LOW, HIGH = -(1 << 20), (1 << 20) - 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda acc, shift: (acc, shift) == (HIGH, 15),
        lambda acc, shift: (acc, shift) == (LOW, 0),
        lambda acc, shift: (acc, shift) == (-1, 7),
        lambda acc, shift: acc == 1 and shift == 1,
        lambda acc, shift: shift == 15 and acc not in (LOW, LOW + 1, -1, 0, 1, HIGH - 1, HIGH),
        lambda acc, shift: shift == 0 and 128 <= acc < 256,
    ],
)
def test_a_requantiser_that_is_seldom_wrong_fails_its_bench(monkeypatch, bench, wrong):
    module = bench("requantiser", ACC=21, SHIFT=15, SIGNED=0)
    modules = (streams, module)
    play(monkeypatch, module.equals_golden, requantise(), modules=modules)
    with pytest.raises(AssertionError, match=r"^code \d+: got \d+, expected \d+$"):
        play(monkeypatch, module.equals_golden, requantise(wrong), modules=modules)


def test_the_last_accumulator_is_looked_at_too(monkeypatch, bench):
    module = bench("requantiser", ACC=21, SHIFT=15, SIGNED=0)
    dut = requantise()
    play(monkeypatch, module.equals_golden, dut, modules=(streams, module))
    begun = next(k for k, each in enumerate(dut.seen) if each["acc"])
    count = 7 * 16 + 4000
    dut, calls = requantise(), []
    work = dut.work
    dut.work = lambda *given: (calls.append(0), work(*given) ^ (len(calls) == begun + count))[1]
    with pytest.raises(AssertionError, match=rf"^code {count - 1}: got "):
        play(monkeypatch, module.equals_golden, dut, modules=(streams, module))


ROWS = np.stack([np.arange(64) * 1000 - 30_000, np.arange(64) % 24], axis=1)


class Adder(Pipe):
    """A residual; its state comes later than its total."""

    def __init__(self, wrong):
        widths = {"total": 32, "word": 4, "skeleton": 2, "state": 8, "code": 8}
        late = {"state": Residual.STATE_LATENCY}
        super().__init__(self.add, Residual.LATENCY, widths, "code", late)
        self.wrong = wrong

    def add(self, total, word, skeleton, state):
        place = 16 * int(skeleton) + int(word)
        bias, shift = ROWS[place].tolist()
        change = int(trunc_shift(bias + total.to_signed(), shift))
        code = int(STATE.clamp(state.to_signed() + change))
        return code ^ bool(self.wrong(place, shift, change, state.to_signed()))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda place, shift, change, state: place == 63,
        lambda place, shift, change, state: place == 0,
        lambda place, shift, change, state: shift == 23 and change == 0,
        lambda place, shift, change, state: change == -255 and state == 127,
        lambda place, shift, change, state: change == 128 and state == -128,
    ],
)
def test_a_residual_that_is_seldom_wrong_fails_its_bench(monkeypatch, bench, tmp_path, wrong):
    np.save(tmp_path / "rows.npy", ROWS)
    module = bench("residual", BENCH=tmp_path)
    modules = (streams, module)
    play(monkeypatch, module.equals_golden, Adder(lambda *given: False), modules=modules)
    with pytest.raises(AssertionError, match=r"^code \d+: got -?\d+, expected -?\d+$"):
        play(monkeypatch, module.equals_golden, Adder(wrong), modules=modules)


class Compared:
    """What compares versions of blocks: it counts clocks, and has a bit for what differs."""

    def __init__(self, differs=0, pace=1):
        self.clk, self.rst, self.count, self.differs = (Handle() for _ in range(4))
        self.differs.value, self.pace = differs, pace

    def settle(self):
        pass

    def rise(self):
        self.count.value = min(self.count.code + self.pace, (1 << 17) - 1)


def test_models_are_compared_over_every_pair_of_operands(monkeypatch, bench):
    module = bench("models")
    modules = (streams, module)
    clocks = play(monkeypatch, module.equal_portable, Compared(), modules=modules)
    assert clocks >= 1 << 16
    with pytest.raises(AssertionError, match=r"^outputs \d+ differ$"):
        play(monkeypatch, module.equal_portable, Compared(differs=4096), modules=modules)
    with pytest.raises(AssertionError, match=r"^fewer than 65536 clocks$"):
        play(monkeypatch, module.equal_portable, Compared(pace=0), modules=modules)


def test_the_bench_of_speed_restores_a_digit_and_writes_its_rate(monkeypatch, bench, tmp_path):
    module = bench("speed", BENCH=tmp_path, FILTERS=2)
    done, now = [], [100.0]

    class Host:
        def __init__(self, dut, geometry):
            done.append((geometry.filters, geometry.contexts))

        async def load_images(self, images, skeleton):
            done.append(("load", images.shape, images.any(), skeleton))
            await streams.falls(None, 30)

        async def run(self, *given, **options):
            done.append(("run", given, options))
            await streams.falls(None, 50)

        async def read_images(self, *given):
            done.append(("read", given))
            await streams.falls(None, 20)
            now[0] += 4

    monkeypatch.setattr(module, "Host", Host)
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    play(monkeypatch, module.a_digit_is_restored, Compared(), modules=(streams, module))
    assert json.loads((tmp_path / "rate.json").read_text()) == 100 / 4
    run = ("run", (1, 10), {"skeleton": 0, "gate": None, "step": 0})
    load = ("load", (1, 28, 28), False, 0)
    assert done == [(2, 2), load, run, ("read", (1, 0))]


CELLS, DELTAS = 64, 16


class PlayedGatePort:
    """A gate port: codes go in, planes and deltas come out; `spoil` may change what comes out."""

    def __init__(self, spoil=lambda kind, number, found: found):
        names = ("clk", "rst", "code", "context_", "last", "valid", "open")
        for name in (*names, "delta_enable", "delta_index", "delta_code", "complete"):
            setattr(self, name, Handle())
        for name in ("o_plane", "i_delta"):
            for part in ("payload", "valid", "ready"):
                setattr(self, f"{name}_{part}", Handle())
        self.spoil, self.queue, self.counts, self.taken = spoil, [], [0, 0], 0
        self.out = 0

    def settle(self):
        self.i_delta_ready.value = 1

    def rise(self):
        if self.o_plane_valid.code and self.o_plane_ready.code:
            self.queue.pop(0)
        if self.valid.code:
            entry = self.last.code << 9 | self.context_.code << 8 | self.code.code
            self.queue.append(self.spoil("plane", self.out, entry))
            self.out += 1
        self.o_plane_valid.value = bool(self.queue)
        self.o_plane_payload.value = self.queue[0] if self.queue else 0
        self.delta_enable.value = self.complete.value = 0
        if self.i_delta_valid.code:
            context, code = divmod(self.i_delta_payload.code, 256)
            index = self.counts[context] % DELTAS
            self.counts[context] += 1
            complete = (index == DELTAS - 1) << context
            told = context, index, code, complete
            context, index, code, complete = self.spoil("delta", self.taken, told)
            self.taken += 1
            self.delta_enable.value, self.delta_code.value = 1 << context, code
            self.delta_index.value, self.complete.value = index << 4 * context, complete


@pytest.mark.parametrize("stall", [0, 3])
@pytest.mark.parametrize("number", [0, 3 * CELLS - 1])
@pytest.mark.parametrize("bits", [0, 1, 1 << 8, 1 << 9])
def test_a_spoilt_plane_fails_the_bench_of_the_gate_port(monkeypatch, bench, stall, number, bits):
    contexts = []

    def spoil(kind, place, found):
        contexts.append(found >> 8 & 1)
        return found ^ bits if place == number else found

    module = bench("gate_port", SIDE=8)
    run = module.planes_leave_whole_and_in_order, PlayedGatePort(spoil), stall
    if not bits:
        play(monkeypatch, *run, modules=(streams, module))
        assert contexts == [1] * CELLS + [0] * CELLS + [1] * CELLS
        return
    with pytest.raises(AssertionError, match=r"^planes are \["):
        play(monkeypatch, *run, modules=(streams, module))


@pytest.mark.parametrize("stall", [0, 3])
@pytest.mark.parametrize("number", [0, 4 * DELTAS - 1])
@pytest.mark.parametrize("part", [None, 0, 1, 2, 3])
def test_a_spoilt_delta_fails_the_bench_of_the_gate_port(monkeypatch, bench, stall, number, part):
    contexts = []

    def spoil(kind, place, found):
        contexts.append(found[0])
        wrong = [*found]
        if part is not None and place == number:
            wrong[part] ^= 1
        return tuple(wrong)

    module = bench("gate_port", SIDE=8)
    run = module.deltas_interleave_and_are_counted, PlayedGatePort(spoil), stall
    if part is None:
        play(monkeypatch, *run, modules=(streams, module))
        assert contexts.count(0) == contexts.count(1) == 2 * DELTAS
        assert contexts != sorted(contexts) and contexts != sorted(contexts)[::-1]
        return
    with pytest.raises(AssertionError, match=r"^deltas are \["):
        play(monkeypatch, *run, modules=(streams, module))
