"""What a student reads comes from public checks: hidden ones could be made to end as a submission wants."""

import json

import pytest
from harness.grading.test_attribution import ASSIGNMENT, FAILED, PASSED, RELIES

from grading import scores
from grading.execution import process
from grading.execution.events import Events, tell
from grading.redaction import HiddenDetail, redact
from grading.results import CheckResult, Kind, Status

CHECKS = [check for item in ASSIGNMENT.items for check in item.checks]
CASES = {  # what a submission lets hidden checks find, of which nothing is to be told
    "the part that a public check relied on": {"hidden/part/other": {"status": FAILED, "kind": Kind.VALUE}},
    "what guards look for": {"hidden/part/guard": {"status": FAILED, "kind": Kind.MUTATION}},
    "nothing": {},
}
PUBLIC = {"public/caller/value": RELIES}


def document(found):
    results = {check.id: CheckResult(check.id, **{"status": PASSED, **found.get(check.id, {})}) for check in CHECKS}
    lost = CheckResult("", Status.ERROR)
    return scores.ScoreDocument(
        assignment=dict.fromkeys(("name", "version", "digest", "released_digest"), "x"),
        submission={"id": "ada"},
        graded_at="",
        environment={},
        isolation={},
        seed="secret",
        tiers=("public", "hidden"),
        items=scores.score(ASSIGNMENT, CHECKS, results, lost),
        problems=("vae.py was renamed",),
        run_problems=("no experiments could be made: OverflowError",),
    )


@pytest.mark.parametrize("case", CASES)
def test_where_nothing_hidden_is_told_a_student_reads_the_same_whatever_it_found(case):
    told = redact(document({**PUBLIC, **CASES[case]}), HiddenDetail.NONE)
    assert told.to_json() == redact(document(PUBLIC), HiddenDetail.NONE).to_json()
    assert all(check.status is PASSED for check in told.checks)


def test_the_instructor_reads_what_all_checks_tell_and_that_public_ones_do_not_know_it():
    whole = document(PUBLIC)
    (check,) = [check for check in whole.checks if check.result.id == "public/caller/value"]
    assert (check.status, check.alone and check.alone.status) == (FAILED, PASSED)
    assert scores.ScoreDocument.from_json(json.loads(whole.dumps())).to_json() == whole.to_json()


@pytest.mark.parametrize("detail", HiddenDetail)
def test_what_went_wrong_in_the_run_is_the_instructors(detail):
    told = redact(document({}), detail)
    assert (told.problems, told.run_problems, told.seed) == (("vae.py was renamed",), (), None)
    assert all(check.alone is None for check in told.checks)


def test_results_whose_report_is_lost_still_say_what_they_relied_on(tmp_path):
    told = tmp_path / "events.jsonl"
    tell(str(told), session={"environment": {}, "isolation": {}})
    for check in CHECKS:
        tell(str(told), begin=check.id)
        tell(str(told), end=check.id, status=PASSED, relied_on=PUBLIC.get(check.id, {}).get("relied_on", ()))
    outcome = process._from_events(Events.read(told), -9, True, tmp_path / "log")
    items = scores.score(ASSIGNMENT, CHECKS, outcome.results, outcome.lost)
    lost = [check.result.id for item in items for check in item.checks if not check.result.passed]
    assert lost == ["public/caller/value"]
