"""Why checks failed, once a run has ended: typical mistakes that give the same answers, and experiments."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import time
from functools import partial

from ..boundary.proxy import Submission
from ..diagnosis import diagnose, open_diagnostician
from ..diagnosis.experiments import LEAST_SECONDS, budget, experiment, refuted
from ..results import Misconception
from .run import CheckRun
from .session import ExperimentSession


def explain_failures(run: CheckRun, found: dict[str, Misconception], problems: list[str]) -> None:
    """Find the mistakes that explain failed checks.

    A student reads what is named for a public check, so that this comes from public checks alone: what hidden ones were
    answered could otherwise be told by the choice of a mistake.

    Args:
        run: what was asked and answered.
        found: gets the mistakes, by the ids of the checks.
        problems: gets what went wrong on the way.
    """
    run.close()  # the worker that is kept would stand in the way of those of the diagnosis
    diagnostician = open_diagnostician(run.assignment, run.workers)
    if diagnostician is not None:
        public = [piece for piece in run.evidence if piece.check.startswith("public/")]
        found |= diagnose(diagnostician, public, problems=problems)
        if len(public) < len(run.evidence):
            named = diagnose(diagnostician, run.evidence, problems=problems)
            found |= {check: mistake for check, mistake in named.items() if check.startswith("hidden/")}
    _add_experiments(run, found, problems)


def _add_experiments(run: CheckRun, found: dict[str, Misconception], problems: list[str]) -> None:
    """What experiments say of items in which public checks have named no mistake, for each check that failed.

    Whether they are made, and for how long, must not depend on what hidden checks were answered, since a student reads
    what they find: items in which public checks have failed come first, with time that these alone have earned.
    """
    _drop_refuted(run, found)
    named = {check.split("/")[1] for check in found if check.startswith("public/")}
    failed = [piece for piece in run.evidence if piece.failed and piece.item not in named]
    # Of a file that cannot be loaded there is nothing to find out.
    failed = [piece for piece in failed if run.assignment.item(piece.item).file not in run.load_faults]
    public = {piece.item for piece in failed if piece.check.startswith("public/")}
    known = [item for item in run.assignment.items if item.id in public]
    others = [item for item in run.assignment.items if item.id in {piece.item for piece in failed} - public]

    fresh = partial(_fresh, run)
    told: dict[str, Misconception] = {}
    with contextlib.redirect_stdout(io.StringIO()):  # what the student's code prints once more in this process
        for items in (known, others):
            sections = [(item.id, item.section.removeprefix("Task ")) for item in items]
            told |= experiment(sections, fresh, budget(run.foreseen_seconds), problems)
    for piece in failed:
        if piece.item in told:
            by_replay = found.get(piece.check)
            why = told[piece.item]
            found[piece.check] = why if by_replay is None else dataclasses.replace(by_replay, why=why.why)


def _fresh(run: CheckRun, item: str, until: float) -> Submission:
    return Submission(ExperimentSession(run, run.assignment.item(item).checks[0], until))


def _drop_refuted(run: CheckRun, found: dict[str, Misconception]) -> None:
    """Take back what public checks have named and experiments show not to be so; they will tell what is."""
    by_item: dict[str, list[str]] = {}
    for check in found:
        if check.startswith("public/"):
            by_item.setdefault(check.split("/")[1], []).append(check)
    for item, checks in by_item.items():
        names = [name for check in checks for name in found[check].names]
        with contextlib.redirect_stdout(io.StringIO()):
            wrong = refuted(item, names, partial(_fresh, run), time.monotonic() + LEAST_SECONDS)
        for check in checks if wrong else ():
            del found[check]
