"""The simulated chip's library, played: commands are done as golden does them, without a simulator.

What `sim.devices.chip` calls is here with the arguments of `sim/devices/chip.cpp`, words and
rows as there.
"""

import math
from collections import Counter, defaultdict, deque
from dataclasses import replace

import numpy as np

from golden.fixed import STATE
from golden.model import Model
from golden.wire import Operation
from sim.devices.chip import STUCK
from sim.devices.designs import Port

__all__ = ["OVERHEAD", "PlayedChip"]

MORE, DONE = 1, 0
WORDS = 3
"""Of 32 bits, in a command."""

OVERHEAD = 20
"""Clocks of a run beyond those of its steps."""


class PlayedChip:
    """A chip of a geometry that holds these skeletons; it refuses those of `damaged`, a bit each.

    `done` lists the commands that it has taken, `stored` the words of each row of a memory, `told`
    how often it was deleted and reset. What it computes can be overridden: `encode`, `step`,
    `show`, `zero` and `openings`.
    """

    handle = 4711

    def __init__(self, geometry, skeletons, *, damaged=0, checks=True, overhead=OVERHEAD):
        self.geometry, self.damaged, self.checks = geometry, damaged, checks
        self.overhead = overhead
        specs = [replace(skeleton.spec, gate=None) for skeleton in skeletons]
        pairs = zip(skeletons, specs, strict=True)
        self.models = [Model(replace(skeleton, spec=spec)) for skeleton, spec in pairs]
        self.queues = [deque() for _ in range(5)]
        self.states = [np.zeros(geometry.spec.lattice, np.int8) for _ in range(geometry.contexts)]
        self.pending, self.runs, self.deltas = {}, {}, defaultdict(list)
        self.done, self.stored, self.told = [], defaultdict(dict), Counter()
        self.clocks, self.engine, self.busy, self.thought, self.traced = 0, 0, 0, [], []

    def chip_new(self, seed, stall):
        self.seed, self.stall = seed, stall
        return self.handle

    def chip_delete(self, chip):
        self.told["deleted", chip] += 1

    def chip_store(self, chip, memory, row, items):
        assert chip == self.handle and row not in self.stored[memory]
        self.stored[memory][row] = items

    def chip_reset(self, chip):
        assert chip == self.handle and not self.done
        self.told["reset"] += 1

    def chip_check(self, chip, limit, damaged):
        assert self.told["reset"] == 1
        self.limit = limit
        damaged._obj.value = self.damaged
        return self.checks

    def chip_push(self, chip, port, items, count):
        assert chip == self.handle
        self.queues[port].extend(items[:count])

    def chip_waiting(self, chip, port):
        return len(self.queues[port])

    def chip_pop(self, chip, port, items, count):
        for place in range(count):
            items[place] = self.queues[port].popleft()

    def chip_clock(self, chip, limit, patience, data, plane):
        """Do one thing; there is more to do until nothing is left, or an output has enough."""
        assert chip == self.handle
        if len(self.queues[Port.DATA_OUT]) >= data or len(self.queues[Port.PLANE]) >= plane:
            return DONE
        if self.advance():
            return MORE
        return STUCK if self.runs or self.queues[Port.COMMAND] else DONE

    def chip_think(self, chip, clocks):
        self.thought.append(clocks)

    def chip_counter(self, chip, which):
        return (self.clocks, self.engine, self.busy)[which]

    def chip_trace(self, chip, path):
        assert chip == self.handle
        self.traced.append(path)

    def chip_trace_end(self, chip):
        self.traced.append(len(self.done))

    def chip_lattice(self, chip, context, rows, count, write):
        """Copy a lattice row by row, as many channels in one as the chip has lanes."""
        if context >= self.geometry.contexts:
            return 1
        lanes = self.geometry.lanes
        codes = np.ascontiguousarray(np.moveaxis(self.states[context], 0, -1))
        cells = codes.view(np.uint8).reshape(-1, lanes)
        assert count == len(cells)
        for row, cell in enumerate(cells):
            if write:
                cell[:] = [rows[row] >> 8 * lane & 255 for lane in range(lanes)]
            else:
                rows[row] = sum(int(code) << 8 * lane for lane, code in enumerate(cell))
        if write:
            self.states[context] = np.moveaxis(codes, -1, 0)
        return 0

    def advance(self):
        """Take a command, or let a run go on whose delta has come; return whether there was one."""
        self.clocks += 1
        queue = self.queues[Port.COMMAND]
        if len(queue) >= WORDS:
            value = sum(queue[k] << 32 * k for k in range(WORDS))
            command = self.geometry.command.from_bits(value)
            enough = len(self.queues[Port.DATA_IN]) >= self.needed(command.operation)
            if command.context not in self.runs and enough:
                for _ in range(WORDS):
                    queue.popleft()
                self.done.append(command)
                self.take(command)
                return True
        while self.queues[Port.DELTA]:
            entry = self.queues[Port.DELTA].popleft()
            self.deltas[entry >> 8].append(entry & 255)
        for context, work in list(self.runs.items()):
            if len(self.deltas[context]) >= self.geometry.spec.deltas:
                if next(work, None) is None:
                    del self.runs[context]
                return True
        return False

    def take(self, command):
        """Do what a command asks for, or begin a run."""
        spec, context, model = self.geometry.spec, command.context, self.models[command.skeleton]
        match command.operation:
            case Operation.LOAD_IMAGE:
                image = np.array(self.bytes(spec.image**2), np.uint8)
                self.put(context, self.encode(model, image.reshape(spec.image, -1)))
            case Operation.LOAD_STATE:
                codes = np.array(self.bytes(spec.cells * spec.channels), np.uint8).view(np.int8)
                shape = spec.height, spec.width, spec.channels
                self.put(context, np.moveaxis(codes.reshape(shape), -1, 0).copy())
            case Operation.ZERO:
                self.settle(context)
                bits = np.array(self.bytes(spec.cells // 8), np.uint8)
                cells = np.unpackbits(bits, bitorder="little").astype(bool)
                self.zero(self.states[context], cells.reshape(spec.height, spec.width))
            case Operation.READ_STATE:
                codes = np.moveaxis(self.settled(context), 0, -1).ravel()
                self.queues[Port.DATA_OUT].extend(codes.view(np.uint8).tolist())
            case Operation.READ_IMAGE:
                pixels = self.show(model, self.settled(context))
                self.queues[Port.DATA_OUT].extend(pixels.ravel().tolist())
            case Operation.RUN:
                self.runs[context] = work = self.run(command, model)
                if next(work, None) is None:
                    del self.runs[context]

    def needed(self, operation):
        """Bytes of data that a command takes."""
        spec = self.geometry.spec
        counts = {
            Operation.LOAD_IMAGE: spec.image**2,
            Operation.LOAD_STATE: math.prod(spec.lattice),
            Operation.ZERO: spec.cells // 8,
        }
        return counts.get(operation, 0)

    def encode(self, model, image):
        """Lay an image on a lattice."""
        return model.encode(image[None])[0]

    def step(self, model, state):
        """Return the next state."""
        return model.step(state[None])[0]

    def show(self, model, state):
        """Return the image that a state shows."""
        return model.readout(state[None])[0]

    def zero(self, state, cells):
        """Zero the chosen cells."""
        state[:, cells] = 0

    def openings(self, codes):
        """Return the planes of an opening: one."""
        return [codes]

    def bytes(self, count):
        """Take so many bytes of data."""
        return [self.queues[Port.DATA_IN].popleft() for _ in range(count)]

    def put(self, context, state):
        """Load a lattice."""
        self.states[context] = state
        self.pending.pop(context, None)

    def run(self, command, model):
        """Run a lattice; yields at each opening until its delta has come."""
        spec, context, gate = self.geometry.spec, command.context, command.gate
        wait, opening = gate.wait, gate.opening
        self.engine += self.overhead
        for _ in range(command.steps):
            self.settle(context)
            self.states[context] = self.step(model, self.states[context])
            self.busy += spec.cells * self.geometry.slots
            self.engine += spec.cells * self.geometry.slots
            wait -= 1
            if gate.active and wait == 0:
                wait = gate.every
                codes = self.states[context][gate.input_channel].ravel()
                for plane in self.openings(codes):
                    self.offer(context, plane)
                    yield context
                    own = self.deltas[context]
                    delta, own[:] = own[: spec.deltas], own[spec.deltas :]
                phase = gate.phased and divmod(opening, 2)
                self.pending[context] = delta, gate.output_channel, phase
                opening = (opening + 1) % 4

    def offer(self, context, codes):
        """Give a plane to the host, its last code marked."""
        bits = self.geometry.context.width
        entries = (codes.view(np.uint8).astype(int) | context << 8).tolist()
        entries[-1] |= 1 << 8 + bits
        self.queues[Port.PLANE].extend(entries)

    def settle(self, context):
        """Add a delta that is pending."""
        self.states[context] = self.settled(context)
        self.pending.pop(context, None)

    def settled(self, context):
        """Return a lattice with its pending delta; it stays pending."""
        state = self.states[context].copy()
        if context in self.pending:
            delta, channel, phase = self.pending[context]
            spec = self.geometry.spec
            field = np.array(delta, np.uint8).view(np.int8).astype(int)
            field = field.reshape(spec.height // 2, spec.width // 2)
            target = state[channel]
            if phase is False or phase == 0:
                field = field.repeat(2, axis=0).repeat(2, axis=1)
            else:
                target = target[phase[0] :: 2, phase[1] :: 2]
            target[...] = STATE.clamp(target + field)
        return state
