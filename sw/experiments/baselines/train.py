"""Training of a baseline: it can be resumed, and keeps the best averages and a curve."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from pytorch_optimizer.optimizer.muon.muon import Muon
from torch import Tensor, nn

from sw.data.damage import blank
from sw.experiments.baselines.run import restore_images
from sw.experiments.baselines.settings import Settings
from sw.judge.metrics import closeness
from sw.model.baselines.models import build
from sw.runs.checkpoint import Checkpoint, Diverged, put, require_alike, restore
from sw.runs.interruption import Clock, Stopped, interruptions
from sw.runs.ordinary import ordinary

__all__ = ["Training", "train"]

LOG_EVERY = 100
STAGE = "baseline"  # the only one
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
    def begin(cls, name: str, settings: Settings, device: str = "cpu") -> Training:
        """Return the state before the first batch."""
        network = build(name, settings.seed).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        parameters = list(network.parameters())
        optimiser = OPTIMISERS[settings.optimiser](parameters, settings)
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

    def resume(self, state: dict[str, Any]) -> Self:
        """Continue from the contents of a checkpoint; damaged contents raise any exception."""
        self.network.load_state_dict(state["network"])
        restore(self.optimiser, state["optimiser"])
        for weights in (state["averages"], state["best"]):
            require_alike(weights, self.averages)
        self.averages, self.best = state["averages"], state["best"]
        self.batch, self.seconds, self.curve = state["batch"], state["seconds"], state["curve"]
        return self

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint."""
        checkpoint.save(self.state(), STAGE, self.batch)

    def put(self, weights: list[Tensor]) -> list[Tensor]:
        """Replace the parameters by weights; return the parameters."""
        before = [parameter.detach().clone() for parameter in self.network.parameters()]
        put(weights, list(self.network.parameters()))
        return before


def adamw(parameters: list[nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
    """Return AdamW; every batch sets its rate, to a group's ``share`` of the settings' rate."""
    groups = [{"params": parameters, "share": 1.0}]
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=settings.weight_decay, fused=True)


def muon(parameters: list[nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
    """Return Muon for hidden weights, with AdamW for biases, first and last layers."""
    hidden = [p.ndim > 1 and min(p.shape[:2]) >= HIDDEN for p in parameters]
    groups = [
        {
            "params": [p for p, each in zip(parameters, hidden, strict=True) if each == which],
            "share": settings.hidden_rate if which else 1.0,
            "use_muon": which,
            "lr": 0.0,
            "weight_decay": settings.weight_decay,
        }
        for which in (True, False)
    ]
    return Muon(groups)


OPTIMISERS = {"adamw": adamw, "muon": muon}


def draw(images: np.ndarray, settings: Settings, batch: int) -> tuple[Tensor, Tensor]:
    """Return originals and blanked digits of a batch, float32 (B, 1, h, w) from 0 to 1.

    Everything random comes from seed and batch number, so that a resumed run draws the same.
    """
    rng = np.random.default_rng([settings.seed, batch])
    originals = images[rng.integers(len(images), size=settings.batch)].astype(np.float32) / 255
    flat = originals.reshape(settings.batch, -1)
    count = round(flat.shape[1] * settings.damage)
    drawn = rng.random(flat.shape, dtype=np.float32).argpartition(count, axis=1)[:, :count]
    damaged = flat.copy()
    np.put_along_axis(damaged, drawn, np.float32(0), axis=1)
    shape = (settings.batch, 1, *images.shape[1:])
    return torch.from_numpy(originals.reshape(shape)), torch.from_numpy(damaged.reshape(shape))


def learn(training: Training, images: np.ndarray, settings: Settings) -> float:
    """Learn from the next batch, and return its loss."""
    device = training.averages[0].device
    originals, damaged = (each.to(device) for each in draw(images, settings, training.batch))
    for group in training.optimiser.param_groups:
        group["lr"] = group["share"] * settings.rate_at(training.batch)
    training.optimiser.zero_grad()
    narrow = settings.precision == "bfloat16"
    with torch.autocast(device.type, torch.bfloat16, enabled=narrow):
        shown = training.network(damaged)
    loss = settings.loss_of(shown.float(), originals)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = list(training.network.parameters())
    norm = torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
    if not bool((loss.detach() + norm).isfinite()):
        raise Diverged(STAGE, training.batch + 1)
    training.optimiser.step()
    training.batch += 1
    with torch.no_grad():
        weight = 1 - settings.keep_at(training.batch)
        torch._foreach_lerp_(training.averages, [p.detach() for p in parameters], weight)
    return loss.item()


def look(training: Training, held_out: np.ndarray, settings: Settings, loss: float) -> None:
    """Measure the averages on the held-out digits; keep them if they are the best so far."""
    before = training.put(training.averages)
    damaged = blank(held_out, range(len(held_out)), settings.damage)
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
    settings: Settings,
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
    identity = json.dumps({"name": name, "data": digest} | asdict(settings), sort_keys=True)
    checkpoint = Checkpoint.in_folder(folder, identity)
    training = Training.begin(name, settings, device)
    if checkpoint.exists():
        training = checkpoint.resume(device, training.resume)
    else:
        training.save(checkpoint)  # a folder that cannot be written fails here
    torch.set_flush_denormal(True)
    with interruptions() as received:
        go_through(training, images, settings, received, checkpoint)
    training.put(training.best)
    return training


def go_through(
    training: Training,
    images: np.ndarray,
    settings: Settings,
    received: list[int],
    checkpoint: Checkpoint,
) -> None:
    """Train with the remaining batches, and write the checkpoint now and then."""
    learnt, held_out = images[: -settings.held_out], images[-settings.held_out :]
    clock, total = Clock(training.seconds, training.batch), settings.batches
    losses: list[float] = []
    while training.batch < total:
        losses = [*losses[1 - LOG_EVERY :], learn(training, learnt, settings)]
        last = training.batch == total
        if training.batch % settings.check_every == 0 or last:
            look(training, held_out, settings, float(np.mean(losses)))
        training.seconds = clock.tick()
        if training.batch % LOG_EVERY == 0 or last:
            left = clock.minutes_left(training.batch, total)
            report(training, settings, float(np.mean(losses)), left)
        if received or last or clock.save_is_due():
            training.save(checkpoint)
        if received:
            raise Stopped(received[0])


def report(training: Training, settings: Settings, loss: float, left: float) -> None:
    """Print the progress of the run on stderr; ``left`` is in minutes."""
    held_out = f", held out {training.curve[-1]['held_out_psnr']:.2f} dB" if training.curve else ""
    print(
        f"batch {training.batch}/{settings.batches}: loss {loss:.5f}{held_out}, eta {left:.1f} min",
        file=sys.stderr,
        flush=True,
    )
