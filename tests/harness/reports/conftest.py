"""Run the real command in this process: the same code, without waiting for Python to start for each row of a table."""

import subprocess

import pytest
from typer.testing import CliRunner

from grading import cli


@pytest.fixture
def command(monkeypatch):
    def run(*arguments, **environment):
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
            monkeypatch.delenv(name, raising=False)
        given = [str(argument) for argument in arguments]
        done = CliRunner().invoke(cli.app, given, env=environment, catch_exceptions=False)
        return subprocess.CompletedProcess(given, done.exit_code, done.stdout, done.stderr)

    return run
