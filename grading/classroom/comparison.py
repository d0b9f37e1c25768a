"""What is different between two gradings: who, which check, from what, to what, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..boundary.shared.text import clean_line
from .model import ClassError, Outcome, load
from .shown import number

Document = Mapping[str, Any]


def compare(old: Path, new: Path) -> list[str]:
    """What is different, a line each; nothing if no score and no check is.

    Args:
        old: the folder of a class, or a score document.
        new: the same kind.

    Raises:
        ClassError: one cannot be read, or they are not of the same kind.
    """
    for path in (old, new):
        if not path.exists():
            raise ClassError(f"{clean_line(str(path), 200)}: there is no such folder or score document")
    if old.is_dir() != new.is_dir():
        raise ClassError("give two folders of classes, or two score documents")
    if not old.is_dir():
        before, after = _document(old), _document(new)
        if before["audience"] != after["audience"]:
            raise ClassError("one document is the instructor's and one the student's: give two of the same kind")
        return _documents(clean_line(str(after["submission"]["id"]), 100), before, after)
    lines = []
    earlier, later = _rows(old), _rows(new)
    for identifier in sorted({*earlier, *later}):
        lines += _outcomes(clean_line(identifier, 100), earlier.get(identifier), later.get(identifier))
    return lines


def _rows(folder: Path) -> dict[str, Outcome]:
    graded = load(folder)
    return {outcome.student.id: outcome for outcome in (*graded.outcomes, *graded.strangers)}


def _document(path: Path) -> Document:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        (
            _checks(document),
            document["audience"],
            document["submission"]["id"],
            document["score"]["earned"],
            document["assignment"]["digest"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClassError(f"{clean_line(str(path), 200)} is no score document that can be read: {error!r}") from error
    found: Document = document
    return found


def _outcomes(who: str, old: Outcome | None, new: Outcome | None) -> list[str]:
    if old is None or new is None:
        return [f"{who}: {'is new' if old is None else 'is not there any more'}"]
    lines = []
    if old.state is not new.state:
        note = f": {clean_line(new.note, 200)}" if new.note else ""
        lines.append(f"{who}: was {old.state}, is {new.state}{note}")
    before, after = old.document, new.document
    if before is not None and after is not None:
        lines += _documents(who, before, after)
    if old.adjusted is not None and new.adjusted is not None and old.lateness.penalty != new.lateness.penalty:
        change = f"{number(old.adjusted)} to {number(new.adjusted)}"
        share = f"{number(old.lateness.penalty * 100)} % to {number(new.lateness.penalty * 100)} %"
        lines.append(f"{who}: after lateness from {change}: the penalty went from {share}")
    return lines


def _documents(who: str, old: Document, new: Document) -> list[str]:
    before, after = _checks(old), _checks(new)
    lines = []
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if (
            was
            and now
            and (was["status"], was["earned"], was["possible"])
            == (
                now["status"],
                now["earned"],
                now["possible"],
            )
        ):
            continue
        message = clean_line(" ".join(str(now["message"]).split()), 200) if now and now["message"] else ""
        lines.append(
            f"{who}: {clean_line(name, 200)} from {_worth(was)} to {_worth(now)}" + (message and f": {message}")
        )
    scores = old["score"]["earned"], new["score"]["earned"]
    if lines or scores[0] != scores[1]:
        lines.insert(0, f"{who}: from {scores[0]:g} to {scores[1]:g} points: {_why(old, new)}")
    return lines


def _worth(check: Mapping[str, Any] | None) -> str:
    if check is None:
        return "nothing"
    return f"{clean_line(str(check['status']), 40)} ({check['earned']:g} / {check['possible']:g})"


def _why(old: Document, new: Document) -> str:
    """What the two depended on and is another now."""
    changed = [
        name
        for name, (part, key) in {
            "the submission": ("submission", "digest"),
            "the assignment": ("assignment", "digest"),
            "the version of the grader": ("environment", "grader"),
            "the version of torch": ("environment", "torch"),
            "the isolation level": ("isolation", "level"),
        }.items()
        if old[part].get(key) != new[part].get(key)
    ]
    if not changed and old["seed"] != new["seed"]:  # it follows from the others
        changed = ["the seed of the hidden checks"]
    if not changed:
        return "the same files, assignment, seed and version of the grader: its code changed, or chance decided"
    return f"{', '.join(changed)} changed"


def _checks(document: Document) -> dict[str, Mapping[str, Any]]:
    return {check["id"]: check for item in document["items"] for check in item["checks"]}
