"""What each experiment measures on a toy, by the key that its results are kept under.

``python -m tests.versions`` records results whose key is new. It refuses results that differ under
a key that is recorded already: raise the version of that experiment first.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from golden.samples import network
from sw.data.load import show_digits
from sw.experiments.kept import key_of
from sw.experiments.memory.catalogue import EXPERIMENTS
from sw.experiments.table import measure, subjects
from sw.experiments.table.subject import Subject
from sw.judge.evaluate import Judged
from sw.judge.referee import Referee
from tests.memory_toys import REAL, RealTask, digits, real
from tests.memory_toys import Referee as SimpleReferee

__all__ = ["measured", "memory_results", "merge", "read_record", "same", "table_results"]

RECORD = Path(__file__).with_name("versions.json")
OTHER = network(REAL, np.random.default_rng(7))


class Weighing(SimpleReferee):
    """The simple referee, with logits that tell the gradient of each pixel."""

    @staticmethod
    def classifier(images):
        pixels = images.flatten(1)
        weights = torch.arange(10 * pixels.shape[1]).reshape(10, -1) % 7 - 3
        return pixels @ weights.T.to(pixels.dtype) * 16


class WeighedTask(RealTask):
    """A task on a small machine, read by that referee."""

    @property
    def referee(self):
        return Weighing()


def memory_results():
    """Yield the name, the key and the results of each memory experiment."""
    task = real(3, noise=7)
    task = WeighedTask(
        task.skeleton,
        task.network,
        task.digits,
        noise=task.noise,
        letters=digits(4, 6, seed=3),
        gates={"only": OTHER},
    )
    with ExitStack() as stack:
        for place, stand_in in (
            ("holding.load_run", lambda name: (task.skeleton, OTHER)),
            ("pair.load_run", lambda name: (task.skeleton, OTHER)),
            ("compute.autoencoder", lambda task: None),
        ):
            stack.enter_context(patch(f"sw.experiments.memory.{place}", stand_in))
        for each in EXPERIMENTS:
            yield f"memory: {each.name}", each.key(task), each.measure(task).results


def table_results():
    """Yield the name, the key and the row of each subject, and the points of one."""
    images, labels = show_digits()
    few, training = Judged("show", images[:3], labels[:3]), images[100:300]
    referee = Referee.load()
    for each in subjects.subjects(training, lambda skeleton: None, lambda skeleton: ""):
        if each.name.endswith("(simulated chip)"):
            continue  # it has to equal the reference model's row
        key = key_of("row", measure.VERSION, each.key)
        yield f"table: {each.name}", key, measure.row(each, few, referee, lambda done: None)
    plain = Subject(name="", version=1, restore=lambda damaged, *given: damaged)
    points = [
        measure.point(plain, few, damage, referee, lambda done: None) for damage in measure.DAMAGES
    ]
    yield "table: curves", key_of("point", measure.VERSION), points


def measured(*parts):
    """Return what each experiment of some parts measures now, by name, as JSON values."""
    return {
        name: json.loads(json.dumps({"key": key, "results": results}))
        for part in parts
        for name, key, results in part()
    }


def same(found, wanted):
    """Whether two results are alike, but for the last bits of floating point."""
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and list(found) == list(wanted)
            and all(same(found[key], wanted[key]) for key in wanted)
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
        )
    if isinstance(wanted, float) and isinstance(found, float):
        return abs(found - wanted) <= 0.002 + 0.001 * abs(wanted)
    return type(found) is type(wanted) and found == wanted


def merge(found, recorded):
    """Return the record with what is new, and the names of what has changed under its key."""
    merged, changed = dict(recorded), []
    for name, now in found.items():
        before = recorded.get(name, {"key": None})
        if before["key"] != now["key"]:
            merged[name] = now
        elif not same(now["results"], before["results"]):
            changed.append(name)
    return {name: merged[name] for name in dict.fromkeys([*found, *merged])}, changed


def read_record():
    """Return what is recorded."""
    return json.loads(RECORD.read_text()) if RECORD.is_file() else {}


def main():
    """Record what is new."""
    merged, changed = merge(measured(memory_results, table_results), read_record())
    lines = [f"{json.dumps(name)}: {json.dumps(each)}" for name, each in merged.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for name in changed:
        print(f"{name}: its results have changed, and its version has not: raise it")
    raise SystemExit(1 if changed else 0)


if __name__ == "__main__":
    main()
