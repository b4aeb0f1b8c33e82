"""Files of a trained baseline: weights in half precision, and their origin."""

from __future__ import annotations

import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from golden.errors import InputError
from golden.files import is_file, read_json, replacement, write_json
from sw.data.load import Digits
from sw.experiments.baselines.settings import SETTINGS, Settings
from sw.experiments.baselines.train import Training
from sw.train.ship import commit, data_word, machine

__all__ = ["ship"]


def ship(
    name: str,
    training: Training,
    settings: Settings,
    digits: Digits,
    folder: Path,
    *,
    data: Path | None = None,
) -> Path:
    """Write NAME.safetensors and NAME.json to a folder; return the path of the weights.

    ``data`` is what the user calls the digits.
    """
    path, record = folder / f"{name}.safetensors", folder / f"{name}.json"
    # Read before anything is written: the files may be under version control.
    origin = {
        "name": name,
        "command": command(name, settings, data),
        **provenance(training, settings, digits),
        "shorter": shorter(record, settings),
    }
    # The network is channels-last, which safetensors cannot store.
    tensors = {
        key: tensor.detach().cpu().half().contiguous()
        for key, tensor in training.network.state_dict().items()
    }
    with replacement(path) as temporary:
        temporary.write_bytes(save(tensors))
    write_json(record, origin, indent=1)
    return path


def shorter(path: Path, settings: Settings) -> list[dict[str, Any]]:
    """Return the results of shorter runs: the one recorded in ``path`` and those before it.

    They show the gain of more batches. Only runs with the same settings count.
    """
    if not is_file(path):
        return []
    try:
        record = read_json(path)
        if record["recipe"] | {"batches": settings.batches} != asdict(settings):
            return []
        run = {"batches": record["recipe"]["batches"], "held_out_psnr": record["held_out_psnr"]}
        runs = [*record.get("shorter", []), run]
        return [each for each in runs if each["batches"] < settings.batches]
    except (InputError, KeyError, TypeError, AttributeError):
        print(f"{path} is no record of a run: it is written anew", file=sys.stderr)
        return []


def provenance(training: Training, settings: Settings, digits: Digits) -> dict[str, Any]:
    """Return where the weights come from."""
    return {
        "commit": commit(),
        "data": {"source": digits.source, "sha256": digits.digest},
        "parameters": sum(parameter.numel() for parameter in training.network.parameters()),
        "recipe": asdict(settings),
        "threads": torch.get_num_threads(),
        "machine": machine(),
        "seconds": round(training.seconds),
        "held_out_psnr": max(entry["held_out_psnr"] for entry in training.curve),
        "curve": training.curve,
    }


def command(name: str, settings: Settings, data: Path | None) -> str:
    """Return the command that repeats the run; how many images are held out follows from them."""
    words = ["thalweg", "baseline", name, "--data", data_word(data)]
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if field.name != "held_out" and value != getattr(SETTINGS[name], field.name):
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return " ".join(words)
