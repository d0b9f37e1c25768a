"""The score document: what was graded, how, and what each check of each item earned.

Points are counted in integers of ``1 / POINT_UNITS`` points and become numbers only at the edge, so that totals equal
the sum of items and items the sum of checks exactly. ``schema/score-document.schema.json`` describes the JSON form.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .assignment import POINT_UNITS, Assignment, Check, Item
from .attribution import attribute
from .results import CheckResult, Status

SCHEMA_VERSION = 1


class DocumentError(Exception):
    """What should be a score document is none; the message says what is wrong with it."""


@dataclass(frozen=True)
class ScoredCheck:
    """How one check ended, and what that is worth.

    Attributes:
        tier: "public" or "hidden".
        result: how it ended.
        units: what it earned, in ``1 / POINT_UNITS`` points.
        possible_units: what it could have earned.
        hint: what to look at.
        alone: of a public check, how it ends as far as public checks know, where hidden ones tell more.
    """

    tier: str
    result: CheckResult
    units: int
    possible_units: int
    hint: str = ""
    alone: CheckResult | None = None

    @property
    def status(self) -> Status:
        """How it ended."""
        return self.result.status

    def to_json(self) -> dict[str, Any]:
        """The check as it stands in the document."""
        points = {"earned": to_points(self.units), "possible": to_points(self.possible_units)}
        alone = {} if self.alone is None else {"alone": _told(self.alone)}
        return {**_told(self.result), "tier": self.tier, "hint": self.hint, **points, **alone}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The check that ``to_json`` wrote."""
        fields = dict(value)
        tier, hint = str(fields.pop("tier")), str(fields.pop("hint"))
        alone = CheckResult.from_json(fields.pop("alone")) if "alone" in fields else None
        units, possible = (round(fields.pop(key) * POINT_UNITS) for key in ("earned", "possible"))
        return cls(tier, CheckResult.from_json(fields), units, possible, hint, alone)


def _told(result: CheckResult) -> dict[str, Any]:
    fields = result.to_json()
    del fields["relied_on"]
    return fields


