"""What goes to the processes of an audit, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...assignment import Assignment, Check
from ...catalogue import Catalogue
from ...diagnosis.evidence import Evidence
from ...results import CheckResult, Kind, Status


@dataclass(frozen=True)
class Setting:
    """What all submissions of an audit have in common.

    Attributes:
        assignment: what is audited.
        catalogue: its answers.
        tiers: the tiers whose checks are run.
        items: the items whose checks are run.
        call_seconds: processor time that one call of a submission may take.
        task_seconds: time after which a process that is not done with a submission ends itself.
    """

    assignment: Assignment
    catalogue: Catalogue
    tiers: tuple[str, ...]
    items: tuple[str, ...]
    call_seconds: float = 10.0
    task_seconds: float = 600.0


@dataclass(frozen=True)
class Task:
    """One submission to be checked.

    Attributes:
        group: "reference", "skeleton", "misconception" or "variant".
        name: unique in its group.
        key: what the inputs of hidden checks are derived from.
        files: the submission, texts by name.
        tiers: the tiers whose checks are run.
        changed: the file that differs from the solution, and the function in it if only that one does.
        whole: run the checks of items that judge a submission as a whole, too.
        diagnose: name the mistakes behind failed checks.
        answers: bring back what was answered to the checks that failed.
        experiment: the item to make experiments with, if any.
    """

    group: str
    name: str
    key: str
    files: dict[str, bytes]
    tiers: tuple[str, ...]
    changed: tuple[str, str | None] | None = None
    whole: bool = False
    diagnose: bool = False
    answers: bool = False
    experiment: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How one check of a submission ended, once scored.

    Attributes:
        status: as in the score document.
        kind: as in the score document.
        blocked_by: the item that was in the way.
        message: what the student would read.
        named: the mistakes that were named behind it.
        statistics: what was measured of random numbers, each as name, deviation in standard errors and false-failure
            rate.
    """

    status: Status
    kind: Kind | None
    blocked_by: str | None
    message: str
    named: tuple[str, ...] = ()
    statistics: tuple[tuple[str, float, float], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it earned its points."""
        return self.status is Status.PASSED

    @property
    def blocked(self) -> bool:
        """Whether it could not be run because of another item."""
        return self.status is Status.BLOCKED

    @property
    def is_not_implemented(self) -> bool:
        """Whether it met a part that is not written yet."""
        return self.status is Status.NOT_IMPLEMENTED

    @property
    def is_error(self) -> bool:
        """Whether the check itself failed, which says nothing of the submission."""
        return self.status is Status.ERROR


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes:
        group, name, key: of the task.
        checks: the outcome of every check, by id.
        why: what experiments say of it, a sentence for each mistake, where they were asked for.
        answers: what was answered to each failed check, where that was asked for, as ``diagnosis.stored`` writes it.
        seconds: processor time.
        problems: what went wrong with the audit itself.
        collected: of the solution, the tests that there are, as ``Check.path`` writes them.
    """

    group: str
    name: str
    key: str
    checks: dict[str, Outcome]
    why: tuple[str, ...] = ()
    answers: dict[str, list[list[Any]]] = field(default_factory=dict)
    seconds: float = 0.0
    problems: tuple[str, ...] = ()
    collected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """What the solution made of each check, what it answered, and which of its functions it ran in doing so.

    Attributes:
        files: the solution.
        collected: the tests that there are.
        results: how each check ended.
        ran: the qualified names of the functions that each check ran.
        evidence: what was answered to each check.
    """

    files: dict[str, bytes]
    collected: tuple[str, ...]
    results: dict[str, CheckResult]
    ran: dict[str, set[str]]
    evidence: tuple[Evidence, ...]

    def knows(self, task: Task, check: Check, file: str) -> bool:
        """Whether a check of the task must end as it did for the solution.

        A check loads one file; with the same seeds, the same text and no call of the function that differs, everything
        in it happens as before.
        """
        if check.id not in self.results:
            return False
        if task.files[file] == self.files[file]:
            return True
        return task.changed is not None and task.changed[1] is not None and task.changed[1] not in self.ran[check.id]
