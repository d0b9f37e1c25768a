"""A check that ends in an exception which nobody foresaw: the submission's fault if the solution passes, else ours."""

import json
import shutil

import pytest
from harness.conftest import ROOT

HEAD = """
def test_starts_at_zero(submission):
"""
# The body of a check, what the submission returns, and how the check ends.
CASES = {
    "arithmetic with what is no number": ("    submission.beta_schedule(0, 10) + 1\n", "None", ("failed", "TypeError")),
    "a plain assert": ("    assert submission.beta_schedule(0, 10) == 0\n", "0.5", ("failed", "assert")),
    "a fault of the check": ("    submission.beta_schedule(0, 10)\n    1 / 0\n", "0.0", ("error", "ZeroDivisionError")),
    "an assert that nobody passes": (
        "    assert submission.beta_schedule(0, 10) == 7\n",
        "0.0",
        ("error", "AssertionError"),
    ),
}


@pytest.mark.parametrize(("body", "returned", "expected"), CASES.values(), ids=CASES.keys())
def test_an_exception_in_a_check_is_owed_to_whoever_causes_it(vae_grade_here, tmp_path, body, returned, expected):
    root = tmp_path / "assignment"
    for folder in ("tests", "reference"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("harness", "extensions", "*.pyc"))
    test = root / "tests" / "public" / "test_beta_schedule.py"
    text = test.read_text(encoding="utf-8")
    begin = text.index("def test_starts_at_zero")
    end = text.index("def test_is_half")
    test.write_text(text[:begin] + HEAD.lstrip() + body + "\n\n" + text[end:], encoding="utf-8")
    handed_in = tmp_path / "submission"
    handed_in.mkdir()
    shutil.copy(ROOT / "reference" / "simple_vae.py", handed_in)
    solution = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
    changed = f"\n\ndef beta_schedule(step, warmup_steps, beta_max=1.0):\n    return {returned}\n"
    (handed_in / "vae.py").write_text(solution + changed, encoding="utf-8")

    document = tmp_path / "scores.json"
    options = ("--only", "beta_schedule", "--isolation", "in-process", "--json", document)
    done = vae_grade_here("run", handed_in, "--assignment", root, *options)

    checks = json.loads(document.read_text(encoding="utf-8"))["items"][0]["checks"]
    check = next(check for check in checks if check["id"] == "public/beta_schedule/starts_at_zero")
    status, word = expected
    assert check["status"] == status
    assert word in check["message"] + check["actual"]
    assert done.returncode == (3 if status == "error" else 0)
