# amaranth: UnusedElaboratable=no
"""The delay line: so many words and one clock later, whatever the pace."""

import itertools

import numpy as np
import pytest

from hw.array.delay_line import DelayLine
from tests.streams import simulate


@pytest.mark.parametrize("words", [2, 3, 16])
@pytest.mark.parametrize("pace", [(1,), (5,), (1, 3, 2, 1)], ids=["flowing", "slow", "uneven"])
def test_hands_on_the_word_of_so_many_words_before_a_clock_later(words, pace):
    rng = np.random.default_rng(6)
    codes = rng.integers(0, 256, 60).tolist()
    dut = DelayLine(8, words)
    got, expected_clocks, clocks = [], [], itertools.count()

    async def bench(ctx):
        for code, pause in zip(codes, itertools.cycle(pace)):
            for clock in range(pause):
                now = next(clocks)
                ctx.set(dut.i, code)
                ctx.set(dut.advance, clock == 0)
                if clock == 0:
                    expected_clocks.append(now + 1)
                if ctx.get(dut.o_advance):
                    got.append([now, ctx.get(dut.o)])
                elif got:
                    assert ctx.get(dut.o) == got[-1][1], "the line must hold"
                await ctx.tick()

    simulate(dut, bench)

    assert [clock for clock, _ in got] == expected_clocks[: len(got)]
    assert [code for _, code in got][words:] == codes[: len(got) - words]
    assert len(got) >= len(codes) - 1


@pytest.mark.parametrize("words", [1, 0])
def test_rejects_a_delay_below_two_words(words):
    with pytest.raises(ValueError) as error:
        DelayLine(8, words)
    assert str(error.value) == f"Delay must be at least 2 words, not {words!r}"
