"""The driver's end of the link, a chip's answers played by the test."""

from dataclasses import replace

import numpy as np
import pytest

from golden.compact import compress, most_bytes
from golden.device import Counters
from golden.errors import InputError
from golden.frames import DELIMITER, frame, parse
from golden.samples import calibrated
from golden.spec import Gate, Spec
from golden.wire import REPLY, ChipFacts, Error, Kind, Tag
from sw.serial.device import ChipDevice
from sw.serial.link import LinkError

SPEC = Spec(height=4, width=4, image=4, gate=Gate(input_channel=0, output_channel=1, start=1))
SKELETON = replace(calibrated(SPEC, np.random.default_rng(0)), name="small")
FACTS = ChipFacts(
    filters=1,
    contexts=2,
    height=4,
    width=4,
    channels=16,
    multiplier=5,
    image=4,
    digests=(None, SKELETON.digest),
)


PLANE = compress(bytes([5]) * SPEC.cells)
PIXELS = compress(bytes(SPEC.image**2))
LONG = 1 << 15
"""Steps of a run whose end no read waits for."""


class Chip:
    """A port to a chip that answers each request with what the next of `replies` makes of it."""

    name = "the port"

    def __init__(self, *replies):
        self.replies, self.requests, self.sent = list(replies), [], []
        self.waiting = []
        """Requests without an answer."""

    def write(self, data):
        self.sent.append(data)
        (message,) = [m for part in data.split(DELIMITER) if (m := parse(part))]
        self.requests.append(message)
        if message not in self.waiting:
            self.waiting.append(message)

    def read(self):
        if not self.replies:
            return b""
        reply = self.replies.pop(0)((self.waiting or self.requests[-1:])[0])
        if reply:
            self.waiting = self.waiting[1:]
        return reply

    def close(self):
        self.closed = True


def says(*payload, kind=0, sequence=0):
    """Answer, with another kind or sequence number if told."""
    return lambda to: frame(
        (to.kind | REPLY) + kind, (to.sequence + sequence) % 256, bytes(payload)
    )


def silence(to):
    return b""


def device(*replies):
    return ChipDevice(Chip(says(0, *FACTS.to_bytes()), *replies), (SKELETON,))


def test_device_finds_its_skeleton():
    assert device()._places == [1]
    assert device().contexts == 2


@pytest.mark.parametrize(("version", "what"), [(1, "its bitstream"), (3, "Thalweg")])
def test_device_refuses_another_version(version, what):
    text = f"the port: the chip speaks version {version} of the protocol: bring {what} up to date"
    with pytest.raises(LinkError, match=f"^{text}$"):
        ChipDevice(Chip(says(Error.VERSION, version)), (SKELETON,))


@pytest.mark.parametrize("length", [0, 1, 17, 18 + 31, 18 + 65])
def test_what_says_nothing_sensible_of_itself_is_no_chip(length):
    text = r"^the port must be a Thalweg chip: what it says of itself makes no sense$"
    whole = FACTS.to_bytes() + bytes(10)
    with pytest.raises(LinkError, match=text):
        ChipDevice(Chip(says(0, *whole[:length])), (SKELETON,))


@pytest.mark.parametrize(
    "wrong",
    [{"contexts": 0}, {"height": 0}, {"image": 5}, {"request": 10}, {"response": 10}],
    ids=str,
)
def test_a_chip_that_cannot_be_is_none(wrong):
    with pytest.raises(LinkError, match=r"makes no sense$"):
        ChipDevice(Chip(says(0, *replace(FACTS, **wrong).to_bytes())), (SKELETON,))


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (says(0, 7, *PLANE, 0xFF, 1), "the port gave planes that are not whole: run again"),
        (says(0, 0, *PLANE[:-1], 1), "the port gave an output that is not whole: run again"),
        (says(0, 0, *PLANE, 1), "the port gave planes that are not whole: run again"),
        (says(0, 0, *PLANE, 0xFF, 2, 1), "the port gave an output that is not whole: run again"),
        (says(0, 0, *PLANE[:-1], 0xFF, 1), "the port gave an output that is not whole: run again"),
        (says(0), "the port answers with nothing: run again"),
    ],
)
def test_planes_that_are_not_whole_are_not_believed(reply, text):
    opened = device(says(0), says(*bytes(21)), reply)
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    opened.start(1)
    with pytest.raises(LinkError, match=f"^{text}$"):
        opened.planes()


