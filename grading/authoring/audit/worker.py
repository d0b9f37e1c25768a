"""One process of an audit: pytest, begun once, makes the checks of one submission after another.

The student's side runs in this process too, for the answers come from the assignment's own catalogue. A call that hangs
is interrupted; a process that hangs nevertheless is ended by the pool.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import math
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

from ... import scores
from ...assignment import Assignment, Check
from ...boundary.errors import CallTimeoutError
from ...boundary.local import LocalChannel, LocalWorkers
from ...catalogue import Catalogue
from ...checks.compare import STATISTICS
from ...diagnosis import diagnose
from ...diagnosis.evidence import Evidence
from ...diagnosis.replay import Replayed
from ...diagnosis.stored import summaries
from ...execution import plugin
from ...execution.job import Job
from ...execution.process import CONFIGURATION
from ...execution.run import CheckRun
from ...results import CheckResult, Status
from .tasks import Outcome, Ready, Result, Task, Unusable

UNUSED = (
    *("terminal", "cacheprovider", "warnings", "logging", "junitxml", "faulthandler"),
    *("unraisableexception", "threadexception", "stepwise", "debugging"),
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a process is begun with.

    Attributes:
        assignment: what is audited.
        catalogue: its answers.
        tiers: the tiers whose checks are made.
        items: the items whose checks are made.
        call_seconds: processor time that one call of a submission may take.
    """

    assignment: Assignment
    catalogue: Catalogue
    tiers: tuple[str, ...]
    items: tuple[str, ...]
    call_seconds: float = 10.0


class _Interrupted(BaseException):
    """A call took too long."""


@dataclasses.dataclass
class _Budget:
    """The processor time of one submission: what a busy machine takes to give it does not count."""

    call_seconds: float
    overdrawn: bool = False

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        """The signal's handler. The submission's code may catch what it raises, so it is also written down."""
        self.overdrawn = True
        raise _Interrupted


class _BudgetedChannel(LocalChannel):
    """The student's side in this process, with a deadline after all; once it is missed, nothing more is asked."""

    def __init__(self, budget: _Budget) -> None:
        super().__init__(capture=True)
        self._budget = budget

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        answer = b""
        if not self._budget.overdrawn:
            with contextlib.suppress(_Interrupted):
                signal.setitimer(signal.ITIMER_PROF, self._budget.call_seconds, 0.1)
                try:
                    answer = super().exchange(frame, timeout)
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0.0)
        if self._budget.overdrawn:
            raise CallTimeoutError(f"a call of this submission took over {self._budget.call_seconds:g} s")
        return answer


class _BudgetedWorkers(LocalWorkers):
    def __init__(self, budget: _Budget) -> None:
        super().__init__()
        self._budget = budget

    def open(self) -> LocalChannel:
        return _BudgetedChannel(self._budget)


@dataclasses.dataclass
class _Baseline:
    """What the solution made of each check, what it answered, and which of its functions it ran in doing so."""

    files: dict[str, bytes]
    results: dict[str, CheckResult]
    ran: dict[str, set[str]]
    evidence: tuple[Evidence, ...]

    def knows(self, task: Task, check: Check, file: str) -> bool:
        """Whether a check of the task must end as it did for the solution.

        A check loads one file; with the same seeds, the same text and no call of the function that differs, everything
        in it happens as before.
        """
        if check.id not in self.results:
            return False
        if task.files[file] == self.files[file]:
            return True
        return task.changed is not None and task.changed[1] is not None and task.changed[1] not in self.ran[check.id]


