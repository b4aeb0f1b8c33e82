"""What a finished run leaves: the integers, the proof, the evaluation, and where it came from."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import brevitas
import numpy as np
import torch

from golden.device import GoldenDevice
from golden.files import ROOT, replacement, write_json
from golden.gate import GateNetwork
from golden.skeleton import GATE_FILE, PROVENANCE_FILE, SHIPPED, SKELETON_FILE, Skeleton
from sw.data.damage import damage
from sw.data.load import Digits, is_named
from sw.judge.evaluate import Judged, evaluate, images_to_judge
from sw.judge.referee import Referee
from sw.judge.referee.own import referee_for
from sw.model.floats import FLOATS
from sw.model.gate import CutNetwork
from sw.model.proof import prove_random
from sw.train.first import restore_whole
from sw.train.learner import Learner
from sw.train.options import Options, side_for, spec_for

__all__ = ["FILES", "export"]

FILES = (SKELETON_FILE, GATE_FILE, FLOATS, PROVENANCE_FILE)
PROVEN = 256  # test digits that are proven equal, beside the random ones


def export(learner: Learner, options: Options, digits: Digits) -> None:
    """Write the learner's integers to the run's folder, proven and evaluated."""
    for model in learner.models:
        model.cpu()  # where float32 sums of integers are exact, whatever the library picks
    skeleton = learner.rule.weights(options.name)
    network = learner.gate.weights(skeleton.digest) if learner.gate is not None else None
    tests, begin = images_to_judge(digits), time.monotonic()
    some = tests.images[:PROVEN]
    damaged, _ = damage(some, range(len(some)), options.damage)
    equal = prove_random(learner.rule, learner.gate, skeleton, network, damaged)
    say(f"Brevitas equals golden: {equal:,} codes, none differs")
    reader = partial(referee_for, digits, say)
    first = None if options.after is None else partial(restore_whole, options.after)
    results = evaluate_skeleton(skeleton, network, tests, options.damage, reader, first)
    seconds = {"training": round(learner.seconds), "proof": round(time.monotonic() - begin)}
    record = provenance(skeleton, options, digits)
    record |= {"codes_equal_to_golden": equal, "results": results, "seconds": seconds}
    folder = options.folder
    skeleton.save(folder)
    if isinstance(network, CutNetwork):
        say("left out gate.safetensors: no file says that a gate reads parts of codes")
    elif network is not None:
        network.save(folder / GATE_FILE)
    write_json(folder / PROVENANCE_FILE, record)
    say(f"wrote {folder / SKELETON_FILE}")
    if options.ship:
        ship(folder, SHIPPED / options.name)


def evaluate_skeleton(
    skeleton: Skeleton,
    network: GateNetwork | None,
    tests: Judged,
    share: float | str,
    reader: Callable[[], Referee] | None = None,
    first: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict[str, Any]:
    """Evaluate on golden by the protocol; arguments are as in `evaluate`."""
    device, steps = GoldenDevice((skeleton,)), skeleton.spec.steps
    results = evaluate(device, network, tests, steps=steps, share=share, reader=reader, first=first)
    scores = results["restored"]
    told = (
        f"SSIM {scores['ssim']:.4f}"
        if "ssim" in scores
        else f"{scores['digit_id']:.2f} % read right"
    )
    say(f"{results['images']:,} {results['rows']} images: {scores['psnr_mean']:.2f} dB, {told}")
    return results


def provenance(skeleton: Skeleton, options: Options, digits: Digits) -> dict[str, Any]:
    """Return where a skeleton comes from."""
    return {
        "skeleton": skeleton.digest,
        "command": command(options),
        "commit": commit(),
        "data": {"source": digits.source, "sha256": digits.digest} | digits.facts,
        "options": options.trained_with(),
        "machine": machine(),
    }


def say(text: str) -> None:
    """Tell the user how far the run is."""
    print(text, file=sys.stderr, flush=True)


def ship(folder: Path, target: Path) -> None:
    """Copy a finished run to the shipped skeletons."""
    for name in FILES:
        if (folder / name).exists():
            with replacement(target / name) as temporary:
                shutil.copyfile(folder / name, temporary)
    say(f"wrote {target / SKELETON_FILE}")


def data_word(data: Path | None) -> str:
    """Return what a command calls its data: those that have no name lie in a folder ``data``."""
    return str(data) if data is not None and is_named(data) else "data"


def command(options: Options) -> str:
    """Return the command that repeats the run."""
    words = ["thalweg", "train", "--data", data_word(options.data)]
    for field in fields(Options):
        value = getattr(options, field.name)
        if field.name not in {"data", "output", "ship", "spec"} and value != field.default:
            words.append(f"--{field.name.replace('_', '-')}")
            words += [] if value is True else [str(value)]
    spec, usual = options.spec, spec_for(options.recipe)
    for name in ("multiplier", "channels", "image", "steps", "boundary"):
        if getattr(spec, name) != getattr(usual, name):
            words += [f"--{name}", str(getattr(spec, name))]
    if spec.height != side_for(spec.image):
        words += ["--side", str(spec.height)]
    if spec.gate is None:
        words.append("--no-gate")
    elif not options.plan.frozen:  # there the skeleton says it
        for name in ("start", "every", "mapping"):
            if getattr(spec.gate, name) != getattr(usual.gate, name):
                words += [f"--{name}", str(getattr(spec.gate, name))]
    return " ".join(words)


def commit() -> str | None:
    """Return the commit of the code, marked where it has been changed since."""
    # Variables that name a repository are of the user's own work, as in a hook.
    own = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments: str) -> str:
        run = ["git", "-C", str(ROOT), *arguments]
        found = subprocess.run(
            run, capture_output=True, check=True, env=own, stdin=subprocess.DEVNULL
        )
        return os.fsdecode(found.stdout).strip()

    try:
        if not git("ls-files", "--", "sw/train/ship.py"):
            return None  # installed somewhere in another repository
        paths = [str(ROOT / "golden"), str(ROOT / "sw")]
        changed = git("status", "--porcelain", "--untracked-files=no", "--", *paths)
        return git("rev-parse", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def machine() -> dict[str, Any]:
    """Return what the run was computed with."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line for line in lines if line.startswith("model name")).split(": ")[1]
    except (OSError, StopIteration, IndexError):
        pass
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "brevitas": brevitas.__version__,
    } | ({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {})
