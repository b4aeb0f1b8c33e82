"""A gate that learns letters beside a frozen rule, and is kept from forgetting the digits."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from golden.device import GoldenDevice
from golden.errors import Difference, InputError
from golden.files import exists, write_json
from golden.gate import GateNetwork
from golden.skeleton import SHIPPED, Skeleton
from sw.data.damage import blank
from sw.data.load import Digits, load
from sw.judge.evaluate import Judged, digits_to_judge, evaluate
from sw.model.proof import prove_random
from sw.model.rebuild import gate_of, rule_of
from sw.runs.loading import load_run
from sw.runs.processes import leads, meet
from sw.train.learner import Learner, reads, resume, save
from sw.train.loop import interruptions, run_stage
from sw.train.options import Options
from sw.train.rehearsal import rehearsal
from sw.train.ship import PROVEN, provenance

__all__ = ["train_letters"]


def train_letters(options: Options) -> None:
    """Train the gate of ``options.begin`` on letters; the rule's every integer stays.

    Leaves ``gate-LETTERS-REHEARSAL.safetensors`` and its ``.json`` in the run's folder (without
    rehearsal: ``only``); with ``options.ship`` also beside the skeleton that it belongs to.
    """
    assert options.begin is not None
    skeleton, network = load_run(options.begin)
    network, options = require_gate(skeleton, network), replace(options, spec=skeleton.spec)
    letters, digits = load(options.data, name=options.letters), load(options.data, download=True)
    if letters.digest == digits.digest:
        raise InputError(
            f"Data set {options.letters!r} must be another than the digits: --data must name a "
            "folder with a subfolder of each"
        )
    path, digest = options.folder / "checkpoint.pt", reads(options, letters, digits)
    learner = begin_letters(options, path, digest, skeleton, network, digits)
    with interruptions() as received:
        run_stage(learner, letters.train_images, options, digest, path, received)
    learner.take_averages()
    if leads():
        export(learner, options, skeleton, letters, digits)


def require_gate(skeleton: Skeleton, network: GateNetwork | None) -> GateNetwork:
    """Raise unless the skeleton has a gate to train."""
    if network is None:
        raise InputError(f"Skeleton {skeleton.name} must have a gate to learn letters")
    return network


def begin_letters(
    options: Options,
    path: Path,
    digest: str,
    skeleton: Skeleton,
    network: GateNetwork,
    digits: Digits,
) -> Learner:
    """Return the learner where the run is: the shipped integers, or a checkpoint."""
    if exists(path):
        learner = resume(options, digest, path)
    else:
        learner = Learner(
            rule=rule_of(skeleton), gate=gate_of(network, skeleton.spec), stage="letters"
        )
    learner.rehearsal = rehearsal(
        options.rehearsal, skeleton, network, digits.train_images, options.damage
    )
    meet()  # all have looked before there is a new one
    if learner.batch == 0:
        save(learner, options, digest, path)
    return learner


def export(
    learner: Learner, options: Options, skeleton: Skeleton, letters: Digits, digits: Digits
) -> None:
    """Write the gate, proven with the skeleton that did not change, and measured on both."""
    assert learner.gate is not None
    begin = time.monotonic()
    same = learner.rule.weights(skeleton.name)
    if same.digest != skeleton.digest:
        raise Difference(f"The rule of {skeleton.name} has changed while its gate learnt")
    network = learner.gate.weights(skeleton.digest)
    sets = {options.letters: digits_to_judge(letters), "digits": digits_to_judge(digits)}
    some = sets[options.letters].images[:PROVEN]
    damaged = blank(some, range(len(some)), options.damage)
    equal = prove_random(learner.rule, learner.gate, skeleton, network, damaged)
    record = provenance(skeleton, options, letters) | {
        "codes_equal_to_golden": equal,
        "results": evaluate_letters(skeleton, network, sets, options),
        "before": evaluate_letters(skeleton, load_run(str(options.begin))[1], sets, options),
        "seconds": {
            "training": round(learner.seconds),
            "proof": round(time.monotonic() - begin),
        },
    }
    stem = f"gate-{options.letters}-{options.rehearsal.replace('none', 'only')}"
    write(network, record, options.folder / stem)
    if options.ship:
        write(network, record, SHIPPED / skeleton.name / stem)


def evaluate_letters(
    skeleton: Skeleton, network: GateNetwork | None, sets: dict[str, Judged], options: Options
) -> dict[str, Any]:
    """Evaluate on golden; the referee reads digits alone, so letters have decibels only."""
    device, steps = GoldenDevice((skeleton,)), skeleton.spec.steps
    found = {}
    for name, tests in sets.items():
        found[name] = evaluate(device, network, tests, steps=steps, share=options.damage)
        if name != "digits":
            for part in ("blanked", "restored", "pasted", "originals"):
                del found[name][part]["digit_id"]
        print(f"{name}: {found[name]['restored']['psnr_mean']:.2f} dB", file=sys.stderr)
    return found


def write(network: GateNetwork, record: dict[str, Any], stem: Path) -> None:
    """Write a gate and where it comes from."""
    network.save(stem.with_suffix(".safetensors"))
    write_json(stem.with_suffix(".json"), record)
    print(f"wrote {stem.with_suffix('.safetensors')}", file=sys.stderr)
