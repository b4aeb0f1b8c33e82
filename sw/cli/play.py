"""The verb play: the page, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golden.errors import InputError
from golden.wire import BAUD
from sw.cli.common import FILTERS, Baud, Filters, open_device, require_device

if TYPE_CHECKING:
    from golden.device import Device
    from golden.skeleton import Skeleton

__all__ = ["play"]

PORT = 8420


def play(
    device: Annotated[
        str | None,
        typer.Option(help="golden, simulated or serial:PORT behind the page; default: none"),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="port on 127.0.0.1; 0: any free one")
    ] = PORT,
    filters: Filters = FILTERS,
    baud: Baud = BAUD,
    output: Annotated[
        Path | None, typer.Option(help="write the page as a new folder, for any web server")
    ] = None,
) -> None:
    """Serve a page to play with: draw, damage, watch it fall back; Ctrl-C ends it.

    The page computes in the browser. With a device, it compares every code with the device's.

    \b
    thalweg play
    thalweg play --device simulated
    thalweg play --output build/site
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.play.bench import Bench
    from sw.play.serve import serve, write_site

    if output is not None:
        if device is not None:
            raise InputError("--output and --device must not be given together")
        typer.echo(f"wrote {write_site(output)}")
        return
    bench = None
    if device is not None:
        require_device(device, filters)

        def opened(skeletons: tuple[Skeleton, ...]) -> Device:
            return open_device(device, skeletons, filters, baud)

        bench = Bench(opened)
    serve(port, lambda address: typer.echo(address), device or "", bench)
