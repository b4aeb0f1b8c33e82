"""The host's end of the link: requests that are answered once, whatever happens to the bytes."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from golden.errors import InputError, SkeletonDamaged
from golden.frames import CHECK, DELIMITER, HEADER, Message, frame, parse
from golden.wire import REPLY, RESPONSE, VERSION, WINDOW, ChipFacts, Error, Kind
from sw.serial.chunks import Chunk, Forms, pack_chunks

__all__ = ["Begun", "Link", "LinkError", "Port"]

ATTEMPTS = 5
BABBLE = 4 * RESPONSE
"""Bytes without an answer among them after which an attempt is given up."""


class LinkError(InputError):
    """The link failed: no answer, or an error as the answer."""

    def __init__(self, text: str, error: Error | None = None, detail: int = 0) -> None:
        super().__init__(text)
        self.error = error
        self.detail = detail


class SkeletonDamagedError(LinkError, SkeletonDamaged):
    """The chip refused to run a skeleton that it found damaged."""


class Port(Protocol):
    """A byte stream to a chip and back."""

    name: str

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def read(self) -> bytes:
        """Wait for bytes; none if none came for as long as an answer may take."""

    def close(self) -> None:
        """Give the port back."""


@dataclass
class Request:
    """A request under way: its frame, and the response's payload once that has come."""

    kind: Kind
    sequence: int
    frame: bytes
    response: bytes | None = None


Begun = list[tuple[list[Chunk], Request]]
"""Requests under way for an exchange, each with its chunks."""


