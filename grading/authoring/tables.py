"""Tables in documents that say what the rubric and the grader say: how they are written, and whether they still hold.

A table stands between two comments, ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from ..assignment import TIERS, Assignment
from ..reports import terminal

POINTS, DEMO = "points", "demo"
DEMO_WIDTH = 80


class TableError(Exception):
    """A document has no place for a table; the message says which."""


def points(assignment: Assignment) -> str:
    """What each item is worth, as a Markdown table."""
    lines = ["| item | section | file | public | hidden | points |", "| --- | --- | --- | ---: | ---: | ---: |"]
    for item in assignment.items:
        worth = " | ".join(map(str, (item.points["public"], item.points["hidden"], sum(item.points.values()))))
        lines.append(f"| {item.title} | {item.section} | `{item.file}` | {worth} |")
    public, hidden = (sum(item.points[tier] for item in assignment.items) for tier in TIERS)
    return "\n".join([*lines, f"| **total** | | | **{public}** | **{hidden}** | **{public + hidden}** |", ""])


def demo(documents: Sequence[dict[str, Any]]) -> str:
    """What ``vae-grade demo`` prints on a terminal of the usual width, as a block of code in Markdown."""
    stream = io.StringIO()
    terminal.compare(documents, Console(file=stream, width=DEMO_WIDTH, highlight=False))
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    return textwrap.indent("\n".join([*lines, ""]), "    ")


def has(text: str, name: str) -> bool:
    """Whether a document has a place for this table."""
    return f"<!-- {name}: begin -->\n" in text and f"<!-- {name}: end -->" in text


def put(text: str, name: str, table: str) -> str:
    """The document with the table in its place.

    Raises:
        TableError: there is no such place.
    """
    if not has(text, name):
        raise TableError(f"there is no table between <!-- {name}: begin --> and <!-- {name}: end -->")
    before, begin, rest = text.partition(f"<!-- {name}: begin -->\n")
    _, end, after = rest.partition(f"<!-- {name}: end -->")
    return before + begin + table + end + after
