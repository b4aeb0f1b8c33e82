"""Other skeletons in a bitstream, Trellis's tools played: what they get, what stays, what goes."""

import re

import numpy as np
import pytest

from golden.errors import InputError, ToolError
from golden.samples import extreme, uniform
from golden.spec import Spec
from hw.flow import bitstream as text
from hw.flow import reskeleton as module
from hw.flow.reskeleton import facts_in, geometry_in, reskeleton
from hw.shapes import Geometry
from hw.skeleton_memory import DIGEST, facts_of, images
from tests.played import BIT, config

SPEC = Spec(height=4, width=8, image=4)
GEOMETRY = Geometry(spec=SPEC, filters=1)
OTHER = {400: tuple(range(512)) * 4}


def made(count, spec=SPEC):
    rng = np.random.default_rng(36)
    return [kind(spec, rng) for kind in (uniform, extreme, uniform, extreme, uniform)[:count]]


def held(geometry, skeletons):
    """What the block memories of a bitstream hold."""
    tiles = text.contents(geometry, images(geometry, skeletons))
    return dict(enumerate(tiles, text.FIRST))


class Trellis:
    """ecpunpack and ecppack: what a bitstream is of, and what they leave; `calls` are noted."""

    def __init__(self, monkeypatch, folder):
        self.calls, self.packed = [], None
        self.config, self.bit = config(held(GEOMETRY, made(1)) | OTHER), BIT
        self.fails = None
        monkeypatch.setattr(module, "tool", lambda program: (f"/bin/{program}", "--own"))
        monkeypatch.setattr(module, "call", self.call)
        self.bitstream, self.output = folder / "x.bit", folder / "out" / "y.bit"
        self.output.parent.mkdir()
        self.bitstream.write_bytes(BIT + b"\xff")
        self.output.write_bytes(b"there before")

    def call(self, command, log, *, folder):
        """Play a tool; it finds its files by their names alone."""
        log.write_text("said")
        self.calls.append((command, log))
        assert all("/" not in part for part in command[1:]), "it sees its folder alone"
        program, (given, left) = command[0], command[3::2]
        if program == self.fails:
            raise ToolError("it fails")
        if program == "/bin/ecpunpack":
            assert (folder / given).read_bytes() == self.bitstream.read_bytes()
            if self.config is not None:
                (folder / left).write_text(self.config)
        else:
            self.packed = (folder / given).read_text()
            (folder / left).write_bytes(self.bit)

    def refuses(self, kind, text, skeletons, *, log):
        """Require that nothing is written but, where a tool failed, its log."""
        with pytest.raises(kind, match=text):
            reskeleton(self.bitstream, skeletons, self.output)
        assert self.output.read_bytes() == b"there before"
        names = {path.name for path in self.output.parent.iterdir()}
        assert names == ({"y.bit", "y.bit.log"} if log else {"y.bit"})


@pytest.fixture
def trellis(monkeypatch, tmp_path):
    return Trellis(monkeypatch, tmp_path)


def test_a_bitstream_is_unpacked_filled_and_packed_again(trellis):
    old, *new = made(3)
    told = reskeleton(trellis.bitstream, new, trellis.output)
    assert told == ([old.digest], [skeleton.digest for skeleton in new])
    log = trellis.output.parent / "y.bit.log"
    assert trellis.calls == [
        (("/bin/ecpunpack", "--own", "--input", "old.bit", "--textcfg", "skeletons.config"), log),
        (("/bin/ecppack", "--own", "--input", "skeletons.config", "--bit", "new.bit"), log),
    ]
    assert text.sections(trellis.packed) == held(GEOMETRY, new) | OTHER
    assert trellis.output.read_bytes() == BIT and not log.exists()
    assert trellis.bitstream.read_bytes() == BIT + b"\xff", "it stays"


def test_a_bitstream_may_be_filled_where_it_lies(trellis):
    trellis.output = trellis.bitstream
    assert reskeleton(trellis.bitstream, made(1), str(trellis.bitstream))[0] == [made(1)[0].digest]
    assert trellis.bitstream.read_bytes() == BIT


