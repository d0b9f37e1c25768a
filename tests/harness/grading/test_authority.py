"""Which result can be a mark: all checks, in confinement, by an assignment that the student could not write to."""

import json
import shutil
from pathlib import Path

import pytest
from harness.conftest import ROOT

from grading.assignment import load
from grading.released import Manifest

SMALL = ROOT / "tests" / "harness" / "second" / "assignment"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """An assignment, with a student's work handed in beside it, and once more inside it."""
    folder = tmp_path_factory.mktemp("authority")
    assignment = Path(shutil.copytree(SMALL, folder / "course"))
    for place in (folder / "ada", assignment / "handed in" / "ada"):
        shutil.copytree(assignment / "examples" / "1-right", place)
    return assignment


CASES = {
    "beside the assignment": ("ada", [], True),
    "inside it": ("course/handed in/ada", [], False),
    "one tier": ("ada", ["--tier", "public"], False),
    "one item": ("ada", ["--only", "predict"], False),
    "unconfined": ("ada", ["--isolation", "none"], False),
}


@pytest.mark.parametrize(("place", "options", "authoritative"), CASES.values(), ids=CASES)
def test_a_result_says_whether_it_can_be_a_mark(vae_grade_here, tmp_path, course, place, options, authoritative):
    told, students = tmp_path / "scores.json", tmp_path / "student.json"
    handed_in = course.parent / place
    done = vae_grade_here(
        "run", handed_in, "--assignment", course, "--json", told, "--student-json", students, *options
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(told.read_text(encoding="utf-8"))["authoritative"] is authoritative
    assert json.loads(students.read_text(encoding="utf-8"))["authoritative"] is False


@pytest.mark.parametrize("same", [True, False])
def test_a_result_by_other_checks_than_the_released_ones_is_no_mark(vae_grade_here, tmp_path, course, same):
    digest = load(course).digest if same else "0" * 64
    manifest = Manifest("Line", "1", "1" * 64, digest, True, "work", {})
    released, target = course / "solution" / "released.json", tmp_path / "scores.json"
    released.write_text(manifest.dumps())
    done = vae_grade_here("run", course.parent / "ada", "--assignment", course, "--json", target)
    released.unlink()
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text(encoding="utf-8"))
    assert (document["assignment"]["released_digest"], document["authoritative"]) == (digest, same)


def test_checks_that_a_submission_brings_are_listed_and_not_read(vae_grade_here, tmp_path, course):
    brought = Path(shutil.copytree(course.parent / "ada", tmp_path / "ada")) / "tests" / "public"
    brought.mkdir(parents=True)
    (brought.parent / "rubric.toml").write_text("this is none\n")
    (brought / "test_predict.py").write_text(f"open({str(tmp_path / 'escaped')!r}, 'w')\n")
    (brought.parents[1] / "grading").mkdir()
    target = tmp_path / "scores.json"
    done = vae_grade_here("run", tmp_path / "ada", "--assignment", course, "--json", target)
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text(encoding="utf-8"))
    assert "not read, because a grader has checks of its own: grading, tests" in document["problems"]
    assert document["score"]["earned"] == document["score"]["possible"]
    assert not (tmp_path / "escaped").exists()
