"""The verb reskeleton: replaces the skeletons in a bitstream."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["reskeleton"]


def reskeleton(
    bitstream: Annotated[
        Path,
        typer.Argument(
            metavar="BITSTREAM", help="bitstream of any board, built by thalweg bitstream"
        ),
    ],
    subjects: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_DIR...", help="shipped skeletons, or folders")
    ],
    output: Annotated[Path, typer.Option(help="file for the new bitstream")],
) -> None:
    """Replace the skeletons in a bitstream within seconds, without synthesis and placement.

    \b
    thalweg reskeleton build/ulx3s-25f/thalweg.bit mine/skeleton digits --output mine.bit
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.skeleton import Skeleton, find
    from hw.flow.reskeleton import reskeleton as refill

    skeletons = [Skeleton.load(find(name)) for name in subjects]
    held, holds = refill(bitstream, skeletons, output)
    before, after = (", ".join(f"{d[:12]}…" for d in digests) for digests in (held, holds))
    typer.echo(f"wrote {output}: {before or 'no skeleton'} before, {after} now")
