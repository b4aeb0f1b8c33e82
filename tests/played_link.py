"""A chip that is played by golden's models: it hears requests and answers them at once.

It takes the protocol at its word (`docs/protocol.md`), and fails the test where a driver does what
a chip would not take: a request that is too long, or planes that cannot come without an answer.
"""

from collections import deque

import numpy as np

from golden.compact import compress, expand
from golden.frames import CHECK, DELIMITER, HEADER, frame, parse
from golden.model import Model
from golden.wire import REPLY, VERSION, ChipFacts, Error, Kind, Operation, Tag

__all__ = ["PlayedChip"]

BODIES = (Tag.COMMAND, Tag.DATA, Tag.DELTA, Tag.COMPACT_DATA)
LOADS = (Operation.LOAD_IMAGE, Operation.LOAD_STATE, Operation.ZERO)


class Context:
    """One lattice: its codes, and the run that is under way."""

    def __init__(self, spec):
        self.state = np.zeros((1, *spec.lattice), np.int8)
        self.left = self.wait = 0
        self.waits = False
        """Whether a plane went out that has no answer yet."""


class PlayedChip:
    """A port to a chip with these skeletons, None in an empty place.

    `lost` says of each answer, by number, whether it is lost; `requests` are all that came whole,
    `commands` all commands, as `operation, context, skeleton, steps`.
    """

    name = "the port"

    def __init__(self, places, contexts=2, filters=5, lost=lambda number: False, **facts):
        spec = next(skeleton.spec for skeleton in places if skeleton)
        self.spec, self.lost, self.closed = spec, lost, False
        self.models = [skeleton and Model(skeleton) for skeleton in places]
        self.facts = ChipFacts(
            filters=filters,
            contexts=contexts,
            height=spec.height,
            width=spec.width,
            channels=spec.channels,
            multiplier=spec.multiplier,
            image=spec.image,
            digests=tuple(skeleton and skeleton.digest for skeleton in places),
            **facts,
        )
        self.contexts = [Context(spec) for _ in range(contexts)]
        self.requests, self.commands, self.answers = [], [], []
        self.longest_request = self.longest_response = 0
        self.clocks = self.busy = self.count = 0
        self.ready, self.heard, self.kept, self.next = False, b"", {}, 0
        self.reset()

    def reset(self):
        self.waiting, self.data, self.read_out, self.planes = deque(), b"", b"", deque()
        for context in self.contexts:
            context.left, context.waits = 0, False

    def write(self, data):
        *parts, self.heard = (self.heard + data).split(DELIMITER)
        for message in map(parse, parts):
            if message is not None:
                self.longest_request = max(
                    self.longest_request, HEADER + len(message.payload) + CHECK
                )
                assert self.longest_request <= self.facts.request
                self.answer(message)

    def answer(self, message):
        number, place = message.sequence, message.sequence % 2
        once = message.kind not in (Kind.IDENTIFY, Kind.RESET)
        if not once:
            self.kept.clear()
        if (message[:2], once) != (self.kept.get(place, (None,))[0], True):
            assert message.kind != Kind.EXCHANGE or number == self.next, "it would be ignored"
            self.requests.append(message)
            self.kept[place] = message[:2], self.respond(message)
            self.next = (number + 1) % 256
        self.response = self.kept[place][1]
        length = HEADER + len(self.response)
        self.longest_response = max(self.longest_response, length)
        assert length <= self.facts.response
        self.answers.append(frame(message.kind | REPLY, message.sequence, self.response))

    def read(self):
        answers, self.answers = self.answers, []
        found = [b"" if self.lost(self.count + n) else each for n, each in enumerate(answers)]
        self.count += len(answers)
        return b"".join(found)

    def close(self):
        self.closed = True

    def respond(self, message):
        if message.kind == Kind.IDENTIFY:
            assert message.payload == bytes([VERSION, VERSION])
            return b"\0" + self.facts.to_bytes()
        if message.kind == Kind.RESET:
            self.ready = True
            self.reset()
            return b"\0"
        if message.kind == Kind.STATUS:
            counts = self.clocks.to_bytes(6, "little") + self.busy.to_bytes(6, "little")
            return bytes([0, self.running(), self.ready]) + bytes(6) + counts
        if not self.ready:
            return bytes([Error.NOT_READY, 0])
        return b"\0" + self.exchange(message.payload) + bytes([self.running()])

    def running(self):
        busy = (context.left > 0 or context.waits for context in self.contexts)
        return sum(1 << place for place, is_busy in enumerate(busy) if is_busy)

    def exchange(self, payload):
        given = b""
        while payload:
            tag, count = Tag(payload[0]), int.from_bytes(payload[1:3], "little")
            body = payload[3 : 3 + count * (tag in BODIES)]
            payload = payload[3 + len(body) :]
            if tag is Tag.COMMAND:
                self.waiting.append(body)
            elif tag is Tag.DATA:
                self.data += body
            elif tag is Tag.COMPACT_DATA:
                values, size = expand(body[2:], int.from_bytes(body[:2], "little"))
                assert 2 + size == len(body)
                self.data += values
            elif tag is Tag.DELTA:
                self.add(self.contexts[body[0]], np.frombuffer(body[1:], np.int8))
            self.work()
            form = compress if tag in (Tag.COMPACT_FETCH, Tag.COMPACT_PLANES) else bytes
            if tag in (Tag.FETCH, Tag.COMPACT_FETCH):
                assert len(self.read_out) >= count > 0, "it would stall"
                given += form(self.read_out[:count])
                self.read_out = self.read_out[count:]
            elif tag in (Tag.PLANES, Tag.COMPACT_PLANES):
                assert len(self.planes) >= count or not self.running(), "it would wait for long"
                for _ in range(min(count, len(self.planes))):
                    plane = self.planes.popleft()
                    given += plane[:1] + form(plane[1:])
                given += b"\xff"
        return given

    def work(self):
        while self.waiting and self.take(self.waiting[0]):
            self.waiting.popleft()

    def take(self, command):
        """Do a command if its context is at rest and its data are there."""
        operation, place, skeleton, flags, reads, writes = command[:6]
        wait, every = (int.from_bytes(command[at : at + 2], "little") for at in (6, 8))
        context, steps = self.contexts[place], int.from_bytes(command[10:], "little")
        spec, image = self.spec, self.spec.image
        sizes = {0: image * image, 1: spec.cells * spec.channels, 4: (spec.cells + 7) // 8}
        size = sizes.get(operation, 0)
        if context.waits or len(self.data) < size:
            return False
        data, self.data = self.data[:size], self.data[size:]
        self.commands.append((Operation(operation), place, skeleton, steps))
        codes = np.frombuffer(data, np.uint8)
        model = self.models[skeleton]
        if operation == Operation.LOAD_IMAGE:
            context.state = model.encode(codes.reshape(1, image, image))
        elif operation == Operation.LOAD_STATE:
            lattice = codes.view(np.int8).reshape(1, spec.height, spec.width, spec.channels)
            context.state = np.array(lattice.transpose(0, 3, 1, 2), order="C")
        elif operation == Operation.ZERO:
            lost = np.unpackbits(codes, bitorder="little")[: spec.cells].astype(bool)
            context.state[0][:, lost.reshape(spec.height, spec.width)] = 0
        elif operation == Operation.READ_IMAGE:
            self.read_out += model.readout(context.state).tobytes()
        elif operation == Operation.READ_STATE:
            self.read_out += context.state.transpose(0, 2, 3, 1).tobytes()
        else:
            context.left, context.model, context.opening = steps, model, flags >> 2
            context.gate = (flags & 2, reads, writes, every) if flags & 1 else None
            context.wait = wait
            self.go_on(context)
        return True

    def go_on(self, context):
        """Run to the next opening, or to the end."""
        steps = context.left
        if context.gate is not None and context.wait <= steps:
            steps = context.wait
            context.waits = True
        context.state = context.model.step(context.state, steps)
        context.left -= steps
        self.busy += steps * self.spec.cells * self.spec.filters // self.facts.filters
        self.clocks += steps * (7 + self.spec.cells * self.spec.filters // self.facts.filters)
        if context.waits:
            plane = context.state[0, context.gate[1]].tobytes()
            self.planes.append(bytes([self.contexts.index(context)]) + plane)

    def add(self, context, delta):
        """Add the answer to a plane, and go on."""
        assert context.waits, "no plane of this context waits for an answer"
        phase4, _, channel, every = context.gate
        target, index = context.state[0, channel], context.opening
        for y, x in np.ndindex(target.shape):
            if not phase4 or (y % 2, x % 2) == (index // 2 % 2, index % 2):
                code = int(target[y, x]) + int(delta[target.shape[1] // 2 * (y // 2) + x // 2])
                target[y, x] = max(-128, min(127, code))
        context.opening, context.wait, context.waits = index + 1, every, False
        self.go_on(context)
