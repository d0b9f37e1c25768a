"""Which typical mistake gives exactly these wrong answers: a diagnosis, which never changes points.

Everything that a check asked of the submission and was answered is kept. Afterwards the same questions are put to each
wrong answer of the catalogue that belongs to the item, in a worker, with the solution around it and the same random
numbers. A mistake is named only if it explains every answer of the item's checks, passed ones included, and the
right solution does not. Where nothing fits, the questions are put once more, with the mistakes that were named in other
items around the function, as the submission has them. If a mistake cannot be told apart from others, all of them are
named; if nothing fits, nothing is said, for a wrong explanation is worse than none.

A student's own machine has no catalogue. There the answers that the wrong ones give to the public checks are read from
a file of numbers (``stored``).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from .. import catalogue
from ..assignment import Assignment
from ..boundary.transcript import Transcript
from ..boundary.workers import Workers
from ..results import Misconception
from .evidence import Evidence, TimeIsUpError, without
from .replay import Replayed
from .stored import Stored

__all__ = ["Diagnostician", "Evidence", "diagnose", "open_diagnostician", "preload", "without"]


class Diagnostician(Protocol):
    """Knows the wrong answers to an item, and what they answer."""

    def explain(
        self, item: str, evidence: list[Evidence], deadline: float, beside: Sequence[str] = ()
    ) -> dict[str, Misconception]:
        """The mistake that explains all the evidence of one item, for each check that shows it, by the check's id.

        Args:
            item: the item.
            evidence: of all its checks.
            deadline: when to give up, on the monotonic clock.
            beside: mistakes in other items that the submission makes as well.
        """
        ...

    def contradicted(self, item: str, names: Sequence[str], asked: Transcript, deadline: float) -> dict[str, bool]:
        """Which of these mistakes answer such questions otherwise, each with whether it is in a gradient."""
        ...

    def tells(self, item: str) -> dict[str, str]:
        """What to tell of each mistake of an item, by its name."""
        ...


def open_diagnostician(
    assignment: Assignment, workers: Workers, problems: list[str] | None = None
) -> Diagnostician | None:
    """What can name mistakes in an assignment, or None where nothing can.

    Args:
        assignment: the assignment.
        workers: where the wrong answers of a catalogue run, with the limits that they give.
        problems: where it is told that the file of answers cannot be read; without it the fault is raised.

    Raises:
        CatalogueError: there is a catalogue, but it cannot be used.
    """
    stored = None
    try:
        stored = Stored.load(assignment.answers) if assignment.answers.is_file() else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        if problems is None:
            raise
        problems.append(f"{assignment.answers.name} cannot be read, and mistakes are named without it: {error}")
    if catalogue.exists(assignment.reference):
        return Replayed(_catalogue(assignment.reference, assignment.files), workers, stored)
    return stored


def preload(assignment: Assignment) -> None:
    """Load now what ``open_diagnostician`` needs, for all processes that are forked from this one."""
    with contextlib.suppress(catalogue.CatalogueError):  # who opens it is told
        if catalogue.exists(assignment.reference):
            _catalogue(assignment.reference, assignment.files)


@cache
def _catalogue(reference: Path, files: tuple[str, ...]) -> catalogue.Catalogue:
    return catalogue.load(reference, files)


def diagnose(
    diagnostician: Diagnostician,
    evidence: list[Evidence],
    seconds: float = math.inf,
    problems: list[str] | None = None,
    late: list[str] | None = None,
) -> dict[str, Misconception]:
    """Explain the failed checks of a run, as far as that is possible.

    Args:
        diagnostician: knows the wrong answers.
        evidence: of every check that was made, in any order.
        seconds: how long this may take; what is not explained by then stays unexplained.
        problems: where a fault in the diagnosis of one item is told, so that it costs no other item its own; without
            it the fault is raised.
        late: gets the items for which the time was too short.
    """
    deadline = time.monotonic() + seconds
    by_item = {item: [e for e in evidence if e.item == item] for item in (e.item for e in evidence if e.failed)}
    found: dict[str, Misconception] = {}
    unexplained, late = [], [] if late is None else late

    def explain(item: str, beside: Sequence[str] = ()) -> dict[str, Misconception]:
        try:
            return diagnostician.explain(item, by_item[item], deadline, beside)
        except TimeIsUpError:
            late.append(item)
            return {}
        except Exception as error:
            if problems is None:
                raise
            problem = f"no mistakes could be named in {item}: {type(error).__name__}: {error}"
            if problem not in problems:
                problems.append(problem)
            return {}

    for item in by_item:
        named = explain(item)
        found |= named
        if not named:
            unexplained.append(item)
    # A function that calls other wrong ones answers as its mistake does with those around it.
    certain = sorted({named.names[0] for named in found.values() if len(named.names) == 1})
    for item in unexplained if certain else ():
        found |= explain(item, certain)
    return found
