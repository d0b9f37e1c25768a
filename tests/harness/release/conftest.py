"""A small assignment to release, in a repository of its own, and students' repositories to bring it to."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.conftest import ROOT

SMALL = ROOT / "tests" / "harness" / "second" / "assignment"
WHO = ("-c", "user.name=A Student", "-c", "user.email=student@example.org", "-c", "commit.gpgsign=false")


def git(folder, *arguments):
    done = subprocess.run(["git", *WHO, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder, message="My work"):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


@pytest.fixture
def course(tmp_path):
    """The instructor's copy of the assignment."""
    folder = Path(shutil.copytree(SMALL, tmp_path / "a course" / "regression"))
    git(folder, "init", "-q")
    commit(folder, "The assignment")
    return folder


@pytest.fixture
def release(course, vae_grade_here, monkeypatch):
    """Run ``vae-grade release`` for the course; return its exit status and what it printed, on one line."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1800000000")

    def run(*arguments):
        done = vae_grade_here("release", *arguments, "--assignment", course)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return run


@pytest.fixture(scope="session")
def verdict(tmp_path_factory):
    """What a real audit of the assignment leaves."""
    folder = Path(shutil.copytree(SMALL, tmp_path_factory.mktemp("audit") / "regression"))
    command = [sys.executable, "-m", "grading.cli", "audit", "--jobs", "1", "--assignment", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "solution" / "audited.json").read_bytes()


@pytest.fixture
def audited(course, verdict):
    """An audit of the course has passed."""
    (course / "solution" / "audited.json").write_bytes(verdict)


@pytest.fixture
def released(release, audited, tmp_path):
    """A release of the course."""
    status, shown = release(tmp_path / "released")
    assert status == 0, shown
    return tmp_path / "released"
