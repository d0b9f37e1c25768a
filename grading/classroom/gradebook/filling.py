"""Which cells of a platform's export our scores go into, and why others stay as they are.

A row is matched by one column of identifiers, the same for all rows, and never by a name. A row is left as it was
unless it is one student's, that student has a score, and the platform would take it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from ..model import Class, ClassError, Outcome, State
from .own import rounded
from .table import Table

_LEFT = {
    State.MISSING: "nothing was handed in",
    State.INVALID: "what was handed in cannot be graded",
    State.ERROR: "the grader failed",
    State.HOLD: "it is held back",
    State.AMBIGUOUS: "whose submission it is cannot be told",
}


@dataclass(frozen=True)
class Options:
    """How to fill in.

    Attributes:
        column: the heading of our column; "" to find it by the name of the assignment.
        by: the heading of the column that identifies students; "" for the one that knows the most of them.
        scale: convert scores to what the platform's column is worth.
        missing_zero: a student who has handed in nothing gets a zero.
    """

    column: str = ""
    by: str = ""
    scale: bool = False
    missing_zero: bool = False


@dataclass(frozen=True)
class Change:
    """A cell that gets another value.

    Attributes:
        row: its row in the table.
        who: the student, as the file writes them.
        old: what it says now.
        new: what it will say.
    """

    row: int
    who: str
    old: str
    new: str


@dataclass
class Filling:
    """What is going to happen to a file.

    Attributes:
        table: the file.
        column: our column.
        changes: the cells that change.
        left: rows that stay, and why; who, then the reason.
        same: how many rows have our score already.
        notices: anything else to know before the file is taken back.
    """

    table: Table
    column: int
    changes: list[Change] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    same: int = 0
    notices: list[str] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        """The file with the changes."""
        return self.table.with_values({(change.row, self.column): change.new for change in self.changes})


def plain(text: str) -> str:
    """An identifier in the form in which two are compared; an address is the same in capitals."""
    text = unicodedata.normalize("NFC", text.strip())
    return text.casefold() if "@" in text else text


@dataclass(frozen=True)
class Key:
    """How a column of identifiers knows students.

    Attributes:
        names: by what it may know a student.
        read: takes the identifier out of a cell.
    """

    names: Callable[[Outcome], Iterable[str]]
    read: Callable[[str], str] = plain


def match(
    table: Table, rows: Sequence[int], keys: dict[str, Key], graded: Class, by: str
) -> tuple[dict[int, Outcome], list[tuple[int, str]], str]:
    """Find the student of each row.

    Args:
        table: the file.
        rows: the rows that are students.
        keys: the headings of the columns that may identify them, the platform's favourite first.
        graded: the class.
        by: the heading of the only column to go by; "" for the one that knows the most.

    Returns:
        The students by row, the rows that stay with the reason, and the heading of the column that was gone by.

    Raises:
        ClassError: there is no such column, or none knows anybody.
    """
    places = {heading: table.headings.index(heading) for heading in keys if heading in table.headings}
    if by and by not in places:
        raise ClassError(f"{by!r} identifies no students; there are {', '.join(map(repr, places))}")
    columns = [_Column(table, rows, places[name], name, keys[name], graded) for name in ([by] if by else places)]
    best = max(columns, key=lambda column: column.hits)
    if not best.hits:
        raise ClassError(
            f"no row of this file is anybody of the class: {', '.join(repr(c.heading) for c in columns)} were compared "
            "with ids, logins and addresses; grade with a roster whose ids are those of the file"
        )
    found: dict[int, Outcome] = {}
    left: list[tuple[int, str]] = []
    for row in rows:
        known = best.at(row)
        if isinstance(known, str):
            left.append((row, known))
        elif other := next((c for c in columns if isinstance(o := c.at(row), Outcome) and o is not known), None):
            left.append((row, f"{best.heading!r} and {other.heading!r} name different students; choose with --by"))
        else:
            found[row] = known
    return found, left, best.heading


class _Column:
    """A column of identifiers."""

    def __init__(self, table: Table, rows: Sequence[int], place: int, heading: str, key: Key, graded: Class) -> None:
        self.heading = heading
        self._known: dict[str, list[Outcome]] = {}
        for outcome in graded.outcomes:
            for name in {plain(name) for name in key.names(outcome)} - {""}:
                self._known.setdefault(name, []).append(outcome)
        self._names = {row: key.read(table.value(row, place)) for row in rows}
        self._times = Counter(self._names.values())
        self.hits = sum(name in self._known for name in self._names.values())

    def at(self, row: int) -> Outcome | str:
        """The student of a row, or why it cannot be told."""
        name = self._names[row]
        candidates = self._known.get(name, [])
        if not candidates:
            return "nobody of the class"
        if len(candidates) > 1:
            return f"{len(candidates)} of the class are called {name!r}"
        if self._times[name] > 1:
            return f"{self._times[name]} rows are called {name!r}"
        return candidates[0]


def number(text: str) -> Fraction | None:
    """A number as platforms write it: the last point or comma is the decimal one; None if it is none."""
    compact = text.replace("\N{NO-BREAK SPACE}", "").replace(" ", "").replace(",", ".")
    whole, point, rest = compact.rpartition(".")
    try:
        return Fraction(Decimal(whole.replace(".", "") + point + rest))
    except (InvalidOperation, ValueError, OverflowError):
        return None


def score(outcome: Outcome, maximum: Fraction | None, options: Options) -> Fraction | str:
    """What goes into the cell, exactly, or why nothing does.

    Args:
        outcome: the student's.
        maximum: what the platform's column is worth, if the file tells.
        options: how to fill in.
    """
    if outcome.state is State.MISSING and options.missing_zero:
        return Fraction(0)
    points, possible = outcome.adjusted, outcome.possible
    if outcome.state is not State.GRADED or points is None or not possible:
        reason = _LEFT.get(outcome.state, "there is no score")
        return f"{reason}: {outcome.note}" if outcome.note and outcome.note != reason else reason
    if options.scale and maximum is not None:
        points = points * maximum / possible
    if maximum is not None and points > maximum:
        return f"{rounded(points)} is above the maximum of {rounded(maximum)}"
    return points


def require_same_worth(maximum: Fraction | None, graded: Class, options: Options) -> None:
    """Refuse a column that is worth something else than the assignment, unless scores are to be converted.

    Raises:
        ClassError: it is.
    """
    possible = next((outcome.possible for outcome in graded.outcomes if outcome.possible), None)
    if maximum is None or possible is None or options.scale or maximum == possible:
        return
    raise ClassError(
        f"the column is worth {rounded(maximum)} points and the assignment {rounded(possible)}: change the column's "
        "points, or convert the scores with --scale"
    )
