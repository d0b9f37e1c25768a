"""Why checks failed, once a run has ended: typical mistakes that give the same answers, and experiments."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import time
from collections.abc import Mapping, Sequence
from functools import partial

from ..boundary.proxy import Submission
from ..diagnosis import Diagnostician, Evidence, diagnose, open_diagnostician, without
from ..diagnosis.experiments import budget, examined, experiment, refuted, slowness
from ..results import Misconception
from .run import CheckRun
from .session import ExperimentSession


def explain_failures(run: CheckRun, found: dict[str, Misconception], problems: list[str]) -> None:
    """Find the mistakes that explain failed checks.

    A student reads what is named for a public check, so that this comes from public checks alone, in a time that they
    alone have earned: what hidden ones were answered could otherwise be told by the choice of a mistake. What is left
    of that time is for what hidden checks show.

    Args:
        run: what was asked and answered.
        found: gets the mistakes, by the ids of the checks.
        problems: gets what went wrong on the way.
    """
    run.close()  # the worker that is kept would stand in the way of those of the diagnosis
    alone = len({piece.item for piece in run.evidence}) == 1
    seconds = run.explain_seconds
    if seconds is None:
        seconds = budget(run.foreseen_seconds, slowness(), alone=alone)
    end = time.monotonic() + seconds
    diagnostician = open_diagnostician(run.assignment, run.workers, problems)
    late: list[str] = []
    public = [piece for piece in run.evidence if piece.check.startswith("public/")]
    if diagnostician is not None:
        found |= diagnose(diagnostician, public, _half(end), problems, late)
        _drop_refuted(run, found, diagnostician, end)
    doubted = {} if diagnostician is None else _examine(run, found, diagnostician, end, problems)
    known = _failed_items(run, public, found)
    told = _experiment(run, known, end, problems, late)
    _restore(found, doubted, told)
    doubted_later: Doubted = {}
    if diagnostician is not None and len(public) < len(run.evidence):
        named = diagnose(diagnostician, run.evidence, _half(end), problems, late)
        dropped = {name for _, names, _ in doubted.values() for name in names}
        named = {c: m for c, m in named.items() if c.startswith("hidden/") and not dropped & set(m.names)}
        _drop_refuted(run, named, diagnostician, end)
        seen = {check.split("/")[1] for check in (*found, *doubted)}
        new = {check: mistake for check, mistake in named.items() if check.split("/")[1] not in seen}
        doubted_later = _examine(run, new, diagnostician, end, problems)
        found |= {check: mistake for check, mistake in named.items() if check.split("/")[1] in seen} | new
    others = [item for item in _failed_items(run, run.evidence, found) if item not in known]
    told |= _experiment(run, others, end, problems, late)
    _restore(found, doubted_later, told)
    for piece in run.evidence:
        if piece.failed and piece.item in told:
            by_replay = found.get(piece.check)
            why = told[piece.item]
            found[piece.check] = why if by_replay is None else dataclasses.replace(by_replay, why=why.why)
    # What public checks have named may not be all that hidden ones show. Which of them it leaves open is nothing that a
    # student may read, so that it is no finding of experiments to whoever redacts it.
    left = [p for p in run.evidence if p.failed and p.check.startswith("hidden/") and p.check not in found]
    beside = [item for item in _failed_items(run, left, {}) if item not in (*known, *others)]
    more = _experiment(run, beside, end, problems, late)
    for piece in left:
        if piece.item in more and len(more[piece.item].why) > 1:
            found[piece.check] = dataclasses.replace(more[piece.item], why=())
    explained = {check.split("/")[1] for check in found}
    if unexplained := [item for item in dict.fromkeys(late) if item not in explained]:
        problems.append(f"{', '.join(unexplained)} could not be explained: the time for it was used up")


Doubted = dict[str, tuple[Misconception, set[str], bool]]
"""By check: what was named and no longer is, the names, and whether it is gradients that are otherwise."""


def _examine(
    run: CheckRun, found: dict[str, Misconception], diagnostician: Diagnostician, end: float, problems: list[str]
) -> Doubted:
    """Take back what answers other questions than those of the checks otherwise than the submission.

    There is more to tell then, or something else. Where a mistake is one of several that the checks cannot tell apart,
    those that are left stay named.
    """
    doubted: Doubted = {}
    items = {check.split("/")[1] for check in found}
    for item in sorted(items):
        checks = [check for check in found if check.split("/")[1] == item]
        names = {name for check in checks for name in found[check].names}
        until = min(end, time.monotonic() + _half(end) / len(items))
        others: dict[str, bool] = {}
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                asked = examined(item, partial(_fresh, run), until)
            others = {} if asked is None else diagnostician.contradicted(item, sorted(names), asked, until)
        except Exception as error:
            problems.append(f"what was named in {item} could not be examined: {type(error).__name__}: {error}")
        for check in checks if others else ():
            was = found.pop(check)
            left = without(was, others, diagnostician.tells(item))
            if left is None:
                doubted[check] = was, set(others), any(others.values())
            else:
                found[check] = left
    return doubted


def _restore(found: dict[str, Misconception], doubted: Doubted, told: Mapping[str, Misconception]) -> None:
    """Name again what is true of the values, where no law tells what else is wrong."""
    for check, (was, _, of_gradients) in doubted.items():
        if not of_gradients and check.split("/")[1] not in told:
            found[check] = was


def _half(end: float) -> float:
    """Seconds for the catalogue, which leave as many for experiments: a large one has many to ask."""
    return (end - time.monotonic()) / 2


def _failed_items(run: CheckRun, evidence: Sequence[Evidence], found: Mapping[str, Misconception]) -> list[str]:
    """The items to experiment with: those that failed, and in which public checks have named no mistake."""
    named = {check.split("/")[1] for check in found if check.startswith("public/")}
    failed = {piece.item for piece in evidence if piece.failed} - named
    # Of a file that cannot be loaded there is nothing to find out.
    return [item.id for item in run.assignment.items if item.id in failed and item.file not in run.load_faults]


def _experiment(
    run: CheckRun, items: Sequence[str], end: float, problems: list[str], late: list[str]
) -> dict[str, Misconception]:
    """What experiments say of items."""
    sections = [(item, run.assignment.item(item).section.removeprefix("Task ")) for item in items]
    with contextlib.redirect_stdout(io.StringIO()):  # what the student's code prints once more in this process
        return experiment(sections, partial(_fresh, run), end - time.monotonic(), problems, late)


def _fresh(run: CheckRun, item: str, until: float) -> Submission:
    return Submission(ExperimentSession(run, run.assignment.item(item).checks[0], until))


def _drop_refuted(run: CheckRun, found: dict[str, Misconception], diagnostician: Diagnostician, end: float) -> None:
    """Take back what checks have named and experiments show not to be so; they will tell what is.

    Where a mistake is one of several that the checks cannot tell apart, those that are left stay named.
    """
    by_item: dict[str, list[str]] = {}
    for check in found:
        by_item.setdefault(check.split("/")[1], []).append(check)
    for item, checks in by_item.items():
        names = sorted({name for check in checks for name in found[check].names})
        with contextlib.redirect_stdout(io.StringIO()):
            wrong = refuted(item, names, partial(_fresh, run), end)
        for check in checks if wrong else ():
            left = without(found.pop(check), wrong, diagnostician.tells(item))
            if left is not None:
                found[check] = left