@pytest.mark.parametrize("data", [b"", b"no bitstream", BIT[:-9]])
def test_what_is_no_bitstream_is_not_unpacked(trellis, data):
    trellis.bitstream.write_bytes(data)
    wrong = f"^{re.escape(str(trellis.bitstream))} must be a bitstream for an ECP5, whole$"
    trellis.refuses(InputError, wrong, made(1), log=False)
    assert not trellis.calls


@pytest.mark.parametrize(
    ("change", "kind", "wrong", "log"),
    [
        ({"fails": "/bin/ecpunpack"}, ToolError, r"for an ECP5, whole: it fails$", True),
        ({"fails": "/bin/ecppack"}, ToolError, "^it fails$", True),
        ({"bit": BIT[:-9]}, ToolError, r"^ecppack must write .*y\.bit\.log$", True),
        ({"config": None}, InputError, "its skeletons whole$", False),
        ({"config": ""}, InputError, "its skeletons whole$", False),
        ({"config": config(OTHER)}, InputError, "its skeletons whole$", False),
    ],
)
def test_what_goes_wrong_leaves_the_log_of_a_tool_that_failed(trellis, change, kind, wrong, log):
    vars(trellis).update(change)
    trellis.refuses(kind, wrong, made(1), log=log)


def test_skeletons_that_do_not_fit_are_refused_and_leave_no_log(trellis):
    wrong = r"^The chip holds at most 4 skeletons, not 5$"
    trellis.refuses(InputError, wrong, made(5), log=False)
    wrong = r"must have spec.height 4, not 8$"
    trellis.refuses(InputError, wrong, made(1, Spec(height=8, width=8, image=4)), log=False)


@pytest.mark.parametrize(
    ("spec", "filters", "contexts", "places", "count"),
    [
        (Spec(height=4, width=8, image=4), 1, 1, 1, 1),
        (Spec(height=8, width=4, image=2), 2, 3, 2, 1),
        (Spec(height=16, width=4, image=4), 5, 8, 3, 3),
        (Spec(height=4, width=16, image=2), 1, 5, 5, 0),
        (Spec(height=4, width=4, image=4), 1, 2, 24, 2),
    ],
)
def test_a_bitstream_tells_every_part_of_its_build(spec, filters, contexts, places, count):
    geometry = Geometry(spec=spec, filters=filters, contexts=contexts, skeletons=places)
    skeletons = made(count, spec)
    found, digests = geometry_in(held(geometry, skeletons), "x.bit")
    assert (found, digests) == (geometry, [skeleton.digest for skeleton in skeletons])


@pytest.mark.parametrize(("at", "value"), [(1, 3), (2, 0), (2, 9), (3, 15), (4, 6), (5, 5)])
def test_facts_of_a_chip_that_cannot_be_are_refused(at, value):
    rows = images(GEOMETRY, made(1))
    for place in range(4):
        rows["identity"][64 * place + at] = value
    found = dict(enumerate(text.contents(GEOMETRY, rows), text.FIRST))
    with pytest.raises(InputError, match=r"^x\.bit must be a Thalweg bitstream of protocol"):
        geometry_in(found, "x.bit")


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_facts_are_read_whatever_the_width_of_their_block_memory(stride):
    skeletons = made(2)
    facts = facts_of(GEOMETRY, skeletons)
    rows = images(GEOMETRY, skeletons)["identity"]
    nines = [0] * (stride * len(rows))
    nines[::stride] = rows
    assert facts_in(nines) == facts
    for place in range(0, 4 * 64, 64):  # the facts of every place are the same
        for at in (3, 17):
            wrong = list(nines)
            wrong[stride * (place + at)] ^= 1
            assert facts_in(wrong) is None
    assert facts_in(nines[: stride * (DIGEST + 32)]) is None, "the first place alone"
    for nine in (0, 2, 255, 256, 511):
        assert facts_in([nine] * 2048) is None
    assert facts_in([]) is None
