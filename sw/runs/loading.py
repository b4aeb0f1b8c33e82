"""Reading what a run needs: a skeleton by its name or folder, and the gate that goes with it."""

from __future__ import annotations

from pathlib import Path

from golden.errors import InputError
from golden.files import exists
from golden.gate import GateNetwork
from golden.skeleton import Skeleton, find

__all__ = ["load_run"]


def load_run(
    name: str | Path, gate: Path | None = None, *, gated: bool = True
) -> tuple[Skeleton, GateNetwork | None]:
    """Return a skeleton and the gate of its run; None where it runs without.

    The gate is read from the file ``gate``, or from gate.safetensors beside the skeleton.
    """
    folder = find(name)
    skeleton = Skeleton.load(folder)
    if not gated:
        if gate is not None:
            raise InputError("--gate and --no-gate must not be given together")
        return skeleton, None
    if skeleton.spec.gate is None and gate is None:
        return skeleton, None
    path = folder / "gate.safetensors" if gate is None else gate
    if gate is None and not exists(path):
        raise InputError(
            f"{path} must be there for a gated run; --gate names another, --no-gate goes without"
        )
    network = GateNetwork.load(path)
    network.require_fit(skeleton, str(path))
    return skeleton, network
