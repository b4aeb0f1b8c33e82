"""Bytes of what travels for a gated digit, in each form: plain, with a mask, compact.

`python -m sw.experiments.compact` counts them with golden on damaged test digits, and writes
`hw/boards/compact.json`, which the rates of boards are computed from.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from golden.compact import compress
from golden.files import ROOT, write_json
from golden.gate import GateNetwork
from golden.machine import Machine
from golden.skeleton import Skeleton
from sw.data.damage import blank
from sw.data.load import load, show_digits
from sw.runs.loading import load_run

__all__ = ["OUTPUT", "count", "main", "masked_bytes", "travels"]

OUTPUT = ROOT / "hw" / "boards" / "compact.json"
DIGITS = 300


def main(output: Path = OUTPUT, digits: int = DIGITS) -> None:
    """Count the bytes of `digits`, and write them."""
    images, source = load().test_images, "MNIST's test digits"
    if images is None:
        images, source = show_digits()[0], "show digits"
    skeleton, network = load_run("digits")
    assert network is not None
    damaged = blank(images[:digits], range(digits))
    found = {
        "made_by": "python -m sw.experiments.compact",
        "skeleton": skeleton.name,
        "digits": f"the first {len(damaged)} of {source}, damaged",
        "travels": count(skeleton, network, damaged),
    }
    write_json(output, found, indent=1)


def count(skeleton: Skeleton, network: GateNetwork, damaged: np.ndarray) -> list[dict[str, Any]]:
    """Return the mean bytes of all that travels for a digit, in each form."""
    return [
        {
            "what": what,
            "kind": kind,
            "plain": rows.shape[1],
            "masked": round(float(np.mean([masked_bytes(row) for row in rows])), 1),
            "compact": round(float(np.mean([len(compress(row.tobytes())) for row in rows])), 1),
            "entropy": round(entropy_bytes(rows), 1),
        }
        for what, kind, rows in travels(skeleton, network, damaged)
    ]


def travels(
    skeleton: Skeleton, network: GateNetwork, damaged: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield what travels for each digit, its kind, and its bytes (n, bytes)."""
    machine = Machine(skeleton, network)
    states = machine.model.encode(damaged)
    yield "damaged image", "image", damaged.reshape(len(damaged), -1)
    for step in range(1, skeleton.spec.steps + 1):
        for name, result in machine.moments(states, step):
            if name.startswith("delta"):
                yield f"plane after step {step}", "plane", machine.model.planes(states)
                yield name, "delta", result
            else:
                states = result
    yield "restored image", "restored", machine.model.readout(states).reshape(len(states), -1)


def masked_bytes(values: np.ndarray) -> int:
    """Return the bytes of values with a mask: plain, if that is shorter.

    The form has the commonest value, a bit for each value that says whether it is another one, and
    these others.
    """
    counts = np.bincount(values.view(np.uint8), minlength=256)
    masked = 1 + -(-len(values) // 8) + len(values) - int(counts.max())
    return min(masked, len(values))


def entropy_bytes(rows: np.ndarray) -> float:
    """Return the entropy of the values of a row, all values taken for independent, in bytes."""
    counts = np.bincount(rows.view(np.uint8).reshape(-1), minlength=256)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum()) * rows.shape[1] / 8


if __name__ == "__main__":
    main()
