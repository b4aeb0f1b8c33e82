"""The host's end of the link: requests that are answered once, whatever happens to the bytes."""

from __future__ import annotations

import os
from typing import Protocol

from golden.errors import InputError, SkeletonDamaged
from golden.frames import CHECK, DELIMITER, HEADER, Message, frame, parse
from golden.wire import REPLY, RESPONSE, VERSION, ChipFacts, Error, Kind
from sw.serial.chunks import Chunk, Forms, pack_chunks

__all__ = ["Link", "LinkError", "Port"]

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


class Link:
    """Ask a chip, and ask again where an answer does not come.

    The chip does a request once however often it comes, so asking again is always safe. An
    interrupted request leaves the link usable: the chip's next one begins with a delimiter.
    """

    def __init__(self, port: Port, sequence: int | None = None) -> None:
        self.port = port
        self.facts: ChipFacts | None = None
        self.forms = Forms()
        self.clean = False
        """Whether the last request has been answered."""
        # Not the last host's next number, more likely than not.
        self._sequence = os.urandom(1)[0] if sequence is None else sequence % 256
        self._heard = b""
        self._noise = False
        """Whether bytes came in the last attempt, and no answer."""
        self.requests = self.repeats = self.broken = 0
        """Requests, those of them that were sent again, and frames that came and were not whole."""

    def ask(self, kind: Kind, payload: bytes = b"", attempts: int = ATTEMPTS) -> bytes:
        """Return the response's payload behind its first byte; raise if that tells of an error."""
        self._sequence = (self._sequence + 1) % 256
        request = frame(kind, self._sequence, payload)
        self.requests += 1
        for attempt in range(attempts):
            self.repeats += attempt > 0
            clean, self.clean = self.clean, False
            self.port.write(request if clean else DELIMITER + request)
            message = self._hear(kind | REPLY)
            if message is not None:
                self.clean = True
                return self._payload_of(message.payload)
        if self._noise:
            told = "sends bytes that are no answer: is it a Thalweg board, at this rate?"
        else:
            told = "gives no answer: is the board on, and at this rate?"
        raise LinkError(f"{self.port.name} {told}")

    @property
    def room(self) -> int:
        """Bytes that the chunks of a request may give, and one to end planes."""
        assert self.facts is not None, "identify comes first"
        return self.facts.response - HEADER - 3

    def exchange(self, chunks: list[Chunk]) -> tuple[bytes, int]:
        """Hand chunks to the chip; return the values they gave, and which contexts run."""
        facts = self.facts
        assert facts is not None, "identify comes first"
        given, running = b"", 0
        limits = facts.request - HEADER - CHECK, self.room + 1
        for parts in pack_chunks(chunks, *limits):
            answer = self.ask(Kind.EXCHANGE, b"".join(part.to_bytes() for part in parts))
            if not answer:
                raise LinkError(f"{self.port.name} answers with nothing: run again")
            try:
                given += self.forms.read(parts, answer[:-1], facts.spec.cells)
            except ValueError:
                raise LinkError(
                    f"{self.port.name} gave an output that is not whole: run again"
                ) from None
            running = answer[-1]
        return given, running

    def _hear(self, kind: int) -> Message | None:
        """Wait for the answer to the last request, past all that is none."""
        budget, self._noise = BABBLE, False
        while budget > 0:
            data = self.port.read()
            if not data:
                return None
            budget, self._noise = budget - len(data), True
            *coded, self._heard = (self._heard + data).split(DELIMITER)
            messages = list(map(parse, filter(None, coded)))
            self.broken += messages.count(None)
            for message in messages:
                if message is not None and message[:2] == (kind, self._sequence):
                    return message
            self._heard = self._heard[-BABBLE:]
        return None

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