class Link:
    """Ask a chip, and ask again where an answer does not come.

    Up to `WINDOW` requests are under way: the next one is sent when all but the last one before it
    have been answered. The chip does each once and in their order, however often it comes, so
    asking again is always safe. An interrupted request leaves the link usable: the chip's next one
    begins with a delimiter.
    """

    def __init__(self, port: Port, sequence: int | None = None) -> None:
        self.port = port
        self.facts: ChipFacts | None = None
        self.forms = Forms()
        self.clean = False
        """Whether the last request has been answered."""
        # Not the last host's next number, more likely than not.
        self._sequence = os.urandom(1)[0] if sequence is None else sequence % 256
        self._under_way: deque[Request] = deque()
        """Requests from the oldest unanswered one on."""
        self._heard = b""
        self._noise = False
        """Whether bytes came in the last attempt, and no answer."""
        self.requests = self.repeats = self.broken = 0
        """Requests, those of them that were sent again, and frames that came and were not whole."""

    def ask(self, kind: Kind, payload: bytes = b"", attempts: int = ATTEMPTS) -> bytes:
        """Return the response's payload behind its first byte; raise if that tells of an error.

        Requests that are still under way are answered first; IDENTIFY and RESET give them up.
        """
        if kind in (Kind.IDENTIFY, Kind.RESET):
            self._under_way.clear()
        while self._under_way:
            self._await(self._under_way[0], attempts)
        return self.wait(self.send(kind, payload), attempts)

    def send(self, kind: Kind, payload: bytes = b"") -> Request:
        """Send a request, as soon as another may be under way."""
        while len(self._under_way) >= WINDOW:
            self._await(self._under_way[0], ATTEMPTS)
        self._sequence = (self._sequence + 1) % 256
        request = Request(kind, self._sequence, frame(kind, self._sequence, payload))
        self.requests += 1
        self._under_way.append(request)
        self._write(request)
        return request

    def wait(self, request: Request, attempts: int = ATTEMPTS) -> bytes:
        """Return the response's payload behind its first byte; raise if that tells of an error."""
        return self._payload_of(self._await(request, attempts))

    @property
    def room(self) -> int:
        """Bytes that the chunks of a request may give, and one to end planes."""
        assert self.facts is not None, "identify comes first"
        return self.facts.response - HEADER - 3

    def exchange(self, chunks: list[Chunk]) -> tuple[bytes, int]:
        """Hand chunks to the chip; return the values they gave, and which contexts run."""
        return self.finish(self.begin(chunks))

    def begin(self, chunks: list[Chunk]) -> Begun:
        """Send chunks to the chip; what comes back is for `finish`."""
        assert self.facts is not None, "identify comes first"
        limits = self.facts.request - HEADER - CHECK, self.room + 1
        return [
            (parts, self.send(Kind.EXCHANGE, b"".join(part.to_bytes() for part in parts)))
            for parts in pack_chunks(chunks, *limits)
        ]

    def finish(self, begun: Begun) -> tuple[bytes, int]:
        """Return the values that chunks gave, and which contexts run."""
        assert self.facts is not None, "identify comes first"
        given, running = b"", 0
        for parts, request in begun:
            answer = self.wait(request)
            if not answer:
                raise LinkError(f"{self.port.name} answers with nothing: run again")
            try:
                given += self.forms.read(parts, answer[:-1], self.facts.spec.cells)
            except ValueError:
                text = f"{self.port.name} gave an output that is not whole: run again"
                raise LinkError(text) from None
            running = answer[-1]
        return given, running

    def _write(self, request: Request) -> None:
        """Send a request; behind one that may not be whole, a delimiter first."""
        clean, self.clean = self.clean, False
        self.port.write(request.frame if clean else DELIMITER + request.frame)

    def _await(self, request: Request, attempts: int) -> bytes:
        """Return a response's payload; ask again for all that is under way if it does not come."""
        for attempt in range(attempts):
            if attempt:
                self._repeat()
            self._hear(request)
            if request.response is not None:
                while self._under_way and self._under_way[0].response is not None:
                    self._under_way.popleft()
                return request.response
        if self._noise:
            told = "sends bytes that are no answer: is it a Thalweg board, at this rate?"
        else:
            told = "gives no answer: is the board on, and at this rate?"
        raise LinkError(f"{self.port.name} {told}")

    def _repeat(self) -> None:
        """Send what has not been answered again."""
        for request in self._under_way:
            if request.response is None:
                self.repeats += 1
                self._write(request)

    def _hear(self, request: Request) -> None:
        """Wait for the response to a request, past all that is none."""
        budget, self._noise = BABBLE, False
        while request.response is None and budget > 0:
            data = self.port.read()
            if not data:
                return
            budget, self._noise = budget - len(data), True
            *coded, self._heard = (self._heard + data).split(DELIMITER)
            messages = list(map(parse, filter(None, coded)))
            self.broken += messages.count(None)
            for message in messages:
                if message is not None:
                    self._note(message)
            self._heard = self._heard[-BABBLE:]

    def _note(self, message: Message) -> None:
        """Keep the first response to each request under way."""
        for request in self._under_way:
            wanted = request.kind | REPLY, request.sequence
            if message[:2] == wanted and request.response is None:
                request.response, self.clean = message.payload, True

    def _payload_of(self, payload: bytes) -> bytes:
        if payload[:1] == bytes([Error.NONE]):
            return payload[1:]
        code, detail = (*payload, 0, 0)[:2]
        error = Error(code) if code in list(Error) else None
        kind = SkeletonDamagedError if error is Error.SKELETON_DAMAGED else LinkError
        raise kind(f"{self.port.name}: {explain(error, code, detail)}", error, detail)


def explain(error: Error | None, code: int, detail: int) -> str:
    """Say in words what an error response means."""
    if error is Error.NOT_READY:
        return "the chip was reset meanwhile and holds nothing: run again"
    if error is Error.STALLED:
        return "the chip waits for something that does not come: run again"
    if error is Error.VERSION:
        if detail > VERSION:
            return f"the chip speaks version {detail} of the protocol: bring Thalweg up to date"
        return f"the chip speaks version {detail} of the protocol: bring its bitstream up to date"
    if error is Error.SKELETON_DAMAGED:
        return "the chip found this skeleton damaged: load its bitstream again"
    name = error.name.lower().replace("_", " ") if error else f"error {code}"
    return f"the chip refused a request: {name} ({detail})"
