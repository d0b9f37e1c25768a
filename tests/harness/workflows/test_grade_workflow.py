"""The steps of ``grade.yml``, run in order in a fresh clone as GitHub runs them, and what they leave.

The actions themselves (``uses:``) cannot run here: the clone, the virtual environment and the reading of scores.json
stand for them. The installation is run for real, but offline: the environment sees the packages of the one that runs
this test, so that pip resolves constraints and ranges against them, builds the project and downloads nothing.
"""

import json
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ALWAYS = "${{ !cancelled() }}"
COMMAND = re.compile(r"::(?P<level>error|notice|warning) (?P<properties>[^:]*(?:%3A[^:]*)*)::(?P<message>.*)")


@dataclass
class Job:
    """What a job did and left."""

    clone: Path
    summary: str = ""
    statuses: dict[str, int] = field(default_factory=dict)
    output: dict[str, str] = field(default_factory=dict)

    @property
    def scores(self):
        return json.loads((self.clone / "scores.json").read_text(encoding="utf-8"))

    @property
    def annotations(self):
        """The annotations of the last step but one, as (level, properties, message)."""
        found = []
        for line in self.output["Show the score"].splitlines():
            match = COMMAND.fullmatch(line)
            if match:
                properties = dict(pair.split("=", 1) for pair in match["properties"].split(","))
                found.append((match["level"], properties, match["message"]))
        return found


def clone_of_the_working_tree(target):
    """A repository with one commit of what is in the working tree, cloned."""
    origin = target.with_name("origin")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, origin / name)
    who = ["-c", "user.name=A Student", "-c", "user.email=student@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "My work"]):
        subprocess.run(["git", *command], cwd=origin, check=True)
    subprocess.run(["git", "clone", "-q", str(origin), str(target)], check=True)
    return target


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A virtual environment that sees the packages of this one, and nothing of this project."""
    folder = tmp_path_factory.mktemp("python")
    folder.chmod(0o755)
    venv.create(folder, with_pip=False)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(packages) / "packages-of-the-test.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A fresh clone, in which the first job installs and the others find what they need."""
    return clone_of_the_working_tree(tmp_path_factory.mktemp("runner") / "a clone")


@pytest.fixture
def push(clone, python):
    """Push a change to the student's files, and run the job; returns what it left."""

    def run(change):
        subprocess.run(["git", "checkout", "-q", "HEAD", "--", "student"], cwd=clone, check=True)
        (clone / "scores.json").unlink(missing_ok=True)
        change(clone / "student")
        return run_job(clone, python)

    return run


def run_job(clone, python):
    """Run the ``run:`` steps as GitHub does: with ``bash -e``, each in a new shell, files for what they hand over."""
    special = {name: clone.with_name(name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV")}
    for path in special.values():
        path.write_text("")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "GITHUB_", "PYTHON"))}
    environment = {
        **kept,
        **{name: str(path) for name, path in special.items()},
        **{"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(clone), "GITHUB_REF": "refs/heads/main"},
        **{"PATH": f"{python / 'bin'}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(python)},
        **{"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    }
    job, failed = Job(clone), False
    workflow = yaml.safe_load((clone / ".github" / "workflows" / "grade.yml").read_text(encoding="utf-8"))
    for step in workflow["jobs"]["grade"]["steps"]:
        assert step.get("if", ALWAYS) == ALWAYS, "this test knows no other condition"
        if "run" not in step or (failed and "if" not in step):
            continue
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=900)
        job.statuses[step["name"]] = done.returncode
        job.output[step["name"]] = done.stdout + done.stderr
        failed = failed or done.returncode != 0
    job.summary = special["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    assert special["GITHUB_ENV"].read_text() == special["GITHUB_OUTPUT"].read_text() == ""
    return job


def solve(student, replace=None):
    """Hand in the solution, with one line replaced by another."""
    for name in ("simple_vae.py", "vae.py"):
        shutil.copy(ROOT / "reference" / name, student / name)
    if replace is not None:
        path, (right, wrong) = student / "vae.py", replace
        text = path.read_text(encoding="utf-8")
        assert text.count(right) == 1
        path.write_text(text.replace(right, wrong), encoding="utf-8")


def assert_succeeded(job):
    """Every step ended with 0."""
    for name, status in job.statuses.items():
        assert status == 0, f"{name} ended with {status}:\n{job.output[name]}"


def row(summary, title):
    """The cells of the summary's table in the row of an item."""
    found = [line for line in summary.splitlines() if line.startswith(f"| {title} |")]
    assert len(found) == 1, summary
    return [cell.strip() for cell in found[0].strip("|").split("|")]


def test_a_bug_is_shown_in_the_table_and_on_the_line_of_its_function(push):
    averaged = (
        ".sum(dim=1).mean()\n    # <<< solution\n\n\ndef reconstruction_loss_b",
        ".mean()\n\n\ndef reconstruction_loss_b",
    )
    job = push(lambda student: solve(student, averaged))
    assert_succeeded(job)
    _, status, *_, points = row(job.summary, "KL divergence to the prior")
    assert status == "failed"
    earned, possible = map(float, points.split(" / "))
    assert earned < possible == 10
    (level, place, message), *others = job.annotations
    assert all("line" not in other for _, other, _ in others), "only training may suffer too, and it has no line"
    assert (level, place["file"]) == ("error", "student/vae.py")
    lines = (job.clone / "student" / "vae.py").read_text(encoding="utf-8").splitlines()
    assert lines[int(place["line"]) - 1].startswith("def kl_divergence")
    assert message
    lost = {item["id"] for item in job.scores["items"] if item["status"] != "passed"}
    assert lost - {"training"} == {"kl_divergence"}


def test_the_skeleton_is_no_failed_job_and_the_stub_to_begin_with_is_a_notice(push):
    job = push(lambda student: None)
    assert_succeeded(job)
    assert job.scores["score"]["earned"] == 0
    assert f"0 of {job.scores['score']['possible']:g} points" in job.summary
    assert len([place for _, place, _ in job.annotations if "line" in place]) == 1
    stubs = {
        name: (job.clone / "student" / name).read_text(encoding="utf-8").splitlines()
        for name in ("vae.py", "simple_vae.py")
    }
    for level, place, _ in job.annotations:
        assert level == "notice"
        if "line" in place:
            stub = stubs[Path(place["file"]).name][int(place["line"]) - 1]
            assert "NotImplementedError" in stub or "def " in stub


# The bug shows that a job marks lines; which line of a file that breaks is a test of the report.
@pytest.mark.long
def test_a_file_with_a_syntax_error_is_graded_and_marked_where_it_breaks(push):
    def break_it(student):
        solve(student)
        path = student / "vae.py"
        path.write_text("def broken(:\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    job = push(break_it)
    assert_succeeded(job)
    (place,) = [place for level, place, _ in job.annotations if level == "error"]
    assert place == {**place, "file": "student/vae.py", "line": "1"}


def test_without_a_submission_the_job_fails_and_says_why(push):
    job = push(lambda student: [(student / name).unlink() for name in ("vae.py", "simple_vae.py")])
    assert any(job.statuses.values())
    said = "".join(job.output.values())
    assert "Traceback" not in said
    assert "vae.py" in said
