"""The grader knows no assignment: the same commands serve another one, whose folders and files have other names."""

import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from harness.conftest import ROOT
from harness.grading.conftest import git

from grading import catalogue, grade
from grading.assignment import load
from grading.submission import take

HERE = Path(__file__).parent / "assignment"
ONE_PROCESS = ("--isolation", "in-process")
"""For a copy that is graded once, where it does not matter how: torch is imported once and not twice."""
WRONG = {answer.name: answer for answer in catalogue.load(HERE / "solution", ("line.py",)).misconceptions}


@pytest.fixture
def copy(tmp_path):
    """The assignment, away from this repository, in a folder whose name has a space, below a ``conftest.py``."""
    (tmp_path / "conftest.py").write_text("raise RuntimeError('this is none of the assignment')\n")
    return Path(shutil.copytree(HERE, tmp_path / "a course" / "regression"))


@pytest.fixture
def command(vae_grade, vae_grade_here, copy):
    """Run a command for the copy; return its exit status and what it printed, on one line."""

    def run(name, *arguments):
        # An audit has processes of its own.
        chosen = vae_grade if name in ("audit", "answers") else vae_grade_here
        done = chosen(name, *arguments, "--assignment", copy)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return run


@pytest.fixture
def score(command, tmp_path):
    """Grade a submission; return its earned points by item and its document."""

    def run(submission):
        told = ("--json", tmp_path / "scores.json")
        status, shown = command("run", submission, *told, "--seed", "s", *ONE_PROCESS)
        assert status == 0, shown
        document = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
        return {item["id"]: item["earned"] for item in document["items"]}, document

    return run


@pytest.fixture(scope="module")
def judged_here(tmp_path_factory):
    """Grade submissions by one process; return the earned points by item and the document of each."""
    away = tmp_path_factory.mktemp("away")
    (away / "conftest.py").write_text("raise RuntimeError('this is none of the assignment')\n")
    assignment = load(Path(shutil.copytree(HERE, away / "a course" / "regression")))
    server = grade.start_server(assignment, assignment.tiers, "auto") if sys.platform == "linux" else None

    def run(submission):
        options = grade.Options(assignment.tiers, seed="s")
        document = grade.grade(take(str(submission), assignment), assignment, options, server=server).to_json()
        return {item["id"]: item["earned"] for item in document["items"]}, document

    yield run
    if server is not None:
        server.close()


def told(document):
    """What a document says went wrong, of all checks together."""
    named = [check["misconception"] for item in document["items"] for check in item["checks"]]
    return {entry["tell"] for entry in named if entry}


FULL = {"predict": 2, "mean_squared_error": 3, "gradient_step": 4}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_costs_its_item_and_is_told(judged_here, tmp_path, name):
    answer = WRONG[name]
    (tmp_path / "line.py").write_bytes(answer.source)
    earned, document = judged_here(tmp_path)
    assert [item for item in FULL if earned[item] < FULL[item]] == [answer.item]
    assert told(document) == {answer.tell}


@pytest.mark.slow
def test_a_submission_is_found_in_the_folder_that_the_assignment_names(copy, judged_here, tmp_path):
    repository = tmp_path / "ada"
    shutil.copytree(copy / "examples" / "1-right", repository)
    shutil.copy(copy / "work" / "data.csv", repository / "work")
    (repository / "work" / "lab").mkdir()
    (repository / "work" / "lab" / "notes.txt").write_text("of another assignment\n")
    git(tmp_path, "init", "-q", "ada")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "first")
    archive = tmp_path / "ada.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        for path in repository.glob("work/**/*.*"):
            stream.write(path, path.relative_to(repository))
    for place in (repository, f"{repository}@HEAD", archive):
        earned, document = judged_here(place)
        assert earned == FULL
        assert document["problems"] == ["ignored, because the assignment does not name them: lab"]


def test_a_missing_file_is_missed_where_the_assignment_has_it(command, tmp_path):
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "line.py").write_text("")
    status, shown = command("run", tmp_path)
    assert status == 2
    assert "neither it nor a folder work/ in it has line.py" in shown


