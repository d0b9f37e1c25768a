"""The score document: what was graded, how, and what each check of each item earned.

Points are counted in integers of ``1 / POINT_UNITS`` points and become numbers only at the edge, so that totals equal
the sum of items and items the sum of checks exactly. ``schema/score-document.schema.json`` describes the JSON form.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .assignment import POINT_UNITS, Assignment, Check, Item
from .boundary.shared.text import clean

SCHEMA_VERSION = 1

PASSED, FAILED, NOT_IMPLEMENTED, BLOCKED = "passed", "failed", "not_implemented", "blocked"
TIMEOUT, CRASHED, ERROR = "timeout", "crashed", "error"

HIDDEN_MESSAGES = {
    NOT_IMPLEMENTED: "this part is not implemented yet",
    BLOCKED: "another part that this check needs does not work",
    TIMEOUT: "the code did not finish in time",
    CRASHED: "the process that ran the code ended unexpectedly",
    ERROR: "the grader could not make this check, which is not the submission's fault",
}


@dataclass(frozen=True)
class CheckResult:
    """How one check ended.

    Attributes:
        id: the check, ``tier/item/name``.
        tier: "public" or "hidden".
        status: passed, failed, timeout, crashed, not_implemented, blocked or error.
        units: what it earned, in ``1 / POINT_UNITS`` points.
        possible_units: what it could have earned.
        kind: what failed (a shape, a value, a gradient, ...), or None.
        message: one sentence for the student.
        expected: what should have come, in short form.
        actual: what came, in short form.
        hint: what to look at.
        misconception: the typical mistake that gives exactly this answer, if one is known.
        blocked_by: the item that is in the way, if one is.
        line: the line of the student's file where their code raised.
        function: the function that the line is in.
        source: the text of the line.
        output: what the student's code printed during the check.
    """

    id: str
    tier: str
    status: str
    units: int
    possible_units: int
    kind: str | None = None
    message: str = ""
    expected: str = ""
    actual: str = ""
    hint: str = ""
    misconception: dict[str, str] | None = None
    blocked_by: str | None = None
    line: int | None = None
    function: str | None = None
    source: str | None = None
    output: str = ""

    def to_json(self) -> dict[str, Any]:
        """The check as it stands in the document."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        earned, possible = fields.pop("units"), fields.pop("possible_units")
        return {**fields, "earned": to_points(earned), "possible": to_points(possible)}


@dataclass(frozen=True)
class ItemResult:
    """What one item earned, as the sum of its checks."""

    item: Item
    checks: tuple[CheckResult, ...]

    @property
    def units(self) -> int:
        """What the item earned, in ``1 / POINT_UNITS`` points."""
        return sum(check.units for check in self.checks)

    @property
    def status(self) -> str:
        """passed if every check did; else error, not_implemented or blocked if that is all there is to say."""
        statuses = {check.status for check in self.checks}
        if statuses == {PASSED}:
            return PASSED
        if ERROR in statuses:
            return ERROR
        lost = statuses - {PASSED}
        if statuses == {NOT_IMPLEMENTED} or lost == {BLOCKED}:
            return next(iter(lost))
        return FAILED

    def to_json(self) -> dict[str, Any]:
        """The item as it stands in the document."""
        return {
            "id": self.item.id,
            "title": self.item.title,
            "file": self.item.file,
            "section": self.item.section,
            "hint": self.item.hint,
            "status": self.status,
            **_points(self.checks),
            "checks": [check.to_json() for check in self.checks],
        }


