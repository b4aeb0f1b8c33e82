"""What a price on the lattices' differences does: skeletons that were trained with it, compared."""

from __future__ import annotations

from pathlib import Path

from golden.files import ROOT, read_json
from sw.report.docs import table

__all__ = ["forgetting"]

RUNS = ROOT / "docs" / "forgetting"
"""What `thalweg memory holding valleys` wrote of each skeleton, by the price."""


def forgetting(folder: Path = RUNS) -> str:
    """Return a column for each price: how sharp it holds, and how far lattices lie apart."""
    paths = sorted(folder.glob("*.json"), key=lambda path: float(path.stem))
    found = [read_json(path)["experiments"] for path in paths]
    steps = [one["holding"]["steps"] for one in found]
    valleys = [one["valleys"] for one in found]
    lattices = [one["attractors"]["in_lattice_codes"] for one in valleys]
    shown = [one["attractors"]["in_pixels"] for one in valleys]
    return table(
        ("price", *(f"{float(path.stem):g}" for path in paths)),
        [
            ("mean PSNR at step 10", *(f"{one['10']['psnr_mean']:.2f} dB" for one in steps)),
            ("mean PSNR at step 200", *(f"{one['200']['psnr_mean']:.2f} dB" for one in steps)),
            ("read right at step 200", *(f"{one['200']['digit_id']:.2f} %" for one in steps)),
            ("starts from noise", *(f"{one['starts']:,}" for one in valleys)),
            ("distinct attractors", *(f"{one['attractors']['distinct']:,}" for one in valleys)),
            (
                "distance of lattices, same digit and others",
                *(f"{one['within']:.1f} and {one['between']:.1f} codes" for one in lattices),
            ),
            ("silhouette of lattices", *(f"{one['silhouette']:.3f}" for one in lattices)),
            ("silhouette of what they show", *(f"{one['silhouette']:.3f}" for one in shown)),
        ],
    )
