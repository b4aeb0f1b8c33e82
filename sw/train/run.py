"""The run from beginning to end, in the order it happens."""

from __future__ import annotations

import ctypes
import sys

import torch

from golden.errors import InputError
from sw.data import Digits, load
from sw.train.calibrate import quantise
from sw.train.learner import begin, resume, save
from sw.train.loop import STAGES, Stopped, calibration_digits, interruptions, run_stage
from sw.train.options import Options
from sw.train.processes import joined, leads, meet
from sw.train.ship import export

__all__ = ["train"]


def train(options: Options) -> None:
    """Train a skeleton and its gate, or go on with a run that was broken off.

    A checkpoint in ``options.folder`` is written every minute, and on SIGTERM and SIGINT, upon
    which the process exits with 128 plus the signal's number. The same call goes on from there
    and, on a CPU, ends with the very same skeleton. What is left in the folder: `skeleton.json`,
    `gate.safetensors` and `provenance.json`; with ``options.ship`` also among the shipped ones.

    Under torchrun each process takes its share of every batch, and all must see the same folder.

    For the command line: ``thalweg train`` fills `Options` (``--data``, ``--name``, ``--output``,
    ``--device``, ``--batches``, ``--qat-batches``, ``--batch``, ``--seed``, ``--threads``,
    ``--recipe``, ``--noise``, ``--dropout``, ``--ship``) and calls this.
    Progress goes to stderr. Bad input raises `golden.errors.InputError`.
    """
    with joined(options.batch):
        run(options)


def run(options: Options) -> None:
    """Train, in this process or in this and its like."""
    prepare(options)
    digits = load(options.data, download=True)
    require_size(digits, options)
    images, digest = digits.train_images, digits.digest
    path = options.folder / "checkpoint.pt"
    learner = resume(options, digest, path) if path.exists() else begin(options)
    meet()  # all have looked before there is a new one
    if learner.batch == 0:
        save(learner, options, digest, path)  # a folder that cannot be written fails here
    try:
        with interruptions() as received:
            if learner.stage == STAGES[0]:
                run_stage(learner, images, options, digest, path, received)
                learner = quantise(learner, calibration_digits(images, options))
            run_stage(learner, images, options, digest, path, received)
    except Stopped as stopped:
        if leads():
            print(stopped, file=sys.stderr)
        raise SystemExit(128 + stopped.number) from None
    learner.take_averages()
    if leads():
        export(learner, options, digits)


def prepare(options: Options) -> None:
    """Set up PyTorch: threads, and arithmetic that is exact and repeatable."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.allow_tf32 = False  # ten bits of mantissa hold no 24-bit sum
    torch.backends.cuda.matmul.allow_tf32 = False
    keep_memory()


def keep_memory() -> None:
    """Ask the C library to keep freed tensors: fetching fresh pages costs a quarter of a batch."""
    library = ctypes.CDLL(None)
    if sys.platform == "linux" and hasattr(library, "mallopt"):
        for parameter, value in ((-3, 1 << 30), (-1, (1 << 31) - 1), (-2, 1 << 28)):
            library.mallopt(parameter, value)  # mmap threshold, trim threshold, top pad


def require_size(digits: Digits, options: Options) -> None:
    """Raise unless there are digits, and the lattice takes them."""
    count, *found = digits.train_images.shape
    if not count:
        raise InputError(
            f"Training data must have a digit that is not a show digit: {digits.source}"
        )
    size = options.spec.image
    if found != [size, size]:
        raise InputError(f"Training images must be {size} x {size}, not {found[0]} x {found[1]}")