@dataclass(frozen=True)
class ItemResult:
    """What one item earned, as the sum of its checks."""

    item: Item
    checks: tuple[ScoredCheck, ...]

    @property
    def units(self) -> int:
        """What the item earned, in ``1 / POINT_UNITS`` points."""
        return sum(check.units for check in self.checks)

    @property
    def status(self) -> Status:
        """PASSED if every check did; else ERROR, NOT_IMPLEMENTED or BLOCKED if that is all there is to say."""
        statuses = {check.status for check in self.checks}
        lost = statuses - {Status.PASSED}
        if not lost:
            return Status.PASSED
        if Status.ERROR in lost:
            return Status.ERROR
        if lost == {Status.BLOCKED}:
            return Status.BLOCKED
        return Status.NOT_IMPLEMENTED if statuses == {Status.NOT_IMPLEMENTED} else Status.FAILED

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

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The item that ``to_json`` wrote; of the rubric it knows what the document says."""
        name, title, file, hint, section = (str(value[key]) for key in ("id", "title", "file", "hint", "section"))
        checks = tuple(ScoredCheck.from_json(check) for check in value["checks"])
        return cls(Item(name, title, file, (), {}, hint, section), checks)


@dataclass(frozen=True)
class ScoreDocument:
    """One graded submission.

    Attributes:
        assignment: name, version and digest of what it was graded by, and the digest that was released.
        submission: id, source, commit, digest and files of what was graded.
        graded_at: when, in UTC, ISO 8601.
        environment: versions of Python and torch, and the platform.
        isolation: how the student's code was confined.
        seed: what the inputs of the hidden checks were derived from; None in a student's document.
        tiers: the tiers that were run.
        items: the results.
        problems: what somebody should know of the submission: ignored or unreadable files.
        run_problems: what went wrong while it was graded, which only an instructor reads: a submission may have caused
            it by what hidden checks have shown it.
        audience: "instructor" or "student".
        authoritative: whether it can be a mark: all checks were run, in confinement, by an assignment that the student
            could not write to.
    """

    assignment: dict[str, str | None]
    submission: dict[str, Any]
    graded_at: str
    environment: dict[str, str]
    isolation: dict[str, Any]
    seed: str | None
    tiers: tuple[str, ...]
    items: tuple[ItemResult, ...]
    problems: tuple[str, ...]
    run_problems: tuple[str, ...] = ()
    audience: str = "instructor"
    authoritative: bool = False

    @property
    def checks(self) -> list[ScoredCheck]:
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
            "authoritative": self.authoritative,
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
            "run_problems": list(self.run_problems),
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The document that ``to_json`` wrote.

        Raises:
            DocumentError: it is none, another version wrote it, or its totals are not the sums of its checks.
        """
        try:
            if value["schema_version"] != SCHEMA_VERSION:
                raise DocumentError(f"version {value['schema_version']!r} is none of this grader's ({SCHEMA_VERSION})")
            plain = ("assignment", "submission", "graded_at", "environment", "isolation", "seed")
            document = cls(
                **{name: value[name] for name in (*plain, "audience", "authoritative")},
                tiers=tuple(value["tiers"]),
                items=tuple(ItemResult.from_json(item) for item in value["items"]),
                problems=tuple(map(str, value["problems"])),
                run_problems=tuple(map(str, value.get("run_problems", ()))),
            )
            agrees = document.to_json()["score"] == value["score"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DocumentError(f"it is not a score document: {error!r}") from None
        if not agrees:
            raise DocumentError("its score is not the sum of its checks")
        return document

    def dumps(self) -> str:
        """The document as JSON text; never with NaN or Infinity in it."""
        return json.dumps(self.to_json(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def to_points(units: int) -> float:
    """Units as points."""
    return units / POINT_UNITS


def _points(checks: Iterable[ScoredCheck]) -> dict[str, float]:
    listed = list(checks)
    earned, possible = sum(c.units for c in listed), sum(c.possible_units for c in listed)
    return {"earned": to_points(earned), "possible": to_points(possible)}


def score(
    assignment: Assignment,
    manifest: Iterable[Check],
    results: Mapping[str, CheckResult],
    lost: CheckResult,
    unloaded: Iterable[str] = (),
) -> tuple[ItemResult, ...]:
    """Give points: every check of the manifest exactly once, passed ones in full and all others nothing.

    Args:
        assignment: where the items come from.
        manifest: the checks that had to be made.
        results: how each check ended that was made, by its id.
        lost: how a check counts that nothing is known of.
        unloaded: the files that could not be loaded, of whose items no hint helps.
    """
    checks, silent = list(manifest), set(unloaded)
    made = {c.id: results.get(c.id, dataclasses.replace(lost, id=c.id)) for c in checks}
    ended = attribute(assignment, made.values())
    public = attribute(assignment, [made[c.id] for c in checks if c.tier == "public"])
    alone = {check: result for check, result in public.items() if result != ended[check]}
    items = []
    for item in assignment.items:
        hint = "" if item.file in silent else item.hint
        scored = tuple(_scored(hint, c, ended[c.id], alone.get(c.id)) for c in checks if c.item == item.id)
        if scored:
            items.append(ItemResult(item, scored))
    return tuple(items)


def _scored(hint: str, check: Check, result: CheckResult, alone: CheckResult | None) -> ScoredCheck:
    told = hint_after(result, hint)
    return ScoredCheck(check.tier, result, check.units if result.passed else 0, check.units, told, alone)


def hint_after(result: CheckResult, hint: str) -> str:
    """The hint of an item, where it helps after a check that ended so."""
    untold = (Status.PASSED, Status.NOT_IMPLEMENTED, Status.BLOCKED, Status.ERROR)
    return "" if result.status in untold else hint
