"""The host's link and serial port: what is sent, how long an answer is waited for, errors."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from golden.errors import InputError, SkeletonDamaged
from golden.frames import DELIMITER, frame, parse
from golden.wire import RESPONSE, VERSION, Error, Kind, Tag
from sw.serial import port as work
from sw.serial.chunks import Chunk, pack_chunks
from sw.serial.device import ChipDevice, open_serial
from sw.serial.link import Link, LinkError
from sw.serial.port import SerialPort
from tests.test_serial import FACTS, SKELETON, Chip, says, silence


def identified(*replies, **facts):
    """A link whose chip has told its facts, and its chip."""
    chip = Chip(*replies)
    link = Link(chip, 0)
    link.facts = replace(FACTS, **facts)
    return link, chip


def test_a_request_is_sent_five_times_and_the_first_one_of_a_host_twice():
    chip = Chip()
    with pytest.raises(LinkError):
        Link(chip).ask(Kind.STATUS)
    assert len(chip.sent) == 5
    chip = Chip()
    with pytest.raises(LinkError):
        ChipDevice(chip, (SKELETON,), 41)
    assert [message.sequence for message in chip.requests] == [42, 42]


def test_a_delimiter_goes_first_unless_the_last_request_was_answered():
    chip = Chip(says(0), says(0), silence, says(0), says(0))
    link = Link(chip, 0)
    for _ in range(4):
        link.ask(Kind.STATUS)
    assert [data[:1] == DELIMITER for data in chip.sent] == [True, False, False, True, False]


def test_a_host_begins_with_any_number(monkeypatch):
    monkeypatch.setattr("sw.serial.link.os.urandom", lambda count: b"\xfe" * count)
    chip = Chip(says(0), says(0))
    link = Link(chip)
    for _ in range(2):
        link.ask(Kind.STATUS)
    assert [message.sequence for message in chip.requests] == [255, 0]


def test_noise_is_told_of_only_where_it_came_last():
    with pytest.raises(LinkError, match="gives no answer: is the board on"):
        Link(Chip(lambda to: b"xy", *[silence] * 5)).ask(Kind.STATUS)
    with pytest.raises(LinkError, match="sends bytes that are no answer"):
        Link(Chip(*[silence] * 4, lambda to: b"xy")).ask(Kind.STATUS)


def test_the_longest_answer_may_come_in_parts():
    wanted = bytes(index % 255 + 1 for index in range(RESPONSE - 3))
    coded = frame(Kind.STATUS | 0x80, 6, b"\0" + wanted)
    parts = [coded[at : at + 411] for at in range(0, len(coded), 411)]
    assert 0 < len(parts[-1]) < 20, "all but its end is kept until that comes"
    assert Link(Chip(*(lambda to, part=part: part for part in parts)), 5).ask(Kind.STATUS) == wanted


def test_an_answer_is_heard_behind_a_good_deal_of_noise():
    noise = [lambda to: bytes([7]) * 1000] * 12
    chip = Chip(*noise, lambda to: DELIMITER + says(0, 5)(to))
    assert Link(chip).ask(Kind.STATUS) == b"\5" and len(chip.sent) == 1


@pytest.mark.parametrize("payload", [(9, 4), (9,), (8, 2), (77, 3), ()], ids=str)
def test_an_error_has_its_code_and_its_detail(payload):
    code, detail = (*payload, 0, 0)[:2]
    with pytest.raises(LinkError) as caught:
        Link(Chip(says(*payload))).ask(Kind.EXCHANGE)
    known = {9: Error.STALLED, 8: Error.SKELETON_DAMAGED, 0: Error.NONE}
    assert (caught.value.error, caught.value.detail) == (known.get(code), detail)
    assert isinstance(caught.value, SkeletonDamaged) == (code == 8)


def test_a_damaged_skeleton_is_one_line():
    text = r"^the port: the chip found this skeleton damaged: load its bitstream again$"
    with pytest.raises(SkeletonDamaged, match=text):
        Link(Chip(says(Error.SKELETON_DAMAGED, 0))).ask(Kind.EXCHANGE)


COMMAND = Chunk(Tag.COMMAND, 4, b"abcd")


@pytest.mark.parametrize(
    ("chunks", "request_bytes", "response", "lengths"),
    [
        ([COMMAND, Chunk(Tag.DATA, 5, b"12345")], 10, 9, [7, 8]),  # no room but for a head
        ([COMMAND, Chunk(Tag.DATA, 5, b"12345")], 11, 9, [11, 7]),
        ([COMMAND, Chunk(Tag.DATA, 5, b"12345")], 15, 9, [15]),
        ([COMMAND, Chunk(Tag.DATA, 5, b"12345")], 14, 9, [14, 4]),
        ([COMMAND, Chunk(Tag.FETCH, 30, gives=30)], 9, 20, [7, 3, 3]),
        ([COMMAND, Chunk(Tag.FETCH, 30, gives=30)], 10, 20, [10, 3]),
        ([COMMAND, Chunk(Tag.FETCH, 20, gives=20)], 10, 20, [10]),
        ([COMMAND, Chunk(Tag.PLANES, 2, gives=20)], 99, 20, [10]),
        ([COMMAND, Chunk(Tag.PLANES, 2, gives=20)] * 2, 99, 39, [17, 3]),
        ([Chunk(Tag.DELTA, 5, b"12345")] * 2, 12, 9, [8, 8]),
    ],
)
def test_payloads_are_filled_and_no_longer(chunks, request_bytes, response, lengths):
    found = list(pack_chunks(chunks, request_bytes, response))
    assert [sum(part.size for part in parts) for parts in found] == lengths
    assert all(part.size == len(part.to_bytes()) for parts in found for part in parts)


def test_what_several_requests_give_is_put_together_and_the_last_one_says_what_runs():
    link, chip = identified(says(0, 1, 2, 3), says(0, 4, 5, 2), response=4 + 3, request=99)
    assert link.room == 2
    given = link.exchange([Chunk(Tag.FETCH, count, gives=count) for count in (3, 2)])
    assert given == (bytes([1, 2, 4, 5]), 2)
    link, chip = identified(says(0, 3), says(0, 0), request=16)
    assert link.exchange([COMMAND, COMMAND]) == (b"", 0)
    assert [len(message.payload) for message in chip.requests] == [7, 7]


class Wire:
    """A serial port of pyserial, played; `wrong` is what it raises when asked for low latency."""

    def __init__(self, wrong=None):
        self.calls, self.in_waiting, self.wrong = [], 0, wrong

    def __call__(self, path, baud, **options):
        self.calls.append((path, baud, options))
        return self

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append((name, *arguments))
            if name == "set_low_latency_mode" and self.wrong:
                raise self.wrong
            return b"x" * arguments[0] if name == "read" else None

        return call


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds, which stands still until it is set."""
    found = SimpleNamespace(now=100.0)
    monkeypatch.setattr(work.time, "monotonic", lambda: found.now)
    return found


