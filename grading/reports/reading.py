"""What the exports read out of a score document: exact sums, names of checks, and what a check has to say."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any


class ExportError(Exception):
    """The document cannot be said in that format; the message says why, and what to do."""


def exact(points: float) -> Decimal:
    """Points as the decimal fraction that the document writes them as."""
    return Decimal(repr(points))


def total(checks: Iterable[dict[str, Any]], key: str) -> Decimal:
    """The exact sum of "earned" or "possible" points of checks."""
    return sum((exact(check[key]) for check in checks), Decimal(0))


def checks_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every check, in the order of the document."""
    return [check for item in document["items"] for check in item["checks"]]


def require_points(document: dict[str, Any], target: str) -> None:
    """Refuse a document with points that are open: a format that has only numbers would make zeros of them.

    Raises:
        ExportError: the grader could not make some of the checks.
    """
    faults = sum(check["status"] == "error" for check in checks_of(document))
    if faults:
        raise ExportError(
            f"the grader could not make {faults} of the checks, so that their points are open, which {target} cannot "
            "say: grade the submission again"
        )


def title(check: dict[str, Any]) -> str:
    """The name of a check for people: the fact that it holds, or its number where that is not told."""
    name = str(check["id"]).rsplit("/", 1)[-1].replace("_", " ")
    return f"hidden check {name}" if name.isdigit() else name


def explanation(check: dict[str, Any], beside: Iterable[dict[str, Any]] = ()) -> tuple[str, ...]:
    """What explains a failed check, a sentence for each mistake.

    Args:
        check: the check.
        beside: checks of the same item, which may tell which of several mistakes it is.
    """
    named = check["misconception"]
    if not named:
        return ()
    names = _names(named)
    others = [other["misconception"] for other in beside if other["misconception"]]
    sharper = [other for other in others if names > _names(other)]
    if len({other["name"] for other in sharper}) == 1:
        named = sharper[0]
    return tuple(named["why"]) if len(named["why"]) > 1 else (named["tell"],)


def _names(named: dict[str, Any]) -> set[str]:
    """The mistakes of which one has been made."""
    return set(named["name"].split(" or "))


def told(item: dict[str, Any], check: dict[str, Any]) -> str:
    """All that a check that did not pass has to say, as lines of plain text."""
    lines = [check["message"]]
    if check["expected"] or check["actual"]:
        lines.append(f"expected {check['expected']}, got {check['actual']}")
    if check["line"]:
        function = f", in {check['function']}" if check["function"] else ""
        lines.append(f"at {item['file']}:{check['line']}{function}")
    if check["misconception"]:
        lines.append(check["misconception"]["tell"])
    elif check["hint"]:
        lines.append(f"hint: {check['hint']}")
    return "\n".join(line for line in lines if line)


def findings(item: dict[str, Any], checks: Iterable[dict[str, Any]]) -> str:
    """What the checks that did not pass have to say, each thing once, under the first check that says it."""
    said: dict[str, str] = {}
    for check in checks:
        if check["status"] != "passed":
            said.setdefault(told(item, check), title(check))
    return "\n\n".join(f"{name}\n{text}" for text, name in said.items())
