"""What goes to the processes of an audit, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """One submission to be checked.

    Attributes:
        group: "reference", "skeleton", "misconception" or "variant".
        name: unique in its group.
        key: what the inputs of hidden checks are derived from.
        files: the submission, texts by name.
        tiers: the tiers whose checks are made.
        changed: the file that differs from the solution, and the function in it if only that one does.
        wholes: run the checks of items that judge a submission as a whole, too.
        diagnose: name the mistakes behind failed checks.
        answers: bring back what was answered to the checks that failed.
    """

    group: str
    name: str
    key: str
    files: dict[str, bytes]
    tiers: tuple[str, ...]
    changed: tuple[str, str | None] | None = None
    wholes: bool = False
    diagnose: bool = False
    answers: bool = False


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

    status: str
    kind: str | None
    blocked_by: str | None
    message: str
    named: tuple[str, ...] = ()
    statistics: tuple[tuple[str, float, float], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it earned its points."""
        return self.status == "passed"

    @property
    def blocked(self) -> bool:
        """Whether it could not be run because of another item."""
        return self.status == "blocked"

    @property
    def is_not_implemented(self) -> bool:
        """Whether it met a part that is not written yet."""
        return self.status == "not_implemented"

    @property
    def is_error(self) -> bool:
        """Whether the check itself failed, which says nothing of the submission."""
        return self.status == "error"


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes:
        group, name, key: of the task.
        checks: the outcome of every check, by id.
        answers: what was answered to each failed check, where that was asked for, as ``diagnosis.stored`` writes it.
        seconds: processor time.
        problems: what went wrong with the audit itself.
    """

    group: str
    name: str
    key: str
    checks: dict[str, Outcome]
    answers: dict[str, list[list[Any]]] = field(default_factory=dict)
    seconds: float = 0.0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ready:
    """A process is ready; these are the tests that it collected, as ``Check.path`` writes them."""

    collected: tuple[str, ...]


@dataclass(frozen=True)
class Unusable:
    """A process could not begin, for this reason."""

    reason: str
