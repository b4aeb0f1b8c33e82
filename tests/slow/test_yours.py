"""`thalweg yours`, whole: from images to a chip that equals golden, and its page."""

import base64
import json
import re

import numpy as np
import pytest

from golden.skeleton import Skeleton


@pytest.mark.timeout(600)
def test_images_become_a_memory_on_a_chip(thalweg, tmp_path):
    rng = np.random.default_rng(0)
    strokes = np.zeros((200, 6, 6), np.uint8)
    strokes[np.arange(200), rng.integers(0, 6, 200)] = 255
    np.save(tmp_path / "strokes.npy", strokes)
    given = ("--data", tmp_path / "strokes.npy", "--channels", 4, "--multiplier", 1, "--steps", 3)
    output = tmp_path / "out"
    code, out, err = thalweg(
        "yours", *given, "--batches", 20, "--images", 2, "--name", "strokes", "--output", output
    )
    assert code == 0, err
    assert out.endswith(f"wrote {output / 'report.html'}\n")
    told = json.loads((output / "report.json").read_text())
    skeleton = Skeleton.load(output / "strokes")
    assert told["skeleton"] == skeleton.digest and told["codes_equal_to_golden"] > 1000
    assert told["chip"]["cocotb"]["images"] == 2 and "ssim" in told["results"]["restored"]
    assert (output / "chip" / "thalweg_f1.v").is_file()
    assert (output / "report.png").read_bytes() in decoded((output / "report.html").read_text())


def decoded(page):
    """The pictures in a page, one after another."""
    parts = re.findall(r"base64,([^\"]+)", page)
    return b"".join(map(base64.b64decode, parts))