@pytest.mark.parametrize("form", [(), (0x09,), (0x1B,), (0x0C,), (0x0B, 0)], ids=str)
def test_images_that_are_not_whole_are_not_believed(form):
    opened = device(says(0), says(*bytes(21)), says(0, *form, 0))
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(LinkError, match=r"^the port gave an output that is not whole: run again$"):
        opened.read_images()


def test_lattices_that_are_not_whole_are_not_believed():
    opened = device(says(0), says(*bytes(21)), says(0, *bytes(255), 0))
    opened.link.forms.pause(Tag.FETCH)
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(LinkError, match=r"^the port gave 255 bytes of 256: run again$"):
        opened.read_states()


def test_counters_that_are_not_whole_are_not_believed():
    opened = device(says(0), says(*bytes(20)))
    with pytest.raises(LinkError, match=r"^the port tells of itself in 19 bytes$"):
        opened.load_images(np.zeros((1, 4, 4), np.uint8))


def test_device_refuses_another_skeleton_and_another_lattice():
    other = calibrated(SPEC, np.random.default_rng(1))
    held = SKELETON.digest[:12]
    with pytest.raises(InputError, match=rf"must hold the skeleton .*, it holds {held}…$"):
        ChipDevice(Chip(says(0, *FACTS.to_bytes())), (other,))
    wide = replace(FACTS, width=8)
    with pytest.raises(InputError, match=r"^small must fit the chip on the port"):
        ChipDevice(Chip(says(0, *wide.to_bytes())), (SKELETON,))


def test_device_takes_no_more_than_its_contexts():
    with pytest.raises(ValueError, match=r"^A batch must have at most 2 lattices, not 3$"):
        device().load_images(np.zeros((3, 4, 4), np.uint8))


def test_lost_run_is_told_of_and_the_next_batch_begins_afresh():
    status = says(*bytes(21))
    opened = device(says(0), status, says(Error.NOT_READY, 0))
    images = np.zeros((1, 4, 4), np.uint8)
    opened.load_images(images)
    opened.start(1)
    with pytest.raises(LinkError, match="was reset meanwhile"):
        opened.planes()
    with pytest.raises(LinkError, match=r"^the port was interrupted: load the batch again$"):
        opened.planes()
    chip = opened.link.port
    chip.replies = [says(0), status, says(0, 0, *PLANE, 0xFF, 1)]
    opened.load_images(images)
    opened.start(1)
    assert opened.planes()[0].tolist() == [0]
    assert [message.kind for message in chip.requests[-3:]] == [
        Kind.RESET,
        Kind.STATUS,
        Kind.EXCHANGE,
    ]


BODIES = (Tag.COMMAND, Tag.DATA, Tag.DELTA, Tag.COMPACT_DATA)


def sent(message):
    """Tag and count of each chunk of an EXCHANGE."""
    chunks, rest = [], message.payload
    while rest:
        tag, count = Tag(rest[0]), int.from_bytes(rest[1:3], "little")
        rest = rest[3 + count * (tag in BODIES) :]
        chunks.append((tag, count))
    return chunks


@pytest.mark.parametrize(("running", "resets"), [(0, 1), (1, 2), (2, 2)])
def test_a_batch_that_is_loaded_while_contexts_run_begins_afresh(running, resets):
    status = says(*bytes(21))
    opened = device(says(0), status, says(0, 0, *PLANE, 0xFF, running))
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    opened.start(3)
    assert opened.planes()[0].tolist() == [0]
    chip = opened.link.port
    chip.replies = [says(0), status] if resets == 2 else [status]
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    assert [message.kind for message in chip.requests].count(Kind.RESET) == resets


