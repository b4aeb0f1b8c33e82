"""Training of a baseline: it can be resumed, and keeps the best averages and a curve."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_optimizer.optimizer.muon.muon import Muon
from torch import Tensor, nn

from golden.errors import InputError
from golden.files import exists
from sw.data.damage import blank
from sw.experiments.baselines.recipe import Recipe
from sw.experiments.baselines.run import restore_images
from sw.judge.metrics import closeness
from sw.model.baselines.models import build
from sw.runs import checkpoint
from sw.runs.checkpoint import Diverged, put, require_alike, require_finite, restore, whole
from sw.runs.ordinary import ordinary
from sw.train.loop import SAVE_SECONDS, Stopped, interruptions

__all__ = ["Training", "train"]

LOG_EVERY = 100
HIDDEN = 8  # fewest inputs and outputs of a hidden layer


@dataclass
class Training:
    """A network in training, and the state of its run."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    averages: list[Tensor]
    """Moving averages of the parameters."""
    best: list[Tensor]
    """The averages that restored the held-out digits best."""
    batch: int = 0
    """Number of finished batches."""
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    """Batch, loss, and the mean PSNR of the averages on held-out digits in dB."""

    @classmethod
    def begin(cls, name: str, recipe: Recipe, device: str = "cpu") -> Training:
        """Return the state before the first batch."""
        network = build(name, recipe.seed).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        parameters = list(network.parameters())
        optimiser = OPTIMISERS[recipe.optimiser](parameters, recipe)
        averages = [parameter.detach().clone() for parameter in parameters]
        return cls(network, optimiser, averages, [average.clone() for average in averages])

    def state(self) -> dict[str, Any]:
        """Return the contents of a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "averages": self.averages,
            "best": self.best,
            "batch": self.batch,
            "seconds": self.seconds,
            "curve": self.curve,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Continue from the contents of a checkpoint; damaged contents raise any exception."""
        self.network.load_state_dict(state["network"])
        restore(self.optimiser, state["optimiser"])
        for weights in (state["averages"], state["best"]):
            require_alike(weights, self.averages)
        self.averages, self.best = state["averages"], state["best"]
        self.batch, self.seconds, self.curve = state["batch"], state["seconds"], state["curve"]
        require_finite(self.state(), "baseline", self.batch)

    def put(self, weights: list[Tensor]) -> list[Tensor]:
        """Replace the parameters by weights; return the parameters."""
        before = [parameter.detach().clone() for parameter in self.network.parameters()]
        put(weights, list(self.network.parameters()))
        return before


