"""Canvas: the file that "Export" in its gradebook gives, which its "Import" takes back.

What its importer does decides what is refused here: it ignores columns whose heading looks like a total, and columns
that are read only; a row whose first cell contains "Points Possible" sets the points; an empty cell over an existing
score removes that score, and "EX" excuses a student.
"""

from __future__ import annotations

import re
from fractions import Fraction

from ..model import Class, ClassError, Outcome
from .filling import Change, Filling, Key, Options, match, number, plain, require_same_worth, score
from .own import rounded
from .table import Table

REQUIRED = ("Student", "ID")
_TOTAL = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?)\s*\((\d+)\)")
_IDENTITY = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")
_STATUSES = ("muted", "manual posting")


def fill(table: Table, graded: Class, options: Options) -> Filling:
    """Decide what goes into a file of Canvas.

    Raises:
        ClassError: our column cannot be told, or Canvas would not take it.
    """
    column = _column(table, options.column or graded.assignment["name"], asked=bool(options.column))
    filling = Filling(table, column)
    maximum, rows = _students(table, column)
    require_same_worth(maximum, graded, options)
    found, left, by = match(table, rows, _KEYS, graded, options.by)
    filling.left += [(table.value(row, 0), reason) for row, reason in left]
    filling.notices.append(f"students are matched by {by!r}")
    for row, outcome in sorted(found.items()):
        old = table.value(row, column)
        new = score(outcome, maximum, options)
        if old.casefold() in ("ex", "excused"):
            filling.left.append((table.value(row, 0), "excused in Canvas"))
        elif isinstance(new, str):
            filling.left.append((table.value(row, 0), new))
        elif column >= len(table.rows[row]):
            filling.left.append((table.value(row, 0), "the row is too short"))
        elif number(old) == round(new, 2):
            filling.same += 1
        else:
            filling.changes.append(Change(row, table.value(row, 0), old, rounded(new)))
    return filling


def _column(table: Table, wanted: str, *, asked: bool) -> int:
    """Our column: by its whole heading, by its number, or by its title without the number."""
    headings = table.headings
    offered = [heading for heading in headings if heading not in _IDENTITY and not _TOTAL.search(heading)]
    hint = f"name it with --column: {', '.join(map(repr, offered))}" if offered else "there is none for an assignment"
    found = [place for place, heading in enumerate(headings) if heading == wanted]
    for part in (1, 2):
        numbered = {place: named for place, heading in enumerate(headings) if (named := _NUMBERED.fullmatch(heading))}
        found = found or [place for place, named in numbered.items() if plain(named[part]) == plain(wanted)]
    if not found:
        raise ClassError(f"there is no column {wanted!r}; {hint}")
    if len(found) > 1:
        raise ClassError(f"{len(found)} columns are called {wanted!r}; {hint}")
    heading = headings[found[0]]
    if heading in _IDENTITY:
        raise ClassError(f"the column {heading!r} identifies students, and is no assignment's")
    if total := _TOTAL.search(heading):
        raise ClassError(
            f"the column {heading!r} is refused: Canvas ignores every column whose heading contains {total[0]!r}, as "
            "its own totals do. Rename the assignment in Canvas and export again"
        )
    return found[0]


def _students(table: Table, column: int) -> tuple[Fraction | None, list[int]]:
    """What our column is worth, and the rows that are students."""
    maximum, rows = None, []
    for row in range(1, len(table.rows)):
        first, value = table.value(row, 0), table.value(row, column)
        others = {cell.value.strip().casefold() for cell in table.rows[row]} - {""}
        if "Points Possible" in first:
            if value.casefold() == "(read only)":
                raise ClassError(f"the column {table.headings[column]!r} is read only in Canvas, which ignores it")
            maximum = number(value)
        elif others and others.isdisjoint(_STATUSES) and (first or table.value(row, 1)):
            rows.append(row)
    return maximum, rows


def _ids(outcome: Outcome) -> tuple[str, ...]:
    return (outcome.student.id,)


def _logins(outcome: Outcome) -> tuple[str, ...]:
    return (outcome.student.id, outcome.student.login, outcome.student.email)


_KEYS = {"ID": Key(_ids), "SIS User ID": Key(_ids), "SIS Login ID": Key(_logins)}
