"""The recipes: the data of a run, its stages in their order, and what it leaves.

restore   float, qat
memory    float, hold, qat, then settling
letters   letters, on a finished machine whose rule stays
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from golden.errors import InputError
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.data.load import Digits, load
from sw.model import floats
from sw.model.rebuild import gate_of, rule_of
from sw.runs.checkpoint import Checkpoint
from sw.runs.loading import load_run
from sw.runs.processes import place
from sw.train import letters, ship
from sw.train.calibrate import quantise
from sw.train.first import require_first
from sw.train.hold import begin_holding, hold
from sw.train.identity import identity, reads
from sw.train.learner import Learner, begin
from sw.train.letters import relearn, require_gate, require_others
from sw.train.losses import Loss
from sw.train.options import Options
from sw.train.origins import shorten_ways
from sw.train.rehearsal import rehearsal
from sw.train.restore import restore
from sw.train.settle import settle

__all__ = ["RECIPES", "Letters", "Memory", "Recipe", "Restore", "Stage", "stage_of"]

Batch = Callable[[Learner, np.ndarray, Options], Loss]


def keep(learner: Learner, digits: Digits, options: Options) -> Learner:
    """Return the learner as it is."""
    return learner


def enter_hold(learner: Learner, digits: Digits, options: Options) -> Learner:
    """Return a learner in float that has a pool of states to hold."""
    assert digits.train_labels is not None
    learner = Learner(
        rule=learner.rule,
        gate=learner.gate,
        stage="hold",
        seconds=learner.seconds,
        optimiser=learner.optimiser,
    )
    begin_holding(learner, digits.train_images, digits.train_labels, options)
    return learner


def enter_qat(learner: Learner, digits: Digits, options: Options) -> Learner:
    """Keep the float weights in the run's folder; return the learner quantised."""
    floats.write(learner.rule, learner.gate, options.folder / floats.FLOATS)
    return quantise(learner, digits.train_images, options)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of a run: how it begins, what its batches teach, how fast."""

    enter: Callable[[Learner, Digits, Options], Learner] = keep
    """Makes its first learner of the last one of the stage before, averages taken."""
    loss: Batch
    """Loss of the next batch."""
    rate: str = "rate"
    """Option that is the peak of its learning rate."""
    warm_up: int = 50
    """Batches in which the rate rises."""
    late: Callable[[Learner, np.ndarray, Options], None] | None = None
    """Done once, after two thirds of the batches."""


class Recipe(ABC):
    """What a run teaches.

    Parameters
    ----------
    options
        Of the run.
    digits
        What batches are drawn from; others that the run reads follow.
    """

    stages: ClassVar[Mapping[str, Stage]]
    """In their order."""

    def __init__(self, options: Options, digits: Digits, *others: Digits) -> None:
        self.options, self.digits, self.others = options, digits, others

    @classmethod
    @abstractmethod
    def load(cls, options: Options) -> Self:
        """Read the data."""

    @abstractmethod
    def begin(self) -> Learner:
        """Return the learner before the first batch."""

    @abstractmethod
    def export(self, learner: Learner) -> None:
        """Write what was learnt, proven and evaluated."""

    def require_fit(self) -> None:
        """Raise unless there are digits to learn from, and the lattice takes them."""
        count, *found = self.digits.train_images.shape
        size = self.options.spec.image
        if not count:
            source = self.digits.source
            raise InputError(f"Training data must have a digit that is not a show digit: {source}")
        if found != [size, size]:
            given = f"{found[0]} x {found[1]}"
            own = self.digits.facts
            hint = f": --image {found[0]} takes them, --fit scales them" if own else ""
            raise InputError(f"Training images must be {size} x {size}, not {given}{hint}")

    def resume(self, checkpoint: Checkpoint) -> Learner:
        """Return the learner of a run that was interrupted."""
        return checkpoint.resume(
            self.options.device, lambda values: Learner.of(values, self.options)
        )

    def settle(self, learner: Learner) -> None:  # noqa: B027 - most recipes are done
        """Change nothing more after the last batch."""

    def checkpoint(self) -> Checkpoint:
        """Return where the run is kept; to be asked once, as the files that it reads may go."""
        digest = reads(self.options, self.digits, *self.others)
        return Checkpoint.in_folder(self.options.folder, identity(self.options, digest))


FLOAT = Stage(loss=restore, warm_up=200)
"""The warm-up, which begins a run on digits."""


class Restore(Recipe):
    """Restore a digit in the steps given; later the automaton may lose it."""

    stages: ClassVar = {
        "float": FLOAT,
        "qat": Stage(enter=enter_qat, loss=restore, rate="qat_rate"),
    }

    @classmethod
    def load(cls, options: Options) -> Self:
        """Read digits."""
        size = options.spec.image if options.fit else None
        return cls(options, load(options.data, download=True, fit=size))

    def begin(self) -> Learner:
        """Return random weights, or the float weights of another run."""
        learner = begin(self.options)
        if self.options.begin is not None:
            floats.read(learner.rule, learner.gate, floats.find(self.options.begin))
            learner.averages = [parameter.detach().clone() for parameter in learner.parameters]
        return learner

    def export(self, learner: Learner) -> None:
        """Write the skeleton and its gate, proven and evaluated, and the weights as they were."""
        ship.export(learner, self.options, self.digits)
        floats.write(learner.rule, learner.gate, self.options.folder / floats.LATENT)


class Memory(Restore):
    """Restore a digit, and hold it for as long as the automaton runs."""

    stages: ClassVar = {
        "float": FLOAT,
        "hold": Stage(enter=enter_hold, loss=hold, rate="hold_rate"),
        "qat": Stage(enter=enter_qat, loss=hold, rate="qat_rate", late=shorten_ways),
    }

    @classmethod
    def load(cls, options: Options) -> Self:
        """Read digits, in one process alone."""
        if place()[1] > 1:
            raise InputError("recipe memory must run in one process: its pool is not shared")
        require_first(options)
        found = super().load(options)
        if found.digits.train_labels is None:
            raise InputError(f"recipe memory must have labels, unlike {found.digits.source}")
        return found

    def settle(self, learner: Learner) -> None:
        """Add to the rule's biases what brings digits to rest."""
        settle(learner, self.digits, self.options)


