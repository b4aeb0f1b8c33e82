"""A gate that learns letters beside a frozen rule, and is kept from forgetting the digits."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from golden.device import GoldenDevice
from golden.errors import Difference, InputError
from golden.files import write_json
from golden.gate import GateNetwork
from golden.skeleton import SHIPPED, Skeleton
from sw.data.damage import damage
from sw.data.load import Digits
from sw.judge.evaluate import Judged, digits_to_judge, evaluate, images_to_judge
from sw.model.proof import prove_random
from sw.runs.loading import load_run
from sw.runs.processes import share
from sw.train.draw import draw, random
from sw.train.learner import Learner
from sw.train.losses import Loss, closeness, squared_error
from sw.train.options import Options
from sw.train.restore import run_supervised
from sw.train.ship import PROVEN, provenance

__all__ = ["export", "relearn", "require_gate", "require_others"]


def require_gate(skeleton: Skeleton, network: GateNetwork | None) -> tuple[Skeleton, GateNetwork]:
    """Return both; raise unless the skeleton has a gate to train."""
    if network is None:
        raise InputError(f"Skeleton {skeleton.name} must have a gate to learn letters")
    return skeleton, network


def require_others(letters: Digits, digits: Digits, name: str) -> None:
    """Raise where the letters are the digits."""
    if letters.digest == digits.digest:
        raise InputError(
            f"Data set {name!r} must be another than the digits: --data must name a "
            "folder with a subfolder of each"
        )


def relearn(learner: Learner, images: np.ndarray, options: Options) -> Loss:
    """Loss of restoring letters, half of the batch where digits are rehearsed in the other half."""
    rng = random(options, learner.stage, learner.batch)
    count = options.batch if learner.rehearsal is None else options.batch // 2
    originals, damaged = draw(images, options, rng, count)
    if learner.rehearsal is not None:
        known, given = learner.rehearsal.pick(rng, options.batch - count)
        if given is None:
            known, given = draw(known.numpy(), options, rng, len(known))
        originals, damaged = torch.cat([originals, known]), torch.cat([damaged, given])
    *_, shown = run_supervised(learner.machine(options.dropout), share(damaged), options)
    errors = squared_error(shown, share(originals))
    return Loss(closeness(errors, options), errors)


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
    sets = {options.letters: images_to_judge(letters), "digits": digits_to_judge(digits)}
    some = sets[options.letters].images[:PROVEN]
    damaged, _ = damage(some, range(len(some)), options.damage)
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
