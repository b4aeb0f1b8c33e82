"""Reading what a run needs: a skeleton by its name or folder, and the gate that goes with it."""

from __future__ import annotations

from pathlib import Path

from golden.errors import InputError
from golden.files import exists
from golden.gate import GateNetwork
from golden.skeleton import GATE_FILE, Skeleton, find

__all__ = ["GateMissing", "load_run"]


class GateMissing(InputError):
    """The gate of a run is not there."""


def load_run(name: str | Path, gate: Path | None = None) -> tuple[Skeleton, GateNetwork | None]:
    """Return a skeleton and the network of its gate; None where it has no gate.

    The network is read from the file ``gate``, or from gate.safetensors beside the skeleton.
    """
    folder = find(name)
    skeleton = Skeleton.load(folder)
    if skeleton.spec.gate is None and gate is None:
        return skeleton, None
    path = folder / GATE_FILE if gate is None else gate
    if gate is None and not exists(path):
        raise GateMissing(f"{path} must be there for a gated run")
    network = GateNetwork.load(path)
    network.require_fit(skeleton, str(path))
    return skeleton, network
