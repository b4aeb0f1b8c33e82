"""What verbs share: their options, the devices and the progress bar."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.errors import InputError
from golden.wire import BAUD
from sw.cli.request import parsed_by
from sw.data.kinds import HELP, parse
from sw.runs.terminal import console

if TYPE_CHECKING:
    from golden.device import Device
    from golden.gate import GateNetwork
    from golden.skeleton import Skeleton

__all__ = [
    "FILTERS",
    "HARDWIRED",
    "board_folder",
    "chip_digest",
    "device_facts",
    "find_named_board",
    "open_device",
    "progress",
    "require_device",
]

FILTERS = 5
"""Perception filters per clock of a simulated chip, unless given: all of a channel of `digits`."""

HARDWIRED = Path("build/hardwired")
"""Folder of a hardwired chip's netlist and placement."""

MOST_FILTERS = 16
"""All of two channels, where a channel has the most."""

MOST = 1_000_000
"""Largest number of steps, images or batches that a command takes: more is a slip of the hand."""


Subject = Annotated[
    str, typer.Argument(metavar="NAME_OR_DIR", help="shipped skeleton, or a folder")
]
DeviceName = Annotated[str, typer.Option(help="golden, simulated or serial:PORT")]
GateFile = Annotated[
    Path | None, typer.Option(help="gate.safetensors of the run; default: the skeleton's own")
]
NoGate = Annotated[bool, typer.Option("--no-gate", help="run the skeleton alone")]
Steps = Annotated[
    int | None,
    typer.Option(min=0, max=MOST, help="steps of the run; default: as the skeleton says"),
]
Damage = Annotated[Any, typer.Option(help=HELP, **parsed_by(parse))]
Filters = Annotated[
    int, typer.Option(help="filters per clock of the simulated chip: 1, 2, 5 or 10 for digits")
]
OwnFilters = Annotated[
    int | None,
    typer.Option(help=f"filters per clock: 1, 2, 5 or 10 for digits; default: {FILTERS}"),
]
Hardwired = Annotated[
    bool, typer.Option("--hardwired", help="the chip whose logic is one skeleton, ungated")
]
Baud = Annotated[
    int, typer.Option(min=300, max=24_000_000, help="bits a second on the serial port")
]
LinkName = Annotated[str, typer.Option(help="link to the host: uart or usb")]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        help="MNIST's folder, $THALWEG_DATA unless given; or other images, see docs/yours.md"
    ),
]


def load_subject(
    name: str, gate: Path | None, no_gate: bool
) -> tuple[Skeleton, GateNetwork | None]:
    """Return the skeleton of a run and the network of its gate; None to run the rule alone."""
    from golden.skeleton import Skeleton, find
    from sw.runs.loading import GateMissing, load_run

    if no_gate and gate is not None:
        raise InputError("--gate and --no-gate must not be given together")
    if no_gate:
        return Skeleton.load(find(name)), None
    try:
        return load_run(name, gate)
    except GateMissing as error:
        hint = "--gate names another, --no-gate goes without"
        raise InputError(f"{error}; {hint}") from error


def open_device(
    name: str, skeletons: tuple[Skeleton, ...], filters: int = FILTERS, baud: int = BAUD
) -> Device:
    """Open the device of that name with these skeletons."""
    require_device(name, filters)
    if name == "golden":
        from golden.device import GoldenDevice

        return GoldenDevice(skeletons)
    if name == "simulated":
        from sim.devices.device import SimulatedDevice

        device: Device = SimulatedDevice(skeletons, filters=filters)
        return device
    from sw.serial.device import open_serial

    return open_serial(name.removeprefix("serial:"), skeletons, baud)


def require_folded(filters: int | None, hardwired: bool) -> None:
    """Raise where filters per clock are asked of a chip that has no such choice."""
    if hardwired and filters is not None:
        raise InputError("--hardwired and --filters must not be given together")


def require_device(name: str, filters: int) -> None:
    """Raise unless there is a device of that name; it need not answer."""
    if not 1 <= filters <= MOST_FILTERS:
        raise InputError(f"--filters must be 1 to {MOST_FILTERS}, not {filters}")
    if name not in ("golden", "simulated") and not re.fullmatch(r"serial:.+", name, re.DOTALL):
        raise InputError(f"--device must be golden, simulated or serial:PORT, not {name!r}")


def find_named_board(name: str) -> Any:
    """Return a board of the catalogue."""
    try:
        from hw.boards.catalogue import find_board
    except ModuleNotFoundError as error:
        raise InputError(f"--board needs amaranth-boards: {error}") from None
    return find_board(name)


def board_folder(board: str, link: str) -> Path:
    """Return the folder that a board's design with a link is built in."""
    return Path("build") / (board if link == "uart" else f"{board}-{link}")


def chip_digest(skeleton: Skeleton, filters: int = FILTERS) -> str:
    """Return the digest of the simulated chip's Verilog: what a result on it depends on."""
    from hashlib import sha256
    from tempfile import TemporaryDirectory

    from hw.flow.verilog import write_chip
    from hw.shapes import Geometry

    geometry = Geometry(spec=skeleton.spec.ungated, filters=filters)
    with TemporaryDirectory() as folder:
        return sha256(write_chip(geometry, (), Path(folder)).read_bytes()).hexdigest()


def device_facts(device: str, filters: int) -> dict[str, Any]:
    """Return what a report says of a device."""
    return {"device": device} | ({"filters": filters} if device == "simulated" else {})


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr, with its rate, and give the function that moves it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        *(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}"), Remaining()),
    )
    screen = console(stderr=True)
    quiet = not screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=quiet) as bar:
        task, begin, count = bar.add_task(label, total=total, rate=""), time.monotonic(), 0

        def advance(done: int) -> None:
            nonlocal count
            count += done
            rate = count / max(time.monotonic() - begin, 1e-3)
            bar.update(task, advance=done, rate=f"{rate:.1f} a second")

        yield advance


def places(count: int) -> int:
    """Return the number of skeletons that a chip for ``count`` has room for: a power of two."""
    from hw.shapes import MOST_SKELETONS

    if count > MOST_SKELETONS:
        raise InputError(f"The chip holds at most {MOST_SKELETONS} skeletons, not {count}")
    return max(4, 1 << (count - 1).bit_length())
