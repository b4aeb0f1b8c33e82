"""The verbs that train: train and referee."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sw.cli.common import DataFolder

__all__ = ["referee", "train"]


def train(
    name: Annotated[str, typer.Option(help="name of the skeleton")] = "digits",
    data: DataFolder = None,
    output: Annotated[
        Path, typer.Option(help="folder for the run's own folder, checkpoint and result")
    ] = Path("build/train"),
    ship: Annotated[bool, typer.Option("--ship", help="copy the result to those shipped")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads")] = 1,
    recipe: Annotated[str, typer.Option(help="what is trained for")] = "restore",
    seed: Annotated[int, typer.Option(help="seed of everything random")] = 0,
    batches: Annotated[int, typer.Option(help="batches of the float warm-up")] = 16000,
    qat_batches: Annotated[
        int | None,
        typer.Option(help="batches of QAT; half of --batches unless told"),
    ] = None,
    hold_batches: Annotated[
        int | None, typer.Option(help="batches that teach to hold, in float; recipe memory only")
    ] = None,
    motion: Annotated[
        float, typer.Option(help="price on motion at rest; recipe memory only")
    ] = 160.0,
    begin: Annotated[
        str | None,
        typer.Option(help="begin with the float weights of this skeleton, folder or file"),
    ] = None,
    letters: Annotated[
        str, typer.Option(help="data set of the letters; recipe letters only")
    ] = "letters-upper",
    rehearsal: Annotated[
        str,
        typer.Option(help="stored, distilled, dreams or none: how digits are kept; letters only"),
    ] = "stored",
    loss: Annotated[
        str | None, typer.Option(help="psnr or mse; mse for recipe memory unless told, else psnr")
    ] = None,
    supervise: Annotated[
        str, typer.Option(help="steps whose read-out counts: last or every")
    ] = "last",
    teacher: Annotated[
        str | None, typer.Option(help="baseline that is learnt from, too: unet, autoencoder or mlp")
    ] = None,
    optimiser: Annotated[
        str, typer.Option(help="of the rule: soap, or adam, which bears a fifth of the rates")
    ] = "soap",
    rate: Annotated[float, typer.Option(help="peak learning rate of the rule, in float")] = 2e-2,
    qat_rate: Annotated[float, typer.Option(help="the same in QAT")] = 1e-3,
    hold_rate: Annotated[
        float, typer.Option(help="the same where holding is taught; recipe memory only")
    ] = 8e-3,
    averaging: Annotated[
        float, typer.Option(help="what averages keep at each batch; 0 exports the last weights")
    ] = 0.999,
    weight_bits: Annotated[
        int, typer.Option(help="bits of the rule's weights: 8, or 5 for codes -15 to 15")
    ] = 8,
    plane_bits: Annotated[
        int, typer.Option(help="upper bits of a plane's codes that the gate reads: 8 or 4")
    ] = 8,
    gated: Annotated[bool, typer.Option("--gated/--no-gate", help="train a gate along")] = True,
    start: Annotated[
        int | None, typer.Option(help="step of the gate's first opening; 4 for memory, else 1")
    ] = None,
    every: Annotated[
        int | None, typer.Option(help="steps between its openings; 1 for memory, else 3")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="how a delta reaches the cells: nearest2 or phase4")
    ] = None,
    multiplier: Annotated[int | None, typer.Option(help="filters of each channel")] = None,
    batch: Annotated[int, typer.Option(help="digits in a batch")] = 32,
    noise: Annotated[
        float, typer.Option(help="standard deviation of noise on the input, in grey levels")
    ] = 0.0,
    dropout: Annotated[float, typer.Option(help="share of the gate's hidden units dropped")] = 0.0,
) -> None:
    """Train a skeleton and its gate.

    The same command goes on with a run that was broken off.

    \b
    thalweg train --name mine --batches 2000
    thalweg train --name mine --device cuda --batches 40000 --batch 64
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.train import Options
    from sw.train import train as work
    from sw.train.options import spec_for

    work(
        Options(
            name=name,
            data=data,
            output=output,
            ship=ship,
            device=device,
            threads=threads,
            recipe=recipe,
            seed=seed,
            batches=batches,
            qat_batches=qat_batches,
            hold_batches=hold_batches,
            motion=motion,
            begin=begin,
            loss=loss,
            supervise=supervise,
            teacher=teacher,
            optimiser=optimiser,
            rate=rate,
            qat_rate=qat_rate,
            hold_rate=hold_rate,
            averaging=averaging,
            weight_bits=weight_bits,
            plane_bits=plane_bits,
            letters=letters,
            rehearsal=rehearsal,
            spec=spec_for(
                recipe, gated, multiplier=multiplier, start=start, every=every, mapping=mapping
            ),
            batch=batch,
            noise=noise,
            dropout=dropout,
        )
    )


def referee(
    output: Annotated[Path, typer.Option(help="folder for its weights and provenance")],
    data: DataFolder = None,
) -> None:
    """Train the judge of digits anew.

    The one that ships was trained once and stays: results are compared by it.

    \b
    thalweg referee --output build/referee
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.data.load import load
    from sw.judge.referee.train import train as work

    record = work(load(data, download=True), output)
    typer.echo(f"{record['test_right']} of {record['test_digits']} clean test digits read right")
    typer.echo(f"wrote {output / 'weights.safetensors'}")
