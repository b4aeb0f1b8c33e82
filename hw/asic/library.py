"""The cell libraries: their liberty files, where a PDK has them, and the cells left out."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from golden.errors import InputError
from golden.files import is_dir, is_file
from hw.asic.liberty import Library, read_liberty

__all__ = [
    "CORNERS",
    "LIBRARIES",
    "CellLibrary",
    "Target",
    "find_liberty",
    "find_library",
    "load_liberty",
    "target",
]

CORNERS = ("typ", "slow")


@dataclass(frozen=True)
class CellLibrary:
    """A library of standard cells.

    Parameters
    ----------
    name : str
        What users call it.
    folder : str
        Where its liberty files are below `$PDK_ROOT`, as `ciel` lays them.
    files : dict of str to str
        The liberty file of each corner.
    conditions : dict of str to tuple of float
        Volts and degrees Celsius of each corner.
    excluded : tuple of str
        Cells that are not to be used, as patterns: those that its PDK excludes, and all that are
        for scan chains, delays, level shifters and buses.
    high, low : str
        Cell and pin of a constant 1 and 0.
    driver : str
        Cell that is taken to drive every input.
    gate : str
        Cell that gates a clock, where gates are asked for.
    period : dict of str to float
        Period in ns that mapping aims at, by corner.
    """

    name: str
    folder: str
    files: dict[str, str]
    conditions: dict[str, tuple[float, float]]
    excluded: tuple[str, ...]
    high: str
    low: str
    driver: str
    gate: str
    period: dict[str, float]


SG13G2 = CellLibrary(
    name="sg13g2",
    folder="ihp-sg13g2/libs.ref/sg13g2_stdcell/lib",
    files={
        "typ": "sg13g2_stdcell_typ_1p20V_25C.lib",
        "slow": "sg13g2_stdcell_slow_1p08V_125C.lib",
    },
    conditions={"typ": (1.2, 25.0), "slow": (1.08, 125.0)},
    excluded=(
        *("sg13g2_dfrbp_2", "sg13g2_lgcp_1", "sg13g2_slgcp_1", "sg13g2_sighold"),
        *("sg13g2_sdf*", "sg13g2_dly*", "sg13g2_ebufn_*", "sg13g2_einvn_*"),
    ),
    high="sg13g2_tiehi L_HI",
    low="sg13g2_tielo L_LO",
    driver="sg13g2_buf_4",
    gate="sg13g2_lgcp_1",
    period={"typ": 3.6, "slow": 5.0},
)

SKY130 = CellLibrary(
    name="sky130",
    folder="sky130A/libs.ref/sky130_fd_sc_hd/lib",
    files={
        "typ": "sky130_fd_sc_hd__tt_025C_1v80.lib",
        "slow": "sky130_fd_sc_hd__ss_100C_1v60.lib",
    },
    conditions={"typ": (1.8, 25.0), "slow": (1.6, 100.0)},
    excluded=(
        *("sky130_fd_sc_hd__probe*", "sky130_fd_sc_hd__lpflow*", "sky130_fd_sc_hd__sdf*"),
        *("sky130_fd_sc_hd__dly*", "sky130_fd_sc_hd__clkdly*", "sky130_fd_sc_hd__edf*"),
        *("sky130_fd_sc_hd__ebufn*", "sky130_fd_sc_hd__einv*", "sky130_fd_sc_hd__macro*"),
    ),
    high="sky130_fd_sc_hd__conb_1 HI",
    low="sky130_fd_sc_hd__conb_1 LO",
    driver="sky130_fd_sc_hd__buf_4",
    gate="sky130_fd_sc_hd__dlclkp_1",
    period={"typ": 4.2, "slow": 8.0},
)

LIBRARIES = {library.name: library for library in (SG13G2, SKY130)}


def find_library(name: str) -> CellLibrary:
    """Return a library by its name."""
    if name not in LIBRARIES:
        raise InputError(f"LIBRARY must be one of {', '.join(LIBRARIES)}, not {name!r}")
    return LIBRARIES[name]


def find_liberty(library: CellLibrary, corner: str, given: Path | None) -> Path | None:
    """Return the liberty file of a corner; None where no PDK is named.

    ``given`` is a liberty file, or a folder that has the corner's; without it, `$PDK_ROOT` is
    looked into. A file may be packed with gzip.
    """
    if corner not in CORNERS:
        raise InputError(f"CORNER must be one of {', '.join(CORNERS)}, not {corner!r}")
    root = os.environ.get("PDK_ROOT")
    if given is not None and is_file(given):
        return given
    if given is not None and not is_dir(given):
        raise InputError(f"LIBERTY must be a liberty file or a folder of some, not {str(given)!r}")
    if given is None and not root:
        return None
    folder = given if given is not None else Path(root or "") / library.folder
    found = next((path for path in places(folder, library, corner) if is_file(path)), None)
    if found is None:
        raise InputError(f"{folder} must have {library.files[corner]}: see docs/asic.md")
    return found


def places(folder: Path, library: CellLibrary, corner: str) -> Iterator[Path]:
    """Yield the paths that a corner's liberty file may have in a folder."""
    for ending in ("", ".gz"):
        yield folder / f"{library.files[corner]}{ending}"


def load_liberty(path: Path, library: CellLibrary, corner: str) -> Library:
    """Read a liberty file; raise unless it is of this library and corner."""
    found = read_liberty(path)
    want = library.conditions[corner]
    if found.conditions != want:
        volts, degrees = found.conditions
        raise InputError(
            f"{path} must be of corner {corner}, {want[0]:g} V and {want[1]:g} degrees, "
            f"not {volts:g} V and {degrees:g}"
        )
    for cell in (library.high, library.low, library.driver, library.gate):
        found.cell(cell.split()[0])
    return found


@dataclass(frozen=True)
class Target:
    """A corner of a library, and the period in ns that mapping aims at.

    `liberty` is its file; None where there is no PDK. With `gates`, flip-flops that share an enable
    have a clock gate in its place.
    """

    library: CellLibrary
    corner: str
    liberty: Path | None
    period: float
    gates: bool = False


def target(
    library: CellLibrary,
    corner: str,
    given: Path | None,
    period: float | None = None,
    *,
    gates: bool = False,
) -> Target:
    """Return a corner of a library; its file is read here, so that a wrong one is told at once."""
    liberty = find_liberty(library, corner, given)
    if liberty is not None:
        load_liberty(liberty, library, corner)
    return Target(library, corner, liberty, period or library.period[corner], gates)
