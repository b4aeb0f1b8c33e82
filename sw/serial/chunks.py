"""Chunks of an EXCHANGE: how they are packed into requests, and in which form values travel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from golden.compact import compress, expand, most_bytes
from golden.wire import CHUNK, NO_PLANE, Tag, chunk

__all__ = ["Chunk", "Forms", "data_chunk", "pack_chunks"]

OVERHEAD = CHUNK.size
PAUSE = 15
"""Outputs that travel plain after one whose compact form was longer."""


@dataclass(frozen=True)
class Chunk:
    """A part of an EXCHANGE: DATA with a body and FETCH with a count may be cut, others not."""

    tag: Tag
    count: int
    body: bytes = b""
    gives: int = 0
    """Most bytes that come back."""

    @property
    def size(self) -> int:
        """Bytes of the chunk as it travels."""
        return OVERHEAD + len(self.body)

    def to_bytes(self) -> bytes:
        """Return the chunk as it travels."""
        return chunk(self.tag, self.count, self.body)


def pack_chunks(chunks: list[Chunk], request: int, response: int) -> Iterator[list[Chunk]]:
    """Yield the chunks of each payload: at most `request` bytes, answered by `response`."""
    parts: list[Chunk] = []
    space, room = request, response
    for item in chunks:
        left: Chunk | None = item
        while left is not None:
            part, left = cut(left, space, room)
            if part is None:
                yield parts
                parts, space, room = [], request, response
            else:
                parts.append(part)
                space -= part.size
                room -= part.gives
    if parts:
        yield parts


def cut(item: Chunk, request: int, response: int) -> tuple[Chunk | None, Chunk | None]:
    """Return what of a chunk fits, if any, and what is left."""
    if item.tag is Tag.DATA and OVERHEAD < request < OVERHEAD + item.count:
        size = request - OVERHEAD
        first, rest = item.body[:size], item.body[size:]
        return Chunk(Tag.DATA, len(first), first), Chunk(Tag.DATA, len(rest), rest)
    if item.tag is Tag.FETCH and request >= OVERHEAD and 0 < response < item.count:
        rest_count = item.count - response
        return (
            Chunk(Tag.FETCH, response, gives=response),
            Chunk(Tag.FETCH, rest_count, gives=rest_count),
        )
    fits = item.size <= request and item.gives <= response
    return (item, None) if fits else (None, item)


def data_chunk(data: bytes, most: int) -> Chunk:
    """Return the chunk of a command's data, in the shorter form; plain beyond ``most`` bytes."""
    if len(data) <= most:
        body = len(data).to_bytes(2, "little") + compress(data)
        if len(body) < len(data):
            return Chunk(Tag.COMPACT_DATA, len(body), body)
    return Chunk(Tag.DATA, len(data), data)


class Forms:
    """The forms in which outputs are asked for, and their way back to plain values.

    An output is asked for in compact form, unless that was longer than its values the last time.
    Then the next `PAUSE` outputs of its kind travel plain.
    """

    def __init__(self) -> None:
        self._pauses = {Tag.FETCH: 0, Tag.PLANES: 0}

    def fetch(self, count: int, room: int) -> Chunk:
        """Return a chunk that asks for bytes of a read command; plain ones may be cut."""
        if most_bytes(count) <= room and self._try(Tag.FETCH):
            return Chunk(Tag.COMPACT_FETCH, count, gives=most_bytes(count))
        return Chunk(Tag.FETCH, count, gives=count)

    def planes(self, count: int, cells: int, room: int) -> Chunk:
        """Return a chunk that asks for so many planes, or for as many as there is room for."""
        tag, size = Tag.PLANES, 1 + cells
        if most_bytes(cells) < room and self._try(Tag.PLANES):
            tag, size = Tag.COMPACT_PLANES, 1 + most_bytes(cells)
        count = min(count, room // size)
        return Chunk(tag, count, gives=count * size + 1)

    def read(self, parts: list[Chunk], data: bytes, cells: int) -> bytes:
        """Return the outputs of chunks as plain values; raise ValueError if one is not whole."""
        given = bytearray()
        for part in parts:
            if part.tag in (Tag.FETCH, Tag.COMPACT_FETCH):
                data = self._read_values(part, part.count, data, given)
            elif part.gives:
                while data[:1] not in (b"", bytes([NO_PLANE])):
                    given += data[:1]
                    data = self._read_values(part, cells, data[1:], given)
                given += data[:1]
                data = data[1:]
        if data:
            raise ValueError("Outputs must end with the last chunk's")
        return bytes(given)

    def pause(self, tag: Tag) -> None:
        """Ask for the next outputs of a kind, `Tag.FETCH` or `Tag.PLANES`, in plain form."""
        self._pauses[tag] = PAUSE

    def _try(self, tag: Tag) -> bool:
        """Return whether the next output of a kind is asked for in compact form."""
        tries = self._pauses[tag] == 0
        self._pauses[tag] -= not tries
        return tries

    def _read_values(self, part: Chunk, count: int, data: bytes, given: bytearray) -> bytes:
        """Append ``count`` values to what was given; return the data behind them."""
        if part.tag in (Tag.FETCH, Tag.PLANES):
            given += data[:count]
            return data[count:]
        values, size = expand(data, count)
        if size > count:
            self.pause(Tag.FETCH if part.tag is Tag.COMPACT_FETCH else Tag.PLANES)
        given += values
        return data[size:]
