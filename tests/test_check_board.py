"""A chip at the end of a link, checked: what it holds and tells, and what the link counts."""

from dataclasses import replace

import numpy as np
import pytest

from golden.device import Counters
from golden.errors import InputError
from golden.frames import frame
from golden.samples import calibrated
from golden.wire import Kind
from sw.check.bench import QUICK
from sw.check.board import board_target
from sw.check.run import jobs_of, make
from sw.check.target import Subject
from sw.cli.check import predict
from tests.device_suite import SPEC, gate_network, skeletons
from tests.played_link import PlayedChip

SUBJECTS = tuple(Subject(skeleton, gate_network()) for skeleton in skeletons())
OTHER = Subject(replace(calibrated(SPEC, np.random.default_rng(9)), name="other"), None)


def clocks(spec, filters, steps):
    """What the played chip counts."""
    busy = steps * spec.cells * spec.filters // filters
    return Counters(busy + 7 * steps, busy)


class Chip(PlayedChip):
    """A played chip whose status tells of dropped frames and damaged places."""

    dropped, damaged = 65535, 0
    after = 0

    def respond(self, message):
        answer = super().respond(message)
        if message.kind == Kind.STATUS:
            told = self.dropped.to_bytes(2, "little") + self.damaged.to_bytes(4, "little")
            answer = answer[:3] + told + answer[9:]
            self.dropped = (self.dropped + self.after) % 65536
            self.after = 0
        return answer


def places():
    first, second = skeletons()
    return second, None, first


def checked(chip, subjects=SUBJECTS, **options):
    """Make all checks of a chip; return results by name, the last one of each."""
    target = board_target(chip, subjects, clocks, **options)
    found = [make(target, job, QUICK, 0) for job in jobs_of(target.subjects)]
    return {each.job.check.name: each for each in found}


def test_a_chip_as_it_must_be_passes_every_check():
    found = checked(Chip(places()))
    assert {each.word for each in found.values()} == {"equal"}
    assert found["damage flags"].tally.codes == 3
    details = found["link"].tally.details
    assert details.pop("requests") == found["link"].tally.codes > 100
    assert set(details.values()) == {0}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_flag_of_any_place_is_found(place):
    chip = Chip(places())
    chip.damaged = 1 << place
    found = checked(chip)["damage flags"]
    assert found.tally.first == f"place {place}: the chip found its skeleton damaged"
    assert found.tally.differing == 1


def test_an_answer_that_is_lost_is_counted_and_changes_no_code():
    found = checked(Chip(places(), lost=lambda number: number == 40))
    assert found.pop("link").tally.first == "repeated requests: 1, none is expected"
    assert {each.word for each in found.values()} == {"equal"}


def test_frames_that_the_chip_dropped_before_are_not_counted_and_later_ones_are():
    chip = Chip(places())
    chip.after = 3  # the count goes round
    text = "frames with a wrong CRC at the chip: 3, none is expected"
    assert checked(chip)["link"].tally.first == text


def test_frames_that_do_not_arrive_whole_are_counted():
    class Noisy(Chip):
        def read(self):
            return b"\3\7\0\0" * (self.count == 50) + super().read()

    found = checked(Noisy(places()))["link"].tally
    assert found.first == "frames with a wrong CRC at the host: 1, none is expected"
    assert found.details["repeated requests"] == 0


def test_a_chip_that_says_something_else_later_is_found():
    class Turns(Chip):
        asked = 0

        def respond(self, message):
            self.asked += message.kind == Kind.IDENTIFY
            answer = super().respond(message)
            return answer[:2] + b"\2" + answer[3:] if self.asked == 3 else answer

    chip = Turns(places())
    target = board_target(chip, SUBJECTS, clocks)
    (job,) = [job for job in jobs_of(SUBJECTS) if job.check.name == "identity"]
    found = make(target, job, QUICK, 0)
    assert found.tally.first == "the chip says other facts than at first, in bytes: 1"


def test_the_skeletons_that_a_chip_holds_are_checked():
    target = board_target(Chip(places()[:2]), (OTHER, *SUBJECTS), clocks)
    assert [each.skeleton.name for each in target.subjects] == ["1"]


def test_a_chip_without_a_known_skeleton_is_refused():
    held = ", ".join(f"{each.digest[:12]}…" for each in skeletons()[::-1])
    text = (
        f"^The chip on the port must hold a skeleton that is at hand, it holds {held}: "
        "--skeleton names the folder of another$"
    )
    with pytest.raises(InputError, match=text):
        board_target(Chip(places()), (OTHER,), clocks)


def test_a_chip_that_lacks_a_skeleton_that_was_named_is_refused():
    with pytest.raises(InputError, match=r"^The chip on the port must hold the skeleton other "):
        board_target(Chip(places()), (*SUBJECTS, OTHER), clocks, named=True)
    assert len(board_target(Chip(places()), SUBJECTS, clocks, named=True).subjects) == 2


def test_no_request_is_taken_for_a_repetition_of_another_links():
    class Watchful(Chip):
        def answer(self, message):
            kept = [request for request, _ in self.kept.values()]
            assert message[:2] not in kept or message.kind == Kind.IDENTIFY
            super().answer(message)

    target = board_target(Watchful(places()), SUBJECTS, clocks)
    for _ in range(300):
        target.damaged()


@pytest.mark.parametrize(
    ("filters", "wanted"), [(1, 821_913), (2, 493_178), (5, 164_445), (10, 82_258)]
)
def test_the_clocks_of_a_run_are_those_of_docs(filters, wanted):
    from golden.spec import Spec

    found = predict(Spec(), filters, 10)
    assert (
        found.clocks == wanted and found.busy == 10 * 1024 * {1: 80, 2: 48, 5: 16, 10: 8}[filters]
    )


def test_a_link_counts_what_it_asks():
    from sw.serial.link import Link

    class Port:
        name, sent = "the port", ()

        def write(self, data):
            self.sent = (*self.sent, data)

        def read(self):
            answer = frame(0x83, 6, b"\0\7")
            return {1: b"", 2: answer[:3] + b"\0" + answer}[len(self.sent)]

    link = Link(Port(), 5)
    assert link.ask(Kind.STATUS) == b"\7"
    assert (link.requests, link.repeats, link.broken) == (1, 1, 1)
