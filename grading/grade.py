"""One submission in, one score document out."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import __version__, assignment, scores
from .assignment import Assignment, AssignmentError, Check
from .boundary.shared.text import clean
from .seeds import derive_key
from .submission import Submission, staged

CONFIGURATION = Path(__file__).parent / "checks" / "pytest.ini"
POLL_SECONDS = 0.05
# The first would write into the assignment; the others take time for what nobody looks at.
_UNUSED_PLUGINS = ("cacheprovider", "logging", "threadexception", "unraisableexception")


class GraderError(Exception):
    """The grader could not do its work; the submission is not to blame."""


class UnavailableIsolationError(GraderError):
    """The demanded level of isolation is not to be had here."""


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes:
        tiers: the tiers to run.
        only: run the checks of this item alone.
        isolation: the level at which the student's code runs.
        seed: what the inputs of hidden checks are derived from; drawn at random if None.
        call_timeout: seconds that one call of the student's code may take.
        run_timeout: seconds that all checks together may take.
    """

    tiers: tuple[str, ...]
    only: str | None = None
    isolation: str = "auto"
    seed: str | None = None
    call_timeout: float = 10.0
    run_timeout: float = 240.0


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    done: int
    total: int
    current: str


def choose_seed(submission: Submission, seed: str | None, secret: str | None) -> str:
    """What the inputs of hidden checks are derived from: given, derived from a class's secret, or random."""
    if seed is not None:
        return seed
    return derive_key(secret, submission.digest) if secret is not None else secrets.token_hex(16)


def grade(
    submission: Submission, rubric: Assignment, options: Options, watch: Callable[[Progress], None] | None = None
) -> scores.ScoreDocument:
    """Run the checks of an assignment against a submission, in a process of their own, and score them.

    Args:
        submission: what to grade.
        rubric: what to grade it by.
        options: how.
        watch: is told as checks begin and end.

    Raises:
        GraderError: the checks could not be run at all.
        AssignmentError: rubric and tests disagree.
    """
    manifest = [c for c in rubric.checks(options.tiers) if options.only in (None, c.item)]
    seed = options.seed if options.seed is not None else choose_seed(submission, None, None)
    with staged(submission) as folder, tempfile.TemporaryDirectory(prefix="grading-") as workspace:
        run = _Run(rubric, manifest, options, seed, folder, Path(workspace))
        outcome = run.execute(submission.faults, watch)
    return scores.ScoreDocument(
        assignment={"name": rubric.name, "version": rubric.version, "digest": rubric.digest},
        submission={
            "id": submission.id,
            "source": submission.source,
            "commit": submission.commit,
            "digest": submission.digest,
            "files": {
                name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
                for name, content in sorted(submission.files.items())
            },
        },
        graded_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        environment={**outcome.environment, "grader": __version__},
        isolation=outcome.isolation,
        seed=seed,
        tiers=options.tiers,
        items=scores.score(rubric, manifest, outcome.records, outcome.lost),
        problems=(*submission.problems, *outcome.problems),
    )


@dataclass(frozen=True)
class _Outcome:
    """What came out of the process that ran the checks."""

    records: dict[str, dict[str, Any]]
    lost: tuple[str, str]
    environment: dict[str, str]
    isolation: dict[str, Any]
    problems: tuple[str, ...] = ()


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