def test_half_of_the_lattices_run_while_the_other_half_is_answered():
    opened = device(says(0), says(*bytes(21)))
    chip = opened.link.port
    opened.load_images(np.zeros((2, 4, 4), np.uint8))
    opened.start(2)
    chip.replies = [says(0, context, *PLANE, 0xFF, 3) for context in (0, 1, 0, 1)]
    for context in (0, 1, 0, 1):
        indices, planes = opened.planes()
        assert (indices.tolist(), planes.tolist()) == ([context], [[5] * SPEC.cells])
        opened.write_deltas(indices, np.full((1, 4), context, np.int8))
    assert len(opened.planes()[0]) == 0  # every opening has come, and nothing is left to run
    chip.replies = [says(0, 2), says(0, *PIXELS * 2, 0)]
    opened.read_images()
    load = [(Tag.COMMAND, 14), (Tag.COMPACT_DATA, 3), (Tag.COMMAND, 14)]
    delta, read = (Tag.DELTA, 5), [(Tag.COMMAND, 14), (Tag.COMPACT_FETCH, 16)]
    exchanges = [sent(message) for message in chip.requests if message.kind == Kind.EXCHANGE]
    assert exchanges == [
        [*load, *load, (Tag.COMPACT_PLANES, 1)],
        [(Tag.COMPACT_PLANES, 1)],  # before the first answer has come
        *[[delta, (Tag.COMPACT_PLANES, 1)]] * 2,
        [delta],  # the last plane is under way
        [delta, *read, *read],
    ]


def test_no_more_planes_are_asked_for_than_can_come_without_an_answer():
    facts = replace(FACTS, contexts=4)
    opened = ChipDevice(Chip(says(0, *facts.to_bytes()), says(0), says(*bytes(21))), (SKELETON,))
    chip = opened.link.port
    opened.load_images(np.zeros((4, 4, 4), np.uint8))
    opened.start(2)
    chip.requests.clear()
    for pair in ((0, 1), (2, 3), (1, 0), (2,), (3,)):
        payload = [byte for context in pair for byte in (context, *PLANE)]
        # The last but one leaves a delta alone under way, which gives nothing.
        chip.replies = [says(0, 15)] * (pair == (3,)) + [says(0, *payload, 0xFF, 15)]
        indices, _ = opened.planes()
        assert indices.tolist() == list(pair)
        opened.write_deltas(indices, np.zeros((len(pair), 4), np.int8))
    asked = [sent(message)[-1] for message in chip.requests]
    planes = [(Tag.COMPACT_PLANES, count) for count in (2, 2, 2, 2)]
    assert asked == [*planes, (Tag.DELTA, 5), (Tag.COMPACT_PLANES, 1)], "only lattice 3 is left"


@pytest.mark.parametrize(
    ("tag", "size"),
    [(Tag.PLANES, SPEC.cells), (Tag.COMPACT_PLANES, most_bytes(SPEC.cells))],
    ids=["plain", "compact"],
)
def test_planes_are_asked_for_as_a_response_has_room(tag, size):
    facts = replace(FACTS, contexts=4, response=4 + 1 + 2 * (1 + size) + size - 1)
    opened = ChipDevice(
        Chip(says(0, *facts.to_bytes()), says(0), says(*bytes(21)), says(0, 0xFF, 0)), (SKELETON,)
    )
    opened.load_images(np.zeros((4, 4, 4), np.uint8))
    opened.start(LONG, gated=False)
    if tag == Tag.PLANES:
        opened.link.forms.pause(tag)
    assert len(opened.planes()[0]) == 0
    assert sent(opened.link.port.requests[-1])[-1] == (tag, 2)


