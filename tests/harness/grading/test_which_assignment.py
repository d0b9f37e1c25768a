"""What grades a submission is the assignment that the command came with, wherever somebody stands."""

import json
import os
import subprocess
import sys

import pytest
from harness.conftest import ROOT

from grading import assignment

RUBRIC = """
name = "Mine"
version = "1"
files = ["vae.py"]
guards = []

[folders]
student = "student"
reference = "reference"
samples = "samples"
answers = "answers.json"

[[item]]
id = "kl_divergence"
title = "All right"
file = "vae.py"
functions = ["kl_divergence"]
points = { public = 100, hidden = 0 }
section = "1"
hint = "none"
[item.checks.public]
is_right = 1
[item.checks.hidden]
is_right = 1
"""
RUNS = """
from pathlib import Path

Path(__file__).with_suffix(".ran").touch()

def test_is_right(submission):
    pass
"""


@pytest.mark.slow
def test_tests_of_a_submission_are_never_run(tmp_path):
    handed_in = tmp_path / "handed-in"
    for folder in ("student", "tests/public", "tests/hidden"):
        (handed_in / folder).mkdir(parents=True)
    for name in ("vae.py", "simple_vae.py"):
        (handed_in / "student" / name).write_bytes((ROOT / "student" / name).read_bytes())
    (handed_in / "tests" / "rubric.toml").write_text(RUBRIC)
    for place in ("conftest.py", "tests/public/test_kl_divergence.py", "tests/hidden/test_kl_divergence.py"):
        (handed_in / place).write_text(RUNS)

    command = [sys.executable, "-m", "grading.cli", "run", ".", "--only", "kl_divergence", "--json", "scores.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=handed_in, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    document = json.loads((handed_in / "scores.json").read_text(encoding="utf-8"))
    assert document["assignment"]["digest"] == assignment.load(ROOT).digest
    assert document["score"]["earned"] == 0
    assert list(handed_in.rglob("*.ran")) == []
