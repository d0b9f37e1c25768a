"""How what belongs to an assignment contradicts itself: rubric, checks, skeleton, handout and catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from ...assignment import AssignmentError, Item, verify_collected
from ...catalogue import Answer
from .. import strip, tables
from .plan import Audit


def disagreements(audit: Audit) -> Iterator[str]:
    """What speaks against each other, a sentence each."""
    yield from _uncollected(audit)
    yield from _stale_skeletons(audit)
    yield from _missing_sections(audit)
    yield from _stale_points(audit)
    items = {item.id: item for item in audit.assignment.items}
    for answer in audit.catalogue.misconceptions:
        yield from _misplaced(answer, items.get(answer.item or ""))


def _uncollected(audit: Audit) -> Iterator[str]:
    try:
        verify_collected(audit.assignment.checks(audit.options.tiers), list(audit.collected))
    except AssignmentError as error:
        yield str(error)


def _stale_skeletons(audit: Audit) -> Iterator[str]:
    folder = audit.assignment.folders.student
    try:
        for path, text in strip.skeletons(audit.assignment).items():
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                yield f"{path.name} in {folder}/ is not what the solution gives: run 'vae-grade skeleton'"
    except strip.StripError as error:
        yield str(error)


def _missing_sections(audit: Audit) -> Iterator[str]:
    """Sections that the rubric names, but the handout lacks."""
    handout = audit.assignment.root / audit.assignment.handout
    if not handout.is_file():
        return
    lines = handout.read_text(encoding="utf-8").splitlines()
    headings = [" ".join(line.lstrip("#").split()) for line in lines if line.startswith("#")]
    for item in audit.assignment.items:
        if not any(heading.startswith(item.section) for heading in headings):
            yield f"{item.id} refers to {item.section!r}, but no heading of {audit.assignment.handout} begins so"


def _stale_points(audit: Audit) -> Iterator[str]:
    """The handout's table of points, where it has one that is not the rubric's."""
    handout = audit.assignment.root / audit.assignment.handout
    text = handout.read_text(encoding="utf-8") if handout.is_file() else ""
    if tables.has(text, tables.POINTS) and tables.put(text, tables.POINTS, tables.points(audit.assignment)) != text:
        yield f"the points in {audit.assignment.handout} are not those of the rubric: run 'vae-grade tables'"


def _misplaced(answer: Answer, item: Item | None) -> Iterator[str]:
    """How an entry of the catalogue and the rubric contradict each other."""
    if item is None:
        yield f"{answer.name} belongs to {answer.item!r}, which is no item"
    elif answer.file != item.file or (answer.replaces or "").rpartition(".")[2] not in item.functions:
        yield f"{answer.name} replaces {answer.replaces} of {answer.file}, which {item.id} does not judge"
