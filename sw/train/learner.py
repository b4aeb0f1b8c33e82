"""What a training run carries from batch to batch: models, their averages, the optimisers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from pytorch_optimizer.optimizer.soap import SOAP
from torch import Tensor, nn

from sw.model.gate import Gate, GateExponents
from sw.model.rule import Rule, RuleExponents
from sw.model.step import TrainingMachine
from sw.runs.checkpoint import put, require_alike, restore
from sw.train.options import Options
from sw.train.pool import Pool, Prototypes
from sw.train.rehearsal import Rehearsal

__all__ = ["Learner", "begin"]

GATE_SHARE = {"soap": 0.04, "adam": 0.2}
"""The gate's share of the rule's learning rate: SOAP bears five times Adam's."""


@dataclass(kw_only=True)
class Learner:
    """The models in training, and where the run is."""

    rule: Rule
    gate: Gate | None
    stage: str
    batch: int = 0
    """Batches of this stage that are done."""
    seconds: float = 0.0
    """Wall time so far, all stages."""
    averages: list[Tensor] = field(default_factory=list)
    """Moving averages of the parameters: what is exported."""
    pool: Pool | None = None
    """States that are carried on, where holding is taught."""
    prototypes: Prototypes | None = None
    rehearsal: Rehearsal | None = None
    """What a gate that learns anew goes on with; not kept in checkpoints."""
    optimiser: str = "soap"
    """What steps the rule's weights: ``soap`` or ``adam``."""

    def __post_init__(self) -> None:
        # The rule's few weights are shared by every cell and step, hence strongly coupled: worth
        # a preconditioner that turns them. Its cost would not be for the gate's million.
        self.rule.requires_grad_(not self.frozen)
        self.optimisers: list[torch.optim.Optimizer] = []
        if not self.frozen:
            rule = [{"params": list(self.rule.parameters()), "share": 1.0}]
            if self.optimiser == "soap":
                self.optimisers.append(SOAP(rule, lr=0.0, betas=(0.9, 0.95), weight_decay=0.0))
            else:
                self.optimisers.append(adam(rule))
        if self.gate is not None:
            share = GATE_SHARE[self.optimiser]
            self.optimisers.append(adam([{"params": list(self.gate.parameters()), "share": share}]))
        if not self.averages:
            self.averages = [parameter.detach().clone() for parameter in self.parameters]

    @property
    def models(self) -> list[nn.Module]:
        """The rule, and the gate where there is one."""
        return [self.rule] if self.gate is None else [self.rule, self.gate]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All parameters, in a fixed order; those of a frozen rule too."""
        return [parameter for model in self.models for parameter in model.parameters()]

    @property
    def frozen(self) -> bool:
        """Whether the rule stays as it is."""
        return self.stage == "letters"

    def machine(self, dropout: float = 0.0) -> TrainingMachine:
        """Return what a batch runs, with the weights as they are now."""
        return TrainingMachine.of(self.rule, self.gate, dropout)

    def average(self, keep: float) -> None:
        """Take the parameters into their averages; early ones are soon forgotten.

        The averages keep at most that share of themselves.
        """
        weight = max(1 - keep, 9 / (10 + self.batch))
        with torch.no_grad():
            torch._foreach_lerp_(self.averages, [p.detach() for p in self.parameters], weight)

    def take_averages(self) -> None:
        """Put the averages in the parameters' place."""
        with torch.no_grad():
            for parameter, average in zip(self.parameters, self.averages, strict=True):
                parameter.copy_(average)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        gate = self.gate
        return {
            "stage": self.stage,
            "batch": self.batch,
            "seconds": self.seconds,
            "averages": self.averages,
            "parameters": [parameter.detach() for parameter in self.parameters],
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "rule": list(self.rule.exponents or ()),
            "gate": list((gate and gate.exponents) or ()),
            "pool": self.pool and vars(self.pool),
            "prototypes": self.prototypes and vars(self.prototypes),
        }

    @classmethod
    def of(cls, values: dict[str, Any], options: Options) -> Learner:
        """Return the learner of a checkpoint; raise whatever it likes where that is damaged."""
        if not 0 <= values["batch"] <= options.stages()[values["stage"]]:
            raise ValueError("a batch that its stage does not have")
        rule, gate = build(
            options,
            # Exponents stay on the CPU, wherever the weights are.
            RuleExponents(*(each.cpu() for each in values["rule"])) if values["rule"] else None,
            GateExponents(*(each.cpu() for each in values["gate"])) if values["gate"] else None,
        )
        learner = cls(
            rule=rule,
            gate=gate,
            stage=values["stage"],
            batch=values["batch"],
            seconds=values["seconds"],
            averages=values["averages"],
            pool=values["pool"] and Pool(**values["pool"]),
            prototypes=values["prototypes"] and Prototypes(**values["prototypes"]),
            optimiser=options.optimiser,
        )
        require_alike(learner.averages, learner.parameters)
        put(values["parameters"], learner.parameters)
        for optimiser, state in zip(learner.optimisers, values["optimisers"], strict=True):
            restore(optimiser, state)
        return learner


def adam(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return Adam on groups of parameters; its rate is set with every batch."""
    return torch.optim.Adam(groups, lr=0.0, fused=True)  # one pass, not ten


def build(
    options: Options, rule: RuleExponents | None = None, gate: GateExponents | None = None
) -> tuple[Rule, Gate | None]:
    """Return the models, their weights not set; without exponents they are not quantised."""
    spec, device = options.spec, options.device
    models = (
        Rule(spec, rule, weight_bits=options.weight_bits),
        Gate(spec, gate, plane_bits=options.plane_bits) if spec.gate else None,
    )
    return models[0].to(device), models[1] and models[1].to(device)


def begin(options: Options) -> Learner:
    """Return the learner of a run that begins."""
    generator = torch.Generator().manual_seed(options.seed)
    rule, gate = build(replace(options, device="cpu"))  # the same numbers on every device
    rule.initialise(generator)
    if gate is not None:
        gate.initialise(generator)
    return Learner(
        rule=rule.to(options.device),
        gate=gate and gate.to(options.device),
        stage="float",
        optimiser=options.optimiser,
    )
