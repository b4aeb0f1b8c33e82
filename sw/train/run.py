"""The run from beginning to end, in the order it happens."""

from __future__ import annotations

import torch

from golden.errors import InputError
from golden.files import exists
from golden.skeleton import SHIPPED
from sw.data.load import Digits, load
from sw.model import floats
from sw.runs.memory import keep_memory
from sw.runs.ordinary import ordinary
from sw.runs.processes import exclude_others, join, leads, meet, place
from sw.runs.writable import require_folders
from sw.train.calibrate import quantise
from sw.train.learner import Learner, begin, reads, resume, save
from sw.train.letters import train_letters
from sw.train.loop import interruptions, run_stage
from sw.train.options import Options
from sw.train.recipes import begin_holding
from sw.train.settle import settle
from sw.train.ship import export

__all__ = ["learn", "prepare", "train"]


@ordinary()
def train(options: Options) -> None:
    """Train a skeleton and its gate, or go on with a run that was broken off.

    A checkpoint in ``options.folder`` is written every minute, and on SIGTERM and SIGINT, upon
    which the process exits with 128 plus the signal's number. The same call goes on from there
    and, on a CPU, ends with the very same skeleton. What is left in the folder: `skeleton.json`,
    `gate.safetensors` and `provenance.json`; with ``options.ship`` also among the shipped ones.

    Under torchrun each process takes its share of every batch, and all must see the same folder.

    For the command line: ``thalweg train`` fills `Options` (``--data``, ``--name``, ``--output``,
    ``--device``, ``--batches``, ``--qat-batches``, ``--batch``, ``--seed``, ``--threads``,
    ``--recipe``, ``--noise``, ``--dropout``, ``--ship`` and more) and calls this.
    Progress goes to stderr. Bad input raises `golden.errors.InputError`.
    """
    with join(options.batch), exclude_others(options.folder):
        run(options)


def run(options: Options) -> None:
    """Train, in this process or in this and its like."""
    prepare(options)
    if options.ship and leads():
        require_folders(SHIPPED)
    if options.recipe == "memory" and place()[1] > 1:
        raise InputError("recipe memory must run in one process: its pool is not shared")
    if options.recipe == "letters":
        train_letters(options)
        return
    digits = load(options.data, download=True)
    learner = learn(options, digits)
    if leads():
        if options.recipe == "memory":
            settle(learner, digits, options)
        export(learner, options, digits)
        floats.write(learner.rule, learner.gate, options.folder / floats.LATENT)


@ordinary()
def learn(options: Options, digits: Digits) -> Learner:
    """Return the learner at the end of all stages, its averages taken; nothing is exported.

    The run goes on from its checkpoint in ``options.folder`` where there is one.
    """
    require_size(digits, options)
    digest = reads(options, digits)
    path = options.folder / "checkpoint.pt"
    learner = resume(options, digest, path) if exists(path) else begin(options)
    if options.begin is not None and learner.stage == "float":
        floats.read(learner.rule, learner.gate, floats.find(options.begin))
        learner.averages = [parameter.detach().clone() for parameter in learner.parameters]
    meet()  # all have looked before there is a new one
    if learner.batch == 0:
        save(learner, options, digest, path)  # a folder that cannot be written fails here
    with interruptions() as received:
        stages = list(options.stages())
        for stage in stages[stages.index(learner.stage) :]:
            if learner.stage != stage:
                learner = enter(stage, learner, digits, options)
            run_stage(learner, digits.train_images, options, digest, path, received)
    learner.take_averages()
    return learner


def enter(stage: str, learner: Learner, digits: Digits, options: Options) -> Learner:
    """Return the learner at the beginning of a later stage, on the averages of the one before."""
    learner.take_averages()
    images = digits.train_images
    if stage == "qat":
        floats.write(learner.rule, learner.gate, options.folder / floats.FLOATS)
        return quantise(learner, images, options)
    learner = Learner(
        rule=learner.rule,
        gate=learner.gate,
        stage=stage,
        seconds=learner.seconds,
        optimiser=learner.optimiser,
    )
    begin_holding(learner, images, digits.train_labels, options)
    return learner


def prepare(options: Options) -> None:
    """Set up PyTorch: threads, and arithmetic that is exact and repeatable."""
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False  # ten bits of mantissa hold no 24-bit sum
    torch.backends.cuda.matmul.allow_tf32 = False
    keep_memory()


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
