"""The compact form: golden's against a slow one, and the gateware's against golden's."""

import numpy as np
import pytest
from amaranth import *

from golden.compact import LONGEST_RUN, RUN, compress, expand, most_bytes
from hw.link.compact import Compressor, Expander
from tests.streams import feed, simulate

COUNTS = (1, 2, 3, 4, 5, 7, 8, 9, 36, 37, 38, 39, 256)


def drawn(rng, count):
    """Return values of every kind, so many of each."""
    few = rng.random(count) < 0.03
    return {
        "uniform": rng.integers(0, 256, count),
        "zeros": np.zeros(count),
        "ones": np.full(count, 255),
        "ends": np.arange(count) % 2 * 255,
        "signs": np.arange(count) % 2 * 128,
        "small": rng.integers(-3, 4, count),
        "mixed": rng.integers(-1 << 7, 1 << 7, count)
        >> rng.integers(0, 8, count // 4 + 1).repeat(4)[:count],
        "few": few * rng.integers(0, 256, count),
        "climbing": np.arange(count),
    }


def byte_lists(counts=COUNTS):
    """Return values of every kind and count, as bytes."""
    rng = np.random.default_rng(7)
    return [
        (values.astype(np.int64) & 255).astype(np.uint8).tobytes()
        for count in counts
        for values in drawn(rng, count).values()
    ]


def nibbles_of(form):
    """Return the nibbles of a form."""
    return [nibble for byte in form for nibble in (byte & 15, byte >> 4)]


def form_of(nibbles):
    """Return the bytes of nibbles, filled."""
    nibbles = [*nibbles, *[0] * (len(nibbles) % 2)]
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def slowly(values):
    """Return the compact form of values, by its definition."""
    changes = [(b - a + 128) % 256 - 128 for a, b in zip(b"\0" + values, values, strict=False)]
    changes += [0] * (-len(changes) % 4)
    groups = [changes[place : place + 4] for place in range(0, len(changes), 4)]
    nibbles = []
    while groups:
        run = next((k for k, group in enumerate(groups) if any(group)), len(groups))
        if run > 1:
            run = min(run, LONGEST_RUN)
            nibbles.append(RUN + run)
            groups = groups[run:]
            continue
        group = groups.pop(0)
        width = next(
            n for n in range(9) if all(-(1 << n) <= 2 * change < max(1, 1 << n) for change in group)
        )
        nibbles.append(width)
        for bit in reversed(range(width)):
            nibbles.append(sum((change >> bit & 1) << k for k, change in enumerate(group)))
    return form_of(nibbles)


@pytest.mark.parametrize("count", COUNTS)
def test_golden_writes_the_defined_form_and_reads_it(count):
    for values in byte_lists([count]):
        form = compress(values)
        assert form == slowly(values)
        assert len(form) <= most_bytes(count)
        assert expand(form, count) == (values, len(form))
        assert expand(form + b"more", count) == (values, len(form))


def test_no_value_is_no_byte():
    assert compress(b"") == b""
    assert expand(b"", 0) == (b"", 0)
    assert expand(b"\1", 0) == (b"", 0)


def test_an_example():
    values = bytes([0] * 12 + [1, 0, 1, 1] + [7] * 9)
    assert nibbles_of(compress(values)) == [10, 2, 0b0010, 0b0111, 4, 0, 1, 1, 0, 9]


WRONG = {
    "empty": ([], 1),
    "a group short": ([0], 9),
    "bits short": ([3, 1], 4),
    "the last bits short": ([1, 1, 3, 1], 8),
    "a run beyond the end": ([9], 4),
    "a later run beyond the end": ([1, 1, 15], 32),
    "filled with something": ([1, 1, 0, 5], 5),
}
"""Nibbles that are no form of so many values."""


@pytest.mark.parametrize("wrong", WRONG, ids=list(WRONG))
def test_what_is_not_whole_is_not_read(wrong):
    nibbles, count = WRONG[wrong]
    with pytest.raises(ValueError, match=r"^A (run of a )?compact form must "):
        expand(form_of(nibbles), count)


def test_every_cut_is_not_whole():
    for values in byte_lists([9, 36]):
        form = compress(values)
        for length in range(len(form)):
            with pytest.raises(ValueError, match="must be whole"):
                expand(form[:length], len(values))


def compressed(lists, gaps):
    """Return the forms that a `Compressor` makes, one after another, and the clocks of each."""
    compressor, got, clocks = Compressor(), bytearray(), []

    async def listen(ctx):
        async for _, _, valid, byte in ctx.tick().sample(compressor.o.valid, compressor.o.payload):
            if valid:
                got.append(byte)

    async def bench(ctx):
        forms = []
        for values in lists:
            payloads = [{"data": byte, "last": 0} for byte in values]
            payloads[-1]["last"] = 1
            await feed(ctx, compressor.i, payloads, gaps)
            while ctx.get(compressor.ends):
                await ctx.tick()
            forms.append(bytes(got))
            got.clear()
        clocks.extend(forms)

    simulate(compressor, bench, background=[listen], clocks=200_000)
    return clocks


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])
def test_compressor_writes_goldens_form(gaps):
    lists = byte_lists()
    assert compressed(lists, gaps) == [compress(values) for values in lists]


class Reader:
    """Forms for an `Expander`."""

    def __init__(self):
        self.reset = Signal()
        self.expander = Expander()
        self.dut = ResetInserter(self.reset)(self.expander)

    async def read(self, ctx, nibbles, count, gaps=(0,), stalls=(0,)):
        """Return the values, and what is left of the nibbles, and whether it is wrong."""
        expander = self.expander
        ctx.set(self.reset, 1)
        await ctx.tick()
        ctx.set(self.reset, 0)
        ctx.set(expander.count, count)
        left, values, clock = list(nibbles), [], 0
        while not ctx.get(expander.over):
            if ctx.get(expander.i.ready) and not left:
                break
            offers = bool(left) and clock % (1 + gaps[clock % len(gaps)]) == 0
            takes = clock % (1 + stalls[clock % len(stalls)]) == 0
            ctx.set(expander.i.valid, offers)
            ctx.set(expander.i.payload, left[0] if left else 0)
            ctx.set(expander.o.ready, takes)
            if takes and ctx.get(expander.o.valid):
                values.append(ctx.get(expander.o.payload))
            if offers and ctx.get(expander.i.ready):
                left.pop(0)
            await ctx.tick()
            clock += 1
        ctx.set(expander.i.valid, 0)
        over = ctx.get(expander.over), ctx.get(expander.wrong)
        return bytes(values), left, over


@pytest.mark.parametrize("gaps", [(0,), (0, 3, 1)], ids=["flowing", "stalling"])
def test_expander_reads_goldens_form(gaps):
    reader = Reader()

    async def bench(ctx):
        for values in byte_lists():
            nibbles = nibbles_of(compress(values))
            found, left, over = await reader.read(ctx, nibbles, len(values), gaps, gaps[::-1])
            assert (found, over) == (values, (1, 0))
            assert left in ([], [0])

    simulate(reader.dut, bench, clocks=400_000)


def test_expander_finds_what_is_not_whole():
    reader = Reader()

    async def bench(ctx):
        for name, (nibbles, count) in WRONG.items():
            if name.startswith("filled"):
                continue
            _, left, (over, wrong) = await reader.read(ctx, nibbles, count)
            assert left == [], name
            assert wrong if over else "short" in name or name == "empty", name

    simulate(reader.dut, bench)
