"""How a check ends other than by passing."""

from __future__ import annotations

from ..results import Kind


class CheckFailure(AssertionError):
    """The submission did not do what the contract promises.

    Args:
        kind: what failed, as ``results.Kind`` spells it.
        message: one sentence for the student.
        expected: what should have come, in short form.
        actual: what came, in short form.

    Attributes:
        of: the function that is found wrong, as it is called; if empty, the one that was called last.
    """

    of = ""

    def __init__(self, kind: Kind | str, message: str, *, expected: str = "", actual: str = "") -> None:
        super().__init__(message)
        self.kind = Kind(kind)
        self.message, self.expected, self.actual = message, expected, actual

    def __str__(self) -> str:
        parts = [self.message]
        if self.expected:
            parts.append(f"expected: {self.expected}")
        if self.actual:
            parts.append(f"got:      {self.actual}")
        return "\n".join(parts)


class Blocked(Exception):
    """The check needs another part of the submission that does not work.

    Args:
        by: the item that is in the way.
        message: what is the matter with it.
        shown: it has answered wrongly when it was asked alone, which need not show at every question.
    """

    def __init__(self, by: str, message: str, *, shown: bool = False) -> None:
        super().__init__(f"{by} is needed for this check, and {message}")
        self.by, self.shown = by, shown
