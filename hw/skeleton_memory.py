"""Skeleton memory: what each read-only memory of the chip holds, row by row.

Every memory holds all skeletons side by side. A row's address is the slot, the word or the channel,
with the skeleton's number above it. One more memory tells what the places hold: their identities,
each with the chip's own facts, the skeleton's digest, and a CRC-32 over all that the place holds.
"""

import zlib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from amaranth import Const, Shape, unsigned
from amaranth.hdl import ShapeLike
from amaranth.lib import data
from amaranth.utils import ceil_log2

from golden.errors import InputError
from golden.skeleton import Skeleton
from golden.wire import DIGEST_BYTES, FACTS, ChipFacts
from hw.array.pe import operand
from hw.scan import ROW
from hw.shapes import (
    IDENTITY,
    PAIR,
    TAPS,
    Geometry,
    coefficient_row,
    mix_row,
    perceive_row,
    residual_row,
)

__all__ = ["DIGEST", "facts_of", "images", "layouts", "message", "pitch_of", "require_fit"]

Rows = Mapping[str, Sequence[int]]
"""Rows of each memory, by its name."""

CHECK = 4  # bytes of a CRC-32
DIGEST = IDENTITY - CHECK - DIGEST_BYTES
"""Place of the digest within an identity; `golden.wire.ChipFacts` comes first, the CRC last."""


def layouts(geometry: Geometry) -> dict[str, ShapeLike]:
    """Shape of a row of each memory, by the memory's name."""
    names = {}
    for lane, filters in enumerate(geometry.lane_filters):
        names[f"perceive{lane}"] = perceive_row(filters)
        for column in range(filters):
            names[f"mix{lane}_{column}"] = mix_row(geometry.spec.channels)
    for lane in range(geometry.lanes):
        names[f"residual{lane}"] = residual_row()
    coefficients = {"encode": coefficient_row(), "readout": coefficient_row()}
    return names | coefficients | {"identity": unsigned(8)}


def images(geometry: Geometry, skeletons: Sequence[Skeleton]) -> dict[str, list[int]]:
    """Return the rows of each memory as integers, by the memory's name.

    Places for skeletons that are not there are filled with zeros: such a skeleton changes nothing.
    """
    require_fit(geometry, skeletons)
    parts = [rows_of(geometry, skeleton) for skeleton in skeletons]
    result = {}
    for name, layout in layouts(geometry).items():
        if name == "identity":
            break
        pitch = pitch_of(geometry, name)
        rows = [0] * (pitch * geometry.skeletons)
        for index, part in enumerate(parts):
            for place, values in enumerate(part[name]):
                rows[index * pitch + place] = pack(layout, values)
        result[name] = rows
    facts = facts_of(geometry, skeletons)
    result["identity"] = [
        byte
        for place, digest in enumerate(facts.digests)
        for byte in identity(geometry, result, place, facts.to_bytes()[: FACTS.size], digest)
    ]
    return result


def facts_of(geometry: Geometry, skeletons: Sequence[Skeleton]) -> ChipFacts:
    """Return what a chip says of itself."""
    spec = geometry.spec
    digests = [skeleton.digest for skeleton in skeletons]
    return ChipFacts(
        filters=geometry.filters,
        contexts=geometry.contexts,
        height=spec.height,
        width=spec.width,
        channels=spec.channels,
        multiplier=spec.multiplier,
        boundary=spec.boundary,
        image=spec.image,
        request=geometry.request,
        response=geometry.response,
        digests=(*digests, *[None] * (geometry.skeletons - len(digests))),
    )


def identity(geometry: Geometry, rows: Rows, place: int, facts: bytes, digest: str | None) -> bytes:
    """Return the identity of a place, given what the other memories hold."""
    own = facts.ljust(DIGEST, b"\0") + bytes.fromhex(digest or "00" * DIGEST_BYTES)
    return own + zlib.crc32(message(geometry, rows, place) + own).to_bytes(CHECK, "little")


def message(geometry: Geometry, rows: Rows, place: int) -> bytes:
    """Return the bytes that the chip checks of a place, its identity aside, in their order.

    Row by row, every memory's row as 32 bytes, low ones first. Past the last channel only the
    lanes' memories are read; a memory of fewer rows than channels is read more than once.
    """
    parts = []
    for slot in range(geometry.checked):
        past = slot >= geometry.spec.channels
        names = geometry.lane_memories if past else geometry.scanned[:-1]
        for name in names:
            pitch = pitch_of(geometry, name)
            parts.append(rows[name][place * pitch + slot % pitch].to_bytes(ROW, "little"))
    return b"".join(parts)


