"""Requests of the host's link: asked again until they are answered, and what a request holds."""

import pytest

from golden.frames import DELIMITER, frame
from golden.wire import REPLY, Error, Kind, Tag
from sw.serial.chunks import Chunk, pack_chunks
from sw.serial.link import Link, LinkError
from tests.test_serial import Chip, says, silence


def test_asks_again_until_answered():
    chip = Chip(silence, silence, says(0, 7))
    link = Link(chip, 255)
    assert link.ask(Kind.STATUS) == b"\7"
    assert [message.sequence for message in chip.requests] == [0, 0, 0]
    assert chip.sent[1][:1] == DELIMITER
    chip.replies = [says(0)]
    link.ask(Kind.STATUS)
    assert (chip.requests[-1].sequence, chip.sent[-1][:1]) == (1, frame(3, 1)[:1])


def test_hears_past_what_is_no_answer():
    broken = b"\5\1\2\0" + bytes(3) + frame(Kind.STATUS | REPLY, 1, b"\0x")[1:]
    chip = Chip(lambda to: broken, says(0, 1, sequence=1), says(0, 2, kind=1), says(0, 3))
    assert Link(chip, 1).ask(Kind.STATUS) == b"\3"


def test_hears_an_answer_that_comes_in_parts():
    parts = frame(Kind.STATUS | REPLY, 6, bytes(9))
    chip = Chip(*(lambda to, byte=byte: bytes([byte]) for byte in parts))
    assert Link(chip, 5).ask(Kind.STATUS) == bytes(8)


def test_gives_up_on_silence_and_on_babble():
    with pytest.raises(LinkError, match=r"^the port gives no answer: is the board on, and at this"):
        Link(Chip()).ask(Kind.STATUS)
    reads = []

    def babble(to):
        reads.append(to)
        return bytes([len(reads) % 255 + 1]) * 1000

    with pytest.raises(LinkError, match="no answer"):
        Link(Chip(*[babble] * 1000)).ask(Kind.STATUS)
    assert len(reads) < 100


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Error.NOT_READY, "the port: the chip was reset meanwhile and holds nothing: run again"),
        (Error.STALLED, "the port: the chip waits for something that does not come: run again"),
        (Error.BAD_LENGTH, r"the port: the chip refused a request: bad length \(3\)"),
        (99, r"the port: the chip refused a request: error 99 \(3\)"),
    ],
)
def test_error_is_told_in_words(error, text):
    with pytest.raises(LinkError, match=f"^{text}$"):
        Link(Chip(says(error, 3))).ask(Kind.EXCHANGE)


def packed(chunks, request, response):
    """Return the payloads that chunks are packed into."""
    payloads = pack_chunks(chunks, request, response)
    return [b"".join(part.to_bytes() for part in parts) for parts in payloads]


def test_chunks_are_packed_and_cut():
    data, fetch = Chunk(Tag.DATA, 30, bytes(range(30))), Chunk(Tag.FETCH, 50, gives=50)
    command = Chunk(Tag.COMMAND, 4, b"abcd")
    payloads = packed([command, data, command, fetch], 20, 32)
    assert [len(payload) for payload in payloads] == [20, 20, 16, 3]
    assert b"".join(payloads) == (
        b"\1\4\0abcd\2\x0a\0" + bytes(range(10))
        + b"\2\x11\0" + bytes(range(10, 27))
        + b"\2\3\0" + bytes(range(27, 30)) + b"\1\4\0abcd" + b"\4\x20\0"
        + b"\4\x12\0"
    )  # fmt: skip
    assert packed([], 20, 32) == []


def test_what_all_chunks_of_a_request_give_has_room_in_its_answer():
    fetches = [Chunk(Tag.FETCH, count, gives=count) for count in (12, 12, 12, 40, 5)]
    want = [[12, 12, 8], [4, 28], [12, 5]]  # at most 32 together
    assert packed(fetches, 99, 32) == [
        b"".join(bytes([Tag.FETCH, count, 0]) for count in counts) for counts in want
    ]