class Letters(Recipe):
    """Train the gate of a finished machine on letters; the rule's every integer stays.

    Leaves ``gate-LETTERS-REHEARSAL.safetensors`` and its ``.json`` in the run's folder (without
    rehearsal: ``only``); with ``options.ship`` also beside the skeleton that it belongs to.
    """

    stages: ClassVar = {"letters": Stage(loss=relearn)}

    def __init__(
        self,
        options: Options,
        digits: Digits,
        known: Digits,
        machine: tuple[Skeleton, GateNetwork],
    ) -> None:
        super().__init__(replace(options, spec=machine[0].spec), digits, known)
        self.known, self.machine = known, machine

    @classmethod
    def load(cls, options: Options) -> Self:
        """Read letters, the digits that are known, and the machine that knows them."""
        assert options.begin is not None
        machine = require_gate(*load_run(options.begin))
        new, known = load(options.data, name=options.letters), load(options.data, download=True)
        require_others(new, known, options.letters)
        return cls(options, new, known, machine)

    def begin(self) -> Learner:
        """Return the shipped integers."""
        skeleton, network = self.machine
        rule, gate = rule_of(skeleton), gate_of(network, skeleton.spec)
        return self.rehearse(Learner(rule=rule, gate=gate, stage="letters"))

    def resume(self, checkpoint: Checkpoint) -> Learner:
        """Return the learner of a run that was interrupted, with what it rehearses."""
        return self.rehearse(super().resume(checkpoint))

    def rehearse(self, learner: Learner) -> Learner:
        """Give the learner the digits that it goes on with, lest it forget."""
        kind, damage = self.options.rehearsal, self.options.damage
        learner.rehearsal = rehearsal(kind, *self.machine, self.known.train_images, damage)
        return learner

    def export(self, learner: Learner) -> None:
        """Write the gate, proven and evaluated."""
        letters.export(learner, self.options, self.machine[0], self.digits, self.known)


RECIPES: Mapping[str, type[Recipe]] = {"restore": Restore, "memory": Memory, "letters": Letters}


def stage_of(options: Options, name: str) -> Stage:
    """Return a stage of the recipe of these options."""
    return RECIPES[options.recipe].stages[name]
