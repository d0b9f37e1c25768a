"""Submissions that mean harm cost themselves alone, and each in its own way."""

import pytest
from harness.classroom.conftest import FULL, RIGHT
from harness.classroom.made import HOSTILE, hostile


def checks(outcome):
    return {check["id"]: check for item in outcome.document["items"] for check in item["checks"]}


# To wait for what never ends, check after check, is a matter of half a minute; a class of ``test_runs.py`` has one that
# ends its process, graded by two processes.
@pytest.mark.parametrize(
    ("kinds", "jobs"),
    [pytest.param([*HOSTILE], 2, marks=pytest.mark.long, id="all"), ([k for k in HOSTILE if k != "loop"], None)],
)
def test_hostile_submissions_between_good_ones(grade_class, hand_over, kinds, jobs):
    files = {f"{number}-{kind}/vae.py": hostile(kind, RIGHT.decode(), "predict") for number, kind in
             zip("bdfhj", kinds, strict=False)}  # fmt: skip
    good = {f"{number}-good/vae.py": RIGHT + f"# {number}\n".encode() for number in "acegik"}
    run = grade_class(hand_over(files | good), jobs=jobs)
    alone = grade_class(hand_over({"a-good/vae.py": good["a-good/vae.py"]}, name="one"), out="of one")
    assert set(run.states.values()) == {"graded"}
    assert all(run.outcomes[f"{number}-good"].raw == FULL for number in "acegik")
    assert checks(run.outcomes["a-good"]) == checks(alone.outcomes["a-good"])
    found = {}
    for name in (path.partition("/")[0] for path in files):
        check = checks(run.outcomes[name])["public/predict/one_example_can_be_computed_by_hand"]
        assert check["earned"] == 0
        found[name] = check["status"], check["message"].splitlines()[0]
    assert len(set(found.values())) == len(kinds), found
