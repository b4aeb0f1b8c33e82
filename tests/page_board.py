"""A chip behind a pseudo-terminal for the page, and what golden makes of the same calls."""

import json
import os
import select
import subprocess
import threading
import tty
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from golden.device import GoldenDevice, run
from tests.device_suite import SPEC, gate_network, skeletons

SCRIPTS = Path(__file__).parent / "page"


def save_skeleton(folder, place=0):
    """Write a skeleton of the suite with its gate, and return it."""
    skeleton = skeletons()[place]
    skeleton.save(folder)
    gate_network().save(folder / "gate.safetensors")
    return skeleton


def golden_calls(skeleton):
    """What golden gives for the calls of `follow.mjs`: (step, state, image) of each."""
    device, told = GoldenDevice((skeleton,)), []

    def note(step):
        told.append((step, device.read_states(), device.read_images()))

    def steps(numbers, network):
        for step in numbers:
            run(device, network, 1)
            note(step)

    size = SPEC.image**2
    image = (37 * np.arange(size) % 256).astype(np.uint8)
    device.load_images(image.reshape(1, SPEC.image, SPEC.image))
    note(0)
    steps((1, 2), gate_network())
    device.zero_cells(np.arange(SPEC.cells)[None] < 3)
    note(2)
    steps((3, 4), None)
    steps((5,), gate_network())
    device.load_states(device.read_states(), 9)
    note(9)
    steps((10,), gate_network())
    return told


def answer_of(script, asked, timeout):
    """What a script on node answers, from JSON to JSON."""
    done = subprocess.run(
        ["node", SCRIPTS / script],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def follow(path, folder):
    """What the page's chip gives for its calls."""
    done = subprocess.run(
        ["node", SCRIPTS / "follow.mjs", path, folder], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def require_calls_equal(found, skeleton):
    """Every code of every call is golden's."""
    want = golden_calls(skeleton)
    assert [each["step"] for each in found["told"]] == [step for step, _, _ in want]
    for each, (_, state, image) in zip(found["told"], want, strict=True):
        assert bytes.fromhex(each["state"]) == state.tobytes()
        assert bytes.fromhex(each["image"]) == image.tobytes()


@contextmanager
def terminal(chip, spoil=lambda data: data):
    """Put a played chip behind a pseudo-terminal; `spoil` changes what it hears."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            if select.select([ours], [], [], 0.02)[0]:
                chip.write(spoil(os.read(ours, 4096)))
                data = chip.read()
                while data:
                    data = data[os.write(ours, data) :]

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        ended.set()
        thread.join()
        os.close(ours)
        os.close(theirs)
