"""The second step: grade what was staged, in confinement, in a process that holds no secret and needs no network."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .. import files, grade
from ..assignment import Assignment
from ..grade import Options, UnavailableIsolationError
from ..results import Status
from ..scores import ScoreDocument
from ..submission import Submission, SubmissionError
from . import staging
from .model import HostedError
from .results import dumps

SECRETS = ("VAE_GRADE_APP_PRIVATE_KEY", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
"""Variables that have no place where students' code runs."""


@dataclass
class Worked:
    """What a step did: how many commits were graded, found unfit, left for the next run; and what failed."""

    graded: int = 0
    unfit: int = 0
    left: int = 0
    failed: list[str] = field(default_factory=list)


def work(
    folder: Path,
    target: Path,
    assignment: Assignment,
    *,
    jobs: int,
    seconds: float,
    isolation: str = "auto",
    tell: Callable[[str], None] = lambda note: None,
) -> Worked:
    """Grade everything in a staged folder into another one.

    The same files are graded once, however many commits have them. A submission at which the grader fails gets no
    document, and so is taken up again by the next run.

    Args:
        folder: what was staged.
        target: gets a folder with a document for each commit.
        assignment: what to grade by.
        jobs: how many to grade at a time.
        seconds: after how long no more are begun.
        isolation: the level at which students' code runs.
        tell: is given each failure at once.

    Raises:
        HostedError: a secret is in the environment, or the files are for another edition of the assignment.
        UnavailableIsolationError: the code cannot be confined well enough.
    """
    if found := [name for name in SECRETS if os.environ.get(name)]:
        raise HostedError(f"{', '.join(found)} must not be set where students' code runs")
    step = _Step(folder, target, assignment, isolation, time.monotonic() + seconds, tell)
    with ThreadPoolExecutor(jobs) as pool:
        for _ in pool.map(step.take_up, step.groups()):
            pass
    return step.done


class _Step:
    def __init__(
        self,
        folder: Path,
        target: Path,
        assignment: Assignment,
        isolation: str,
        end: float,
        tell: Callable[[str], None],
    ) -> None:
        self._folder, self._target, self._assignment = folder, target, assignment
        self._isolation, self._end, self._tell = isolation, end, tell
        self._lock = threading.Lock()
        self.done = Worked()

    def groups(self) -> list[list[tuple[str, Submission]]]:
        """Submissions with the same files, together; those that cannot be graded are dealt with here."""
        found: dict[tuple[str, str], list[tuple[str, Submission]]] = {}
        for name, commit in staging.staged(self._folder):
            try:
                taken = staging.submission(self._folder, name, commit, self._assignment)
            except SubmissionError as error:
                self._write(name, staging.UNFIT, dumps({"problem": str(error)}))
                self.done.unfit += 1
            else:
                found.setdefault((taken.digest, repr(sorted(taken.faults.items()))), []).append((name, taken))
        return list(found.values())

    def take_up(self, group: list[tuple[str, Submission]]) -> None:
        """Grade the files of a group, and write a document for each of its commits."""
        if time.monotonic() > self._end:
            with self._lock:
                self.done.left += len(group)
            return
        _, first = group[0]
        try:
            document = self._graded(first)
        except UnavailableIsolationError:
            raise
        except grade.ExecutionError as error:
            with self._lock:
                self.done.failed.append(f"{first.source}: {error}")
            self._tell(self.done.failed[-1])
            return
        for name, taken in group:
            self._write(name, staging.DOCUMENT, _of(document, taken).dumps())
        with self._lock:
            self.done.graded += len(group)

    def _graded(self, taken: Submission) -> ScoreDocument:
        options = Options(self._assignment.tiers, isolation=self._isolation)
        document = grade.grade(taken, self._assignment, options)
        if not document.isolation.get("trusted_for_grading"):
            raise UnavailableIsolationError("the students' code could not be confined well enough to trust the result")
        lost = [check.result.id for check in document.checks if check.status is Status.ERROR]
        if lost:
            raise grade.ExecutionError(f"{len(lost)} checks could not be made, the first of them {lost[0]}")
        return document

    def _write(self, name: str, file: str, text: str) -> None:
        (self._target / name).mkdir(parents=True, exist_ok=True)
        files.write_atomically(self._target / name / file, text)


def _of(document: ScoreDocument, taken: Submission) -> ScoreDocument:
    """The document of the same files in another commit."""
    which = {"id": taken.id, "source": taken.source, "commit": taken.commit}
    return dataclasses.replace(document, submission={**document.submission, **which}, problems=tuple(taken.problems))
