"""The verb yours: from images of one's own to a chip, and a page that shows it."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sw.cli.common import Damage
from sw.cli.docs import docs as write_docs
from sw.cli.request import parameters
from sw.cli.sim import COCOTB, compare_cocotb, compare_device
from sw.cli.train import why_no_chip
from sw.data.protocol import SHARE
from sw.train.options import Options, Shape, spec_for

if TYPE_CHECKING:
    import numpy as np

    from golden.gate import GateNetwork
    from golden.skeleton import Skeleton

__all__ = ["yours"]

SHOWN = 10
"""Images on the page."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `thalweg yours` is asked for, beside the shape."""

    data: Annotated[Path, typer.Option(help="images, as `thalweg train --data` takes them")] = Path(
        "sklearn:digits"
    )
    fit: Annotated[
        bool, typer.Option("--fit", help="scale and centre each image as MNIST's are")
    ] = False
    damage: Damage = SHARE
    batches: Annotated[int, typer.Option(min=1, help="batches of the float warm-up")] = 4000
    images: Annotated[
        int, typer.Option(min=COCOTB, help="test images that the simulated chip restores")
    ] = 20
    seed: Annotated[int, typer.Option(min=0, help="seed of the training")] = 0
    name: Annotated[str, typer.Option(help="name of the skeleton")] = "yours"
    output: Annotated[Path, typer.Option(help="folder for everything; report.html is the page")] = (
        Path("build/yours")
    )
    docs: Annotated[
        bool, typer.Option("--docs", help="also put the report and its picture into docs")
    ] = False


def yours(**given: Any) -> None:
    """Train on images of your own, prove and simulate the chip, and show it on one page.

    The digits of scikit-learn unless told. The same command resumes a training that was
    interrupted.

    \b
    thalweg yours
    thalweg yours --data pictures --fit --image 28 --damage block --output build/mine
    thalweg yours --data letters-upper --no-gate --channels 16 --multiplier 5 --name letters
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from sw.report.yours import FILES, publish_own, require_own_docs, write_report
    from sw.runs.writable import require_writable
    from sw.train.run import train

    shape = {each.name: given.pop(each.name) for each in fields(Shape)}
    request, work = Request(**given), Work()
    require_writable(*(request.output / name for name in FILES))
    if request.docs:
        require_own_docs(request.name)
    with work.timed("data"):
        options = options_of(request, shape)
    with work.timed("training, proof and evaluation"):
        train(options)
    report = report_of(options, request, work)
    typer.echo(f"wrote {write_report(request.output, report.told, report.columns)}")
    if request.docs:
        publish_own(request.output, request.name)
        write_docs()


class Work:
    """Seconds of each part of the work, by its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Time a block."""
        begin = time.monotonic()
        yield
        self.seconds[part] = round(time.monotonic() - begin, 1)


def options_of(request: Request, shape: dict[str, Any]) -> Options:
    """Return the training that is asked for; the image's side is that of the data unless told."""
    from sw.data.load import load

    usual = {"channels": 8, "multiplier": 4}
    shape |= {name: value for name, value in usual.items() if shape[name] is None}
    if shape["image"] is None and not request.fit:
        shape["image"] = load(request.data, download=True).train_images.shape[1]
    return Options(
        name=request.name,
        data=request.data,
        fit=request.fit,
        damage=request.damage,
        batches=request.batches,
        seed=request.seed,
        output=request.output,
        spec=spec_for("restore", **shape),
    )


@dataclass(frozen=True)
class Report:
    """What is on the page: measured values as JSON, and columns of images by their heading."""

    told: dict[str, Any]
    columns: dict[str, np.ndarray]


def report_of(options: Options, request: Request, work: Work) -> Report:
    """Simulate the chip of a finished run, and gather what was measured."""
    import numpy as np

    from golden.files import read_json
    from golden.skeleton import PROVENANCE_FILE
    from sw.data.damage import damage
    from sw.data.load import load
    from sw.judge.evaluate import images_to_judge
    from sw.runs.loading import load_run

    skeleton, network = load_run(options.folder)
    record = read_json(options.folder / PROVENANCE_FILE)
    data = load(options.data, fit=options.spec.image if options.fit else None, say=lambda _: None)
    originals = images_to_judge(data).images
    damaged, _ = damage(originals, range(len(originals)), options.damage)
    shown = np.linspace(0, len(originals) - 1, SHOWN).round().astype(int)  # sets may be sorted
    with work.timed("chip, written and simulated"):
        chip = chip_of(skeleton, network, damaged[: request.images], request.output)
    told = {
        "name": options.name,
        "command": record["command"],
        "data": record["data"]
        | {"train": len(data.train_images), "test": record["results"]["images"]},
        "spec": options.spec.to_json(),
        "parameters": parameters_of(skeleton, network),
        "batches": options.stages(),
        "damage": options.damage,
        "skeleton": record["skeleton"],
        "codes_equal_to_golden": record["codes_equal_to_golden"],
        "results": record["results"],
        "chip": chip,
        "machine": record["machine"],
        "training_seconds": record["seconds"]["training"],
        "seconds": work.seconds,
    }
    return Report(told, columns_of(skeleton, network, damaged[shown], originals[shown]))


def parameters_of(skeleton: Skeleton, network: GateNetwork | None) -> dict[str, int]:
    """Return the numbers of integers of the rule and of the gate."""
    gate = () if network is None else (network.hidden, network.output)
    return {
        "skeleton": sum(codes.size for codes in skeleton.numbers()),
        "gate": sum(each.weight.size + each.bias.size + each.shift.size for each in gate),
    }


def chip_of(
    skeleton: Skeleton, network: GateNetwork | None, damaged: np.ndarray, folder: Path
) -> dict[str, Any]:
    """Write the chip of a skeleton, and compare it with golden; say where there is none."""
    from hw.flow.verilog import write_chip
    from hw.shapes import Geometry

    if (reason := why_no_chip(skeleton.spec)) is not None:
        return {"none": reason}
    filters = skeleton.spec.multiplier
    geometry = Geometry(spec=skeleton.spec.ungated, filters=filters)
    path = write_chip(geometry, (skeleton,), folder / "chip")
    typer.echo(f"wrote {path}")
    found: dict[str, Any] = {"verilog": path.name, "filters": filters}
    found["cocotb"] = compare_cocotb(skeleton, network, damaged[:COCOTB], filters)
    if len(damaged) > COCOTB:
        found["device"] = compare_device(skeleton, network, damaged[COCOTB:], filters)
    return found


def columns_of(
    skeleton: Skeleton, network: GateNetwork | None, damaged: np.ndarray, originals: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the images of the page: damaged, after each of some steps, restored, original."""
    from golden.device import GoldenDevice, trace
    from golden.model import Model
    from sw.report.pictures import steps_to_show

    device, model, steps = GoldenDevice((skeleton,)), Model(skeleton), skeleton.spec.steps
    device.load_images(damaged)
    states = trace(device, network, steps)
    columns = {"damaged": damaged}
    columns |= {
        f"step {step}": model.readout(states[:, step]) for step in steps_to_show(range(1, steps))
    }
    return columns | {"restored": model.readout(states[:, steps]), "original": originals}


yours.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    parameters(Request, Shape)
)
