"""Frames and messages as bytes."""

import zlib
from dataclasses import replace

import numpy as np
import pytest

from golden import frames, wire
from golden.errors import InputError
from golden.spec import Gate, Spec
from golden.wire import COMMAND, ChipFacts, Command, Operation, Status


@pytest.mark.parametrize(
    ("data", "coded"),
    [
        (b"", b"\x01"),
        (b"\0", b"\x01\x01"),
        (b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
        (b"\x11\0\0\0", b"\x02\x11\x01\x01\x01"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255)) + b"\x01"),
    ],
)
def test_cobs_codes_by_its_definition(data, coded):
    assert frames.cobs_encode(data) == coded
    assert frames.cobs_decode(coded) == data


def test_cobs_brings_back_what_it_was_given():
    rng = np.random.default_rng(0)
    for length in (*range(6), *range(250, 262), 507, 508, 509, 510, 2000):
        for high in (2, 256):
            data = rng.integers(0, high, length).astype(np.uint8).tobytes()
            coded = frames.cobs_encode(data)
            assert 0 not in coded
            assert frames.cobs_decode(coded) == data


@pytest.mark.parametrize("coded", [b"\x02", b"\x03\x01", b"\x00", b"\x03\x01\x00"])
def test_cobs_refuses_what_nothing_is_coded_as(coded):
    assert frames.cobs_decode(coded) is None


def test_frame_is_whole_or_nothing():
    coded = frames.frame(4, 0x2A, b"\0\1\2")
    assert coded[-1:] == frames.DELIMITER
    assert frames.parse(coded[:-1]) == (4, 0x2A, b"\0\1\2")
    for place in range(len(coded) - 1):
        for bit in range(8):
            wrong = bytearray(coded[:-1])
            wrong[place] ^= 1 << bit
            assert frames.parse(bytes(wrong)) is None
    assert frames.parse(b"") is None


def test_facts_come_back():
    facts = ChipFacts(
        filters=5,
        contexts=2,
        height=32,
        width=32,
        channels=16,
        multiplier=5,
        image=28,
        digests=("ab" * 32, None),
    )
    data = facts.to_bytes()
    assert len(data) == wire.FACTS.size + 64
    assert ChipFacts.from_bytes(data) == facts
    assert (facts.spec.height, facts.spec.image) == (32, 28)


def test_a_chip_tells_that_its_lattice_wraps_and_no_boundary_that_there_is_not():
    facts = ChipFacts(
        filters=1,
        contexts=1,
        height=4,
        width=4,
        channels=4,
        multiplier=1,
        image=4,
        boundary="wrap",
        digests=(None,),
    )
    data = bytearray(facts.to_bytes())
    place = wire.FACTS.offset("boundary") // 8
    assert data[place] == 1
    assert ChipFacts.from_bytes(bytes(data)).spec == facts.spec
    assert facts.spec.boundary == "wrap"
    data[place] = 2
    with pytest.raises(InputError, match=r"^A chip's boundary must be less than 2: 2$"):
        ChipFacts.from_bytes(bytes(data))


def test_a_plane_and_what_is_beside_it_fit_into_a_response_of_any_chip():
    assert wire.response_bytes(32 * 32) == wire.RESPONSE
    for cells in (*range(4080, 4100), 64 * 64):
        found = wire.response_bytes(cells)
        assert found >= frames.HEADER + 1 + 1 + cells + 1 + 1
        assert found == wire.RESPONSE or cells + frames.HEADER + 4 > wire.RESPONSE


def test_every_fact_is_its_own():
    facts = ChipFacts(
        filters=3,
        contexts=7,
        height=0x102,
        width=0x304,
        channels=11,
        multiplier=5,
        image=0x506,
        digests=("0102" + "ab" * 30, None, "cd" * 32),
        boundary="wrap",
        version=9,
        request=0x708,
        response=0x90A,
    )
    head = "0903070b05" + "0201" + "0403" + "0605" + "0807" + "0a09" + "0100" + "03"
    assert facts.to_bytes().hex() == head + "0102" + "ab" * 30 + "00" * 32 + "cd" * 32
    assert ChipFacts.from_bytes(facts.to_bytes()) == facts


def test_a_chips_spec_has_its_facts():
    facts = ChipFacts(
        filters=1, contexts=1, height=12, width=10, channels=11, multiplier=3, image=6, digests=()
    )
    wanted = Spec(height=12, width=10, channels=11, multiplier=3, image=6)
    assert facts.spec == wanted == wanted.ungated
    assert replace(facts, boundary="wrap").spec == replace(wanted, boundary="wrap")
    assert (facts.version, facts.request, facts.response) == (2, 2048, 4096)
    assert ChipFacts.from_bytes(facts.to_bytes()) == facts


def test_commands_say_every_field_and_four_openings_apart_are_alike():
    gate = Gate(input_channel=3, output_channel=4, start=0x102, every=0x304)
    run = {"operation": Operation.RUN, "context": 1, "skeleton": 2, "gate": gate}
    found = Command(**run, steps=0x05060708).to_bytes()
    assert found.hex() == "050102" + "010304" + "0201" + "0403" + "08070605"
    for number, flags in enumerate((0x01, 0x05, 0x09, 0x0D, 0x01, 0x05)):
        step = gate.start + number * gate.every - 2
        found = Command(**run, steps=2, step=step).to_bytes()
        assert found.hex() == f"050102{flags:02x}0304" + "0200" + "0403" + "02000000"
        assert not Command(**run, steps=1, step=step).to_bytes()[3]
    load = Command(operation=Operation.LOAD_STATE, context=6, skeleton=5)
    assert load.to_bytes().hex() == "010605" + "00" * 11


def test_status_is_read_field_by_field():
    data = bytes([3, 1, 2, 1, 4, 0, 0, 0, 5, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0])
    assert Status.from_bytes(data) == (3, True, 0x102, 4, 5 + (1 << 40), 6)


def test_run_without_an_opening_goes_without_gate():
    gate = Gate(input_channel=3, output_channel=4, start=4, every=3, mapping="phase4")
    run = {"operation": Operation.RUN, "context": 1, "skeleton": 2, "gate": gate}
    assert Command(**run, steps=3).to_bytes().hex() == "050102000000" + "0000" + "0000" + "03000000"
    opened = Command(**run, steps=10, step=8).to_bytes()
    assert opened.hex() == "050102" + "0b0304" + "0200" + "0300" + "0a000000"
    assert len(opened) == COMMAND.size


def test_crc_is_the_standard_one():
    assert zlib.crc32(b"123456789") == 0xCBF43926
