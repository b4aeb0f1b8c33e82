"""The verb asic-sim: comparison of the chip's netlist in standard cells with golden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golden.files import read_json, write_json
from sw.cli.asic import (
    ClockGates,
    Corner,
    DesignName,
    LibertyPath,
    LibraryName,
    Subjects,
    asic_folder,
)
from sw.cli.common import progress

if TYPE_CHECKING:
    import numpy as np

    from hw.asic.chips import AsicChip
    from sim.devices.asic import AsicDevice, MappedDesign
    from sim.proof.prove import Restorer

__all__ = ["asic_sim"]


def asic_sim(
    subjects: Subjects = None,
    library: LibraryName = "sg13g2",
    corner: Corner = "typ",
    design: DesignName = "f1",
    liberty: LibertyPath = None,
    images: Annotated[int, typer.Option(min=1, max=100, help="show digits to restore")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="of what the registers power up with")] = 0,
    clock_gates: ClockGates = False,
    energy: Annotated[
        bool, typer.Option("--energy", help="estimate the energy of a digit, too: several minutes")
    ] = False,
) -> None:
    """Restore digits on the netlist in standard cells, and compare every code with golden.

    Every register powers up at random, and reset is raised. The cells have no delays. The energy
    is that of loading, restoring and reading a digit, without wires, memories and glitches.

    \b
    thalweg asic-sim --library sg13g2
    thalweg asic-sim --library sky130 --liberty pdk --design small
    thalweg asic-sim --design small --energy
    """  # noqa: D301 - click reads the backspace as: keep these lines
    from golden.errors import InputError
    from hw.asic.build import build
    from hw.asic.library import find_library, target
    from sim.devices.asic import AsicDevice, MappedDesign, chip_of
    from sim.devices.verilate import require_tools
    from sim.proof.prove import compare_device

    if design in ("hardwired", "tiny"):
        raise InputError(f"DESIGN must be f1 or small, not {design!r}: docs/asic.md has its proof")
    wanted = target(find_library(library), corner, liberty, gates=clock_gates)
    if wanted.liberty is None:
        raise InputError("The netlist in standard cells needs $PDK_ROOT or --liberty")
    chip = chip_of(design, subjects or ())
    require_tools()
    folder = asic_folder(design, library, corner, gated=clock_gates)
    report = build(chip, wanted, folder, say=typer.echo)
    mapped = MappedDesign(chip, folder / "netlist.json", wanted.liberty, traced=energy)
    device = AsicDevice(mapped, seed=seed, progress=typer.echo)
    restorer, damaged = restorer_of(chip, subjects or (), images)
    with progress("restoring", images) as advance:
        codes = compare_device(device, restorer, damaged, progress=advance, say=typer.echo)
    typer.echo(
        f"netlist of {design} in {library}: equal to golden on {images} digits, {codes:,} codes, "
        f"{device.simulated_clocks:,} clocks"
    )
    if energy:
        found = estimate(device, mapped, report, restorer, damaged[:1])
        write_json(folder / "energy.json", found)
        typer.echo(f"{found['total_nj'] / 1000:.3g} uJ a digit, {found['mw']:.3g} mW")
        typer.echo(f"wrote {folder / 'energy.json'}")


def estimate(
    device: AsicDevice,
    mapped: MappedDesign,
    report: Mapping[str, Any],
    restorer: Restorer,
    damaged: np.ndarray,
) -> dict[str, Any]:
    """Return the energy of a digit at the period of a report, as JSON values."""
    from hw.asic.energy import energy
    from hw.asic.liberty import read_liberty
    from hw.asic.netlist import Netlist
    from sim.measure.activity import activity

    seen = activity(device, restorer, damaged)
    netlist = Netlist(read_json(mapped.netlist), mapped.top)
    names = ("design", "library", "corner", "area_mm2", "clock_gates")
    named = {name: report[name] for name in names}
    return named | energy(netlist, read_liberty(mapped.liberty), seen, report["period_ns"])


def restorer_of(chip: AsicChip, subjects: Sequence[str], count: int) -> tuple[Restorer, np.ndarray]:
    """Return what restores images on a chip, with its gate, and so many damaged ones.

    They are show digits; where the chip's own skeleton is a random one, random images.
    """
    import numpy as np

    from golden.samples import network
    from sim.proof.prove import Restorer
    from sw.data.damage import blank
    from sw.data.load import show_digits
    from sw.runs.loading import load_run

    skeleton = chip.skeletons[0]
    spec = skeleton.spec
    if subjects or chip.design == "f1":
        skeleton, gate = load_run(subjects[0] if subjects else "digits")
        images, _ = show_digits()
        return Restorer(skeleton, gate, spec.steps), blank(images[:count], range(count))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, spec.image, spec.image)).astype(np.uint8)
    return Restorer(skeleton, network(spec, rng), spec.steps), images
