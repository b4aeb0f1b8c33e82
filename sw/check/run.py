"""All checks of a device, one after the other: each has a result, whatever the others say."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass

import numpy as np

from golden.errors import Difference, SkeletonDamaged
from sw.check.bench import Bench, Check
from sw.check.device import FIRST, LAST
from sw.check.lattices import CHECKS
from sw.check.pair import Tally
from sw.check.target import Subject, Target, Unavailable

__all__ = ["Job", "Result", "jobs_of", "make"]


@dataclass(frozen=True)
class Job:
    """A check, and what it is about."""

    check: Check
    subjects: tuple[Subject, ...]

    @property
    def skeleton(self) -> str | None:
        """Name of the skeleton that it is about; None where it is about the device."""
        return None if self.check.whole else self.subjects[0].skeleton.name

    @property
    def title(self) -> str:
        """What it is called."""
        return f"{self.skeleton or 'device'}: {self.check.name}"


@dataclass(frozen=True)
class Result:
    """What a check found."""

    job: Job
    tally: Tally
    seconds: float
    missing: str | None = None
    """Why it could not be made; None where it was."""

    @property
    def word(self) -> str:
        """The result in words."""
        if self.missing is not None:
            return "not available"
        return "differs" if self.tally.differing else "equal"


def jobs_of(subjects: tuple[Subject, ...]) -> list[Job]:
    """Return all checks: of the device, of each skeleton, and what comes last."""
    own = [Job(check, (subject,)) for subject in subjects for check in CHECKS]
    first, last = ([Job(check, subjects) for check in whole] for whole in (FIRST, LAST))
    return [*first, *own, *last]


def make(target: Target, job: Job, count: int, seed: int) -> Result:
    """Make one check with so many lattices.

    What the device does not survive, as a wire that is unplugged, is raised.
    """
    # Its own numbers, whatever was checked before it.
    rng = np.random.default_rng((seed, zlib.crc32(job.title.encode())))
    bench = Bench(target=target, subjects=job.subjects, count=count, rng=rng)
    start, missing = time.monotonic(), None
    try:
        job.check.work(bench)
    except Unavailable as error:
        missing = str(error)
    except (Difference, SkeletonDamaged) as error:
        bench.tally.note(str(error))
    return Result(job, bench.tally, time.monotonic() - start, missing)