def test_students_own_files_are_graded_unless_others_are_named(copy, command, tmp_path):
    status, shown = command("run", "--json", tmp_path / "scores.json", "--quiet", *ONE_PROCESS)
    assert (status, shown) == (0, "0 / 9")


def test_the_assignment_may_be_named_from_where_one_stands(copy, vae_grade_here, tmp_path):
    nearby = os.path.relpath(copy, ROOT)
    target = tmp_path / "scores.json"
    done = vae_grade_here("run", "--assignment", nearby, "--json", target, "--quiet", *ONE_PROCESS)
    assert (done.returncode, done.stdout.strip()) == (0, "0 / 9")


def test_the_audit_calls_it_sound_until_a_check_is_idle(copy, command):
    status, shown = command("audit", "--jobs", "1")
    assert status == 0, shown
    assert "The assignment is sound." in shown
    (copy / "tests" / "audit.toml").unlink()
    (copy / "work" / "line.py").unlink()
    status, shown = command("audit", "--jobs", "1")
    assert status == 1
    assert "is_zero_for_a_perfect_prediction is failed by no wrong answer, and guards nothing named" in shown
    assert "a file of work/ is missing" in shown
    assert "line.py in work/ is not what the solution gives" in shown


def test_skeletons_are_made_where_the_assignment_has_them(copy, command):
    assert command("skeleton", "--check") == (0, "the skeletons are up to date")
    (copy / "work" / "line.py").unlink()
    assert command("skeleton", "--check")[0] == 1
    assert command("skeleton")[0] == 0
    assert (copy / "work" / "line.py").read_bytes() == (HERE / "work" / "line.py").read_bytes()


def test_answers_serve_a_copy_without_the_solution(copy, command, score):
    assert command("answers", "--jobs", "1", "--check") == (0, "the answers are up to date")
    shutil.rmtree(copy / "known")
    assert command("answers", "--jobs", "1")[0] == 0
    assert (copy / "known" / "mistakes.json").read_bytes() == (HERE / "known" / "mistakes.json").read_bytes()
    for folder in ("solution", "tests/hidden"):
        shutil.rmtree(copy / folder)
    _, document = score(copy / "examples" / "2-uphill")
    assert told(document) == {WRONG["gradient_step.ascends"].tell}


def test_the_demonstration_grades_its_examples(copy, command):
    status, shown = command("demo")
    assert status == 0, shown
    assert re.search(r"1-right 9 / 9 .*2-uphill 5 / 9 gradient_step .*3-not-started 0 / 9 every item", shown)
    assert f"run '{copy}/examples/2-uphill' --assignment '{copy}'" in shown


def test_annotations_point_into_the_folder_of_the_assignment(copy, command, score, tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    score(copy / "examples" / "2-uphill")
    status, shown = command("github", tmp_path / "scores.json")
    assert status == 0
    assert "file=work/line.py,line=16" in shown


def test_no_name_of_an_assignment_is_written_into_the_grader():
    assignment = load(ROOT)
    names = [function for item in assignment.items for function in item.functions]
    names += [item.id for item in assignment.items] + [*assignment.files, *assignment.beside]
    # Words such as "encode" or "lab" mean other things too; names of files and of two words do not.
    own = {re.escape(name) for name in names if re.search(r"[^\W_][_.][^\W_]", name)}
    own |= {rf"{folder}/" for folder in (assignment.folders.student, assignment.folders.reference)}
    own |= {rf"{assignment.folders.samples}/", re.escape(Path(assignment.folders.answers).name), "vae", "elbo"}
    pattern = re.compile(rf"(?<![a-z])(?:{'|'.join(sorted(own))})(?![-_](?:grade|lab))", re.IGNORECASE)
    texts = [path for kind in ("*.py", "*.json", "*.ini") for path in (ROOT / "grading").rglob(kind)]
    found = [f"{path}: {match[0]}" for path in texts for match in pattern.finditer(path.read_text(encoding="utf-8"))]
    assert (len(texts) > 50, found) == (True, [])
