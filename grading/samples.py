"""The sample submissions that come with an assignment, graded side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from . import grade
from .assignment import Assignment
from .pooled import processors
from .progress import Progress, Watch
from .submission import Submission, SubmissionError, take

SEED = "demo"
"""The same scores each time."""
EXPLAIN_SECONDS = 60.0
"""The same explanations each time, however busy the machine is."""


def load(assignment: Assignment) -> list[Submission]:
    """The samples of an assignment, in the order of their names.

    Raises:
        SubmissionError: there are none, or one cannot be taken.
    """
    folders = sorted(path for path in assignment.samples.glob("*") if path.is_dir())
    if not folders:
        raise SubmissionError(f"there are no sample submissions in {assignment.samples}")
    return [take(str(folder), assignment) for folder in folders]


def grade_all(samples: Sequence[Submission], assignment: Assignment, watch: Watch | None) -> list[dict[str, Any]]:
    """The score documents of all samples, graded as many at a time as there are processors.

    Raises:
        ExecutionError: the checks could not be run.
    """
    options = grade.Options(assignment.tiers, seed=SEED, explain_seconds=EXPLAIN_SECONDS)
    done = dict.fromkeys(range(len(samples)), 0)
    total = len(samples) * len(assignment.checks(assignment.tiers))

    def graded(number: int) -> dict[str, Any]:
        def follow(progress: Progress) -> None:
            done[number] = progress.done
            if watch is not None:
                watch(Progress(sum(done.values()), total))

        return grade.grade(samples[number], assignment, options, follow).to_json()

    with ThreadPoolExecutor(processors()) as pool:
        return list(pool.map(graded, done))