def adamw(parameters: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW; every batch sets its rate, to a group's ``share`` of the recipe's rate."""
    groups = [{"params": parameters, "share": 1.0}]
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=recipe.weight_decay, fused=True)


def muon(parameters: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """Return Muon for hidden weights, with AdamW for biases, first and last layers."""
    hidden = [p.ndim > 1 and min(p.shape[:2]) >= HIDDEN for p in parameters]
    groups = [
        {
            "params": [p for p, each in zip(parameters, hidden, strict=True) if each == which],
            "share": recipe.hidden_rate if which else 1.0,
            "use_muon": which,
            "lr": 0.0,
            "weight_decay": recipe.weight_decay,
        }
        for which in (True, False)
    ]
    return Muon(groups)


OPTIMISERS = {"adamw": adamw, "muon": muon}


def draw(images: np.ndarray, recipe: Recipe, batch: int) -> tuple[Tensor, Tensor]:
    """Return originals and blanked digits of a batch, float32 (B, 1, h, w) from 0 to 1.

    Everything random comes from seed and batch number, so that a resumed run draws the same.
    """
    rng = np.random.default_rng([recipe.seed, batch])
    originals = images[rng.integers(len(images), size=recipe.batch)].astype(np.float32) / 255
    flat = originals.reshape(recipe.batch, -1)
    count = round(flat.shape[1] * recipe.damage)
    drawn = rng.random(flat.shape, dtype=np.float32).argpartition(count, axis=1)[:, :count]
    damaged = flat.copy()
    np.put_along_axis(damaged, drawn, np.float32(0), axis=1)
    shape = (recipe.batch, 1, *images.shape[1:])
    return torch.from_numpy(originals.reshape(shape)), torch.from_numpy(damaged.reshape(shape))


def learn(training: Training, images: np.ndarray, recipe: Recipe) -> float:
    """Learn from the next batch, and return its loss."""
    device = training.averages[0].device
    originals, damaged = (each.to(device) for each in draw(images, recipe, training.batch))
    for group in training.optimiser.param_groups:
        group["lr"] = group["share"] * recipe.rate_at(training.batch)
    training.optimiser.zero_grad()
    narrow = recipe.precision == "bfloat16"
    with torch.autocast(device.type, torch.bfloat16, enabled=narrow):
        shown = training.network(damaged)
    loss = recipe.loss_of(shown.float(), originals)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = list(training.network.parameters())
    norm = torch.nn.utils.clip_grad_norm_(parameters, recipe.clip)
    if not bool((loss.detach() + norm).isfinite()):
        raise Diverged("baseline", training.batch + 1)
    training.optimiser.step()
    training.batch += 1
    with torch.no_grad():
        weight = 1 - recipe.keep_at(training.batch)
        torch._foreach_lerp_(training.averages, [p.detach() for p in parameters], weight)
    return loss.item()


def look(training: Training, held_out: np.ndarray, recipe: Recipe, loss: float) -> None:
    """Measure the averages on the held-out digits; keep them if they are the best so far."""
    before = training.put(training.averages)
    damaged = blank(held_out, range(len(held_out)), recipe.damage)
    shown = restore_images(training.network, damaged, device=training.averages[0].device)
    psnr = closeness(shown, held_out).psnr_mean
    training.put(before)
    if psnr > max((entry["held_out_psnr"] for entry in training.curve), default=-np.inf):
        training.best = [average.clone() for average in training.averages]
    training.curve.append({
        "batch": training.batch,
        "loss": round(loss, 6),
        "held_out_psnr": round(psnr, 3),
    })


@ordinary()
def train(
    name: str,
    recipe: Recipe,
    images: np.ndarray,
    digest: str,
    folder: Path,
    device: str = "cpu",
) -> Training:
    """Train a baseline on images uint8 (n, 28, 28), or continue an interrupted run.

    The checkpoint in ``folder`` is written every minute, and on SIGTERM and SIGINT; then the
    process exits with 128 plus the signal's number. The returned network has the best averages.
    ``digest`` is the digest of the data.
    """
    identity = json.dumps({"name": name, "data": digest} | asdict(recipe), sort_keys=True)
    path = folder / "checkpoint.pt"
    training = Training.begin(name, recipe, device)
    if exists(path):
        state = read(path, identity, device)
        with whole(path):
            training.resume(state)
    else:
        save(training, identity, path)  # a folder that cannot be written fails here
    torch.set_flush_denormal(True)
    with interruptions() as received:
        go_through(training, images, recipe, received, lambda: save(training, identity, path))
    training.put(training.best)
    return training


def go_through(
    training: Training,
    images: np.ndarray,
    recipe: Recipe,
    received: list[int],
    keep: Callable[[], None],
) -> None:
    """Train with the remaining batches; ``keep`` writes the checkpoint."""
    learnt, held_out = images[: -recipe.held_out], images[-recipe.held_out :]
    begin = saved = time.monotonic()
    before, first = training.seconds, training.batch
    losses: list[float] = []
    while training.batch < recipe.batches:
        losses = [*losses[1 - LOG_EVERY :], learn(training, learnt, recipe)]
        last = training.batch == recipe.batches
        if training.batch % recipe.check_every == 0 or last:
            look(training, held_out, recipe, float(np.mean(losses)))
        now = time.monotonic()
        training.seconds = before + now - begin
        if training.batch % LOG_EVERY == 0 or last:
            left = (now - begin) / (training.batch - first) * (recipe.batches - training.batch)
            report(training, recipe, float(np.mean(losses)), left)
        if received or last or now - saved > SAVE_SECONDS:
            keep()
            saved = now
        if received:
            raise Stopped(received[0])


def report(training: Training, recipe: Recipe, loss: float, left: float) -> None:
    """Print the progress of the run on stderr; ``left`` is in seconds."""
    held_out = f", held out {training.curve[-1]['held_out_psnr']:.2f} dB" if training.curve else ""
    print(
        f"batch {training.batch}/{recipe.batches}: loss {loss:.5f}{held_out}, "
        f"eta {left / 60:.1f} min",
        file=sys.stderr,
        flush=True,
    )


def save(training: Training, identity: str, path: Path) -> None:
    """Write a checkpoint; raise if a weight is no number."""
    values = training.state() | {"identity": identity}
    require_finite(values, "baseline", training.batch)
    checkpoint.write(values, path)


def read(path: Path, identity: str, device: str) -> dict[str, Any]:
    """Read the checkpoint of a run with the same options and data."""
    state = checkpoint.read(path, device)
    if state.get("identity") != identity:
        raise InputError(f"{path} must be of a run with this recipe and data: remove it first")
    return state
