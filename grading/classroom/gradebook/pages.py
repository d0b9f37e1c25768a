"""A page of feedback for each student who has a score: the report as the student would see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ... import files
from ...reports import feedback
from ..model import Class, Outcome, State
from .own import rounded


def each(graded: Class) -> Iterator[tuple[Outcome, str]]:
    """The students who have a score, each with the page as HTML."""
    made = feedback.environment()
    for outcome in _scored(graded):
        document = outcome.student_document
        if document is not None:
            yield outcome, feedback.html(document, lateness(outcome), made)


def write(graded: Class, folder: Path) -> int:
    """Write ``<name>.html`` and ``<name>.md`` for each student, where the name is the one in the class's folder.

    Returns:
        How many students there are.

    Raises:
        OSError: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for outcome, page in each(graded):
        files.write_atomically(folder / f"{outcome.student.safe_name}.html", page)
        document = outcome.student_document
        assert document is not None
        files.write_atomically(
            folder / f"{outcome.student.safe_name}.md", feedback.markdown(document, lateness(outcome))
        )
        count += 1
    return count


def _scored(graded: Class) -> Iterator[Outcome]:
    # What is held back is held back as a whole.
    return (outcome for outcome in graded.outcomes if outcome.state is State.GRADED)


def lateness(outcome: Outcome) -> list[str]:
    """What a student has to know of how late it was, and what that costs."""
    late = outcome.lateness
    lines = []
    if late.days_late:
        told = f"{late.days_late} {'day' if late.days_late == 1 else 'days'} late"
        told += f", of which {late.late_days_used} are paid with late days ({late.late_days_left} are left)" * bool(
            late.late_days_used
        )
        lines.append(f"{told}.")
    elif late.marked and late.due is None:
        lines.append("The platform has marked it as late.")
    if late.penalty and outcome.adjusted is not None:
        lines.append(f"Lateness takes {rounded(late.penalty * 100)} % off: {rounded(outcome.adjusted)} points count.")
    return lines
