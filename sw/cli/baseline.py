"""The verb baseline: training of the networks for comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sw.cli.common import DataFolder
from sw.cli.request import takes

__all__ = ["baseline"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg baseline` is asked for."""

    name: Annotated[str, typer.Argument(help="autoencoder, unet or mlp")]
    data: DataFolder = None
    output: Annotated[Path, typer.Option(help="folder for runs; each has a folder of its own")] = (
        Path("build/baselines")
    )
    batches: Annotated[int | None, typer.Option(help="default: the baseline's own")] = None
    batch: Annotated[
        int | None, typer.Option(help="digits in a batch, default: the baseline's own")
    ] = None
    loss: Annotated[
        str | None, typer.Option(help="mse or log-mse, default: the baseline's own")
    ] = None
    threads: Annotated[int, typer.Option(help="CPU threads")] = 1
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu"
    ship: Annotated[
        bool, typer.Option("--ship", help="copy the result to the shipped baselines")
    ] = False


@takes(Request)
def baseline(request: Request) -> None:
    """Train a network for comparison with the skeletons.

    The same command continues an interrupted run.

    \b
    thalweg baseline mlp
    thalweg baseline unet --threads 2 --ship
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.experiments.baselines.make import make

    path = make(
        request.name,
        request.data,
        request.output,
        threads=request.threads,
        device=request.device,
        shipping=request.ship,
        **{key: getattr(request, key) for key in ("batches", "batch", "loss")},
    )
    typer.echo(f"wrote {path}")