@dataclass(frozen=True)
class ScoreDocument:
    """One graded submission.

    Attributes:
        assignment: name, version and digest of what it was graded by.
        submission: id, source, commit, digest and files of what was graded.
        graded_at: when, in UTC, ISO 8601.
        environment: versions of Python and torch, and the platform.
        isolation: how the student's code was confined.
        seed: what the inputs of the hidden checks were derived from; None in a student's document.
        tiers: the tiers that were run.
        items: the results.
        problems: what an instructor should know: ignored or unreadable files, faults of the grader.
        audience: "instructor" or "student".
    """

    assignment: dict[str, str]
    submission: dict[str, Any]
    graded_at: str
    environment: dict[str, str]
    isolation: dict[str, Any]
    seed: str | None
    tiers: tuple[str, ...]
    items: tuple[ItemResult, ...]
    problems: tuple[str, ...]
    audience: str = "instructor"

    @property
    def checks(self) -> list[CheckResult]:
        """Every check of every item."""
        return [check for item in self.items for check in item.checks]

    @property
    def percent(self) -> float:
        """The score in percent of what these tiers offer."""
        possible = sum(check.possible_units for check in self.checks)
        return 100.0 * sum(check.units for check in self.checks) / possible if possible else 0.0

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values."""
        checks = self.checks
        tiers = {tier: _points(c for c in checks if c.tier == tier) for tier in ("public", "hidden")}
        return {
            "schema_version": SCHEMA_VERSION,
            "audience": self.audience,
            "assignment": self.assignment,
            "submission": self.submission,
            "graded_at": self.graded_at,
            "environment": self.environment,
            "isolation": self.isolation,
            "seed": self.seed,
            "tiers": list(self.tiers),
            "score": {**_points(checks), **tiers},
            "items": [item.to_json() for item in self.items],
            "problems": list(self.problems),
        }

    def dumps(self) -> str:
        """The document as JSON text; never with NaN or Infinity in it."""
        return json.dumps(self.to_json(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def to_points(units: int) -> float:
    """Units as points."""
    return units / POINT_UNITS


def _points(checks: Iterable[CheckResult]) -> dict[str, float]:
    listed = list(checks)
    earned, possible = sum(c.units for c in listed), sum(c.possible_units for c in listed)
    return {"earned": to_points(earned), "possible": to_points(possible)}


def score(
    assignment: Assignment, manifest: list[Check], records: Mapping[str, dict[str, Any]], lost: tuple[str, str]
) -> tuple[ItemResult, ...]:
    """Give points: every check of the manifest exactly once, passed ones in full and all others nothing.

    Args:
        assignment: where the items come from.
        manifest: the checks that had to be made.
        records: what is known of each check that was made, by its id.
        lost: status and message for a check that nothing is known of.
    """
    broken = {
        check.item
        for check in manifest
        if records.get(check.id, {}).get("status") not in (None, PASSED, BLOCKED, ERROR)
    }
    records = {**records, **_contradicted(assignment, manifest, records)}
    items = []
    for item in assignment.items:
        checks = [check for check in manifest if check.item == item.id]
        if checks:
            results = tuple(_result(item, check, records.get(check.id), lost, broken) for check in checks)
            items.append(ItemResult(item, results))
    return tuple(items)


def _contradicted(
    assignment: Assignment, manifest: list[Check], records: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """New records of the checks that passed because a part was wrong which its own checks find right, by their ids.

    A submission could otherwise have its parts answer wrongly while a function that calls them is judged, and have the
    function agree with that.
    """
    known = [(check, records[check.id]) for check in manifest if check.id in records]
    made = {check.id for check, record in known if record["status"] != ERROR}
    undecided = {item.id for item in assignment.items if not {check.id for check in item.checks} <= made}
    excuses = undecided | {check.item for check, record in known if record["status"] != PASSED}
    found: dict[str, dict[str, Any]] = {}
    for item in assignment.items:  # parts come before what calls them
        relying = [
            (check, record)
            for check, record in known
            if check.item == item.id and record["status"] == PASSED and record.get("relied_on")
        ]
        for check, record in relying:
            for parts in record["relied_on"]:
                if not excuses.intersection(parts):
                    named = " or ".join(parts)
                    message = f"this agrees with a wrong answer of {named}, which answers rightly in its own checks"
                    found[check.id] = {**record, "status": FAILED, "kind": "value", "message": message}
        if relying:
            excuses.add(item.id)
    return found


def _result(
    item: Item, check: Check, record: dict[str, Any] | None, lost: tuple[str, str], broken: set[str]
) -> CheckResult:
    if record is None:
        return CheckResult(check.id, check.tier, lost[0], 0, check.units, message=lost[1])
    status, kind, message, blocked_by = (record[key] for key in ("status", "kind", "message", "blocked_by"))
    # A crash inside another item's function is that item's fault if its own checks say so too, and else a wrong call.
    if kind == "crash" and blocked_by is not None:
        if blocked_by in broken:
            status, kind, message = BLOCKED, "blocked", f"{blocked_by} is needed for this check, and {message}"
        else:
            blocked_by = None
    misconception = record.get("misconception")
    told = status not in (PASSED, NOT_IMPLEMENTED, BLOCKED, ERROR)
    return CheckResult(
        id=check.id,
        tier=check.tier,
        status=status,
        units=check.units if status == PASSED else 0,
        possible_units=check.units,
        kind=kind,
        message=clean(message),
        expected=clean(record["expected"], 500),
        actual=clean(record["actual"], 500),
        hint=item.hint if told else "",
        misconception=misconception,
        blocked_by=blocked_by,
        line=record["line"],
        function=clean(record["function"], 200) if record["function"] else None,
        source=clean(record["source"], 200) if record["source"] else None,
        output=clean(record.get("output", "")),
    )


def redact(document: ScoreDocument) -> ScoreDocument:
    """The student's document: public checks in full, of a hidden one only its item, outcome, kind and hint.

    Nothing that the student's process wrote during a hidden check gets into it, so that hidden inputs cannot be
    printed out, and no name of a hidden check either.
    """
    items = []
    for item in document.items:
        number = 0
        checks = []
        for check in item.checks:
            if check.tier == "hidden":
                number += 1
                check = CheckResult(
                    id=f"hidden/{item.item.id}/{number}",
                    tier="hidden",
                    status=check.status,
                    units=check.units,
                    possible_units=check.possible_units,
                    kind=check.kind,
                    message="" if check.status == PASSED else _hidden_message(check),
                    hint=check.hint,
                    blocked_by=check.blocked_by,
                )
            checks.append(check)
        items.append(ItemResult(item.item, tuple(checks)))
    return dataclasses.replace(document, items=tuple(items), seed=None, audience="student")


def _hidden_message(check: CheckResult) -> str:
    return HIDDEN_MESSAGES.get(check.status, f"a hidden check of this part fails ({check.kind})")
