"""The verb restore for a folder: progress, summary and exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import typer

from golden.device import Device
from golden.errors import InputError
from golden.files import is_dir, require_replaceable, write_json
from golden.gate import GateNetwork
from golden.spec import Spec
from sw.cli.common import progress
from sw.restore.fitting import Fit
from sw.restore.folder import FolderRun, Listing, Tally, check
from sw.restore.outputs import REPORT, remove_single
from sw.restore.results import Method
from sw.runs.writable import require_folders

__all__ = ["Folders", "restore_folder"]


class Folders(NamedTuple):
    """Where the PNGs are, where results go, and where the originals are, if anywhere."""

    source: Path
    output: Path
    originals: Path | None


def restore_folder(
    open_device: Callable[[], Device],
    network: GateNetwork | None,
    spec: Spec,
    folders: Folders,
    method: Method,
    named: dict[str, Any],
    fit: Fit | None = None,
) -> None:
    """Restore every PNG below a folder; exit with code 1 if some could not be restored.

    `named` has the report's entries about skeleton and device. With `fit`, every picture.
    """
    source, output, originals = folders
    if originals is not None and not is_dir(originals):
        raise InputError(f"--originals must be a folder, not {str(originals)!r}")
    found = check(source, output, method)
    require_folders(output)
    require_replaceable(output / REPORT)
    remove_single(output)
    work = FolderRun(
        device=open_device(),
        network=network,
        spec=spec,
        source=source,
        output=output,
        method=method,
        fit=fit,
        originals=originals,
        complain=lambda text: typer.echo(f"thalweg: {text}", err=True),
    )
    tally = restore_found(work, found)
    told = {"input": str(source), **method.to_json(), **named}
    told["originals"] = None if originals is None else str(originals)
    write_json(output / REPORT, told | tally.report())
    for note, count in Counter(tally.notes.values()).items():
        typer.echo(f"{count} of them {'were' if count > 1 else 'was'} {note}", err=True)
    typer.echo(summary(tally, len(found.names) + len(found.failures)))
    typer.echo(f"wrote {output / REPORT}")
    if tally.failures:
        raise typer.Exit(1)


def restore_found(work: FolderRun, found: Listing) -> Tally:
    """Restore what was found in a folder; where that is broken off, say how far it came."""
    work.tally.notes.update(dict.fromkeys(found.links, "a link to a folder, not followed"))
    for name, text in found.failures.items():
        work.tally.failures[name] = text
        work.complain(text)
    try:
        with progress("restoring", len(found.names)) as advance:
            return work.restore(found.names, advance)
    except KeyboardInterrupt:
        done = work.tally.restored + work.tally.kept
        typer.echo(f"{done} of {len(found.names)} are there; the same command goes on", err=True)
        raise


def summary(tally: Tally, total: int) -> str:
    """Return the numbers of restored, kept and failed files in one line."""
    text = f"{tally.restored + tally.kept} of {total} restored"
    if tally.kept:
        text += f", {tally.kept} of them before"
    if tally.errors:
        text += f", {tally.closeness()['restored']['psnr_mean']:.2f} dB"
    return text
