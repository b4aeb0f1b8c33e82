"""The comparison on images of the user's own: its file, its tables, and who trained what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from golden.errors import InputError
from golden.files import is_file, read_json
from golden.skeleton import PROVENANCE_FILE
from sw.data.load import Digits
from sw.experiments.table.report import result_table
from sw.experiments.table.subjects import NETWORKS, networks_in
from sw.judge.evaluate import Judged, images_to_judge
from sw.model.baselines.models import IMAGE
from sw.report.docs import table
from sw.report.publish import DOCS, publish, require_docs
from sw.report.yours import SHOWN, require_own_docs

__all__ = [
    "FILES",
    "labelled_images",
    "own_result_parts",
    "publish_results",
    "require_networks",
    "require_result_docs",
    "runs_of",
]

FILES = ("results.json", "results.png")
"""Names of what a comparison writes: its numbers and its picture."""


def labelled_images(data: Digits, count: int | None) -> Judged:
    """Return the first ``count`` test images; raise unless a referee can read them."""
    found = images_to_judge(data, count)
    if found.rows != "test" or found.labels is None or data.train_labels is None:
        raise InputError(f"Images to compare on must have test images and labels: {data.source}")
    return found


def require_networks(baselines: Path | None, given: Judged) -> None:
    """Raise unless a folder of baselines has some, and they take images of this size."""
    if baselines is None:
        return
    if not [*networks_in(baselines)]:
        raise InputError(
            f"--baselines must be a folder with {', '.join(NETWORKS)}, or one of them, "
            f"not {str(baselines)!r}"
        )
    height, width = given.images.shape[1:]
    if (height, width) != (IMAGE, IMAGE):
        raise InputError(f"Networks take images of {IMAGE} x {IMAGE}, not of {height} x {width}")


def runs_of(skeletons: Iterable[Path], baselines: Path | None) -> list[dict[str, Any]]:
    """Return the records of what was trained: name, command, commit, data, seconds.

    What has no record is left out.
    """
    places = [] if baselines is None else [*networks_in(baselines)]
    records = {NETWORKS[name]: path / f"{name}.json" for name, path in places}
    records |= {folder.name: folder / PROVENANCE_FILE for folder in skeletons}
    return [
        {"name": name, "seconds": seconds_of(record)}
        | {key: record[key] for key in ("command", "commit", "data", "machine")}
        for name, record in ((n, read_json(path)) for n, path in records.items() if is_file(path))
    ]


def seconds_of(record: Mapping[str, Any]) -> float:
    """Return how long a training took."""
    seconds = record["seconds"]
    return float(seconds["training"] if isinstance(seconds, Mapping) else seconds)


def require_result_docs(name: str, docs: Path = DOCS) -> None:
    """Raise `InputError` unless a comparison of this name can be put into docs."""
    require_own_docs(name, docs)
    require_docs(docs, *(f"{name}-{file}" for file in FILES))


def publish_results(folder: Path, name: str, docs: Path = DOCS) -> None:
    """Put the numbers and the picture of a comparison into docs."""
    publish({f"{name}-{file}": folder / file for file in FILES}, docs)


def own_result_parts(docs: Path = DOCS) -> dict[str, str]:
    """Return the tables of the comparisons that are in docs."""
    parts = {}
    for name in SHOWN:
        path = docs / f"{name}-{FILES[0]}"
        if not is_file(path):
            continue
        found = read_json(path)
        parts[f"{name}-results"] = result_table(found["rows"])
        parts[f"{name}-runs"] = table(
            ("trained", "command", "minutes"),
            ([r["name"], f"`{r['command']}`", f"{r['seconds'] / 60:.0f}"] for r in found["runs"]),
        )
    return parts
