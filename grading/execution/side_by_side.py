"""Judges the files of a submission at the same time, each in a process of its own.

No function of one file has a part in another, so nothing that a check asks, blames or explains crosses. A grade by
itself takes as long as its longest file then; a class has other submissions for its processors.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from ..assignment import Assignment, Check
from ..progress import Progress, Watch
from ..results import CheckResult
from .job import IN_PROCESS, Job
from .process import Outcome, run_checks


def run_files(
    job: Job, assignment: Assignment, checks: Sequence[Check], watch: Watch | None = None, *, processors: int
) -> Outcome:
    """Run checks as ``run_checks`` does, those of one file of the submission beside those of another.

    All public checks end before the first hidden one begins, whatever file they are of.

    Args:
        job: what is run.
        assignment: whose checks they are.
        checks: the checks; the tests in their files have to be exactly these.
        watch: is told as checks begin and end.
        processors: how many there are for it; with one, the files have their turn in one process.

    Raises:
        ExecutionError: the checks could not be run at all.
        AssignmentError: rubric and tests disagree.
    """
    files = [*dict.fromkeys(assignment.item(check.item).file for check in checks)]
    if min(processors, len(files)) < 2 or os.name != "posix" or job.isolation == IN_PROCESS:
        return run_checks(job, assignment, checks, watch)
    told, stop = _Sum(watch, len(checks)), threading.Event()
    reading_end, writing_end = os.pipe()
    try:
        writing_ends = [writing_end, *(os.dup(writing_end) for _ in files[1:])]  # all, before a process has one

        def own(file: str) -> list[Check]:
            return [check for check in checks if assignment.item(check.item).file == file]

        def run(file: str, own_end: int) -> Outcome:
            together = dataclasses.replace(job, together=[reading_end, own_end])
            return run_checks(together, assignment, own(file), told.of(file), stop=stop)

        with ThreadPoolExecutor(len(files)) as threads:
            try:
                running = [threads.submit(run, *pair) for pair in zip(files, writing_ends, strict=True)]
                ended, _ = wait(running, return_when=FIRST_EXCEPTION)
                for each in ended:
                    each.result()  # raises what was first
            finally:
                stop.set()  # the others, if one has failed or somebody pressed Ctrl-C
            return _joined([(each.result(), own(file)) for each, file in zip(running, files, strict=True)])
    finally:
        os.close(reading_end)


def _joined(parts: Sequence[tuple[Outcome, Sequence[Check]]]) -> Outcome:
    """What several runs of a submission came to, as one."""
    results: dict[str, CheckResult] = {}
    for outcome, checks in parts:
        results |= {c.id: dataclasses.replace(outcome.lost, id=c.id) for c in checks} | outcome.results
    outcomes = [outcome for outcome, _ in parts]
    weakest = next((o for o in outcomes if not o.isolation["trusted_for_grading"]), outcomes[0])
    return Outcome(
        results=results,
        lost=outcomes[0].lost,
        environment=outcomes[0].environment,
        isolation=weakest.isolation,
        problems=tuple(dict.fromkeys(problem for outcome in outcomes for problem in outcome.problems)),
        unloaded=tuple(sorted({file for outcome in outcomes for file in outcome.unloaded})),
    )


class _Sum:
    """Tells how far several runs have come together."""

    def __init__(self, watch: Watch | None, total: int) -> None:
        self._watch, self._total = watch, total
        self._done: dict[str, int] = {}
        self._lock = threading.Lock()

    def of(self, file: str) -> Watch | None:
        """What the run over one file tells."""
        watch = self._watch
        if watch is None:
            return None

        def tell(progress: Progress) -> None:
            with self._lock:
                self._done[file] = progress.done
                watch(Progress(sum(self._done.values()), self._total, progress.current))

        return tell
