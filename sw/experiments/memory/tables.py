"""What the tables of docs/memory.md have in common: scores of digits, samples on the chip."""

from __future__ import annotations

from sw.experiments.memory.task import Results

__all__ = ["chip_line", "score_cells"]


def score_cells(found: Results) -> tuple[str, str, str]:
    """Return the cells of one set of restored digits."""
    return (
        f"{found['psnr_mean']:.2f} dB",
        f"{found['psnr_of_mean']:.2f} dB",
        f"{found['digit_id']:.2f} %",
    )


def chip_line(found: Results | None) -> str:
    """Return what was compared with the chip."""
    if found is None:
        return ""
    return f"\nOn the simulated chip: {found['codes_equal']:,} codes, every one equal.\n"
