"""A skeleton and its gate as one C99 file of integers, which needs nothing but a compiler."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np

from golden.gate import GateNetwork
from golden.skeleton import LAYERS, Skeleton

__all__ = ["write_c"]

CODE = Path(__file__).parent / "automaton.c"
"""All of the file but its numbers."""

ROW = 24
"""Numbers in a line."""

TYPES = {"weight": "int8_t", "bias": "int32_t", "shift": "uint8_t"}


def write_c(skeleton: Skeleton, network: GateNetwork | None, steps: int, file: Path) -> None:
    """Write the C file of a run of ``steps`` steps; without a network it is of the rule alone."""
    parts = [heading(skeleton, network, steps), "#include <stdint.h>\n\n"]
    parts += [f"#define THALWEG_{k} {v}\n" for k, v in shape(skeleton, network, steps).items()]
    parts += tables(skeleton, network)
    parts.append(CODE.read_text(encoding="utf-8"))
    file.write_text("".join(parts), encoding="ascii")


def heading(skeleton: Skeleton, network: GateNetwork | None, steps: int) -> str:
    """Return the comment that the file begins with."""
    name = skeleton.name.encode("ascii", "replace").decode()  # a folder's, so without slashes
    state = math.prod(skeleton.spec.lattice)
    gated = "without" if network is None else "with"
    kept = sum(codes.size for codes in skeleton.numbers())
    if network is not None:
        kept += network.hidden.weight.size + network.output.weight.size
    return f"""\
/* {name}, a neural cellular automaton in exact integers, {gated} its gate.
 * Written by thalweg {metadata.version("thalweg")}; skeleton {skeleton.digest}.
 *
 * C99, no library. {kept:,} constants; two lattices of {state:,} bytes are the caller's.
 *
 *     thalweg_encode(image, state);
 *     for (int32_t step = 1; step <= THALWEG_STEPS; step++)
 *         thalweg_step(state, scratch, step);
 *     thalweg_read_out(state, image);
 *
 * A program that restores images: cc -std=c99 -O2 -DTHALWEG_MAIN FILE.c
 */
"""


def shape(skeleton: Skeleton, network: GateNetwork | None, steps: int) -> dict[str, int]:
    """Return the constants that the code depends on."""
    spec, (top, left) = skeleton.spec, skeleton.spec.margins
    found = {
        "CHANNELS": spec.channels,
        "HEIGHT": spec.height,
        "WIDTH": spec.width,
        "MULTIPLIER": spec.multiplier,
        "FILTERS": spec.filters,
        "IMAGE": spec.image,
        "TOP": top,
        "LEFT": left,
        "STEPS": steps,
        "WRAP": int(spec.boundary == "wrap"),
        "GATED": int(network is not None),
    }
    if network is not None and spec.gate is not None:
        found |= {
            "GATE_INPUT": spec.gate.input_channel,
            "GATE_OUTPUT": spec.gate.output_channel,
            "GATE_START": spec.gate.start,
            "GATE_EVERY": spec.gate.every,
            "GATE_PHASE4": int(spec.gate.mapping == "phase4"),
            "GATE_HIDDEN": len(network.hidden.bias),
        }
    return found


def tables(skeleton: Skeleton, network: GateNetwork | None) -> Iterator[str]:
    """Yield every array of the skeleton and of the gate."""
    layers = {name: getattr(skeleton, name) for name in LAYERS}
    if network is not None:
        layers |= {"gate_hidden": network.hidden, "gate_output": network.output}
    for name, layer in layers.items():
        for part, kind in TYPES.items():
            yield table(f"{name}_{part}", kind, getattr(layer, part))


def table(name: str, kind: str, codes: np.ndarray) -> str:
    """Return the definition of an array."""
    texts = [str(code) for code in codes.reshape(-1).tolist()]
    rows = (", ".join(texts[begin : begin + ROW]) for begin in range(0, len(texts), ROW))
    body = ",\n    ".join(rows)
    return f"\nstatic const {kind} {name}[{len(texts)}] = {{\n    {body}\n}};\n"
