"""The subjects of the comparison, in the order of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from golden.skeleton import GATE_FILE, SHIPPED, SKELETON_FILE, Skeleton
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
from sw.experiments.table.subject import Claim, Progress, Restore, Subject
from sw.judge.macs import automaton_macs, count, network_macs
from sw.model.baselines.shelf import SHIPPED as BASELINES
from sw.model.baselines.shelf import load_shipped, place_of
from sw.model.floats import FLOATS
from sw.runs.loading import load_run

__all__ = ["NETWORKS", "SIMULATED", "own_subjects", "subjects"]

SIMULATED = 1000
"""Digits that the simulated chip restores."""

AUTOENCODER = Claim(psnr=24.3, digit_id=82, flop=4.8e9)
HYBRID = Claim(psnr=26.7, digit_id=94, flop=2.4e9)
ALONE = Claim(psnr=21.1, digit_id=64, flop=0.02e9)

NETWORKS = {"autoencoder": "auto-encoder", "unet": "U-Net", "mlp": "MLP of the gate's size"}
"""Names of the trained baselines in the table."""

CLAIMS = {"autoencoder": AUTOENCODER}


def subjects(
    training: np.ndarray,
    open_simulated: OpenDevice,
    chip_digest: Callable[[Skeleton], str],
    *,
    baselines: Path = BASELINES,
    skeletons: Path = SHIPPED,
) -> Iterator[Subject]:
    """Give every subject there is: trained ones whose file is missing are left out.

    Parameters
    ----------
    training
        Digits that the closed forms are fitted to, uint8 (n, h, w).
    open_simulated, chip_digest
        Open the simulated chip with a skeleton, and return the digest of its Verilog.
    baselines, skeletons
        Folders of what is shipped.
    """
    yield from untrained(training)
    for name, path in networks_in(baselines):
        yield replace(network(name, path), claim=CLAIMS.get(name))
    if (skeletons / "digits-ca" / SKELETON_FILE).is_file():
        automaton = Automaton(skeletons / "digits-ca", "CA only", ALONE)
        yield automaton.on_golden()
    if (skeletons / "digits" / SKELETON_FILE).is_file():
        automaton = Automaton(skeletons / "digits", "hybrid", HYBRID)
        if (automaton.folder / FLOATS).is_file():
            yield automaton.in_float()
        yield automaton.in_brevitas()
        yield automaton.on_golden()
        yield automaton.on_chip(open_simulated, chip_digest)


def own_subjects(
    training: np.ndarray,
    skeletons: Iterable[Path],
    open_simulated: OpenDevice,
    chip_digest: Callable[[Skeleton], str],
    *,
    baselines: Path | None,
    on_chip: Callable[[Skeleton], bool],
) -> Iterator[Subject]:
    """Give what restores images of the user's own: closed forms, baselines, then skeletons.

    ``skeletons`` are their folders, and ``on_chip`` says whether the simulated chip takes one; the
    rest is as in `subjects`.
    """
    yield from untrained(training)
    for name, path in () if baselines is None else networks_in(baselines):
        yield network(name, path)
    for folder in skeletons:
        automaton = Automaton(folder)
        if (folder / FLOATS).is_file():
            yield automaton.in_float()
        yield automaton.in_brevitas()
        yield automaton.on_golden()
        if on_chip(automaton.skeleton):
            yield automaton.on_chip(open_simulated, chip_digest)


def untrained(training: np.ndarray) -> Iterator[Subject]:
    """Give the input as it is, and the closed forms."""
    yield Subject(name="blanked input", version=1, restore=keep_input, curve=True, macs=lambda: 0)
    yield from closed_forms(training)


def networks_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Give the name and the folder of each trained baseline in a folder, or in a run's own."""
    for name in NETWORKS:
        if (path := place_of(name, folder)) is not None:
            yield name, path


def keep_input(damaged: np.ndarray, blanked: np.ndarray, progress: Progress) -> np.ndarray:
    """Return the input."""
    return damaged


def closed_forms(training: np.ndarray) -> Iterator[Subject]:
    """Give the closed forms, which are told what was blanked."""
    forms, pixels = ClosedForms(training), training[0].size
    one, everything = np.zeros((1, *training.shape[1:]), np.uint8), len(training) * pixels
    rows: tuple[tuple[str, Restore, int, bool], ...] = (
        ("mean-pixel fill", forms.mean_fill, pixels, True),
        ("normalised convolution", forms.convolution, 1, True),
        ("k nearest images, k = 20", forms.nearest, everything, True),
        ("Gaussian conditional mean", forms.gaussian, pixels + pixels * (pixels + 1) // 2, False),
    )
    for name, restore, parameters, countable in rows:

        def macs(restore: Restore = restore) -> int:
            restore(one, one == 0, lambda done: None)  # fits what it needs, and is not counted
            return count(lambda: restore(one, one == 0, lambda done: None))

        yield Subject(
            name=name,
            version=1,
            restore=restore,
            decides=(training,),
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
        version=1,
        decides=(folder / f"{name}.safetensors",),
        curve=True,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        macs=lambda: network_macs(model),
    )


class Automaton:
    """A trained skeleton, which gives a row for each way to run it."""

    def __init__(self, folder: Path, name: str | None = None, claim: Claim | None = None) -> None:
        self.folder, self.claim = folder, claim
        self.skeleton, self.network = load_run(folder)
        kind = "CA only" if self.skeleton.spec.gate is None else "hybrid"
        self.name = f"{self.skeleton.name}, {kind}" if name is None else name
        self.files = (folder / SKELETON_FILE, folder / GATE_FILE)

    def row(self, kind: str, version: int, restore: Restore, *decides: Path | str) -> Subject:
        """Return the row of one way to run it; ``decides`` is what it needs besides integers."""
        spec = self.skeleton.spec
        return Subject(
            name=f"{self.name}, {kind}",
            version=version,
            restore=restore,
            decides=(*self.files, *decides),
            parameters=parameters_of(self.skeleton, self.network),
            macs=lambda: automaton_macs(spec),
            link_bytes=link_bytes(spec),
            claim=self.claim,
        )

    def in_float(self) -> Subject:
        """Return the row of the float weights that the integers were made from."""
        path = self.folder / FLOATS
        row = self.row("float", 1, float_restore(path, self.skeleton.spec), path)
        return replace(row, link_bytes=None)

    def in_brevitas(self) -> Subject:
        """Return the row of the Brevitas model."""
        return self.row("int8 (Brevitas)", 1, brevitas_restore(self.skeleton, self.network))

    def on_golden(self) -> Subject:
        """Return the row of the reference model."""
        restore = device_restore(golden_device, self.skeleton, self.network)
        return replace(self.row("int8 (golden)", 1, restore), curve=True)

    def on_chip(self, opened: OpenDevice, digest: Callable[[Skeleton], str]) -> Subject:
        """Return the row of the simulated chip, which has to equal the reference model's."""
        restore = device_restore(opened, self.skeleton, self.network, as_golden=True)
        row = self.row("int8 (simulated chip)", 1, restore, digest(self.skeleton))
        return replace(row, most=SIMULATED)