def require_fit(geometry: Geometry, skeletons: Sequence[Skeleton]) -> None:
    """Raise unless the chip has room for the skeletons and its lattice is theirs."""
    if len(skeletons) > geometry.skeletons:
        raise InputError(
            f"The chip holds at most {geometry.skeletons} skeletons, not {len(skeletons)}"
        )
    for skeleton in skeletons:
        for field in ("height", "width", "channels", "multiplier", "boundary", "image"):
            want, found = getattr(geometry.spec, field), getattr(skeleton.spec, field)
            if want != found:
                raise InputError(
                    f"Skeleton {skeleton.name} must have spec.{field} {want!r}, not {found!r}"
                )


def pitch_of(geometry: Geometry, name: str) -> int:
    """Rows from one skeleton to the next in the memory ``name``."""
    return IDENTITY if name == "identity" else 1 << ceil_log2(row_count(geometry, name))


def row_count(geometry: Geometry, name: str) -> int:
    """Rows of one skeleton in the memory ``name``."""
    if name in ("encode", "readout"):
        return geometry.spec.channels
    return geometry.words if name.startswith("residual") else geometry.slots


def pack(layout: ShapeLike, values: Any) -> int:
    """Return one row as an integer."""
    packed = layout.const(values).as_value() if isinstance(layout, data.Layout) else values
    return Const.cast(packed).value & (1 << Shape.cast(layout).width) - 1


def rows_of(geometry: Geometry, skeleton: Skeleton) -> dict[str, list[Any]]:
    """Rows of each memory for one skeleton, unpacked."""
    encode, perceive, update, readout = (
        {part: getattr(layer, part).tolist() for part in ("weight", "bias", "shift")}
        for layer in (skeleton.encode, skeleton.perceive, skeleton.update, skeleton.readout)
    )
    rows = {}
    for lane, count in enumerate(geometry.lane_filters):
        slots = [
            [filter_at(geometry, slot, lane, column) for column in range(count)]
            for slot in range(geometry.slots)
        ]
        rows[f"perceive{lane}"] = [perceive_values(perceive, filters) for filters in slots]
        for column in range(count):
            rows[f"mix{lane}_{column}"] = [mix_values(update, slot[column]) for slot in slots]
    for lane in range(geometry.lanes):
        channels = [geometry.channel(word, lane) for word in range(geometry.words)]
        rows[f"residual{lane}"] = [
            {"bias": update["bias"][c], "shift": update["shift"][c]} for c in channels
        ]
    channels = range(geometry.spec.channels)
    rows["encode"] = [{part: encode[part][c] for part in encode} for c in channels]
    # The read-out's bias goes in with the first product, its shift comes with the last.
    rows["readout"] = [
        {
            "weight": readout["weight"][c],
            "bias": readout["bias"] if c == channels[0] else 0,
            "shift": readout["shift"] if c == channels[-1] else 0,
        }
        for c in channels
    ]
    return rows


def perceive_values(layer: Mapping[str, Any], filters: Sequence[int | None]) -> dict[str, Any]:
    """Return a row of the filters that a lane computes in a slot; zeros for a missing one."""
    weights = [[0] * TAPS if k is None else [*chain(*layer["weight"][k])] for k in filters]
    return {
        "operands": [operand(tap) for tap in zip(*weights, strict=True)],
        "biases": [0 if k is None else layer["bias"][k] for k in filters],
        "shifts": [0 if k is None else layer["shift"][k] for k in filters],
    }


def mix_values(layer: Mapping[str, Any], k: int | None) -> list[int]:
    """Return a row of the weights of filter ``k`` towards each channel; zeros without a filter."""
    weights = [0 if k is None else row[k] for row in layer["weight"]]
    return [operand(pair) for pair in zip(weights[::PAIR], weights[1::PAIR], strict=True)]


def filter_at(geometry: Geometry, slot: int, lane: int, column: int) -> int | None:
    """Filter that ``column`` of ``lane`` computes in ``slot``; None where there is none."""
    word, phase = divmod(slot, geometry.phases)
    channel, place = divmod(lane, len(geometry.lane_filters) // geometry.lanes)
    filter = phase * geometry.parallel + PAIR * place + column
    if filter >= geometry.spec.multiplier:
        return None
    return geometry.spec.multiplier * geometry.channel(word, channel) + filter
