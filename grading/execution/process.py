"""Starts the process that makes the checks, follows it to its end, and reads what it left."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import assignment as assignments
from ..assignment import Assignment, Check
from ..boundary.shared.text import clean
from ..progress import Progress, Watch
from ..results import CheckResult, Kind, Misconception, Status
from .events import Events
from .job import Job
from .server import CheckServer, ForkedRun, ServerLostError

CONFIGURATION = Path(__file__).parent / "pytest.ini"
POLL_SECONDS = 0.05
# The first would write into the assignment; the others take time for what nobody looks at.
_UNUSED_PLUGINS = ("cacheprovider", "logging", "threadexception", "unraisableexception")


class ExecutionError(Exception):
    """The checks could not be run, which is not the submission's fault."""


class UnavailableIsolationError(ExecutionError):
    """The demanded level of isolation cannot be had here."""


@dataclass(frozen=True)
class Outcome:
    """What a run of checks came to.

    Attributes:
        results: how each check ended, by its id.
        lost: what holds for a check that is not among them.
        environment: versions and platform.
        isolation: how the student's code was confined.
        problems: what an instructor should know.
        unloaded: the files of the submission that could not be loaded.
    """

    results: dict[str, CheckResult]
    lost: CheckResult
    environment: dict[str, str]
    isolation: dict[str, Any]
    problems: tuple[str, ...] = ()
    unloaded: tuple[str, ...] = ()


def run_checks(
    job: Job,
    assignment: Assignment,
    checks: Sequence[Check],
    watch: Watch | None = None,
    *,
    server: CheckServer | None = None,
    stop: threading.Event | None = None,
) -> Outcome:
    """Run checks in a process of their own.

    Args:
        job: what is run; ``events`` and ``lifeline`` are filled in here. The writing end of ``together`` is closed.
        assignment: whose checks they are.
        checks: the checks; the tests in their files have to be exactly these.
        watch: is told as checks begin and end.
        server: has collected these checks already, perhaps among others, and forks the process; None starts one.
        stop: once set, nobody wants the outcome any more, and the process is ended.

    Raises:
        ExecutionError: the checks could not be run at all.
        AssignmentError: rubric and tests disagree.
    """
    with tempfile.TemporaryDirectory(prefix="grading-") as name, _lifeline() as lifeline:
        workspace = Path(name)
        report, log = workspace / "report.json", workspace / "pytest.log"
        files = sorted(_files(checks)) if server is not None else []
        job = dataclasses.replace(job, events=str(workspace / "events.jsonl"), lifeline=lifeline, files=files)
        file = workspace / "job.json"  # in a folder that nobody else can read: it holds the seed of hidden inputs
        file.write_text(job.dumps(), encoding="utf-8")
        if server is not None:
            process: subprocess.Popen[bytes] | ForkedRun = _asked(server, file, report, log)
        else:
            inherited = [descriptor for descriptor in (lifeline, *job.together) if descriptor is not None]
            try:
                process = _started(_command(file, report, assignment, checks), workspace, log, inherited)
            finally:
                for writing_end in job.together[1:]:  # from now on that process alone holds it
                    os.close(writing_end)
        timed_out, status = _followed(process, job, len(checks), watch, stop)
        events = Events.read(Path(job.events or ""))
        if events.unavailable is not None:
            raise UnavailableIsolationError(events.unavailable)
        content = _read(report)
        if content is not None:
            outcome = _from_report(content, events, log)
            assignments.verify_collected(checks, outcome.collected)
            return outcome.outcome
        return _from_events(events, status, timed_out, log)


def start_server(assignment: Assignment, checks: Sequence[Check], isolation: str) -> CheckServer:
    """A process that imports torch and collects checks once, for many runs of them at one level of isolation."""

    def start(control: socket.socket, folder: Path, log: Path) -> subprocess.Popen[bytes]:
        file, events = folder / "job.json", str(folder / "events.jsonl")
        job = Job(str(assignment.root), str(folder), isolation, capture=True, events=events, serve=control.fileno())
        file.write_text(job.dumps(), encoding="utf-8")
        # What pytest captures of a run would lie in files that the processes share.
        command = [*_command(file, folder / "report.json", assignment, checks), "--capture=no"]
        return _started(command, folder, log, [control.fileno()])

    return CheckServer(start)


def _started(command: list[str], folder: Path, log: Path, inherited: list[int]) -> subprocess.Popen[bytes]:
    with log.open("wb") as stream:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            pass_fds=inherited,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )


def _asked(server: CheckServer, job: Path, report: Path, log: Path) -> ForkedRun:
    try:
        return server.run(job, report, log)
    except ServerLostError as error:
        unavailable = Events.read(server.log.with_name("events.jsonl")).unavailable
        if unavailable is not None:
            raise UnavailableIsolationError(unavailable) from None
        raise ExecutionError(f"the checks could not be run ({error}):\n{_tail(server.log)}") from None


@contextlib.contextmanager
def _lifeline() -> Iterator[int | None]:
    """The reading end of a pipe that ends when this process does, however it dies; None where none can be inherited."""
    if os.name != "posix":
        yield None
        return
    reading_end, writing_end = os.pipe()
    try:
        yield reading_end
    finally:
        os.close(reading_end)
        os.close(writing_end)


