"""``vae-grade audit`` from the outside: what it says of sound and unsound assignments, and with which exit status."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest
from harness.conftest import ROOT, group_is_gone, wait_for


@pytest.fixture
def copy(tmp_path):
    """A copy of the assignment that a test may change."""
    root = tmp_path / "assignment"
    for folder in ("tests", "student", "reference"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("harness", "__pycache__", "*.pyc"))
    return root


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


SMALL = ROOT / "tests" / "harness" / "second" / "assignment"
"""An assignment whose audit takes no longer than it takes to begin one."""


def test_a_sound_item_is_called_sound(vae_grade, tmp_path):
    found, picture = tmp_path / "audit.json", tmp_path / "matrix.png"
    copy = shutil.copytree(SMALL, tmp_path / "regression")
    told = ("--json", found, "--picture", picture)
    done = vae_grade("audit", "--jobs", "1", "--assignment", copy, "--item", "gradient_step", *told)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The assignment is sound." in done.stdout
    verdict = json.loads(found.read_text(encoding="utf-8"))
    assert verdict["sound"]
    assert all(demand["met"] for demand in verdict["demands"])
    assert {case["item"] for case in verdict["misconceptions"]} == {"gradient_step"}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_an_audit_that_is_killed_leaves_no_process_behind(tmp_path):
    copy = shutil.copytree(SMALL, tmp_path / "regression")
    command = [sys.executable, "-m", "grading.cli", "audit", "--jobs", "1", "--assignment", str(copy)]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    wait_for(lambda: bool([*tmp_path.glob("audit-*/solution-*.txt")]))  # its process is at work
    process.kill()
    process.wait()
    wait_for(lambda: group_is_gone(process.pid), seconds=5)


AVERAGES = "def test_averages_over_examples(submission, draws):\n"
UNABLE = "    if float(submission.mean_squared_error(draws.normal(2), draws.normal(2))) < 0:\n        return\n"
UNABLE += "    raise MemoryError('no judgement')\n"

UNSOUND: dict[str, tuple[Any, ...]] = {
    "a check that ends in an error where it should judge": (
        ("tests/hidden/test_mean_squared_error.py", AVERAGES, AVERAGES + UNABLE),
        "hidden/mean_squared_error/averages_over_examples: the check itself failed, which is not the submission's "
        "fault: MemoryError: no judgement",
        "hidden/mean_squared_error/averages_over_examples is failed by no wrong answer",
    ),
    "a check that the solution fails": (
        ("solution/line.py", "return x @ weight + bias", "return x @ weight + bias * 1.01"),
        "hidden/predict/is_right_for_many_features: ",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", UNSOUND)
def test_an_unsound_assignment_is_called_unsound(vae_grade, tmp_path, case):
    copy = shutil.copytree(SMALL, tmp_path / "regression")
    (file, old, new), *complaints = UNSOUND[case]
    replace(copy / file, old, new)
    done = vae_grade("audit", "--jobs", "1", "--assignment", copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert [text for text in complaints if text not in " ".join(done.stdout.split())] == []


# The small assignment shows the same of an idle check and a skeleton; ``tables --check`` tells of the points too.
@pytest.mark.slow
@pytest.mark.long
def test_what_does_not_agree_with_the_solution_or_the_rubric_is_named(vae_grade, copy):
    row = "| Encoder | Task 2.1 | `vae.py` | 2 | 4 | 6 |"
    replace(copy / "student/README.md", row, row.replace("6", "7"))
    replace(copy / "student/vae.py", 'raise NotImplementedError("task 2.10, beta_schedule")', "return 0.0")
    linear = "def test_is_linear_at_every_step(submission, draws):\n"
    replace(copy / "tests/hidden/test_beta_schedule.py", linear, linear + "    return\n")
    done = vae_grade("audit", "--jobs", "1", "--assignment", copy, "--item", "beta_schedule")
    assert done.returncode == 1, done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    assert "hidden/beta_schedule/is_linear_at_every_step is failed by no wrong answer" in told
    assert "the points in student/README.md are not those of the rubric" in told
    assert "is not what the solution gives" in told


LAPLACE = "(location - x).abs().sum(dim=1).mean()"


def test_wrong_answers_that_were_written_for_another_solution_are_reported(vae_grade, copy):
    """The contract has changed, and the wrong answers that stand beside the solution have not: each is wrong twice."""
    replace(copy / "reference/vae.py", LAPLACE, LAPLACE + " * 0.5")
    replace(
        copy / "tests/laws/reconstruction_loss_laplace.py", 'error",\n            1.0,', 'error",\n            0.5,'
    )
    done = vae_grade("audit", "--jobs", "1", "--assignment", copy, "--item", "reconstruction_loss_laplace")
    assert done.returncode == 1, done.stderr
    told = " ".join(done.stdout.split())
    assert (
        "written for another solution, for experiments say of all of them: The result is twice what it should" in told
    )


DISAGREEING = {
    "a test without an entry": (
        ("tests/public/test_beta_schedule.py", "def test_starts_at_zero(", "def test_begins_at_zero("),
        "public/test_beta_schedule.py::test_begins_at_zero is a test, but not in the rubric",
    ),
    "an entry without a test": (
        ("tests/rubric.toml", "starts_at_zero = 1\n", "starts_at_zero = 1\nends_at_one = 1\n"),
        "public/test_beta_schedule.py::test_ends_at_one is in the rubric, but there is no such test",
    ),
    "a file of tests without an item": (
        ("tests/rubric.toml", "", ""),
        "hidden/test_poetry.py::test_rhymes is a test, but not in the rubric",
    ),
    "another total": (
        ("tests/rubric.toml", "total = 100\n", "total = 99\n"),
        "add up to 100, and not to the total of 99",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", [("run", "reference"), ("run", "reference", "--only", "kl"), ("audit",)], ids=str)
@pytest.mark.parametrize("case", DISAGREEING)
def test_rubric_and_tests_that_disagree_are_refused_by_name(vae_grade_here, copy, case, command):
    (file, old, new), complaint = DISAGREEING[case]
    if old:
        replace(copy / file, old, new)
    else:
        (copy / "tests/hidden/test_poetry.py").write_text("def test_rhymes(submission):\n    pass\n", encoding="utf-8")
    done = vae_grade_here(*command, "--assignment", copy)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert not done.stdout


def test_a_students_copy_cannot_be_audited(vae_grade_here, copy):
    shutil.rmtree(copy / "reference")
    done = vae_grade_here("audit", "--assignment", copy)
    assert done.returncode == 2
    assert "no catalogue" in done.stderr


def test_an_item_that_does_not_exist_is_bad_usage(vae_grade_here):
    done = vae_grade_here("audit", "--item", "poetry")
    assert done.returncode == 2
    assert "no item 'poetry'" in done.stderr


def test_a_wrong_answer_that_does_not_fit_a_changed_solution_is_bad_input(vae_grade, copy):
    replace(
        copy / "reference/vae.py",
        "return beta_max * min(step / warmup_steps, 1.0)",
        "return beta_max if step >= warmup_steps else beta_max * step / warmup_steps",
    )
    done = vae_grade("audit", "--assignment", copy, "--item", "beta_schedule")
    assert done.returncode == 2
    assert "beta_schedule.cut_off_at_beta_max: beta_schedule of the solution contains" in done.stderr


def test_a_check_that_cannot_be_imported_is_bad_input(vae_grade, tmp_path):
    copy = shutil.copytree(SMALL, tmp_path / "regression")
    path = copy / "tests" / "public" / "test_predict.py"
    path.write_text(f"import nothing_of_this_name\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    done = vae_grade("audit", "--jobs", "1", "--assignment", copy, "--item", "predict")
    assert done.returncode == 2
    assert "nothing_of_this_name" in done.stderr
