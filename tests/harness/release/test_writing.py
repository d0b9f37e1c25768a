"""What ``vae-grade release`` writes, and when it writes nothing."""

import hashlib
import json
import shutil
import tomllib
import zipfile

import pytest
from harness.release.conftest import git

HIDDEN = "is_right_for_many_features"

pytestmark = pytest.mark.slow  # each of these makes a release, and most an audit


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def test_what_no_audit_has_passed_is_not_released(course, release, released, tmp_path):
    (course / "tests" / "hidden" / "test_predict.py").open("a").write("\n# changed since\n")
    status, shown = release(tmp_path / "another")
    assert (status, (tmp_path / "another").exists()) == (2, False)
    assert "no audit of the assignment as it is now has passed" in shown
    assert release(tmp_path / "another", "--unaudited")[0] == 0
    assert json.loads((released / "released.json").read_text())["audited"] is True
    assert json.loads((tmp_path / "another" / "released.json").read_text())["audited"] is False


def test_students_get_what_they_need_and_nothing_else(course, released):
    files = tree(released)
    wheel = next(path for path in files if path.endswith(".whl"))
    expected = {
        ".devcontainer/devcontainer.json", ".dockerignore", ".gitattributes", ".github/workflows/grade.yml",
        ".gitignore", "Dockerfile", "LICENSE", "README.md", "bootstrap.py", "constraints.txt",
        "grader/SHA256SUMS", "known/mistakes.json", "pyproject.toml", "released.json",
        "tests/public/test_gradient_step.py", "tests/public/test_mean_squared_error.py",
        "tests/public/test_predict.py", "tests/rubric.toml", "tests/steps.py", "work/README.md",
        "work/data.csv", "work/line.py",
    }  # fmt: skip
    assert files.keys() - {wheel} == expected
    assert "raise NotImplementedError" in files["work/line.py"].decode()
    assert '"work/**"' in files[".github/workflows/grade.yml"].decode()
    assert "`work/line.py`" in files["README.md"].decode()
    assert "secrets." not in files[".github/workflows/grade.yml"].decode()
    rubric = tomllib.loads(files["tests/rubric.toml"].decode())
    assert [set(item["checks"]) for item in rubric["item"]] == [{"public"}] * 3
    with zipfile.ZipFile(released / wheel) as archive:
        names = archive.namelist()
        assert all(HIDDEN.encode() not in archive.read(name) for name in names)
    assert not [name for name in names if name.startswith(("tests", "reference", "student"))]
    assert files["grader/SHA256SUMS"].decode().split()[0] == hashlib.sha256(files[wheel]).hexdigest()


def test_the_course_s_own_assignment_gives_nothing_away(vae_grade_here, tmp_path):
    done = vae_grade_here("release", tmp_path / "released", "--unaudited")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_same_input_gives_the_same_commit(release, released, tmp_path):
    assert release(tmp_path / "again")[0] == 0
    assert git(released, "rev-parse", "HEAD") == git(tmp_path / "again", "rev-parse", "HEAD")
    assert git(released, "rev-list", "--all", "--count") == "1"
    assert git(released, "status", "--porcelain") == ""


def test_the_manifest_names_every_file_and_both_digests(course, released, vae_grade_here, tmp_path):
    manifest = json.loads((released / "released.json").read_text())
    files = tree(released)
    del files["released.json"]
    assert manifest["files"] == {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    assert json.loads((course / "solution" / "released.json").read_text()) == manifest
    for root, key in ((course, "complete_digest"), (released, "public_digest")):
        target = tmp_path / "scores.json"
        one_process = ("--isolation", "in-process")
        done = vae_grade_here("run", course / "work", "--assignment", root, "--json", target, *one_process)
        assert done.returncode == 0, done.stderr
        assert json.loads(target.read_text())["assignment"]["digest"] == manifest[key]


LEAKS = {
    "a line of the solution": ("work/README.md", None, "is a line of the solution"),
    "the name of a hidden check": ("work/README.md", f"Is it {HIDDEN}?", f"names the hidden check {HIDDEN}"),
    "its test": ("tests/steps.py", f"# see test_{HIDDEN}", f"names the hidden check test_{HIDDEN}"),
}


@pytest.mark.parametrize("case", LEAKS)
def test_nothing_is_released_that_gives_something_away(course, release, tmp_path, case):
    path, text, told = LEAKS[case]
    if text is None:
        text = "return x @ weight + bias"
        assert text in (course / "solution" / "line.py").read_text()
    with (course / path).open("a") as stream:
        stream.write(f"\n{text}\n")
    status, shown = release(tmp_path / "released", "--unaudited")
    assert status == 2
    assert told in shown
    assert not (tmp_path / "released").exists()


def test_a_folder_with_something_in_it_is_left_alone(release, audited, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    status, shown = release(tmp_path / "full")
    assert status == 2
    assert "is there already and not empty" in shown
    assert tree(tmp_path / "full") == {"mine.txt": b"mine"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give one of DIR, --update DIR and --push ROSTER"),
        (("--push", "roster.csv", "--unaudited"), "nothing is pushed without an audit"),
        (("--update", "there", "--check"), "--check tries out what is written to DIR"),
    ],
)
def test_bad_usage_is_told(release, arguments, told):
    status, shown = release(*arguments)
    assert status == 2
    assert told in shown


def test_a_check_without_its_hidden_tier_is_missed(course, vae_grade_here):
    text = (course / "tests" / "rubric.toml").read_text()
    shutil.copytree(course / "tests" / "hidden", course / "kept")
    (course / "tests" / "rubric.toml").write_text(
        text.replace("[item.checks.hidden]\nis_right_for_many_features = 1\n", "")
    )
    done = vae_grade_here("run", "--assignment", course)
    assert done.returncode == 2
    assert "predict has no hidden checks, but others have" in done.stderr
