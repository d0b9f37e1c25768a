"""A newer release in repositories that students work in: one by hand, and those of a class."""

import csv
import shutil

import pytest
from harness.release.conftest import commit, git

pytestmark = pytest.mark.slow  # each of these makes a release and an audit
DONE = "def predict(x, weights, bias):\n    return x @ weights + bias\n"


@pytest.fixture
def newer(course):
    """The course goes on: another handout, and a helper of the tests that says more."""

    def go_on():
        (course / "work" / "README.md").write_text("# Linear regression\n\nSection B was wrong, and is right now.\n")
        (course / "work" / "hints.md").write_text("Look twice.\n")
        with (course / "known" / "mistakes.json").open("a") as stream:
            stream.write("\n")
        commit(course, "Better")

    return go_on


@pytest.fixture
def student(released, tmp_path):
    """A student's clone, with work in it."""
    folder = tmp_path / "ada"
    git(tmp_path, "clone", "-q", str(released), str(folder))
    (folder / "work" / "line.py").write_text(DONE)
    (folder / "work" / "notes.txt").write_text("mine\n")
    commit(folder)
    return folder


def test_an_update_brings_what_is_new_and_leaves_what_is_the_students(student, newer, release):
    newer()
    (student / "tests" / "public" / "test_predict.py").write_text("# all is well\n")
    commit(student, "Easier")
    status, shown = release("--update", student)
    assert status == 0, shown
    assert (student / "work" / "line.py").read_text() == DONE
    assert (student / "work" / "notes.txt").read_text() == "mine\n"
    assert "Section B" in (student / "work" / "README.md").read_text()
    assert (student / "work" / "hints.md").read_text() == "Look twice.\n"
    assert "def test_" in (student / "tests" / "public" / "test_predict.py").read_text(), "not the student's to change"
    message = git(student, "log", "-1", "--format=%B")
    assert message.startswith("Linear regression, release 0.1.0\n")
    assert "vae-grade release" in message, "what the changelog says"
    assert git(student, "status", "--porcelain") == ""
    assert git(student, "branch", "--format=%(refname:short)") == "main"
    status, shown = release("--update", student)
    assert (status, "is up to date" in shown) == (0, True)


def test_what_a_student_changed_of_the_handout_is_left_and_told(student, newer, release):
    newer()
    (student / "work" / "README.md").write_text("my notes\n")
    commit(student)
    status, shown = release("--update", student)
    assert status == 0
    assert "left as it is, though the release has another: work/README.md" in shown
    assert (student / "work" / "README.md").read_text() == "my notes\n"
    assert "work/README.md" in git(student, "log", "-1", "--format=%B")


def test_uncommitted_changes_refuse_an_update(student, newer, release):
    newer()
    (student / "work" / "line.py").write_text(DONE + "# half a thought\n")
    before = git(student, "rev-parse", "HEAD")
    status, shown = release("--update", student)
    assert status == 2
    assert "has uncommitted changes (work/line.py): commit them" in shown
    assert git(student, "rev-parse", "HEAD") == before


def test_only_a_repository_of_a_release_is_updated(audited, release, tmp_path):
    git(tmp_path, "init", "-q", "other")
    status, shown = release("--update", tmp_path / "other")
    assert status == 2
    assert "is no repository of a release" in shown


def rows(path):
    return {row["id"]: row for row in csv.DictReader(path.open())}


def test_a_class_gets_it_and_whoever_was_missed_gets_it_by_the_next_run(released, student, newer, release, tmp_path):
    for name in ("empty", "working", "hostile", "odd"):
        git(tmp_path, "init", "-q", "--bare", "--initial-branch=main", f"{name}.git")
    git(student, "push", "-q", str(tmp_path / "working.git"), "main")
    # Somebody put a link in the place of a folder, a hook and a broken manifest in their repository.
    hostile = tmp_path / "hostile"
    git(tmp_path, "clone", "-q", str(released), str(hostile))
    shutil.rmtree(hostile / "tests")
    (tmp_path / "elsewhere").mkdir()
    (hostile / "tests").symlink_to(tmp_path / "elsewhere")
    (hostile / "released.json").write_text('{"schema_version": 1, "files": {"../../etc/x": 3}}')
    commit(hostile)
    git(hostile, "push", "-q", str(tmp_path / "hostile.git"), "main")
    lines = ["id,repository,staff"]
    lines += [f"{name},{tmp_path / name}.git," for name in ("empty", "working", "hostile", "gone")]
    roster = tmp_path / "roster.csv"
    roster.write_text("\n".join([*lines, "teacher,,yes"]) + "\n")
    report = tmp_path / "report.csv"

    newer()
    status, shown = release("--push", roster, "--report", report)
    assert status == 3
    assert "3 of 4 repositories have the release" in shown
    outcomes = {name: row["outcome"] for name, row in rows(report).items()}
    assert outcomes == {"empty": "first release", "working": "updated", "hostile": "updated", "gone": "failed"}
    assert rows(report)["gone"]["told"]
    assert git(tmp_path / "empty.git", "rev-list", "--count", "main") == "1"
    assert git(tmp_path / "working.git", "show", "main:work/line.py") == DONE.strip()
    assert "Section B" in git(tmp_path / "working.git", "show", "main:work/README.md")
    assert "def test_" in git(tmp_path / "hostile.git", "show", "main:tests/public/test_predict.py")
    assert not list((tmp_path / "elsewhere").iterdir())

    git(tmp_path, "init", "-q", "--bare", "--initial-branch=main", "gone.git")
    status, shown = release("--push", roster, "--report", report)
    assert status == 0, shown
    outcomes = {name: row["outcome"] for name, row in rows(report).items()}
    assert outcomes == {
        "empty": "up to date", "working": "up to date", "hostile": "up to date", "gone": "first release"
    }  # fmt: skip