class _Run:
    """One run of pytest over the checks of the manifest."""

    def __init__(
        self,
        rubric: Assignment,
        manifest: list[Check],
        options: Options,
        seed: str,
        submission: Path,
        workspace: Path,
    ) -> None:
        self._rubric, self._manifest, self._options = rubric, manifest, options
        self._seed, self._submission, self._workspace = seed, submission, workspace
        self._report, self._events = workspace / "report.json", workspace / "events.jsonl"
        self._log = workspace / "pytest.log"

    def execute(self, faults: dict[str, str], watch: Callable[[Progress], None] | None) -> _Outcome:
        """Start pytest, watch it to its end, and read what it left."""
        with self._log.open("wb") as log, _lifeline() as reading_end:
            command = self._command(faults)
            process = subprocess.Popen(
                command if reading_end is None else [*command, f"--lifeline={reading_end}"],
                cwd=self._workspace,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[reading_end] if reading_end is not None else (),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                timed_out = self._wait(process, watch)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
        unavailable = next((event["unavailable"] for event in self._read_events() if "unavailable" in event), None)
        if unavailable is not None:
            raise UnavailableIsolationError(unavailable)
        if self._report.is_file():
            return self._from_report(json.loads(self._report.read_text(encoding="utf-8")))
        return self._from_events(process.returncode, timed_out)

    def _command(self, faults: dict[str, str]) -> list[str]:
        # What a student sees of public checks comes first: no hidden check can have left word for them anywhere.
        files = sorted({(check.tier != "public", check.path.partition("::")[0]) for check in self._manifest})
        tests = [str(self._rubric.tests / file) for _, file in files]
        options = self._options
        return [
            *(sys.executable, "-P", "-m", "grading.run_checks"),
            *("-c", str(CONFIGURATION), f"--rootdir={self._rubric.root}"),
            *(part for name in _UNUSED_PLUGINS for part in ("-p", f"no:{name}")),
            *("-p", "pytest_metadata.plugin", "-p", "pytest_jsonreport.plugin"),
            # Formatting tracebacks that nobody reads takes half of a run in which everything fails.
            *("-p", "grading.pytest_plugin", "--assert=plain", "--import-mode=importlib", "--tb=no", "-q"),
            # pytest splits this value as a shell does; the path may hold spaces.
            *("--override-ini", f"pythonpath={shlex.quote(str(self._rubric.tests))}"),
            *("--json-report", f"--json-report-file={self._report}"),
            *("--json-report-omit", "keywords", "streams", "log", "traceback", "warnings", "collectors"),
            *(f"--assignment={self._rubric.root}", f"--submission={self._submission}"),
            *(f"--submission-faults={json.dumps(faults)}", f"--isolation={options.isolation}"),
            *(
                f"--grading-key={self._seed}",
                f"--events={self._events}",
                "--capture-submission",
            ),
            *(f"--call-timeout={options.call_timeout}", f"--run-timeout={options.run_timeout}"),
            *tests,
        ]

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "VAE_GRADE_"))}
        # One thread is faster for matrices of this size, and the same numbers come out on every machine.
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
        # Otherwise torch leaves a folder among the temporary files of the machine.
        folders = {"TORCHINDUCTOR_CACHE_DIR": str(self._workspace)}
        return {**kept, **threads, **folders, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def _wait(self, process: subprocess.Popen[bytes], watch: Callable[[Progress], None] | None) -> bool:
        """Follow the events until the process ends; True if it had to be ended."""
        # The checks keep their own deadline; this one is for a process that no longer does.
        deadline = time.monotonic() + self._options.run_timeout + 60.0
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_SECONDS)
            if watch is not None:
                done, current = self._progress()
                watch(Progress(done, len(self._manifest), current))
            if process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                return True

    def _read_events(self) -> list[dict[str, Any]]:
        if not self._events.is_file():
            return []
        lines = self._events.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def _progress(self) -> tuple[int, str]:
        events = self._read_events()
        current = next((event["begin"] for event in reversed(events) if "begin" in event), "")
        return sum("end" in event for event in events), current

    def _from_report(self, report: dict[str, Any]) -> _Outcome:
        grading = report.get("grading", {})
        if report["exitcode"] not in (0, 1) or "isolation" not in grading:
            raise GraderError(f"the checks could not be run (pytest ended with {report['exitcode']}):\n{self._tail()}")
        if self._options.only is None:
            assignment.verify_collected(self._rubric, grading["collected"], self._options.tiers)
        records = {}
        for test in report["tests"]:
            record = test.get("metadata", {}).get("record")
            if record is not None:
                named = grading.get("misconceptions", {}).get(record["check"])
                records[record["check"]] = {**record, "misconception": named}
        return _Outcome(
            records=records,
            lost=(scores.ERROR, "the grader lost this check, which is not the submission's fault"),
            environment=grading["environment"],
            isolation=grading["isolation"],
            problems=tuple(grading.get("problems", ())),
        )

    def _from_events(self, status: int, timed_out: bool) -> _Outcome:
        """The process is gone without a report: while the submission ran in it, or because of a fault of ours."""
        events = self._read_events()
        started = next((event["session"] for event in events if "session" in event), None)
        if started is None:
            raise GraderError(f"the checks could not be run (the process ended with {status}):\n{self._tail()}")
        records = {event["end"]: event["record"] for event in events if event.get("record")}
        began = [event["begin"] for event in events if "begin" in event]
        unfinished = next((check for check in reversed(began) if check not in records), "no check")
        how = "did not end in time" if timed_out else f"ended the whole process (status {status})"
        message = (
            f"the submission's code {how} during {unfinished}; in a process of its own it would cost that check only"
        )
        return _Outcome(
            records=records,
            lost=(scores.TIMEOUT if timed_out else scores.CRASHED, message),
            environment=started["environment"],
            isolation=started["isolation"],
            problems=(message,),
        )

    def _tail(self) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.is_file() else ""
        return clean("\n".join(text.strip().splitlines()[-25:]))


__all__ = ["AssignmentError", "GraderError", "Options", "Progress", "UnavailableIsolationError", "choose_seed", "grade"]
