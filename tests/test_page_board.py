"""The page's end of the wire: frames as golden has them, and a chip that is asked again."""

import numpy as np
import pytest

from golden.frames import cobs_decode, cobs_encode, frame, parse
from tests.device_suite import skeletons
from tests.node import needs_node, node
from tests.page_board import answer_of, follow, require_calls_equal, save_skeleton, terminal
from tests.played_link import PlayedChip

pytestmark = needs_node


def ask_frames(cases):
    return answer_of("frames.mjs", cases, timeout=60)


def payloads():
    """Bytes around the lengths where runs are cut, and random ones."""
    rng = np.random.default_rng(0)
    for length in (0, 1, 2, 253, 254, 255, 508, 509, 2040):
        yield bytes(length)
        yield b"\x07" * length
        yield bytes(rng.integers(0, 4, length, np.uint8))


def test_frames_are_goldens():
    cases = list(payloads())
    found = ask_frames([{"payload": list(each)} for each in cases])
    for each, payload in zip(found, cases, strict=True):
        assert bytes(each["coded"]) == cobs_encode(payload)
        assert bytes(each["frame"]) == frame(1, 255, payload)


def test_frames_that_are_not_whole_are_refused_as_golden_does():
    rng = np.random.default_rng(1)
    whole = [frame(4, 9, payload)[:-1] for payload in payloads()]
    spoilt = [bytes([*each[:at], each[at] ^ 1 or 3, *each[at + 1 :]])
              for each in whole for at in rng.integers(0, len(each), 3)]  # fmt: skip
    cases = [*whole, *spoilt, b"\x05\x01", b"\x01", b"\x03\x00\x01", *(each[:-1] for each in whole)]
    found = ask_frames([{"coded": list(each)} for each in cases])
    assert any(each["message"] is None for each in found)
    for each, coded in zip(found, cases, strict=True):
        want, message = cobs_decode(coded), parse(coded)
        assert each["decoded"] == (None if want is None else list(want))
        assert each["message"] == (None if message is None else list(message.payload))


@pytest.mark.parametrize("place", [0, 1], ids=["nearest2", "phase4"])
def test_a_chip_does_what_golden_does(place, tmp_path):
    skeleton = save_skeleton(tmp_path, place)
    chip = PlayedChip((*skeletons(), None))
    with terminal(chip) as path:
        found = follow(path, tmp_path)
    assert found["repeats"] == 0
    require_calls_equal(found, skeleton)
    assert chip.longest_response > 256


def test_small_requests_and_responses_are_enough(tmp_path):
    skeleton = save_skeleton(tmp_path)
    chip = PlayedChip(skeletons(), request=80, response=90)
    with terminal(chip) as path:
        require_calls_equal(follow(path, tmp_path), skeleton)
    assert 70 < chip.longest_request <= 80 and 80 < chip.longest_response <= 90


def test_what_is_lost_or_spoilt_is_asked_for_again(tmp_path):
    skeleton, heard = save_skeleton(tmp_path), []

    def spoil(data):
        heard.append(data)
        return data[:5] + bytes([data[5] ^ 4]) + data[6:] if len(heard) == 7 else data

    with terminal(PlayedChip(skeletons(), lost=lambda number: number == 3), spoil) as path:
        found = follow(path, tmp_path)
    assert found["repeats"] == 2
    require_calls_equal(found, skeleton)


def test_a_chip_without_the_skeleton_is_one_line(tmp_path):
    save_skeleton(tmp_path, 0)
    with terminal(PlayedChip((skeletons()[1],))) as path:
        found = follow(path, tmp_path)
    held, own = (skeleton.digest[:12] for skeleton in (skeletons()[1], skeletons()[0]))
    assert found == {"error": f"The chip on {path} must hold the skeleton {own}…, it holds {held}…"}


def test_a_program_runs_images_on_a_board(tmp_path):
    save_skeleton(tmp_path)
    images = np.random.default_rng(2).integers(0, 256, (2, 6, 6), np.uint8)
    np.save(tmp_path / "images.npy", images)
    for program, words in (("run.mjs", ()), ("board.mjs", ("PORT", 3_000_000))):
        with terminal(PlayedChip(skeletons())) as path:
            named = [path if word == "PORT" else word for word in words]
            done = node(program, *named, tmp_path, tmp_path / "images.npy", 4,
                        tmp_path / f"{program}.npy")  # fmt: skip
        assert done.returncode == 0, done.stderr
    found, want = (np.load(tmp_path / f"{name}.mjs.npy") for name in ("board", "run"))
    np.testing.assert_array_equal(found, want)
