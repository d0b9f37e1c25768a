"""What the tests of the grader share: the repository, and ways to run the real command."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import here

from grading import assignment, grade
from grading.assignment import TIERS
from grading.submission import take

ROOT = Path(__file__).resolve().parents[2]

ASSIGNMENT = assignment.load(ROOT)
EXPLAIN_SECONDS = 60.0
"""Ample, so that what is told of a mistake does not depend on what else runs here."""

# One thread is faster for matrices of this size, and leaves the other cores to tests that run at the same time.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def wait_for(condition: Callable[..., bool], seconds: float = 500) -> None:
    """Go on when something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def group_is_gone(leader: int) -> bool:
    """Whether no process is left of a group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, 0)
        return False
    return True


@dataclass(frozen=True)
class Graded:
    """What one run of ``vae-grade run`` left behind."""

    status: int
    stdout: str
    stderr: str
    document: dict[str, Any] | None

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        """Every check of the document by its id."""
        assert self.document is not None, self.stderr
        return {check["id"]: check for item in self.document["items"] for check in item["checks"]}

    @property
    def lost(self) -> set[str]:
        """The items that lost points."""
        assert self.document is not None, self.stderr
        return {item["id"] for item in self.document["items"] if item["earned"] < item["possible"]}


@pytest.fixture
def vae_grade(tmp_path):
    """Run the real command in an empty folder and return what it left."""

    def run(*arguments: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "grading.cli", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **pipes) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            except BaseException:
                # What it started has to end with it, or a slow machine gets slower with each test.
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def graded(vae_grade, tmp_path):
    """Grade a submission with the real command and return its exit status, output and score document."""
    return _grading_by(vae_grade, tmp_path)


def _grading_by(command, tmp_path):
    def run(submission: str | Path, *arguments: str) -> Graded:
        target = tmp_path / "scores.json"
        target.unlink(missing_ok=True)
        done = command("run", submission, "--json", target, "--explain-seconds", EXPLAIN_SECONDS, *arguments)
        document = json.loads(target.read_text(encoding="utf-8")) if target.exists() else None
        return Graded(done.returncode, done.stdout, done.stderr, document)

    return run


@pytest.fixture(scope="session")
def _servers():
    servers = here.Servers()
    yield servers
    servers.close()


@pytest.fixture
def vae_grade_here(monkeypatch, _servers):
    """The same as ``vae_grade``, but in this process, and grading by processes that have imported torch already.

    For tests of what the command says and writes.
    """

    def run(*arguments: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return here.run(monkeypatch, _servers, arguments, folder)

    return run


@pytest.fixture
def graded_here(vae_grade_here, tmp_path):
    """The same as ``graded``, by ``vae_grade_here``."""
    return _grading_by(vae_grade_here, tmp_path)


@pytest.fixture
def judged(_servers):
    """Grade a submission as one of a class: by processes that have imported torch already, which is most of the work.

    For tests of what is judged; that it is the same as in a grade by itself is a test of the server.
    """

    def run(
        submission: str | Path,
        *items: str,
        tiers: tuple[str, ...] = TIERS,
        seed: str | None = None,
        explained: bool = False,
    ) -> Graded:
        seconds = EXPLAIN_SECONDS if explained else 0.0
        options = grade.Options(tiers, only=items, seed=seed, explain_seconds=seconds)
        server = _servers.of(ASSIGNMENT, options.isolation)
        document = grade.grade(take(str(submission), ASSIGNMENT), ASSIGNMENT, options, server=server)
        return Graded(0, "", "", document.to_json())

    return run


@pytest.fixture
def hand_in(tmp_path):
    """A folder with the solution in it, some of its files replaced by other texts (``None`` leaves one out)."""

    def make(name: str = "submission", **files: str | bytes | None) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file in ("simple_vae.py", "vae.py"):
            text = files.get(file.removesuffix(".py"), (ROOT / "reference" / file).read_bytes())
            if text is not None:
                (folder / file).write_bytes(text.encode() if isinstance(text, str) else text)
        return folder

    return make


GRADING = {"graded", "graded_here", "judged", "vae_grade", "vae_grade_here", "push", "demo"}
"""Fixtures by which a test runs the real command on whole submissions, which takes seconds each time."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Three processes for two cores, since a test waits for what it starts and for time to pass.

    Each gets tests that follow one another, so that what a file's tests share is made once.
    """
    if config.option.dist == "no":
        config.option.dist = "worksteal"
    return max(1, 3 * len(os.sched_getaffinity(0)) // 2)


def pytest_collection_modifyitems(items):
    """Every test that grades for real is slow; ``-m "not slow"`` is for the minute between two edits."""
    for item in items:
        if GRADING & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