class _Loop:
    """The pytest plugin that replaces pytest's own loop over the tests."""

    def __init__(self, setting: Setting, connection: Connection) -> None:
        self._setting, self._connection = setting, connection
        self._baselines: dict[str, _Baseline] = {}
        self._diagnostician = Replayed(setting.catalogue, LocalWorkers(capture=True))

    def pytest_configure(self, config: pytest.Config) -> None:
        """Nobody reads pytest's own account of a failure, and writing it takes longer than most checks."""
        config.option.tbstyle = "no"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tests that cannot be collected make an audit pointless."""
        if report.failed:
            self._connection.send(Unusable(f"{report.nodeid} cannot be collected:\n{report.longreprtext}"))

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer tasks until there are no more."""
        torch.set_num_threads(1)
        budget = _Budget(self._setting.call_seconds)
        signal.signal(signal.SIGPROF, budget.interrupt)
        run = CheckRun(self._setting.assignment, Path(), _BudgetedWorkers(budget), "", math.inf, math.inf)
        names = {run.name_of(test): test for test in session.items if "submission" in getattr(test, "fixturenames", ())}
        checks = {check.path: check for check in self._setting.assignment.checks(self._setting.tiers)}
        self._tests = [(test, checks[name]) for name, test in names.items() if name in checks]
        gc.collect()
        gc.freeze()
        self._connection.send(Ready(tuple(names)))
        # One folder for all submissions, so that a file which many of them share is compiled once.
        with tempfile.TemporaryDirectory(prefix="audit-") as folder:
            while (task := self._connection.recv()) is not None:
                began = time.process_time()
                for name, text in task.files.items():
                    Path(folder, name).write_bytes(text)
                budget.overdrawn = False
                run = dataclasses.replace(run, submission=Path(folder), key=task.key, load_faults={}, evidence=[])
                session.config.stash[plugin.RUN] = run
                result = self._result(task, run)
                # Failed checks leave cycles with large tensors in them, of which the collector sees small objects only.
                run.evidence.clear()
                gc.collect()
                self._connection.send(dataclasses.replace(result, seconds=time.process_time() - began))
        return True

    def _result(self, task: Task, run: CheckRun) -> Result:
        items = {item.id: item for item in run.assignment.items}
        wanted = [
            (test, check)
            for test, check in self._tests
            if check.tier in task.tiers
            and check.item in self._setting.items
            and (task.wholes or items[check.item].functions)
        ]
        baseline = self._baselines.get(task.key)
        results: dict[str, CheckResult] = {}
        ran: dict[str, set[str]] = {}
        statistics: dict[str, tuple[tuple[str, float, float], ...]] = {}
        if baseline is not None:
            known = {check.id for _, check in wanted if baseline.knows(task, check, items[check.item].file)}
            results = {check_id: baseline.results[check_id] for check_id in known}
            if task.diagnose:
                run.evidence += [piece for piece in baseline.evidence if piece.check in known]
        left = [(test, check) for test, check in wanted if check.id not in results]
        for i, (test, check) in enumerate(left):
            after = left[i + 1][0] if i + 1 < len(left) else None
            with _functions_called(run.submission, trace=task.group == "reference") as called:
                results[check.id] = _run_check(test, after)
            ran[check.id] = called
            statistics[check.id] = tuple((s.what, s.deviation, s.rate) for s in STATISTICS)
        if task.group == "reference":
            self._baselines[task.key] = _Baseline(task.files, results, ran, tuple(run.evidence))
        manifest = [check for _, check in wanted]
        lost = CheckResult("", Status.ERROR, message="the check was not run")
        scored = scores.score(run.assignment, manifest, results, lost)
        # What is named must not depend on how busy this machine is.
        named = diagnose(self._diagnostician, run.evidence, seconds=math.inf) if task.diagnose else {}
        answers = {
            piece.check: summaries(reply for _, reply in piece.transcript.exchanges)
            for piece in run.evidence
            if task.answers and piece.failed
        }
        outcomes = {
            check.result.id: Outcome(
                check.status,
                check.result.kind,
                check.result.blocked_by,
                check.result.message,
                named[check.result.id].names if check.result.id in named else (),
                statistics.get(check.result.id, ()),
            )
            for item in scored
            for check in item.checks
        }
        return Result(task.group, task.name, task.key, outcomes, answers)


def _run_check(test: pytest.Item, after: pytest.Item | None) -> CheckResult:
    """Run one check."""
    keys: tuple[pytest.StashKey[Any], ...] = (plugin.RESULT, plugin.SESSION)
    for key in keys:
        if key in test.stash:
            del test.stash[key]
    STATISTICS.clear()
    test.ihook.pytest_runtest_protocol(item=test, nextitem=after)
    return test.stash[plugin.RESULT]


@contextlib.contextmanager
def _functions_called(folder: Path, *, trace: bool) -> Iterator[set[str]]:
    """The qualified names of the functions in ``folder`` that are called meanwhile, if ``trace`` says so."""
    called: set[str] = set()
    if not trace:
        yield called
        return
    prefix = str(folder)

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(prefix):
            called.add(frame.f_code.co_qualname)

    sys.setprofile(profile)
    try:
        yield called
    finally:
        sys.setprofile(None)


def main(setting: Setting, connection: Connection) -> None:
    """Work until told to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool ends its processes itself
    tests = setting.assignment.tests
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        job = Path(folder, "job.json")
        job.write_text(Job(str(setting.assignment.root), folder).dumps(), encoding="utf-8")
        options = [
            *("-c", str(CONFIGURATION), f"--rootdir={setting.assignment.root}", "--assert=plain"),
            "--capture=no",
            *("--import-mode=importlib", "--override-ini", f"pythonpath={tests}"),
            *("-p", "grading.execution.plugin", f"--job={job}"),
            *(option for name in UNUSED for option in ("-p", f"no:{name}")),
            *(str(tests / tier) for tier in setting.tiers),
        ]
        try:
            status = pytest.main(options, plugins=[_Loop(setting, connection)])
            if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
                connection.send(Unusable(f"pytest ended with {status!r}"))
        except (EOFError, BrokenPipeError):
            pass  # the pool is gone
        finally:
            connection.close()
