"""The real command in this process, with what takes longest of it done once: importing torch and collecting checks.

A small grade by itself takes seconds until it begins. That processes which have begun already judge as it does is what
``grading/test_check_server.py`` shows; what a process is good for (its end, its pipes, its signals) needs the command
in one of its own.
"""

import subprocess
import sys
import threading
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

from grading import cli, grade
from grading.assignment import Assignment
from grading.classroom import farm, work
from grading.execution import process
from grading.execution.server import CheckServer

KEPT = 3


class Servers:
    """A process for each assignment of late, which has collected all its checks, for one level of isolation."""

    def __init__(self) -> None:
        self._kept: dict[str, CheckServer] = {}

    def of(self, assignment: Assignment, isolation: str) -> CheckServer | None:
        """That of an assignment, started if need be; None where nothing is forked."""
        if sys.platform != "linux" or isolation in ("none", "in-process"):
            return None
        key = f"{assignment.root}\0{assignment.digest}\0{isolation}"
        found = self._kept.pop(key, None)
        if found is not None and found.lost:
            found.close()
            found = None
        self._kept[key] = found or process.start_server(assignment, assignment.checks(), isolation)
        while len(self._kept) > KEPT:  # each takes some hundred megabytes
            self._kept.pop(next(iter(self._kept))).close()
        return self._kept[key]

    def close(self) -> None:
        """End them all."""
        while self._kept:
            self._kept.popitem()[1].close()


class _AtOnce(Executor):
    """Does in this process, and at once, what it is given."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def _workers(alone):
    yield farm.Workers(_AtOnce(), lambda: 1)


def run(monkeypatch, servers: Servers, arguments, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``vae-grade`` in this process, from within a folder."""
    given = [str(argument) for argument in arguments]
    by_itself = grade.grade

    one_at_a_time = threading.Lock()

    def by_a_server(submission, assignment, options, watch=None, server=None, processors=1):
        with one_at_a_time:
            chosen = server or servers.of(assignment, options.isolation)
            return by_itself(submission, assignment, options, watch, server=chosen)

    for cached in (work._assignment, work._fingerprint):  # a test may change an assignment between two runs
        cached.cache_clear()
    with monkeypatch.context() as patched:
        patched.chdir(folder)
        patched.setattr(grade, "grade", by_a_server)
        patched.setattr(grade, "shared_server", lambda assignment, tiers, isolation: servers.of(assignment, isolation))
        patched.setattr(farm, "local", lambda jobs: _workers)
        done = CliRunner().invoke(cli.app, given, catch_exceptions=False)
    return subprocess.CompletedProcess(given, done.exit_code, done.stdout, done.stderr)
