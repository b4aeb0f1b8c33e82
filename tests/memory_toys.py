"""Small machines with known answers, and a referee that anyone can follow, for the experiments."""

import numpy as np

from golden.samples import calibrated, network
from golden.spec import Gate, Spec
from sw.experiments.memory.task import Task
from sw.judge.evaluate import Judged

SPEC = Spec(height=4, width=4, channels=1, multiplier=1, image=4)
GATE = Gate(input_channel=0, output_channel=1, start=2, every=3)
REAL = Spec(height=8, width=8, channels=4, multiplier=2, image=6, steps=4, gate=GATE)


class Referee:
    """Reads the top left pixel's last digit, as sure as the pixel right of it says in %."""

    def read(self, images):
        return images[:, 0, 0].astype(int) % 10, images[:, 0, 1] / np.float32(100)


class Reader:
    """Reads the top left pixel's last digit but takes a 0 for a 1, as sure as the referee."""

    def read(self, images):
        digits, sure = Referee().read(images)
        return np.where(digits == 0, 1, digits), sure


class Codes:
    """A model whose pixels are its codes, 128 higher."""

    def encode(self, images):
        return (images.astype(int)[:, None] - 128).astype(np.int8)

    def readout(self, states):
        return (states[:, 0].astype(int) + 128).astype(np.uint8)


class Toy:
    """A machine that follows codes through a function, one by one."""

    period, gate, network, spec, model = 1, None, None, SPEC, Codes()

    def __init__(self, after):
        self.after = after

    def advance(self, states, step):
        return self.after(states.astype(int)).astype(np.int8)

    def phase(self, step):
        return 0


class ToyTask(Task):
    """A task whose skeleton is a toy."""

    @property
    def machine(self):
        return self.skeleton

    @property
    def referee(self):
        return Referee()

    @property
    def second_referee(self):
        return Reader()


class RealTask(Task):
    """A task on a small machine of the real kind, read by the simple referee."""

    @property
    def referee(self):
        return Referee()


def digits(count, size=4, seed=0):
    """Return images whose labels half of the referee's readings agree with."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, size, size)).astype(np.uint8)
    labels = Referee().read(images)[0]
    labels[::2] = (labels[::2] + 1) % 10
    return Judged("test", images, labels)


def real(count, **options):
    """Return a task on a small calibrated machine with its gate."""
    rng = np.random.default_rng(0)
    skeleton = calibrated(REAL, rng)
    return RealTask(skeleton, network(REAL, rng), digits(count, 6), **options)


def blanked(images, begin=0):
    """Blank digits as the protocol says, written out anew."""
    damaged = images.copy()
    for index, image in enumerate(damaged):
        pixels = image.reshape(-1)
        order = np.random.default_rng(begin + index).permutation(pixels.size)
        pixels[order[: round(pixels.size * 0.7)]] = 0
    return damaged


def struck(states, step, share):
    """Lose cells of lattices as the protocol says, written out anew."""
    hurt = states.copy()
    for index, state in enumerate(hurt):
        cells = state.reshape(len(state), -1)
        order = np.random.default_rng([index, step]).permutation(cells.shape[1])
        cells[:, order[: round(cells.shape[1] * share)]] = 0
    return hurt


def scores(shown, given):
    """Return PSNR both ways and digits read right in %, written out anew."""
    errors = [np.mean((a.astype(float) - b) ** 2) for a, b in zip(shown, given.images, strict=True)]
    each = [10 * np.log10(255**2 / max(error, 1 / 784)) for error in errors]
    right = [
        int(image[0, 0]) % 10 == label for image, label in zip(shown, given.labels, strict=True)
    ]
    return {
        "psnr_mean": round(sum(each) / len(each), 3),
        "psnr_of_mean": round(10 * np.log10(255**2 / max(sum(errors) / len(errors), 1 / 784)), 3),
        "digit_id": round(100 * sum(right) / len(right), 2),
    }


def cool(codes):
    """One code nearer to 0 each step."""
    return codes - np.sign(codes)


def cooled(states, steps):
    """The same at once."""
    codes = states.astype(int)
    return (np.sign(codes) * np.maximum(abs(codes) - steps, 0)).astype(np.int8)
