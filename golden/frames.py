"""Frames in a byte stream: kind, sequence number, payload and CRC-32, ended by a byte 0.

COBS removes the byte 0 from their contents, so that a 0 always ends a frame. After any error in the
stream, the next frame begins after the next 0.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

__all__ = [
    "CHECK",
    "DELIMITER",
    "HEADER",
    "Message",
    "cobs_decode",
    "cobs_encode",
    "frame",
    "parse",
]

DELIMITER = b"\0"
HEADER = 2  # kind and sequence number
CHECK = 4  # CRC-32


class Message(NamedTuple):
    """The contents of a frame."""

    kind: int
    sequence: int
    payload: bytes


def cobs_encode(data: bytes) -> bytes:
    """Return ``data`` in a code without the byte 0 (Consistent Overhead Byte Stuffing)."""
    coded = bytearray()
    for run in (data + b"\0").split(b"\0")[:-1]:
        while len(run) >= 254:
            coded += b"\xff" + run[:254]
            run = run[254:]
        coded += bytes([len(run) + 1]) + run
    return bytes(coded)


def cobs_decode(coded: bytes) -> bytes | None:
    """Return the data that `cobs_encode` encoded; None if ``data`` is no valid code."""
    data, place = bytearray(), 0
    while place < len(coded):
        code = coded[place]
        run = coded[place + 1 : place + code]
        if code == 0 or len(run) != code - 1 or 0 in run:
            return None
        data += run
        place += code
        if code < 255 and place < len(coded):
            data.append(0)
    return bytes(data)


def frame(kind: int, sequence: int, payload: bytes = b"") -> bytes:
    """Return the bytes of a frame, its delimiter included."""
    body = bytes([kind, sequence]) + payload
    return cobs_encode(body + zlib.crc32(body).to_bytes(CHECK, "little")) + DELIMITER


def parse(coded: bytes) -> Message | None:
    """Return the message in the bytes before a delimiter; None if it is not whole."""
    data = cobs_decode(coded)
    if data is None or len(data) < HEADER + CHECK:
        return None
    body, check = data[:-CHECK], data[-CHECK:]
    if zlib.crc32(body) != int.from_bytes(check, "little"):
        return None
    return Message(body[0], body[1], body[HEADER:])
