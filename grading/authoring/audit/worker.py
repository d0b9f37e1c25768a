"""One process of an audit: runs the checks of one submission after another, each time by an ordinary run of pytest.

The student's side runs in this process too, for the answers come from the assignment's own catalogue. A call that hangs
is interrupted; a process that hangs nevertheless ends itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import gc
import io
import math
import os
import pickle
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

from ... import pooled, scores
from ...assignment import AssignmentError, Check
from ...boundary.errors import CallTimeoutError
from ...boundary.local import LocalChannel, LocalWorkers
from ...boundary.proxy import Submission
from ...checks.compare import STATISTICS
from ...diagnosis import diagnose, experiments
from ...diagnosis.replay import Replayed
from ...diagnosis.stored import summaries
from ...execution import plugin
from ...execution.job import Job
from ...execution.process import CONFIGURATION
from ...execution.run import CheckRun
from ...execution.session import ExperimentSession
from ...results import CheckResult, Status
from .remembered import RememberingWorkers
from .tasks import Baseline, Outcome, Result, Setting, Task

UNUSED = (
    *("terminal", "cacheprovider", "warnings", "logging", "junitxml", "faulthandler"),
    *("unraisableexception", "threadexception", "stepwise", "debugging"),
)


EXPERIMENT_SECONDS = 20.0
"""What the experiments with one submission may take."""


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


class _Recorder:
    """The plugin of one run of pytest: has it run the wanted checks alone, and keeps what comes out of them.

    Args:
        run: the run of the checks.
        wanted: the checks to run, by the names of their tests.
        trace: find out which functions of the submission each check calls, which takes time.
    """

    def __init__(self, run: CheckRun, wanted: dict[str, Check], *, trace: bool) -> None:
        self._run, self._wanted, self._trace = run, wanted, trace
        self.fault = ""
        self.collected: tuple[str, ...] = ()
        self.results: dict[str, CheckResult] = {}
        self.called: dict[str, set[str]] = {}
        self.statistics: dict[str, tuple[tuple[str, float, float], ...]] = {}

    def pytest_configure(self, config: pytest.Config) -> None:
        """Nobody reads pytest's own account of a failure, and writing it takes longer than most checks."""
        config.option.tbstyle = "no"
        config.stash[plugin.RUN] = self._run
        config.stash[plugin.JOB] = Job(str(self._run.assignment.root), str(self._run.submission))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tests that cannot be collected make an audit pointless."""
        if report.failed:
            self.fault = f"{report.nodeid} cannot be collected:\n{report.longreprtext}"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what is not wanted."""
        tests = {self._run.name_of(test): test for test in items if "submission" in getattr(test, "fixturenames", ())}
        self.collected = tuple(tests)
        items[:] = [test for name, test in tests.items() if name in self._wanted]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Keep what a check measured, and how it ended."""
        check = self._wanted[self._run.name_of(item)]
        STATISTICS.clear()
        with _functions_called(self._run.submission, trace=self._trace) as called:
            result = yield
        self.results[check.id] = item.stash[plugin.RESULT]
        self.called[check.id] = called
        self.statistics[check.id] = tuple((s.what, s.deviation, s.rate) for s in STATISTICS)
        return result


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


class _Worker:
    """What a process keeps between one submission and the next."""

    def __init__(self, setting: Setting, shared: Path) -> None:
        self.setting, self.shared = setting, shared
        self._baselines: dict[str, Baseline] = {}
        self._diagnostician = Replayed(setting.catalogue, RememberingWorkers(LocalWorkers(capture=True)))
        # One folder for all submissions, so that a file which many of them share is compiled once.
        self._folder = Path(tempfile.mkdtemp(dir=shared))
        self._budget = _Budget(setting.call_seconds)
        signal.signal(signal.SIGPROF, self._budget.interrupt)
        gc.collect()
        gc.freeze()

    def solve(self, task: Task) -> Result:
        """Run every check of the solution, and keep all that comes out of it for the processes of this audit."""
        run, wanted = self._begin(task), self._wanted(task)
        recorder = self._pytest(run, wanted, [str(self.setting.assignment.tests / tier) for tier in task.tiers], True)
        evidence = tuple(run.evidence)
        baseline = Baseline(task.files, recorder.collected, recorder.results, recorder.called, evidence)
        self._baseline_file(task.key).write_bytes(pickle.dumps(baseline))
        result = self._result(task, run, wanted, recorder.results, recorder.statistics)
        return dataclasses.replace(result, collected=recorder.collected)

    def check(self, task: Task) -> Result:
        """Run those checks of a submission that may end otherwise than for the solution."""
        run, wanted, baseline = self._begin(task), self._wanted(task), self._baseline(task.key)
        files = {item.id: item.file for item in run.assignment.items}
        known = {check.id for check in wanted if baseline.knows(task, check, files[check.item])}
        if task.diagnose:
            run.evidence += [piece for piece in baseline.evidence if piece.check in known]
        left = [check for check in wanted if check.id not in known and check.path in baseline.collected]
        recorder = self._pytest(run, left, [str(run.assignment.tests / check.path) for check in left], False)
        results = {**{check_id: baseline.results[check_id] for check_id in known}, **recorder.results}
        return self._result(task, run, wanted, results, recorder.statistics)

    def _baseline(self, key: str) -> Baseline:
        if key not in self._baselines:
            self._baselines[key] = pickle.loads(self._baseline_file(key).read_bytes())
        return self._baselines[key]

    def _baseline_file(self, key: str) -> Path:
        return self.shared / f"baseline-{key}.pickle"

    def _begin(self, task: Task) -> CheckRun:
        for name, text in task.files.items():
            (self._folder / name).write_bytes(text)
        self._budget.overdrawn = False
        workers = _BudgetedWorkers(self._budget)
        return CheckRun(self.setting.assignment, self._folder, workers, task.key, math.inf, math.inf)

    def _wanted(self, task: Task) -> list[Check]:
        items = {item.id: item for item in self.setting.assignment.items if item.id in self.setting.items}
        checks = self.setting.assignment.checks(task.tiers)
        return [c for c in checks if c.item in items and (task.whole or items[c.item].functions)]

    def _pytest(self, run: CheckRun, checks: Sequence[Check], tests: list[str], trace: bool) -> _Recorder:
        """One run of pytest over these tests, of which it leaves out all that belong to none of the checks."""
        recorder = _Recorder(run, {check.path: check for check in checks}, trace=trace)
        if not tests:
            return recorder
        root = str(self.setting.assignment.root)
        options = [
            *("-c", str(CONFIGURATION), f"--rootdir={root}", "--assert=plain", "--capture=no"),
            *("--import-mode=importlib", f"--confcutdir={root}"),
            # pytest splits this value as a shell does; the path may hold spaces.
            *("--override-ini", f"pythonpath={shlex.quote(str(self.setting.assignment.tests))}"),
            *("-p", "grading.execution.plugin"),
            *(option for name in UNUSED for option in ("-p", f"no:{name}")),
        ]
        status = pytest.main([*options, *tests], plugins=[recorder])
        if recorder.fault:
            raise AssignmentError(recorder.fault)
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise AssignmentError(f"pytest ended with {status!r}")
        return recorder

    def _result(
        self,
        task: Task,
        run: CheckRun,
        wanted: list[Check],
        results: dict[str, CheckResult],
        statistics: dict[str, tuple[tuple[str, float, float], ...]],
    ) -> Result:
        scored = scores.score(
            run.assignment, wanted, results, CheckResult("", Status.ERROR, message="the check was not run")
        )
        # What is named must not depend on how busy this machine is.
        named = diagnose(self._diagnostician, run.evidence, seconds=math.inf) if task.diagnose else {}
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
        answers = {
            piece.check: summaries(reply for _, reply in piece.transcript.exchanges)
            for piece in run.evidence
            if task.answers and piece.failed
        }
        return Result(task.group, task.name, task.key, outcomes, self._experiment(task, run), answers)

    def _experiment(self, task: Task, run: CheckRun) -> tuple[str, ...]:
        """What experiments say of the submission."""
        if task.experiment is None:
            return ()
        tests = str(self.setting.assignment.tests)
        if tests not in sys.path:
            sys.path.append(tests)

        def fresh(item: str, until: float) -> Submission:
            return Submission(ExperimentSession(run, run.assignment.item(item).checks[0], until))

        until = time.monotonic() + EXPERIMENT_SECONDS
        with contextlib.redirect_stdout(io.StringIO()):
            return experiments.explain(task.experiment, fresh, until)


_worker: _Worker


def begin(setting: Setting, shared: str) -> None:
    """Get a process ready.

    Args:
        setting: what is audited.
        shared: a folder of the audit's own, for what its processes tell each other.
    """
    global _worker
    pooled.follow_parent()
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)
    _worker = _Worker(setting, Path(shared))


def solve(task: Task) -> Result:
    """Run the checks of the solution in this process, before those of any other submission with the same key."""
    return _timed(_worker.solve, task, f"solution-{task.key}")


def check(number: int, task: Task) -> Result:
    """Run the checks of a submission, the one of this number, in this process."""
    return _timed(_worker.check, task, str(number))


def _timed(work: Callable[[Task], Result], task: Task, name: str) -> Result:
    """Do some work, and end this process if it takes too long, with a word on what it was doing."""
    began = time.process_time()
    with _trace_of(_worker.shared, name).open("w", encoding="utf-8") as trace:
        faulthandler.dump_traceback_later(_worker.setting.task_seconds, file=trace, exit=True)
        try:
            result = work(task)
        finally:
            faulthandler.cancel_dump_traceback_later()
    # Failed checks leave cycles with large tensors in them, of which the collector sees small objects only.
    gc.collect()
    return dataclasses.replace(result, seconds=time.process_time() - began)


def has_hung(shared: Path, number: int) -> bool:
    """Whether a process has ended itself over the submission of this number."""
    trace = _trace_of(shared, str(number))
    return trace.is_file() and trace.stat().st_size > 0


def _trace_of(shared: Path, name: str) -> Path:
    return shared / f"{name}.txt"
