"""What the tests of taking submissions share: a student's repository."""

import subprocess

import pytest
from harness.conftest import ROOT

from grading.assignment import load

NAMES = ("simple_vae.py", "vae.py")
ASSIGNMENT = load(ROOT)


def git(folder, *arguments):
    identity = ["-c", "user.name=Student", "-c", "user.email=student@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository with student/ in it, committed once."""
    folder = tmp_path / "ada"
    (folder / "student").mkdir(parents=True)
    for name in NAMES:
        (folder / "student" / name).write_text(f"# {name}\n")
    git(tmp_path, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder
