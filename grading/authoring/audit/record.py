"""What the last audit that passed was an audit of, so that nothing else is released."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ... import __version__, files
from ...assignment import TIERS, Assignment

NAME = "audited.json"


def digest(assignment: Assignment) -> str:
    """Of everything that an audit judges: the rubric, the checks, and the solution with its catalogue."""
    summed = hashlib.sha256(assignment.digest.encode())
    for path in sorted(assignment.reference.rglob("*.py")):
        summed.update(path.relative_to(assignment.reference).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return summed.hexdigest()


def place(assignment: Assignment) -> Path:
    """Where it is written down."""
    return assignment.reference / NAME


def keep(assignment: Assignment, audited: str, *, sound: bool) -> None:
    """Write down how an audit of the whole assignment ended; one that found it unsound takes the record away.

    Args:
        assignment: what was audited.
        audited: its digest when the audit began.
        sound: whether it passed.
    """
    if sound:
        content = {"digest": audited, "grader": __version__}
        files.write_atomically(place(assignment), json.dumps(content, indent=2) + "\n")
    else:
        place(assignment).unlink(missing_ok=True)


def has_passed(assignment: Assignment) -> bool:
    """Whether an audit of the assignment as it is now has passed; without a hidden tier none can have."""
    try:
        found = json.loads(place(assignment).read_text(encoding="utf-8"))
        return assignment.tiers == TIERS and found["digest"] == digest(assignment)
    except (OSError, ValueError, KeyError, TypeError):
        return False
