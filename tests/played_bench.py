"""cocotb, played: benches run in this process, on a design that is played clock by clock.

Everything is driven at falling edges, as `sim.benches.streams` does; then the design settles,
benches that want to read only look at it, it sees a rising edge, and the next falling edge comes.
"""

import random
from types import SimpleNamespace

import cocotb

from sim.devices.designs import Port

__all__ = ["ChipDut", "Handle", "play"]

FALL, READ, RISE, TASK = "fall", "read", "rise", "task"


class Value(int):
    """What a handle holds."""

    width = 1

    def to_unsigned(self):
        return int(self)

    def to_signed(self):
        return int(self) - (int(self) >> self.width - 1 << self.width)


class Handle:
    """A signal of so many bits."""

    def __init__(self, width=64):
        self.width, self.code = width, 0

    @property
    def value(self):
        found = Value(self.code)
        found.width = self.width
        return found

    @value.setter
    def value(self, given):
        self.code = int(given) & (1 << self.width) - 1


class Wait:
    """What a bench waits for."""

    def __init__(self, kind, what=None):
        self.kind, self.what = kind, what

    def __await__(self):
        yield self


class Task:
    """A bench, or a part of one, under way."""

    def __init__(self, coroutine):
        self.coroutine, self.wait, self.done, self.result = coroutine, None, False, None

    def __await__(self):
        if not self.done:
            yield Wait(TASK, self)
        return self.result

    def cancel(self):
        self.coroutine.close()
        self.done = True

    def resume(self):
        try:
            self.wait = self.coroutine.send(None)
        except StopIteration as end:
            self.done, self.result = True, end.value


class Scheduler:
    """All tasks of a bench and the design that they drive."""

    def __init__(self, dut):
        self.dut, self.tasks, self.clocks = dut, [], 0

    def start(self, coroutine):
        self.tasks.append(Task(coroutine))
        return self.tasks[-1]

    def go(self, *kinds):
        """Let go on whoever waits for one of these, or for a task that has ended."""
        waiting = [task for task in self.tasks if task.wait is None or task.wait.kind in kinds]
        while waiting:
            for task in waiting:
                if not task.done:
                    task.resume()
            self.tasks = [task for task in self.tasks if not task.done]
            waiting = [task for task in self.tasks if self.is_free(task)]

    def is_free(self, task):
        wait = task.wait
        return wait is None or (wait.kind == TASK and wait.what.done)

    def run(self, bench, limit):
        main = self.start(bench)
        self.go()
        while not main.done:
            self.dut.settle()
            self.go(READ)
            rising = [t for t in self.tasks if t.wait.kind == RISE and not t.wait.what.code]
            self.dut.rise()
            for task in rising:
                if task.wait.what.code:
                    task.resume()
            self.go(FALL)
            self.clocks += 1
            if self.clocks > limit:
                raise AssertionError(f"the bench hangs: {limit} clocks have passed")
        for task in self.tasks:
            task.cancel()


def play(monkeypatch, bench, dut, *given, modules=(), limit=200_000, **options):
    """Run a test of a bench; ``modules`` are those that wait for edges or start tasks.

    Returns the clocks that it took.
    """
    scheduler = Scheduler(dut)

    async def cycles(clock, count):
        for _ in range(count):
            await Wait(FALL)

    played = {
        "FallingEdge": lambda clock: Wait(FALL),
        "ReadOnly": lambda: Wait(READ),
        "RisingEdge": lambda handle: Wait(RISE, handle),
        "ClockCycles": cycles,
        "Clock": lambda *given, **options: SimpleNamespace(start=lambda: None),
        "get_sim_time": lambda unit: scheduler.clocks * 10,
    }
    for module in modules:
        for name in played.keys() & vars(module).keys():
            monkeypatch.setattr(module, name, played[name])
    monkeypatch.setattr(cocotb, "start_soon", scheduler.start)
    monkeypatch.setattr(cocotb, "RANDOM_SEED", 7, raising=False)
    random.seed(7)
    scheduler.run(bench.func(dut, *given, **options), limit)
    return scheduler.clocks


class ChipDut:
    """A played chip behind the streams of its top module, which rest now and then."""

    def __init__(self, chip, seed=3):
        self.chip, self.rng = chip, random.Random(seed)
        self.clk, self.rst, self.busy, self.clocks = (Handle() for _ in range(4))
        for name in ("i_command", "i_data", "i_delta", "o_data", "o_plane"):
            for part in ("payload", "valid", "ready"):
                setattr(self, f"{name}_{part}", Handle(128))
        self.inputs = {"i_command": Port.COMMAND, "i_data": Port.DATA_IN, "i_delta": Port.DELTA}
        self.outputs = {"o_data": Port.DATA_OUT, "o_plane": Port.PLANE}

    def stream(self, name):
        return [getattr(self, f"{name}_{part}") for part in ("payload", "valid", "ready")]

    def settle(self):
        """Take something from each stream, or not."""
        for name in self.inputs:
            self.stream(name)[2].value = self.rng.random() < 0.9

    def rise(self):
        """Move what is offered and wanted, and let the chip go on."""
        for name, port in self.inputs.items():
            payload, valid, ready = self.stream(name)
            if valid.code and ready.code:
                count = 3 if port == Port.COMMAND else 1
                words = [payload.code >> 32 * k & 0xFFFFFFFF for k in range(count)]
                self.chip.queues[port].extend(words)
        for name, port in self.outputs.items():
            payload, valid, ready = self.stream(name)
            queue = self.chip.queues[port]
            if valid.code and ready.code:
                queue.popleft()
                valid.value = 0
            if not valid.code and queue and self.rng.random() < 0.9:
                payload.value, valid.value = queue[0], 1
        self.chip.advance()
        self.busy.value, self.clocks.value = self.chip.busy, self.chip.engine
