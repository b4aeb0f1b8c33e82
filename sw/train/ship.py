"""What a finished run leaves: the integers, the proof, the evaluation, and where it came from."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import brevitas
import torch

from golden.device import GoldenDevice
from golden.files import replacing
from golden.skeleton import SHIPPED
from sw.damage import blank
from sw.data import Digits
from sw.evaluate import evaluate, judged
from sw.train.learner import Learner
from sw.train.options import Options
from sw.train.verify import prove_random

__all__ = ["FILES", "export"]

FILES = ("skeleton.json", "gate.safetensors", "provenance.json")
PROVEN = 256  # test digits that are proven equal, beside the random ones
ROOT = Path(__file__).parents[2]


def export(learner: Learner, options: Options, digits: Digits) -> None:
    """Write the learner's integers to the run's folder, proven and evaluated."""
    for model in learner.models:
        model.cpu()  # where float32 sums of integers are exact, whatever the library picks
    skeleton = learner.rule.weights(options.name)
    network = learner.gate.weights(skeleton.digest) if learner.gate is not None else None
    tests = judged(digits)
    damaged = blank(tests.images[:PROVEN], range(len(tests.images[:PROVEN])), options.damage)
    equal = prove_random(learner.rule, learner.gate, skeleton, network, damaged)
    say(f"Brevitas equals golden: {equal:,} codes, none differs")
    begin = time.monotonic()
    device = GoldenDevice((skeleton,))
    results = evaluate(device, network, tests, steps=skeleton.spec.steps, share=options.damage)
    scores = results["restored"]
    say(
        f"{results['images']:,} {results['rows']} digits: {scores['psnr_mean']:.2f} dB, "
        f"{scores['digit_id']:.2f} % read right"
    )
    folder = options.folder
    skeleton.save(folder)
    if network is not None:
        network.save(folder / "gate.safetensors")
    seconds = {"training": round(learner.seconds), "evaluation": round(time.monotonic() - begin)}
    record = {
        "skeleton": skeleton.digest,
        "command": command(options),
        "commit": commit(),
        "data": {"source": digits.source, "sha256": digits.digest},
        "options": options.trained_with(),
        "results": results | {"device": "golden"},
        "codes_equal_to_golden": equal,
        "seconds": seconds,
        "machine": machine(),
    }
    with replacing(folder / "provenance.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    say(f"wrote {folder / 'skeleton.json'}")
    if options.ship:
        ship(folder, SHIPPED / options.name)


def say(text: str) -> None:
    """Tell the user how far the run is."""
    print(text, file=sys.stderr, flush=True)


def ship(folder: Path, target: Path) -> None:
    """Copy a finished run to the shipped skeletons."""
    for name in FILES:
        if (folder / name).exists():
            with replacing(target / name) as temporary:
                shutil.copyfile(folder / name, temporary)
    say(f"wrote {target / 'skeleton.json'}")


def command(options: Options) -> str:
    """Return the command that repeats the run; the options beside it say the rest."""
    return (
        f"make train-qat DATA=data NAME={options.name} BATCHES={options.batches} "
        f"DEVICE={options.device} RECIPE={options.recipe}"
    )


def commit() -> str | None:
    """Return the commit of the code, marked where it has been changed since."""

    def git(*arguments: str) -> str:
        run = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()

    try:
        paths = [str(ROOT / "golden"), str(Path(__file__).parents[1])]
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
    }