def test_many_steps_behind_the_last_opening_are_waited_for():
    gate = replace(SPEC.gate, every=LONG)
    spec = replace(SKELETON, spec=replace(SPEC, gate=gate))
    opened = ChipDevice(Chip(says(0, *FACTS.to_bytes()), says(0), says(*bytes(21))), (spec,))
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    opened.start(LONG)
    chip = opened.link.port
    chip.replies = [
        says(0, 0, *PLANE, 0xFF, 1), says(0, 0xFF, 1), says(0, 0xFF, 0)
    ]  # fmt: skip
    assert len(opened.planes()[0]) == 1
    opened.write_deltas(np.array([0]), np.zeros((1, 4), np.int8))
    assert len(opened.planes()[0]) == 0
    assert chip.replies == []


def test_few_steps_behind_the_last_opening_end_while_the_read_waits():
    opened = device(says(0), says(*bytes(21)), says(0, 1), says(0, *PIXELS, 0))
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    opened.start(9, gated=False)
    assert len(opened.planes()[0]) == 0
    assert opened.read_images().tolist() == [[[0] * 4] * 4]
    asked = [sent(message) for message in opened.link.port.requests[3:]]
    assert [tag for tag, _ in asked[0]] == [Tag.COMMAND, Tag.COMPACT_DATA, Tag.COMMAND]
    assert [tag for tag, _ in asked[1]] == [Tag.COMMAND, Tag.COMPACT_FETCH]


def test_clocks_are_read_when_the_run_has_ended():
    opened = device(says(0), says(*bytes(21)), says(0, 1), says(0, 0xFF, 1), says(0, 0xFF, 0))
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    opened.start(9, gated=False)
    assert len(opened.planes()[0]) == 0
    opened.link.port.replies.append(says(0, *bytes(8), 77, *bytes(11)))
    assert opened.counters() == Counters(77, 0)


def test_half_of_the_lattices_are_read_and_loaded_while_the_other_half_runs():
    opened = device(says(0), says(*bytes(21)))
    chip = opened.link.port
    opened.load_images(np.zeros((2, 4, 4), np.uint8))
    opened.start(1)
    chip.replies = [says(0, context, *PLANE, 0xFF, 3) for context in (0, 1)]
    for context in (0, 1):
        indices, _ = opened.planes()
        opened.write_deltas(indices, np.full((1, 4), context, np.int8))
    assert len(opened.planes()[0]) == 0
    chip.requests.clear()
    chip.replies = [says(0, 3), says(0, *PIXELS, 3), says(0, *PIXELS, 0, *PLANE, 0xFF, 3)]
    chip.replies += [says(0, 1, *PLANE, 0xFF, 3)]
    shown = opened.turn_over(np.zeros((2, 4, 4), np.uint8), 1)
    assert shown.tolist() == [[[0] * 4] * 4] * 2
    for context in (0, 1):
        indices, planes = opened.planes()
        assert (indices.tolist(), planes.tolist()) == ([context], [[5] * SPEC.cells])
        opened.write_deltas(indices, np.full((1, 4), context, np.int8))
    delta, planes = (Tag.DELTA, 5), (Tag.COMPACT_PLANES, 1)
    turn = [(Tag.COMMAND, 14), (Tag.COMPACT_FETCH, 16)]
    turn += [(Tag.COMMAND, 14), (Tag.COMPACT_DATA, 3), (Tag.COMMAND, 14)]
    assert [sent(message) for message in chip.requests] == [
        [delta, *turn],  # the other lattice's delta has gone already
        [*turn, planes],
        [planes],  # before the host works on the first ones
        [delta],
    ]


def test_a_run_that_ends_too_soon_is_told_of():
    opened = device(says(0), says(*bytes(21)), says(0, 0xFF, 0))
    opened.load_images(np.zeros((1, 4, 4), np.uint8))
    opened.start(1)
    with pytest.raises(LinkError, match=r"^the port: a run ended before its last opening$"):
        opened.planes()
