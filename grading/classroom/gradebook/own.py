"""Our own gradebook, as CSV and as JSON: a row for each student of the roster, strangers behind them.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and people choose their names:
such texts get an apostrophe in front, which spreadsheets show as text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from ... import files
from ...boundary.shared.text import clean_line
from ..model import Class, Lateness, Outcome

FORMULA = tuple("=+-@\t\r\n＝＋－＠")
COLUMNS = (
    *("id", "name", "login", "email", "section", "group", "state", "score", "before_lateness", "possible"),
    *("received", "clock", "due", "days_late", "late_days_granted", "late_days_used", "late_days_left", "penalty"),
    *("in_roster", "note"),
)
"""The columns before those of the items."""


def write(graded: Class) -> tuple[Path, Path]:
    """Write ``gradebook.csv`` and ``gradebook.json`` into the folder of the class.

    Raises:
        OSError: they cannot be written.
    """
    rows = [(outcome, True) for outcome in graded.outcomes] + [(outcome, False) for outcome in graded.strangers]
    found = [_Row(outcome, known) for outcome, known in rows]
    paths = graded.folder / "gradebook.csv", graded.folder / "gradebook.json"
    for path, text in zip(paths, (_csv(found), _json(graded, found)), strict=True):
        files.write_atomically(path, text)
    return paths


def rounded(points: Fraction | None, digits: int = 2) -> str:
    """Points as a decimal number, rounded once, half to even; "" if there are none."""
    if points is None:
        return ""
    scaled = round(points * 10**digits)
    whole, rest = divmod(abs(scaled), 10**digits)
    text = f"{whole}.{rest:0{digits}}".rstrip("0").rstrip(".") if digits else str(whole)
    return f"-{text}" if scaled < 0 else text


def inert(text: str) -> str:
    """A text for a cell of a spreadsheet, on one line, and no formula."""
    # A tab or a line end in front of it would hide what a cell begins with.
    shown = "'" + text if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text
    return clean_line(" ".join(shown.split()) if shown.split() != [shown] else shown)


class _Row:
    """A row, with the points of each item read from the document."""

    def __init__(self, outcome: Outcome, known: bool) -> None:
        self.outcome, self.known = outcome, known
        document = outcome.document if outcome.raw is not None else None
        self.items: dict[str, float] = {item["id"]: item["earned"] for item in (document or {"items": []})["items"]}


def _csv(rows: Sequence[_Row]) -> str:
    items = list(dict.fromkeys(name for row in rows for name in row.items))
    stream = io.StringIO()
    # Quoted throughout, so that a semicolon or a line end in a name begins no cell in any country's spreadsheet.
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([*COLUMNS, *items])
    for row in rows:
        outcome, student, late = row.outcome, row.outcome.student, row.outcome.lateness
        texts = (student.id, student.name, student.login, student.email, student.section, student.group)
        days = (late.late_days_granted, late.late_days_used, late.late_days_left)
        writer.writerow(
            [
                *map(inert, texts),
                outcome.state.value,
                *map(rounded, (outcome.adjusted, outcome.raw, outcome.possible)),
                late.received.isoformat() if late.received else "",
                late.clock,
                late.due.isoformat() if late.due else "",
                "" if late.days_late is None else late.days_late,
                *days,
                rounded(late.penalty, 4),
                "yes" if row.known else "no",
                inert("; ".join(filter(None, (outcome.note, late.note, _marked(late))))),
                *(rounded(_exact(row.items[name])) if name in row.items else "" for name in items),
            ]
        )
    return stream.getvalue()


def _marked(late: Lateness) -> str:
    """What the platform says, where no rule has counted the days."""
    return "the platform marked it as late" if late.marked and late.days_late is None else ""


def _exact(points: float) -> Fraction:
    return Fraction(repr(points))


def _json(graded: Class, rows: Sequence[_Row]) -> str:
    content: dict[str, Any] = {
        "assignment": graded.assignment,
        "platform": graded.platform,
        "notices": list(graded.notices),
        "students": [
            {
                **row.outcome.to_json(),
                "adjusted": None if row.outcome.adjusted is None else str(row.outcome.adjusted),
                "score": None if row.outcome.adjusted is None else float(round(row.outcome.adjusted, 2)),
                "in_roster": row.known,
                "items": row.items,
            }
            for row in rows
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
