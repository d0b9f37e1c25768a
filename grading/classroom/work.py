"""What one worker does: grade one submission. A worker may be a process here or on another machine."""

from __future__ import annotations

import dataclasses
import hashlib
import signal
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .. import assignment as assignments
from .. import grade, pooled, redaction
from ..assignment import Assignment
from ..results import Status
from ..scores import ScoreDocument
from ..submission import Submission

TRUSTED_LEVELS = ("A", "B")
ENDING = (signal.SIGINT, signal.SIGTERM)
"""Signals that end a run; they wait while one of its processes is being started."""


class SkewError(Exception):
    """A worker has another assignment or grader than the one who asks; nothing it says would hold."""


@dataclass(frozen=True)
class Setting:
    """What all submissions of a class are graded by.

    Attributes:
        root: the folder of the assignment; None for the one that the worker's grader came with.
        fingerprint: of the assignment and the grader, as ``fingerprint`` gives it.
        tiers: the tiers to run.
        isolation: the level; "auto" takes A or B, and refuses to grade where a machine can give neither.
    """

    root: str | None
    fingerprint: str
    tiers: tuple[str, ...]
    isolation: str


@dataclass(frozen=True)
class Task:
    """One submission to grade.

    Attributes:
        setting: what it is graded by.
        submission: the files.
        seed: what the inputs of hidden checks are derived from.
    """

    setting: Setting
    submission: Submission
    seed: str


@dataclass(frozen=True)
class Result:
    """What a worker says.

    Attributes:
        document: the instructor's score document, without problems of the files.
        redacted: the student's.
        faulty: the grader could not make some of the checks.
    """

    document: dict[str, Any]
    redacted: dict[str, Any]
    faulty: bool


def work(task: Task) -> Result:
    """Grade one submission.

    Raises:
        ExecutionError: the checks could not be run.
        UnavailableIsolationError: this machine cannot confine a student's code as demanded.
        SkewError: this worker has another assignment or grader.
    """
    setting = task.setting
    if _fingerprint(setting.root) != setting.fingerprint:
        raise SkewError("a worker has another version of the assignment or of the grader than this machine")
    document = _grade(task, _assignment(setting.root))
    # What is said of the files is said anew of each submission that has the same ones.
    document = dataclasses.replace(document, problems=())
    faulty = any(check.status is Status.ERROR for check in document.checks)
    return Result(document.to_json(), redaction.redact(document).to_json(), faulty)


_levels = [*TRUSTED_LEVELS]
"""The levels that this worker's machine can give, as far as has been tried."""


def _grade(task: Task, assignment: Assignment) -> ScoreDocument:
    if task.setting.isolation != "auto":
        return _grade_at(task.setting.isolation, task, assignment)
    # Each run proves its own level, before the student's code begins; there is no third one to fall back to.
    first, *others = [*_levels]
    try:
        return _grade_at(first, task, assignment)
    except grade.UnavailableIsolationError:
        if not others:
            raise
        _levels[:] = others
        return _grade_at(others[0], task, assignment)


def _grade_at(level: str, task: Task, assignment: Assignment) -> ScoreDocument:
    """Grade by a process forked from one that this worker keeps, which has imported and collected everything."""
    options = grade.Options(task.setting.tiers, isolation=level, seed=task.seed)
    server = grade.shared_server(assignment, task.setting.tiers, level)
    return grade.grade(task.submission, assignment, options, server=server)


@cache
def _assignment(root: str | None) -> Assignment:
    return assignments.load(Path(root) if root is not None else assignments.own_root())


@cache
def _fingerprint(root: str | None) -> str:
    return fingerprint(_assignment(root))


def fingerprint(assignment: Assignment) -> str:
    """A digest of all that decides what a submission comes to: the checks, the catalogue, the grader and torch."""
    digest = hashlib.sha256(f"{assignment.digest}\0{version('torch')}\0".encode())
    own = Path(__file__).resolve().parents[1]
    for folder in (own, assignment.reference):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    if assignment.answers.is_file():
        digest.update(assignment.answers.read_bytes())
    return digest.hexdigest()


def begin(temporary: str) -> None:
    """Begin a process of the local pool.

    Args:
        temporary: where to unpack what is graded.
    """
    tempfile.tempdir = temporary
    pooled.follow_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
