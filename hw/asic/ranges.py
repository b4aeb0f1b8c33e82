"""Ranges of the sums that a chip's skeletons can reach: it never holds others."""

from collections.abc import Iterable, Mapping, Sequence

from amaranth import Shape

from golden.fixed import HIDDEN, STATE, WEIGHT, Format
from hw.shapes import PAIR, TAPS, Geometry, interval, mix_row, perceive_row, residual_row
from hw.skeleton_memory import pitch_of

__all__ = ["fill", "filter_sum", "total_sum", "update_sum"]

Images = Mapping[str, Sequence[int]]
"""Skeleton memory images, of one filter a clock."""

Range = tuple[int, int]


def filter_sum(images: Images) -> Shape:
    """Shape of a perception filter's bias with its products."""
    layout = perceive_row(1)
    ends = []
    for row in map(layout.from_bits, images["perceive0"]):
        low, high = reach((row.operands[tap] for tap in range(TAPS)), STATE)
        ends.append((row.biases[0] + low, row.biases[0] + high))
    return span(ends)


def total_sum(geometry: Geometry, images: Images) -> Shape:
    """Shape of a cell's sum towards any channel, and of every part of it."""
    return span(totals(geometry, images))


def update_sum(geometry: Geometry, images: Images) -> Shape:
    """Shape of a cell's sum towards any channel with its bias."""
    pitch = pitch_of(geometry, "residual0")
    rows = [residual_row().from_bits(row) for row in images["residual0"]]
    biases = [
        rows[place * pitch + channel].bias
        for place in range(geometry.skeletons)
        for channel in range(geometry.spec.channels)
    ]
    ranges = totals(geometry, images)
    return span((bias + low, bias + high) for bias, (low, high) in zip(biases, ranges, strict=True))


def totals(geometry: Geometry, images: Images) -> list[Range]:
    """Return the range of the sum towards each channel of each place."""
    channels, pitch = geometry.spec.channels, pitch_of(geometry, "mix0_0")
    rows = [mix_row(channels).from_bits(row) for row in images["mix0_0"]]
    return [
        reach(
            (weights(row[channel // PAIR])[channel % PAIR] for row in rows[begin : begin + pitch]),
            HIDDEN,
        )
        for begin in range(0, len(rows), pitch)
        for channel in range(channels)
    ]


def weights(operand: int) -> Range:
    """Return the two weights of an operand; see `hw.array.pe.operand`."""
    half = 1 << WEIGHT.width - 1
    lower = (operand + half) % (2 * half) - half
    return lower, operand - lower >> WEIGHT.width + 1


def reach(factors: Iterable[int], codes: Format) -> Range:
    """Return the smallest and largest sum of products, and of any part of them."""
    low = high = 0
    for factor in factors:
        ends = factor * codes.min, factor * codes.max
        low, high = low + min(0, *ends), high + max(0, *ends)
    return low, high


def span(ranges: Iterable[Range]) -> Shape:
    """Return the narrowest signed shape that holds ranges."""
    lows, highs = zip(*ranges, strict=True)
    return interval(min(-1, *lows), max(highs))


def fill(geometry: Geometry, name: str, rows: Sequence[int]) -> list[int]:
    """Return the rows of a memory with those beyond a place's last as copies, not zeros.

    Nobody reads them. As copies of rows whose address has the same low bits, they take fewer gates.
    """
    pitch, used = pitch_of(geometry, name), geometry.slots
    result = []
    for begin in range(0, len(rows), pitch):
        place = list(rows[begin : begin + used])
        low = used & -used  # rows that the highest bits alone tell apart
        for row in range(used, pitch):
            place.append(place[used - low + row % low])
        result += place
    return result
