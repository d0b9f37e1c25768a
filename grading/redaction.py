"""The student's document, made from the instructor's: what hidden checks saw does not get into it.

Of hidden checks a student reads, for each item, the points, how many of how many passed, and one reason for those that
did not. A kind, a blocker or a message for each check would let a submission carry hidden inputs out, a few bits a
check: it chooses in which way each of them fails.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum

from .assignment import share
from .results import CheckResult, Kind, Misconception, Status
from .scores import ItemResult, ScoredCheck, ScoreDocument, hint_after

REASONS = {
    Status.NOT_IMPLEMENTED: "this part is not implemented yet",
    Status.CRASHED: "the code crashed or did not finish in time",
    Status.FAILED: "this part is not right yet, or one that it needs is not",
    Status.ERROR: "the grader could not make this check, which is not the submission's fault",
}


class HiddenDetail(StrEnum):
    """How much a student is told of hidden checks."""

    NONE = "none"
    COUNT = "count"
    REASON = "reason"


def redact(document: ScoreDocument, detail: HiddenDetail = HiddenDetail.REASON) -> ScoreDocument:
    """The student's document: public checks in full, hidden ones as ``detail`` says.

    With ``NONE`` there is nothing of the hidden tier in it, so that it can wait until after the deadline: public checks
    end as they do where they are run alone.
    """
    items = [
        dataclasses.replace(item, checks=(*_public(item, detail), *_hidden(item, detail))) for item in document.items
    ]
    tiers = tuple(tier for tier in document.tiers if tier != "hidden" or detail is not HiddenDetail.NONE)
    shown = tuple(item for item in items if item.checks)
    own = dataclasses.replace(document, audience="student", authoritative=False, seed=None, run_problems=())
    return dataclasses.replace(own, items=shown, tiers=tiers)


def _public(item: ItemResult, detail: HiddenDetail) -> list[ScoredCheck]:
    public = [check for check in item.checks if check.tier == "public"]
    if detail is not HiddenDetail.NONE:
        return [dataclasses.replace(check, alone=None) for check in public]
    return [check if check.alone is None else _by_public_checks(item, check, check.alone) for check in public]


def _by_public_checks(item: ItemResult, check: ScoredCheck, alone: CheckResult) -> ScoredCheck:
    units = check.possible_units if alone.passed else 0
    return ScoredCheck(check.tier, alone, units, check.possible_units, hint_after(alone, item.item.hint))


def _hidden(item: ItemResult, detail: HiddenDetail) -> list[ScoredCheck]:
    """As many checks as there are, passed ones first, with the item's points shared out evenly among them.

    The points of a single check would tell which ones passed.
    """
    hidden = [check for check in item.checks if check.tier == "hidden"]
    if not hidden or detail is HiddenDetail.NONE:
        return []
    passed = sum(check.result.passed for check in hidden)
    lost = len(hidden) - passed
    earned, possible = sum(check.units for check in hidden), sum(check.possible_units for check in hidden)
    # A passed check earns all that it offers, so that the two kinds are shared out apart.
    units = [
        *(share(earned, [1] * passed) if passed else []),
        *(share(possible - earned, [1] * lost) if lost else []),
    ]
    status = _reason([check.result for check in hidden if not check.result.passed])
    told = detail is HiddenDetail.REASON
    why = _why(hidden) if told else None
    found = []
    for number, worth in enumerate(units, start=1):
        name = f"hidden/{item.item.id}/{number}"
        if number <= passed:
            found.append(ScoredCheck("hidden", CheckResult(name, Status.PASSED), worth, worth))
        else:
            reason = status if told or status is Status.ERROR else Status.FAILED
            message = REASONS[reason] if told or status is Status.ERROR else "this check did not pass"
            hint = item.item.hint if told and reason in (Status.CRASHED, Status.FAILED) else ""
            result = CheckResult(name, reason, message=message, misconception=why)
            found.append(ScoredCheck("hidden", result, 0, worth, hint))
    return found


def _why(hidden: list[ScoredCheck]) -> Misconception | None:
    """What experiments with inputs of their own have found: of what hidden checks were asked there is nothing in it."""
    named = (check.result.misconception for check in hidden if check.result.misconception is not None)
    found = next((mistake for mistake in named if mistake.why), None)
    return None if found is None else Misconception("experiment", " ".join(found.why), found.section, found.why)


def _reason(lost: list[CheckResult]) -> Status:
    """The one reason that stands for all: a fault of the grader before others, then what holds for every check."""
    if any(result.status is Status.ERROR for result in lost):
        return Status.ERROR
    if all(result.status is Status.NOT_IMPLEMENTED for result in lost):
        return Status.NOT_IMPLEMENTED
    return Status.CRASHED if all(result.kind in (Kind.CRASH, Kind.TIMEOUT) for result in lost) else Status.FAILED
