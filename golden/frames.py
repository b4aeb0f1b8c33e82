"""Frames in a byte stream: kind, sequence number, payload and CRC-32, one byte 0 behind them.

They are coded so that the byte 0 does nothing but end a frame: whatever has happened to the bytes
before, the next frame begins after the next 0.
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
    """A frame's contents."""

    kind: int
    sequence: int
    payload: bytes


def cobs_encode(data: bytes) -> bytes:
    """Return ``data`` without the byte 0: Consistent Overhead Byte Stuffing, no delimiter."""
    coded = bytearray()
    for run in (data + b"\0").split(b"\0")[:-1]:
        while len(run) >= 254:
            coded += b"\xff" + run[:254]
            run = run[254:]
        coded += bytes([len(run) + 1]) + run
    return bytes(coded)


def cobs_decode(coded: bytes) -> bytes | None:
    """Return what `cobs_encode` was given; None if nothing is encoded so."""
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
    """Return the message in what came before a delimiter; None if it is not whole."""
    data = cobs_decode(coded)
    if data is None or len(data) < HEADER + CHECK:
        return None
    body, check = data[:-CHECK], data[-CHECK:]
    if zlib.crc32(body) != int.from_bytes(check, "little"):
        return None
    return Message(body[0], body[1], body[HEADER:])
