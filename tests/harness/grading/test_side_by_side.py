"""The files of a submission are judged at the same time, and come to what they come to one after the other."""

import os
import signal
import subprocess
import sys
import time

import pytest
from harness.conftest import ROOT, wait_for

from grading import assignment as assignments
from grading import grade as grading
from grading.submission import take

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="no descriptor is inherited elsewhere")]

RUBRIC = """
name = "Two files"
version = "1"
files = ["a.py", "b.py"]
guards = []
[folders]
student = "student"
reference = "reference"
samples = "samples"
answers = "answers.json"
""" + "".join(
    f"""
[[item]]
id = "{name}"
title = "{name}"
file = "{name}.py"
functions = ["{name}"]
points = {{ public = 1, hidden = 1 }}
section = "{name}"
hint = "Think."
[item.checks.public]
is_right = 1
[item.checks.hidden]
is_right_again = 1
"""
    for name in "ab"
)
CHECK = """
import os
import time
from pathlib import Path

def test_{check}(submission):
    {before}
    with Path({notes!r}).open("a") as notes:
        notes.write("{tier} {name} begins\\n")
    assert submission.{name}() == 1
    with Path({notes!r}).open("a") as notes:
        notes.write("{tier} {name} ends\\n")
"""


@pytest.fixture
def two_files(tmp_path):
    """An assignment of two files with a check of either tier each, of which those of one file begin otherwise."""

    def make(name="", tier="", before=""):
        root, notes = tmp_path / "assignment", tmp_path / "notes"
        for folder in ("student", "reference", "samples", "tests/public", "tests/hidden"):
            (root / folder).mkdir(parents=True)
        (root / "tests" / "rubric.toml").write_text(RUBRIC)
        for other in "ab":
            for where in ("student", "reference"):
                (root / where / f"{other}.py").write_text(f"def {other}():\n    return 1\n")
            for of, check in (("public", "is_right"), ("hidden", "is_right_again")):
                first = before if (other, of) == (name, tier) else "pass"
                text = CHECK.format(check=check, name=other, tier=of, notes=str(notes), before=first)
                (root / "tests" / of / f"test_{other}.py").write_text(text)
        return assignments.load(root), notes

    return make


def graded(submission, processors, assignment):
    document = grading.grade(
        submission,
        assignment,
        grading.Options(assignment.tiers, seed="s", explain_seconds=30, isolation="none"),
        processors=processors,
    ).to_json()
    del document["graded_at"]
    return document


ANSWERS: dict[str, dict[str, str | None]] = {
    "right": {},
    "wrong, and no Python": {"a": "def a():\n    return [print('a')]\n", "b": "def :\n"},
    "missing, and ends its process": {"a": None, "b": "def b():\n    import os; os._exit(0)\n"},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_document_is_that_of_one_after_the_other(two_files, name):
    assignment, _ = two_files()
    for file, text in ANSWERS[name].items():
        path = assignment.student / f"{file}.py"
        path.unlink() if text is None else path.write_text(text)
    submission = take(str(assignment.student), assignment)
    beside, in_turn = (graded(submission, processors, assignment) for processors in (2, 1))
    assert beside == in_turn
    statuses = {check["status"] for item in beside["items"] for check in item["checks"]}
    assert (statuses == {"passed"}) is (name == "right")


@pytest.mark.parametrize("slow", "ab")
def test_no_hidden_check_begins_before_the_last_public_one_has_ended(two_files, slow):
    assignment, notes = two_files(slow, "public", "time.sleep(2)")
    graded(take(str(assignment.student), assignment), 2, assignment)
    tiers = [line.split()[0] for line in notes.read_text().splitlines()]
    assert tiers == ["public"] * 4 + ["hidden"] * 4


def test_what_is_hidden_of_both_files_is_made_at_the_same_time(two_files):
    assignment, notes = two_files("a", "hidden", "time.sleep(2)")
    document = graded(take(str(assignment.student), assignment), 2, assignment)
    assert notes.read_text().splitlines()[-2:] == ["hidden a begins", "hidden a ends"]
    assert document["score"]["earned"] == document["score"]["possible"]


def test_a_process_that_is_gone_costs_its_own_checks_only(two_files):
    assignment, _ = two_files("a", "public", "os._exit(1)")
    document = graded(take(str(assignment.student), assignment), 2, assignment)
    statuses = {i["id"]: {check["status"] for check in i["checks"]} for i in document["items"]}
    assert statuses == {"a": {"crashed"}, "b": {"passed"}}
    assert len(document["run_problems"]) == 1


def test_where_one_cannot_be_run_the_other_is_not_waited_for(two_files):
    assignment, notes = two_files("b", "public", "time.sleep(60)")
    check = assignment.tests / "hidden" / "test_a.py"
    check.write_text(f"import nothing_here\n{check.read_text()}")
    begun = time.monotonic()
    with pytest.raises(grading.ExecutionError, match=r"hidden/test_a\.py"):
        graded(take(str(assignment.student), assignment), 2, assignment)
    assert time.monotonic() - begun < 30
    assert not notes.exists() or "ends" not in notes.read_text()


def _heeds_ctrl_c():
    """What runs in the background may have been started without."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_both(two_files):
    assignment, notes = two_files("a", "public", "time.sleep(60)")
    where = [str(assignment.student), "--assignment", str(assignment.root), "--isolation", "none", "--jobs", "2"]
    command = [sys.executable, "-m", "grading.cli", "run", *where, "--json", str(notes.with_name("scores.json"))]
    options = {"cwd": ROOT, "stderr": subprocess.PIPE, "preexec_fn": _heeds_ctrl_c}
    with subprocess.Popen(command, **options) as process:
        wait_for(lambda: notes.is_file() or process.poll() is not None)
        os.kill(process.pid, signal.SIGINT)
        began = time.monotonic()
        process.wait(30)
    assert process.returncode not in (0, 1)
    assert time.monotonic() - began < 20
