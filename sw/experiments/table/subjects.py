"""The subjects of the comparison, in the order of the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from golden.gate import GateNetwork
from golden.skeleton import SHIPPED, Skeleton
from sw.experiments.baselines.closed import ClosedForms
from sw.experiments.baselines.run import restore_images
from sw.experiments.table.automata import (
    OpenDevice,
    brevitas_restore,
    device_restore,
    float_restore,
    golden_device,
    link_bytes,
    parameters_of,
)
from sw.experiments.table.subject import Claim, Progress, Restore, Subject, digest_of
from sw.judge.macs import automaton_macs, count, network_macs
from sw.model.baselines.shelf import SHIPPED as BASELINES
from sw.model.baselines.shelf import load_shipped
from sw.model.floats import FLOATS

__all__ = ["SIMULATED", "subjects"]

SIMULATED = 1000
"""Digits that the simulated chip restores."""

AUTOENCODER = Claim(psnr=24.3, digit_id=82, flop=4.8e9)
HYBRID = Claim(psnr=26.7, digit_id=94, flop=2.4e9)
ALONE = Claim(psnr=21.1, digit_id=64, flop=0.02e9)

NETWORKS = {"autoencoder": "auto-encoder", "unet": "U-Net", "mlp": "MLP of the gate's size"}


def subjects(
    training: np.ndarray,
    open_simulated: OpenDevice,
    *,
    baselines: Path = BASELINES,
    skeletons: Path = SHIPPED,
) -> Iterator[Subject]:
    """Give every subject there is: trained ones whose file is missing are left out.

    Parameters
    ----------
    training
        Digits that the closed forms are fitted to, uint8 (n, h, w).
    open_simulated
        Opens the simulated chip with a skeleton.
    baselines, skeletons
        Folders of what is shipped.
    """
    yield Subject(name="blanked input", restore=keep_input, identity="", curve=True, macs=lambda: 0)
    yield from closed_forms(training)
    for name in NETWORKS:
        if (baselines / f"{name}.safetensors").is_file():
            yield network(name, baselines)
    if (skeletons / "digits-ca" / "skeleton.json").is_file():
        yield from automata(skeletons / "digits-ca", "CA only", ALONE, None)
    if (skeletons / "digits" / "skeleton.json").is_file():
        yield from automata(skeletons / "digits", "hybrid", HYBRID, open_simulated)


def keep_input(damaged: np.ndarray, blanked: np.ndarray, progress: Progress) -> np.ndarray:
    """Return the input."""
    return damaged


def closed_forms(training: np.ndarray) -> Iterator[Subject]:
    """Give the closed forms, which are told what was blanked."""
    forms, pixels = ClosedForms(training), training[0].size
    identity = digest_of(Path("sw/experiments/baselines/closed.py"), training.tobytes())
    one, everything = np.zeros((1, *training.shape[1:]), np.uint8), len(training) * pixels
    rows: tuple[tuple[str, Restore, int, bool], ...] = (
        ("mean-pixel fill", forms.mean_fill, pixels, True),
        ("normalised convolution", forms.convolution, 1, True),
        ("k nearest digits, k = 20", forms.nearest, everything, True),
        ("Gaussian conditional mean", forms.gaussian, pixels + pixels * (pixels + 1) // 2, False),
    )
    for name, restore, parameters, countable in rows:

        def macs(restore: Restore = restore) -> int:
            restore(one, one == 0, lambda done: None)  # fits what it needs, and is not counted
            return count(lambda: restore(one, one == 0, lambda done: None))

        yield Subject(
            name=name,
            restore=restore,
            identity=identity,
            given_mask=True,
            parameters=parameters,
            macs=macs if countable else None,
        )


def network(name: str, folder: Path) -> Subject:
    """Return the subject of a trained baseline."""
    model = load_shipped(name, folder)

    def restore(damaged: np.ndarray, blanked: np.ndarray, progress: Progress) -> np.ndarray:
        return restore_images(model, damaged, progress)

    return Subject(
        name=NETWORKS[name],
        restore=restore,
        identity=digest_of(
            folder / f"{name}.safetensors",
            *(
                Path("sw") / name
                for name in (
                    "model/baselines/models.py",
                    "experiments/baselines/run.py",
                    "model/baselines/shelf.py",
                )
            ),
        ),
        curve=True,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=lambda: network_macs(model),
        claim=AUTOENCODER if name == "autoencoder" else None,
    )


def automata(
    folder: Path, name: str, claim: Claim, open_simulated: OpenDevice | None
) -> Iterator[Subject]:
    """Give the rows of a skeleton: golden alone unless the simulated chip is asked for."""
    skeleton, gate = Skeleton.load(folder), folder / "gate.safetensors"
    spec = skeleton.spec
    network = None if spec.gate is None else GateNetwork.load(gate)
    base = digest_of(
        folder / "skeleton.json", gate, Path("golden"), Path("sw/experiments/table/automata.py")
    )

    def row(kind: str, restore: Restore, *code: Path, most: int | None = None) -> Subject:
        return Subject(
            name=f"{name}, {kind}",
            restore=restore,
            identity=digest_of(base, *code),
            curve=kind == "int8 (golden)",
            parameters=parameters_of(skeleton, network),
            macs=lambda: automaton_macs(spec),
            link_bytes=None if kind == "float" else link_bytes(spec),
            claim=claim,
            most=most,
        )

    model = (
        Path("sw/model/rule.py"),
        Path("sw/model/gate.py"),
        Path("sw/model/quantisers.py"),
        Path("sw/model/rebuild.py"),
    )
    if open_simulated is not None and (folder / FLOATS).is_file():
        code = Path("sw/model/step.py"), Path("sw/model/floats.py")
        yield row("float", float_restore(folder / FLOATS, spec), folder / FLOATS, *code, *model)
    if open_simulated is not None:
        values = Path("sw/model/values.py")
        yield row("int8 (Brevitas)", brevitas_restore(skeleton, network), values, *model)
    yield row("int8 (golden)", device_restore(golden_device, skeleton, network))
    if open_simulated is not None:
        chip = device_restore(open_simulated, skeleton, network, as_golden=True)
        yield row("int8 (simulated chip)", chip, Path("hw"), Path("sim"), most=SIMULATED)
