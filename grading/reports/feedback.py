"""One page of feedback for a student, as HTML that stands alone and as Markdown, from the student's score document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import github
from .reading import exact, explanation, title, total
from .wording import STATUS, points

TEMPLATES = Path(__file__).parent / "templates"
FULL_REPORTS = 3
"""How many findings of one item are told in full; beyond that, a student mends the first ones first."""


def environment(*folders: Path, finalize: Callable[[Any], Any] | None = None) -> Environment:
    """Templates that escape all that is put into them.

    Args:
        folders: with templates of their own, beside those for feedback.
        finalize: is given each value before it is put in.
    """
    loader = FileSystemLoader([*folders, TEMPLATES])
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
    made.filters["points"] = points
    return made


def html(document: dict[str, Any], lines: Sequence[str], made: Environment) -> str:
    """The page as HTML.

    Args:
        document: the student's document, in its JSON form.
        lines: what to say of the score beside it, such as what lateness costs.
        made: what ``environment`` gave.
    """
    return made.get_template("feedback.html").render(
        document=document, score=document["score"], items=items(document), lines=lines
    )


def markdown(document: dict[str, Any], lines: Sequence[str]) -> str:
    """The page as Markdown; see ``html``."""
    told = "".join(f"{github.plain(line)}\n\n" for line in lines)
    return told + github.summary(document)


def items(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The items, as a page shows them: what was lost and why, each thing once."""
    return [_item(item) for item in document["items"]]


def _item(item: dict[str, Any]) -> dict[str, Any]:
    lost = [check for check in item["checks"] if check["status"] != "passed"]
    findings: dict[tuple[Any, ...], dict[str, Any]] = {}
    for check in lost:
        key = tuple(check[name] for name in ("message", "expected", "actual", "line", "status"))
        found = findings.setdefault(key, {**check, "word": STATUS[check["status"]][0], "titles": [], "points": 0})
        found["titles"].append(title(check))
        found["points"] += exact(check["possible"]) - exact(check["earned"])
    earned, possible = (total(item["checks"], key) for key in ("earned", "possible"))
    return {
        **{name: item[name] for name in ("id", "title", "file", "section", "status")},
        "word": STATUS[item["status"]][0],
        "earned": earned,
        "possible": possible,
        "share": int(100 * earned / possible) if possible else 100,
        "passed": len(item["checks"]) - len(lost),
        "checks": len(item["checks"]),
        "why": list(dict.fromkeys(sentence for check in lost for sentence in explanation(check, lost))),
        "hints": list(dict.fromkeys(c["hint"] for c in lost if c["hint"])),
        "findings": list(findings.values())[:FULL_REPORTS],
        "rest": list(findings.values())[FULL_REPORTS:],
    }