@pytest.mark.parametrize(
    "wrong", [None, AttributeError(), OSError(5, "x"), ValueError(), NotImplementedError()]
)
def test_a_port_is_opened_for_us_alone_with_low_latency_where_there_is(monkeypatch, wrong):
    wire = Wire(wrong)
    monkeypatch.setattr(work.serial, "Serial", wire)
    SerialPort("/dev/x", 115_200)
    assert wire.calls == [
        ("/dev/x", 115_200, {"timeout": 2.0, "exclusive": True}),
        ("set_low_latency_mode", True),
        ("reset_input_buffer",),
    ]


def test_a_port_has_three_megabaud_unless_told(monkeypatch):
    wire = Wire()
    monkeypatch.setattr(work.serial, "Serial", wire)
    SerialPort("/dev/x")
    assert wire.calls[0][1] == 3_000_000


def test_an_answer_is_waited_for_until_it_must_have_come(monkeypatch, clock):
    wire = Wire()
    monkeypatch.setattr(work.serial, "Serial", wire)
    port = SerialPort("/dev/x", 9600)
    assert port.read() == b"", "nothing has been asked"
    port.write(b"?" * 960)
    assert wire.calls[-1] == ("write", b"?" * 960)
    end = 100 + 2 * 2 + (960 + 2 * 4096) * 10 / 9600
    for now, waiting, wanted in ((end - 0.01, 0, 1), (end - 0.01, 7, 7), (end + 0.01, 7, 0)):
        clock.now, wire.in_waiting = now, waiting
        assert port.read() == b"x" * wanted
    port.close()
    assert wire.calls[-1] == ("close",)


def test_a_port_that_will_not_close_is_closed():
    port = object.__new__(SerialPort)
    port._port = None
    port.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(13, "Permission denied: '/dev/x'"), "permission denied"),
        (work.serial.SerialException(2, "could not open"), "no such file or directory"),
        (work.serial.SerialException("device reports readiness"), "device reports readiness"),
        (ValueError(), "ValueError"),
    ],
)
def test_what_a_port_raises_is_told_in_the_systems_words(error, told):
    assert work.why(error) == told


def test_opening_hands_on_the_rate_and_gives_the_port_back_if_no_chip_is_there(monkeypatch):
    given, chip = [], Chip(says(0, *FACTS.to_bytes()))

    def port(*arguments):
        given.append(arguments)
        return chip

    monkeypatch.setattr("sw.serial.device.SerialPort", port)
    device = open_serial("/dev/x", (SKELETON,), 9600)
    assert given == [("/dev/x", 9600)] and device.link.port is chip
    assert not hasattr(chip, "closed")
    with pytest.raises(LinkError, match="gives no answer"):
        open_serial("/dev/x", (SKELETON,))
    assert given[1] == ("/dev/x", 3_000_000) and chip.closed


SHORTEST = {"request": 2 + 4 + 3 + 14, "response": 16 + 2 + 4}


@pytest.mark.parametrize("name", SHORTEST)
def test_a_chip_must_take_a_command_and_give_a_plane(name):
    just = replace(FACTS, **{name: SHORTEST[name]})
    assert ChipDevice(Chip(says(0, *just.to_bytes())), (SKELETON,)).facts == just
    less = replace(FACTS, **{name: SHORTEST[name] - 1})
    with pytest.raises(LinkError, match=r"makes no sense$"):
        ChipDevice(Chip(says(0, *less.to_bytes())), (SKELETON,))


@pytest.mark.parametrize("digests", [(), (None,)])
def test_a_chip_without_skeletons_holds_none(digests):
    chip = Chip(says(0, *replace(FACTS, digests=digests).to_bytes()))
    with pytest.raises(InputError, match=r", it holds none$"):
        ChipDevice(chip, (SKELETON,))


def test_a_host_speaks_one_version():
    chip = Chip(says(0, *FACTS.to_bytes()))
    ChipDevice(chip, (SKELETON,))
    assert parse(chip.sent[0].strip(DELIMITER)) == (
        Kind.IDENTIFY,
        chip.requests[0][1],
        bytes([VERSION] * 2),
    )
