"""The compact form of bytes on the wire: small differences in few bits, and runs of equal values.

Each value becomes its difference from the one before it, modulo 256; the first, from 0. The
differences are sent in groups of four, the last group filled with 0. A group is a list of nibbles:

- A header from 0 to `MOST_BITS` gives the bits of each difference, in two's complement. As many
  nibbles follow, the highest bits first; bit k of a nibble belongs to the group's value k.
- A larger header stands for several groups whose differences are all 0.

A byte holds two nibbles, the first one in its low bits. A nibble 0 fills the last byte. The form
does not hold the number of values.
"""

from __future__ import annotations

import numpy as np

__all__ = ["GROUP", "LONGEST_RUN", "MOST_BITS", "RUN", "SPARE", "compress", "expand", "most_bytes"]

GROUP = 4
"""Values of a group."""

MOST_BITS = 8
"""Largest number of bits of a difference."""

RUN = MOST_BITS - 1
"""Header of a run of groups, less the number of groups."""

LONGEST_RUN = 15 - RUN
"""Largest number of groups that one header stands for."""

SPARE = 5
"""Bytes for a group and a byte that are not full."""

PLACES = np.arange(MOST_BITS)
VALUES = np.arange(GROUP)
SPREAD = np.array([sum((n >> k & 1) << 8 * k for k in range(GROUP)) for n in range(16)], np.uint32)
"""Each nibble's bits, bit k in byte k."""
WIDTHS = np.array([1 + int(size).bit_length() for size in range(1 << RUN)])
"""Bits of a difference in two's complement, given its bits without the sign."""


def most_bytes(count: int) -> int:
    """Return a number of bytes in which so many values always fit in compact form."""
    return count + count // GROUP // 2 + SPARE


def compress(values: bytes) -> bytes:
    """Return bytes in compact form."""
    codes = np.frombuffer(values, np.uint8)
    padding = -len(codes) % GROUP
    changes = np.pad(np.diff(codes, prepend=np.uint8(0)), (0, padding))
    groups = changes.view(np.int8).reshape(-1, GROUP)
    widths = WIDTHS[np.where(groups < 0, ~groups, groups).max(axis=1, initial=0)]
    widths[~groups.any(axis=1)] = 0
    bits = groups[:, None, :] >> PLACES[::-1, None] & 1
    rows = (bits << VALUES).sum(axis=2).tolist()
    nibbles: list[int] = []
    run = 0
    for width, row in zip(widths.tolist(), rows, strict=True):
        if width == 0 and run < LONGEST_RUN:
            run += 1
            continue
        nibbles += header(run)
        run = int(width == 0)
        if width:
            nibbles += [width, *row[MOST_BITS - width :]]
    nibbles += header(run)
    nibbles += [0] * (len(nibbles) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def header(run: int) -> list[int]:
    """Return the header of so many groups whose differences are all 0."""
    return [] if run == 0 else [0 if run == 1 else RUN + run]


def expand(data: bytes, count: int) -> tuple[bytes, int]:
    """Return ``count`` values, and how many bytes at the start of ``data`` are their compact form.

    Raises ValueError if a run passes the last group, or ``data`` ends too early, or what fills the
    last byte is not 0.
    """
    pairs = np.frombuffer(data, np.uint8)
    nibbles = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(-1)
    changes = np.zeros((-(-count // GROUP), GROUP), np.uint8)
    places, widths, starts, end = read_headers(nibbles.tolist(), len(changes))
    if end > len(nibbles) or nibbles[end : end + end % 2].any():
        raise ValueError("A compact form must be whole")
    if places:
        nibbles = np.pad(nibbles, (0, MOST_BITS))
        rows = nibbles[np.array(starts)[:, None] + PLACES]
        changes[places] = read_groups(rows, np.array(widths)[:, None])
    values = np.cumsum(changes.reshape(-1)[:count], dtype=np.uint8)
    return values.tobytes(), (end + 1) // 2


def read_groups(rows: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return the differences of groups, given the nibbles from the first one on."""
    shifts = widths - 1 - PLACES
    bits = np.where(shifts < 0, 0, SPREAD[rows] << np.maximum(shifts, 0))
    folded = np.bitwise_or.reduce(bits, axis=1).astype("<u4").view(np.uint8)
    signs = (1 << widths - 1).astype(np.uint8)
    return (folded.reshape(-1, GROUP) ^ signs) - signs


def read_headers(nibbles: list[int], groups: int) -> tuple[list[int], list[int], list[int], int]:
    """Return the groups that are not all 0, their bits and first nibbles, and where all end."""
    places: list[int] = []
    widths: list[int] = []
    starts: list[int] = []
    group = place = 0
    while group < groups:
        if place >= len(nibbles):
            raise ValueError("A compact form must be whole")
        width = nibbles[place]
        place += 1
        if width > MOST_BITS:
            group += width - RUN
            continue
        if width:
            places.append(group)
            widths.append(width)
            starts.append(place)
            place += width
        group += 1
    if group > groups:
        raise ValueError("A run of a compact form must end with the last group")
    return places, widths, starts, place
