"""The memory experiments, in the order of the page, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from golden.errors import InputError
from golden.gate import GateNetwork
from golden.skeleton import Skeleton
from sw.experiments.memory import (
    compute,
    damage,
    falling,
    holding,
    landscape,
    letters,
    pair,
    saliency,
    valleys,
)
from sw.experiments.memory.experiment import Experiment

__all__ = ["EXPERIMENTS", "choose_experiments", "find_experiments"]

EXPERIMENTS = (
    falling.EXPERIMENT,
    holding.EXPERIMENT,
    pair.EXPERIMENT,
    valleys.EXPERIMENT,
    landscape.EXPERIMENT,
    saliency.EXPERIMENT,
    damage.EXPERIMENT,
    letters.EXPERIMENT,
    compute.EXPERIMENT,
)


def find_experiments(names: Sequence[str]) -> list[Experiment]:
    """Return the experiments of these names, all where there are no names; raise if unknown."""
    known = [experiment.name for experiment in EXPERIMENTS]
    for name in names:
        if name not in known:
            raise InputError(f"Experiment must be one of {', '.join(known)}, not {name!r}")
    return [experiment for experiment in EXPERIMENTS if experiment.name in names or not names]


def choose_experiments(
    names: Sequence[str],
    skeleton: Skeleton,
    network: GateNetwork | None,
    lacking: str | None,
    say: Callable[[str], None] = print,
) -> list[Experiment]:
    """Return the experiments to run: those of these names, or all that there is something for.

    Parameters
    ----------
    names
        What was asked for; nothing is all.
    skeleton, network
        What they are to look at; some need the network of a gate.
    lacking
        Why there are no letters to measure, or None where there are.
    say
        Told what is left out.

    Raises
    ------
    InputError
        Where an experiment is unknown, lacks its gate, or was asked for without letters.
    """
    found = []
    for experiment in find_experiments(names):
        name = experiment.name
        if experiment.needs_gate and network is None:
            raise InputError(
                f"Experiment {name} must have a skeleton with a gate; {skeleton.name} runs without"
            )
        if experiment.needs_letters and lacking is not None:
            if names:
                raise InputError(f"Experiment {name} must have letters and gates: {lacking}")
            say(f"{name}: left out, {lacking}")
            continue
        found.append(experiment)
    return found
