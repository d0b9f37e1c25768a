"""How a check ended: one type from the moment it ends to the score document.

``Status`` and ``Kind`` are the only words for it anywhere. Texts are made harmless and cut to length by the type, so
that no report has to think of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .boundary.shared.text import MAX_STRING, clean

_LIMITS = {
    **dict.fromkeys(("message", "output"), MAX_STRING),
    **dict.fromkeys(("expected", "actual"), 500),
    **dict.fromkeys(("function", "source"), 200),
}
"""How many characters a text may have."""


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_IMPLEMENTED = "not_implemented"
    BLOCKED = "blocked"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    ERROR = "error"
    """A fault of the grader, which costs nobody a point."""

    @property
    def tells_of_its_item(self) -> bool:
        """Whether it says anything about the functions of the check's own item."""
        return self in (Status.PASSED, Status.FAILED, Status.TIMEOUT, Status.CRASHED)


class Kind(StrEnum):
    """What a check that did not pass found."""

    NOT_IMPLEMENTED = "not_implemented"
    CRASH = "crash"
    SHAPE = "shape"
    DTYPE = "dtype"
    VALUE = "value"
    GRADIENT = "gradient"
    STATISTICS = "statistics"
    STRUCTURE = "structure"
    MUTATION = "mutation"
    TIMEOUT = "timeout"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Misconception:
    """A typical mistake that explains a failed check.

    Attributes:
        name: as the catalogue calls it; several, where they cannot be told apart.
        tell: what to tell the student.
        section: the number of the task in the handout.
        why: what experiments with inputs of their own have found, a sentence for each mistake; a student may read it
            whichever check it explains.
    """

    name: str
    tell: str
    section: str
    why: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to tell the student, a sentence for each mistake."""
        return self.why if len(self.why) > 1 else (self.tell,)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the mistakes that it may be."""
        return tuple(self.name.split(" or "))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Misconception:
        """The mistake as ``dataclasses.asdict`` wrote it."""
        return cls(**{**value, "why": tuple(value.get("why", ()))})


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes:
        id: the check, ``tier/item/name``.
        status: how it ended.
        kind: what failed, or None if it passed or could not be made.
        message: one sentence for the student.
        expected: what should have come, in short form.
        actual: what came, in short form.
        misconception: the typical mistake that gives exactly this answer, if one is known.
        blocked_by: the item that is in the way, if one is. With kind CRASH, the item in whose function the submission
            crashed: whether that is its fault is decided when all checks are made.
        line: the line of the student's file where their code raised, or where their function begins.
        function: the function that the line is in.
        source: the text of the line.
        output: what the student's code printed during the check.
        relied_on: the items whose wrong answers the check accepted, one tuple for each time; any of the items in a
            tuple may be the wrong one.
    """

    id: str
    status: Status
    kind: Kind | None = None
    message: str = ""
    expected: str = ""
    actual: str = ""
    misconception: Misconception | None = None
    blocked_by: str | None = None
    line: int | None = None
    function: str | None = None
    source: str | None = None
    output: str = ""
    relied_on: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        for name, limit in _LIMITS.items():
            text = getattr(self, name)
            if text is not None:
                object.__setattr__(self, name, clean(text, limit))
        for name in ("function", "source"):
            object.__setattr__(self, name, getattr(self, name) or None)

    @property
    def passed(self) -> bool:
        """Whether it earns its points."""
        return self.status is Status.PASSED

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        fields = dataclasses.asdict(self)
        if self.misconception is not None:
            fields["misconception"]["why"] = list(self.misconception.why)
        return fields

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CheckResult:
        """The result that ``to_json`` wrote.

        Raises:
            TypeError, ValueError: it is no result.
        """
        fields = dict(value)
        fields["status"] = Status(fields["status"])
        fields["kind"] = Kind(fields["kind"]) if fields.get("kind") is not None else None
        named = fields.get("misconception")
        fields["misconception"] = Misconception.from_json(named) if named is not None else None
        fields["relied_on"] = tuple(tuple(items) for items in fields.get("relied_on", ()))
        return cls(**fields)
