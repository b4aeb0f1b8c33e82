"""A serial port that goes away in mid-run, as a USB port does: one line, exit code 2."""

import os
import threading
import tty

import pytest

from golden.frames import DELIMITER
from golden.skeleton import Skeleton, find
from tests.played_link import PlayedChip


class VanishingChip(threading.Thread):
    """A played chip behind a pseudo-terminal, which goes away instead of the answer of a number."""

    def __init__(self, skeleton, last):
        super().__init__(daemon=True)
        self.chip, self.last = PlayedChip((skeleton,)), last
        self.ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.path = os.ttyname(theirs)
        self.theirs = theirs
        self.start()

    def run(self):
        """Answer requests, so many of them."""
        heard = b""
        while self.last:
            heard += os.read(self.ours, 4096)
            *frames, heard = heard.split(DELIMITER)
            for frame in filter(None, frames):
                self.last -= 1
                if not self.last:
                    break
                self.chip.write(frame + DELIMITER)
                os.write(self.ours, self.chip.read())
        os.close(self.theirs)
        os.close(self.ours)


@pytest.mark.parametrize("last", [1, 3, 5])
def test_a_port_that_goes_away_in_mid_run_is_one_line_and_leaves_nothing(thalweg, tmp_path, last):
    chip = VanishingChip(Skeleton.load(find("digits")), last)
    output, device = tmp_path / "out", f"serial:{chip.path}"
    options = ("--skeleton", "digits", "--output", output, "--device", device)
    code, _, err = thalweg("restore", "show[0:2]", *options)
    chip.join(10)
    assert code == 2 and err.count("\n") == 1
    assert err.startswith(f"thalweg: {chip.path} went away: ")
    assert not output.exists() or not [*output.iterdir()]
