# amaranth: UnusedElaboratable=no
"""The checker and the scan past the memories, which the test plays."""

from collections import deque

import numpy as np
import pytest
from amaranth import ResetInserter, Shape, Signal

from golden.samples import uniform
from golden.spec import Spec
from hw.checker import Checker, check_clocks
from hw.primitives import ReadOnlyMemory
from hw.scan import ROW, Scan, token_layout
from hw.shapes import IDENTITY, Geometry
from hw.skeleton_memory import DIGEST, images, layouts
from tests.streams import simulate

GEOMETRY = Geometry(spec=Spec(height=4, width=4, image=4), skeletons=3)


def test_each_flipped_bit_damages_its_skeleton_alone_in_the_clocks_that_are_told():
    rng = np.random.default_rng(35)
    rows = images(GEOMETRY, [uniform(GEOMETRY.spec, rng) for _ in range(3)])
    rows["perceive0"][31] ^= 1 << 95
    rows["identity"][2 * IDENTITY + DIGEST + 31] ^= 1
    checker, names, asked = Checker(GEOMETRY, rows["identity"]), GEOMETRY.scanned, Signal()
    first = {"memory": 0, "byte": 0, "data": 0}
    waiting = deque([first] * (Scan.LATENCY * (len(names) - 1)))

    def read(token, address):
        """What the memories but the identities answer a token."""
        memory, byte, data = token["memory"], token["byte"], 0
        if memory < len(names) - 1:
            played = rows[names[memory]]
            pitch = len(played) // GEOMETRY.skeletons
            row = played[address["skeleton"] * pitch + address["slot"] % pitch]
            data = row >> 8 * byte & 255
        return {"memory": memory, "byte": byte, "data": data}

    async def bench(ctx):
        await ctx.tick().repeat(300)
        ctx.set(asked, 1)
        await ctx.tick().repeat(checker.latency + 1)  # no byte is under way any more
        ctx.set(asked, 0)
        clocks = 0  # from the last reset on
        while not ctx.get(checker.checked):
            assert ctx.get(checker.address)["active"] == 1
            waiting.append(read(ctx.get(checker.o), ctx.get(checker.address)))
            ctx.set(checker.i, waiting.popleft())
            await ctx.tick()
            clocks += 1
        assert ctx.get(checker.damaged) == 0b110
        assert clocks == check_clocks(GEOMETRY)
        assert ctx.get(checker.address)["active"] == 0, "the memories are the engine's"
        for byte in (0, 5, 63, 64, 191):
            ctx.set(checker.identity_address, byte)
            await ctx.tick().repeat(1 + ReadOnlyMemory.LATENCY)
            assert ctx.get(checker.identity) == rows["identity"][byte]

    simulate(ResetInserter(asked)(checker), bench)


@pytest.mark.parametrize("filters", [1, 2, 5])
def test_a_token_can_name_every_memory_and_every_byte(filters):
    geometry = Geometry(spec=GEOMETRY.spec, filters=filters)
    token = token_layout(geometry)
    last = len(geometry.scanned) - 1, ROW - 1, 255
    bits = token.const(dict(zip(("memory", "byte", "data"), last, strict=True)))
    assert (bits["memory"], bits["byte"], bits["data"]) == last
    assert max(-(-Shape.cast(row).width // 8) for row in layouts(geometry).values()) <= ROW


@pytest.mark.parametrize("name", ["perceive0", "mix2_0", "residual0", "readout"])
def test_the_scan_fills_in_its_own_bytes_and_passes_the_others_on(name):
    width = Shape.cast(layouts(GEOMETRY)[name]).width
    row = int(np.random.default_rng(1).integers(1, 256)) | 0xA5 << width - 8
    scan, number = Scan(GEOMETRY, name, width), GEOMETRY.scanned.index(name)

    async def bench(ctx):
        ctx.set(scan.row, row)
        sent = [(m, b) for m in (number, 0, 12, number) for b in range(ROW)]
        got = []
        for memory, byte in [*sent, *[(0, 0)] * Scan.LATENCY]:
            ctx.set(scan.i, {"memory": memory, "byte": byte, "data": 77})
            await ctx.tick()
            token = ctx.get(scan.o)
            got.append((token["memory"], token["byte"], token["data"]))
        for (memory, byte), token in zip(sent, got[Scan.LATENCY - 1 :], strict=False):
            wanted = row >> 8 * byte & 255 if memory == number else 77
            assert token == (memory, byte, wanted), "bytes beyond the row are 0"

    simulate(scan, bench)
