"""One bug costs one item: what each check's result means, as a table of runs."""

from pathlib import Path

import pytest

from grading.assignment import Assignment, Check, Folders, Item
from grading.attribution import attribute
from grading.results import CheckResult, Kind, Status

PASSED, FAILED, BLOCKED, ERROR = Status.PASSED, Status.FAILED, Status.BLOCKED, Status.ERROR


def item(name, *, needs=()):
    checks = (
        Check(f"public/{name}/value", name, "public", "value", 1),
        Check(f"hidden/{name}/other", name, "hidden", "other", 1),
        Check(f"hidden/{name}/guard", name, "hidden", "guard", 1, guard=True),
    )
    return Item(name, name, "file.py", (name,), {"public": 1, "hidden": 2}, "", "", checks, needs)


ASSIGNMENT = Assignment(
    Path(),
    "parts and callers",
    "1",
    ("file.py",),
    (item("part"), item("caller"), item("whole", needs=("caller",))),
    "",
    Folders("student", "reference", "samples", "answers.json"),
)
RELIES = {"relied_on": (("part",),)}
CRASH_IN_PART = {"status": FAILED, "kind": Kind.CRASH, "message": "it raised", "blocked_by": "part"}
BLOCKED_BY_PART = {"status": BLOCKED, "kind": Kind.BLOCKED, "message": "it gives something else", "blocked_by": "part"}

# What is not named passed. Each case: what was found, and how the checks end that do not end as they were found.
CASES = {
    "all pass": ({}, {}),
    "a bug in the part": ({"public/part/value": {"status": FAILED, "kind": Kind.VALUE}}, {}),
    "a crash in a part that is wrong": (
        {"public/caller/value": CRASH_IN_PART, "public/part/value": {"status": FAILED, "kind": Kind.CRASH}},
        {"public/caller/value": BLOCKED},
    ),
    "a crash in a part that is right": ({"public/caller/value": CRASH_IN_PART}, {}),
    "agrees with a part that is wrong": (
        {"public/caller/value": RELIES, "hidden/part/other": {"status": FAILED, "kind": Kind.VALUE}},
        {},
    ),
    "agrees with a part that is right": ({"public/caller/value": RELIES}, {"public/caller/value": FAILED}),
    "blocked by a part that is wrong": (
        {"public/caller/value": BLOCKED_BY_PART, "hidden/part/other": {"status": FAILED, "kind": Kind.VALUE}},
        {},
    ),
    "blocked by a part that is right": ({"public/caller/value": BLOCKED_BY_PART}, {"public/caller/value": FAILED}),
    "blocked by a part of which a check is open": (
        {"public/caller/value": BLOCKED_BY_PART, "hidden/part/other": {"status": ERROR}},
        {},
    ),
    "agrees with a part that only changes its arguments": (
        {"public/caller/value": RELIES, "hidden/part/guard": {"status": FAILED, "kind": Kind.MUTATION}},
        {"public/caller/value": FAILED},
    ),
    "leaves alone what its part leaves alone": (
        {"hidden/caller/guard": RELIES, "hidden/part/guard": {"status": FAILED, "kind": Kind.MUTATION}},
        {},
    ),
    "a fault of the grader excuses nothing": (
        {"public/caller/value": RELIES, "hidden/part/other": {"status": ERROR}},
        {"public/caller/value": FAILED},
    ),
    "a part whose checks were not run": ({"public/caller/value": RELIES, "hidden/part/other": None}, {}),
    "right nowhere, but leaves its arguments alone": (
        {check: {"status": FAILED, "kind": Kind.VALUE} for check in ("public/part/value", "hidden/part/other")},
        {"hidden/part/guard": BLOCKED},
    ),
    "a whole without its parts": (
        {
            check: {"status": FAILED, "kind": Kind.VALUE}
            for check in ("public/caller/value", "hidden/caller/other", "hidden/caller/guard")
        },
        dict.fromkeys(("public/whole/value", "hidden/whole/other", "hidden/whole/guard"), BLOCKED),
    ),
    "a chain: the caller of a caller that relies": (
        {
            "public/caller/value": RELIES,
            "public/part/value": {"status": FAILED, "kind": Kind.VALUE},
            "public/whole/value": {"relied_on": (("caller",),)},
        },
        {},
    ),
}


@pytest.mark.parametrize(("found", "changed"), CASES.values(), ids=CASES.keys())
def test_each_result_counts_as_the_rules_say(found, changed):
    checks = [check.id for item in ASSIGNMENT.items for check in item.checks if found.get(check.id, {}) is not None]
    results = [CheckResult(check, **{"status": PASSED, **found.get(check, {})}) for check in checks]
    expected = {result.id: changed.get(result.id, result.status) for result in results}
    assert {check: result.status for check, result in attribute(ASSIGNMENT, results).items()} == expected


def test_a_result_is_the_same_after_a_way_through_json():
    result = CheckResult(
        "public/part/value", FAILED, Kind.VALUE, "it is\x1b[31m wrong", "1" * 600, "2", line=3, **RELIES
    )
    assert CheckResult.from_json(result.to_json()) == result
    assert "\x1b" not in result.message
    assert len(result.expected) == 500
