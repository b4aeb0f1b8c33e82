# amaranth: UnusedElaboratable=no
"""The table of a chip's memories is what the chip asks for, and area counts what that makes."""

from collections import Counter

import pytest
from amaranth.hdl import Fragment, Value

from golden.spec import Spec
from hw.boards import ecp5
from hw.boards.ecp5 import Ecp5
from hw.flow.area import area
from hw.linked_chip import LinkedChip
from hw.memories import MemoryShape, memories
from hw.shapes import Geometry


class Asked(Ecp5):
    """A platform that notes which memories are asked for."""

    def __init__(self):
        self.memories = Counter()

    def get_block_memory(self, memory):
        self.memories[memory.width, memory.depth, memory.granularity] += 1
        return super().get_block_memory(memory)

    def get_read_only_memory(self, memory):
        self.memories[len(Value.cast(memory.data)), len(memory.init), 0] += 1
        return super().get_read_only_memory(memory)


def instances(fragment):
    """Count the instances of each kind below a fragment."""
    found = Counter()
    for part, *_ in fragment.subfragments:
        found += Counter([part.type]) if hasattr(part, "type") else instances(part)
    return found


def elaborated(geometry):
    """Return the memories that a linked chip asks for, and its cells."""
    platform = Asked()
    return platform.memories, instances(Fragment.get(LinkedChip(geometry, ()), platform))


def differences(geometry, table):
    """Return what a table says that is not so of an elaborated chip, and what it lacks."""
    asked, cells = elaborated(geometry)
    told = Counter((m.width, m.depth, m.granularity) for m in table)
    found = area(geometry)
    counted = {"multipliers": cells["MULT18X18D"], "bram": cells["DP16KD"]}
    wrong = {kind: (found[kind], count) for kind, count in counted.items() if found[kind] != count}
    return told - asked, asked - told, wrong


def geometry(channels, multiplier, side, filters, **options):
    names = ("boundary", "height")
    spec = {"width": side, "height": side} | {k: options.pop(k) for k in names if k in options}
    image = min(28, *(spec[k] for k in ("width", "height")))
    spec = Spec(channels=channels, multiplier=multiplier, image=image, **spec)
    return Geometry(spec=spec, filters=filters, **options)


GEOMETRIES = [
    *(geometry(16, 5, 32, filters) for filters in (1, 2, 3, 5, 10)),
    geometry(16, 5, 32, 5, boundary="wrap"),
    geometry(16, 5, 24, 2, boundary="wrap", height=36),
    geometry(16, 4, 28, 8, contexts=1),
    geometry(8, 3, 40, 3, contexts=3, skeletons=1),
    geometry(8, 8, 16, 16, skeletons=8),
    geometry(4, 1, 64, 1, boundary="wrap"),
    geometry(4, 1, 4, 1, contexts=1, skeletons=1),
    geometry(4, 7, 12, 4, height=20),
]


def name(geometry):
    spec = geometry.spec
    return (
        f"c{spec.channels}m{spec.multiplier}-{spec.height}x{spec.width}-{spec.boundary}"
        f"-f{geometry.filters}-{geometry.contexts}-{geometry.skeletons}"
    )


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=name)
def test_every_memory_and_multiplier_is_counted_as_the_chip_is_elaborated(geometry):
    assert differences(geometry, memories(geometry)) == (Counter(), Counter(), {})


SMALL = GEOMETRIES[-2]
MORE = MemoryShape(name="more", width=8, depth=256, granularity=8)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda table: [*table, MORE], {"bram"}),
        (lambda table: [m for m in table if m.name != "planes"], set()),
        (lambda table: [m for m in table if m.name != "response"], {"bram"}),
    ],
)
def test_a_planted_memory_too_many_or_too_few_is_found(monkeypatch, change, wrong):
    table = change(memories(SMALL))
    monkeypatch.setattr("hw.flow.area.memories", lambda geometry: table)
    area.cache_clear()
    try:
        more, less, cells = differences(SMALL, table)
    finally:
        area.cache_clear()
    assert bool(more) != bool(less) and set(cells) == wrong


def test_a_planted_block_more_or_a_multiplier_more_is_found(monkeypatch):
    count = ecp5.block_count
    monkeypatch.setattr("hw.flow.area.block_count", lambda *m: count(*m) + (m[1] == 4096))
    wanted = {"encode": 1, "readout": 1, "depthwise": 9, "pointwise": 3}
    monkeypatch.setattr("hw.flow.area.multipliers", lambda geometry: wanted)
    area.cache_clear()
    try:
        cells = differences(SMALL, memories(SMALL))[2]
    finally:
        area.cache_clear()
    assert {kind: found - made for kind, (found, made) in cells.items()} == {
        "bram": 1,
        "multipliers": 1,
    }


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=name)
def test_names_of_memories_are_their_own(geometry):
    names = [memory.name for memory in memories(geometry)]
    assert len(set(names)) == len(names)