def _command(job: Path, report: Path, assignment: Assignment, checks: Sequence[Check]) -> list[str]:
    # What a student sees of public checks comes first: no hidden check can have left word for them anywhere.
    files = sorted((tier != "public", file) for file, tier in _files(checks).items())
    return [
        *(sys.executable, "-P", "-m", "grading.execution"),
        *("-c", str(CONFIGURATION), f"--rootdir={assignment.root}"),
        # A conftest.py of a folder above the assignment is none of its own.
        f"--confcutdir={assignment.root}",
        *(part for name in _UNUSED_PLUGINS for part in ("-p", f"no:{name}")),
        *("-p", "pytest_metadata.plugin", "-p", "pytest_jsonreport.plugin"),
        # Formatting tracebacks that nobody reads takes half of a run in which everything fails.
        *("-p", "grading.execution.plugin", "--assert=plain", "--import-mode=importlib", "--tb=no", "-q"),
        # pytest splits this value as a shell does; the path may hold spaces.
        *("--override-ini", f"pythonpath={shlex.quote(str(assignment.tests))}"),
        *("--json-report", f"--json-report-file={report}"),
        *("--json-report-omit", "keywords", "streams", "log", "traceback", "warnings", "collectors"),
        f"--job={job}",
        *(str(assignment.tests / file) for _, file in files),
    ]


def _files(checks: Sequence[Check]) -> dict[str, str]:
    """The files of checks, relative to the assignment's ``tests``, with the tier of each."""
    return {check.path.partition("::")[0]: check.tier for check in checks}


def _environment(workspace: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "VAE_GRADE_"))}
    # One thread is faster for matrices of this size, and the same numbers come out on every machine.
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
    # Otherwise torch leaves a folder among the temporary files of the machine.
    folders = {"TORCHINDUCTOR_CACHE_DIR": str(workspace)}
    return {**kept, **threads, **folders, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _followed(
    process: subprocess.Popen[bytes] | ForkedRun,
    job: Job,
    total: int,
    watch: Watch | None,
    stop: threading.Event | None,
) -> tuple[bool, int]:
    """Follow the events until the process ends; whether it had to be ended, and its exit code."""
    # The checks keep their own deadline; this one is for a process that no longer does.
    deadline = time.monotonic() + job.whole_seconds + 60.0
    try:
        while process.poll() is None and time.monotonic() <= deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
            if watch is not None:
                events = Events.read(Path(job.events or ""))
                watch(Progress(len(events.ended), total, events.current))
            if stop is not None and stop.is_set():
                raise ExecutionError("the checks were ended before they were done")
        timed_out = process.poll() is None
    finally:
        if process.poll() is None:
            process.kill()
        status = process.wait()
    return timed_out, status


@dataclass(frozen=True)
class _Reported:
    outcome: Outcome
    collected: list[str]


def _read(report: Path) -> dict[str, Any] | None:
    """What pytest-json-report wrote, if it did, and was not ended half-way."""
    try:
        content: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content


def _from_report(report: dict[str, Any], events: Events, log: Path) -> _Reported:
    grading = report.get("grading", {})
    if report["exitcode"] not in (0, 1) or "isolation" not in grading:
        raise ExecutionError(f"the checks could not be run (pytest ended with {report['exitcode']}):\n{_tail(log)}")
    untold = "no mistakes could be named: the process ended while it looked for them"
    told = events.named or {"misconceptions": {}, "problems": [untold]}
    named = {check: Misconception.from_json(found) for check, found in told["misconceptions"].items()}
    recorded = [test["metadata"]["result"] for test in report["tests"] if "result" in test.get("metadata", {})]
    results = {result.id: result for result in map(CheckResult.from_json, recorded)}
    outcome = Outcome(
        results={check: dataclasses.replace(r, misconception=named.get(check)) for check, r in results.items()},
        lost=CheckResult("", Status.ERROR, message="the grader lost this check, which is not the submission's fault"),
        environment=grading["environment"],
        isolation=grading["isolation"],
        problems=tuple(told["problems"]),
        unloaded=tuple(grading["unloaded"]),
    )
    return _Reported(outcome, grading["collected"])


def _from_events(events: Events, status: int, timed_out: bool, log: Path) -> Outcome:
    """The process is gone without a report: while the submission ran in it, or because of a fault of ours."""
    if events.session is None:
        raise ExecutionError(f"the checks could not be run (the process ended with {status}):\n{_tail(log)}")
    how = "did not end in time" if timed_out else f"ended the whole process (status {status})"
    message = (
        f"the submission's code {how} during {events.unfinished or 'no check'}; "
        "in a process of its own it would cost that check only"
    )
    kind, ended = (Kind.TIMEOUT, Status.TIMEOUT) if timed_out else (Kind.CRASH, Status.CRASHED)
    untold = "what this check found was lost with the process"
    return Outcome(
        results={
            check: CheckResult(
                check,
                how_ended,
                message="" if how_ended is Status.PASSED else untold,
                relied_on=tuple(map(tuple, events.relied_on[check])),
            )
            for check, how_ended in events.ended.items()
        },
        lost=CheckResult("", ended, kind, message),
        environment=events.session["environment"],
        isolation=events.session["isolation"],
        problems=(message,),
    )


def _tail(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return clean("\n".join(text.strip().splitlines()[-25:]))
