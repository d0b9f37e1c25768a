"""One bug costs one item: what a check's result means once all results of a run are known.

A check that calls several parts of a submission cannot know which of them is wrong; the checks of these parts can. The
rules, in the order in which they apply:

1. **Crashed in another's part.** A check that crashed inside a function of another item is ``blocked`` by that item if
   the item's own checks find it wrong as well. Otherwise whoever called it so is at fault, and the check fails.
2. **Agreed with a wrong part.** A check that passed because its item follows from the wrong answer of another one
   (``relied_on``) keeps its points only if that other item is found wrong by a check of its own, too, or its checks
   were not run. If they all pass, the part answered wrongly for this check alone, and the check fails. A part that
   fails its guards only, or changes its arguments, excuses only guards; a fault of the grader excuses nothing.
3. **Blocked by a right part.** A check that was not made since a part gave something unusable fails where all checks of
   that part were run and passed: then the fault is in how it is called, or in what is made of it.
4. **Guards** (arguments left alone, dtype kept) say nothing of a function that is right nowhere: they earn only where
   another check of the item passes.
5. **The whole.** An item that judges a submission as a whole earns nothing where an item that it ``needs`` earns
   nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .assignment import Assignment, Item
from .results import CheckResult, Kind, Status

_EARNED = frozenset({Status.PASSED, Status.ERROR})
_NOT_ITS_FAULT = frozenset({Status.PASSED, Status.BLOCKED, Status.ERROR})


def attribute(assignment: Assignment, results: Iterable[CheckResult]) -> dict[str, CheckResult]:
    """The results by the ids of their checks, each as it counts.

    Args:
        assignment: says which check is of which item; items come after the parts that they call.
        results: how every check of a run ended.
    """
    made = {result.id: result for result in results}
    ended = {item.id: {c.id: made[c.id] for c in item.checks if c.id in made} for item in assignment.items}
    wrong = {item for item, own in ended.items() if any(r.status not in _NOT_ITS_FAULT for r in own.values())}
    for own in ended.values():
        own |= {check: _placed(result, wrong) for check, result in own.items() if result.kind is Kind.CRASH}
    _hold_to_parts(assignment, ended)
    suspected = {item.id for item in assignment.items if not _is_right(item, ended[item.id])}
    for own in ended.values():
        own |= {check: _unblocked(result, suspected) for check, result in own.items()}
    for item in assignment.items:
        own = ended[item.id]
        guards = {check.id for check in item.checks if check.guard}
        values = [result for check, result in own.items() if check not in guards]
        if values and not any(result.status in _EARNED for result in values):
            message = "nothing that this part computes is right yet, so that this says nothing of it"
            own |= {
                c: replace(own[c], status=Status.BLOCKED, kind=Kind.BLOCKED, message=message, blocked_by=item.id)
                for c in guards & own.keys()
                if own[c].passed
            }
        for needed in item.needs:
            if ended[needed] and not any(result.status in _EARNED for result in ended[needed].values()):
                own |= {check: _blocked(result, needed) for check, result in own.items() if result.passed}
    return {check: result for own in ended.values() for check, result in own.items()}


def _placed(result: CheckResult, wrong: set[str]) -> CheckResult:
    """A crash, as the fault of the item in whose function it happened, or of this one (rule 1)."""
    if result.blocked_by in wrong:
        message = f"{result.blocked_by} is needed for this check, and {result.message}"
        return replace(result, status=Status.BLOCKED, kind=Kind.BLOCKED, message=message)
    return replace(result, blocked_by=None)


def _hold_to_parts(assignment: Assignment, ended: dict[str, dict[str, CheckResult]]) -> None:
    """Fail the checks that agree with wrong answers of parts that are right everywhere else (rule 2)."""
    for_values = {item.id for item in assignment.items if _may_be_wrong(item, ended[item.id], in_values=True)}
    for_guards = {item.id for item in assignment.items if _may_be_wrong(item, ended[item.id], in_values=False)}
    for item in assignment.items:
        for check in item.checks:
            result = ended[item.id].get(check.id)
            if result is None or not result.passed or not result.relied_on:
                continue
            excuses = for_guards if check.guard else for_values
            named = next((parts for parts in result.relied_on if not excuses.intersection(parts)), None)
            if named is not None:
                part = " or ".join(named)
                message = f"this agrees with a wrong answer of {part}, which answers rightly in its own checks"
                ended[item.id][check.id] = replace(result, status=Status.FAILED, kind=Kind.VALUE, message=message)
        if any(result.relied_on for result in ended[item.id].values()):
            for_values.add(item.id)
            for_guards.add(item.id)


def _may_be_wrong(item: Item, own: dict[str, CheckResult], *, in_values: bool) -> bool:
    """Whether checks of the item say that it is wrong, or were not all run.

    Args:
        item: the item.
        own: its results.
        in_values: guards do not count, nor that arguments are changed; a value of another dtype is a wrong one.
    """
    if any(check.id not in own for check in item.checks):
        return True
    counted = [own[check.id] for check in item.checks if not (in_values and check.guard)]
    return any(r.status not in _NOT_ITS_FAULT and not (in_values and r.kind is Kind.MUTATION) for r in counted)


def _is_right(item: Item, own: dict[str, CheckResult]) -> bool:
    """Whether all checks of the item were run and passed."""
    return bool(item.checks) and all(check.id in own and own[check.id].passed for check in item.checks)


def _unblocked(result: CheckResult, suspected: set[str]) -> CheckResult:
    """A check that a part was in the way of, as failed where nothing is wrong with that part (rule 3)."""
    part = result.blocked_by
    if result.status is not Status.BLOCKED or part is None or part in suspected:
        return result
    message = f"{part} does not give here what it gives in its own checks, which find it right: see how it is called"
    return replace(result, status=Status.FAILED, kind=Kind.VALUE, message=message, blocked_by=None)


def _blocked(result: CheckResult, by: str) -> CheckResult:
    message = f"{by} is needed for this check, and nothing of it is right yet"
    return replace(result, status=Status.BLOCKED, kind=Kind.BLOCKED, message=message, blocked_by=by)
