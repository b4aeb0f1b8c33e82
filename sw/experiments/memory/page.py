"""The generated parts of docs/memory.md: every number of them is from docs/memory.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from golden.files import is_file, read_json
from sw.experiments.memory.catalogue import EXPERIMENTS
from sw.experiments.memory.forgetting import forgetting
from sw.experiments.memory.run import REPORT, remove_pictures
from sw.experiments.memory.task import Results
from sw.report import publish as publishing
from sw.report.docs import paragraph, table
from sw.report.publish import DOCS

__all__ = ["DOCS", "parts", "publish", "require_docs"]

UNMEASURED = "*Not measured: `make memory`.*\n"


def publish(folder: Path, docs: Path = DOCS) -> Path:
    """Copy results and pictures from ``folder`` to docs; return the path of the JSON."""
    results = read_json(folder / REPORT)
    require_docs(docs)
    publishing.publish({f"memory/{name}": folder / name for name in results["pictures"]}, docs)
    remove_pictures(docs / "memory", docs / REPORT, results["pictures"])
    publishing.publish({REPORT: folder / REPORT}, docs)
    return docs / REPORT


def require_docs(docs: Path = DOCS) -> None:
    """Raise unless docs are there, and results and pictures can be written to them."""
    publishing.require_docs(docs, REPORT, f"memory/{REPORT}")


def parts(path: Path = DOCS / REPORT) -> dict[str, str]:
    """Return every part by its name; where nothing was measured, they say so."""
    found = read_json(path) if is_file(path) else None
    made = {"memory-head": UNMEASURED, "memory-bars": UNMEASURED}
    if found is not None:
        made = {"memory-head": head(found), "memory-bars": bars(found["bars"])}
    for experiment in EXPERIMENTS:
        name = experiment.name
        results = None if found is None else found["experiments"].get(name)
        made[f"memory-{name}"] = UNMEASURED if results is None else experiment.tabulate(results)
        made[f"memory-{name}-verdict"] = (
            "" if found is None or results is None else verdict(found["bars"][name])
        )
    made["memory-forgetting"] = forgetting()
    return made


def head(found: Results) -> str:
    """Return what was looked at."""
    met = [bar["met"] for bars in found["bars"].values() for bar in bars]
    holding = found["experiments"].get("holding", {})
    valleys = found["experiments"].get("valleys", {})
    return paragraph(
        f"Measured on `{found['skeleton']}` (`{found['skeleton_digest'][:16]}…`): "
        f"{holding.get('digits', 0):,} {holding.get('rows', '')} digits and "
        f"{valleys.get('starts', 0):,} starts from noise. "
        f"{sum(met)} of {len(met)} bars are cleared."
    )


def bars(found: Mapping[str, list[Results]]) -> str:
    """Return all bars in one table."""
    return table(
        ("experiment", "", "bar", "measured", "cleared"),
        (
            (name, bar["name"], bar["bar"], bar["measured"], "yes" if bar["met"] else "**no**")
            for name, rows in found.items()
            for bar in rows
        ),
    )


def verdict(rows: list[Results]) -> str:
    """Return in a line whether the bars of an experiment are cleared."""
    if not rows:
        return "No bar: this is there to be seen.\n"
    missed = [bar for bar in rows if not bar["met"]]
    if not missed:
        return f"**Cleared**, {len(rows)} of {len(rows)} bars.\n"
    told = "; ".join(f"{bar['name']}: {bar['measured']}, bar {bar['bar']}" for bar in missed)
    return paragraph(f"**Missed**, {len(missed)} of {len(rows)} bars: {told}.")
