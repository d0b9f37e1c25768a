"""The conversation of one check with a worker, as part of a run."""

from __future__ import annotations

import ast
import functools
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ..assignment import Check
from ..boundary.errors import CallTimeoutError, RefusedError, SubmissionFault
from ..boundary.local import LocalChannel
from ..boundary.session import Session, SourceFile
from .run import CheckRun

EXPERIMENT_SECONDS = 2.0
"""What one question of an experiment may take; the right answers take milliseconds."""


def _scale(seed: int) -> float:
    """A factor for the cotangents of a check, far larger than those of a sum.

    As in training, where a result is a part of something: what a hook or a backward pass of its own makes of a gradient
    may be right for that of a sum alone. One a check, so that what its parts are asked alone is asked alike.

    No larger than 512: where a right function computes ``log(sigma ** 2)``, the derivative of this logarithm is 5.5e34
    at a logvar of -80. Times 512, and times the 12 / 5 that it counts at most in the mean of an assignment's batch with
    such variances, it is 6.8e37, below the largest number of single precision, 3.4e38.
    """
    return 2.0 ** (5 + seed % 5)


class CheckSession(Session):
    """The conversation of one check with a worker.

    The file is loaded at the first request, so that a broken file fails the check and not its set-up.

    Attributes:
        check: the check.
        load_fault: what loading the file came to, if it failed.
    """

    def __init__(
        self, run: CheckRun, check: Check, *, on_its_own: bool = False, replacements: Callable[..., Any] | None = None
    ) -> None:
        super().__init__(_NotOpen(), timeout=run.patience(), replacements=replacements)
        self._run, self.check, self._begun, self._on_its_own = run, check, False, on_its_own
        self._fresh: CheckSession | None = None
        self._inherited = False
        self.load_fault: SubmissionFault | None = None
        item = run.assignment.item(check.item)
        # What a part forgets of the answer before is found by the part's own checks.
        self._file, self.between = item.file, not item.of_parts
        self.varied, self.scale = True, _scale(run.seed(check, "scale"))

    @property
    def inherited(self) -> bool:
        """A worker has served another check before, so that a failure may be owed to that."""
        return self._inherited or (self._fresh is not None and self._fresh.inherited)

    def fresh(self) -> CheckSession:
        """A conversation with a worker that only its like have seen; the same one each time."""
        if self._fresh is None:
            self._fresh = CheckSession(self._run, self.check, on_its_own=True, replacements=self.replacements)
            self._fresh.follows = self
        return self._fresh

    def end(self, *, passed: bool) -> None:
        """Let the worker go on with the next check, or end it."""
        if self._fresh is not None:
            self._fresh.end(passed=passed)
            self._fresh.follows = None  # no cycle keeps what was said, which may be large
        # Where it was told what the solution answers, it ends.
        if passed and self._begun and self.load_fault is None and self.replacements is None:
            self._run.keep_worker(self.check, self.channel, alone=self._on_its_own)
        else:
            self.channel.close()
        self.calls.clear()  # results refer to the session through their graphs, where the collector cannot see it

    def request(self, operation: str, **fields: Any) -> dict[str, Any]:
        """As ``Session.request``, within the time that the whole run has."""
        self.ready()
        if time.monotonic() > self._run.deadline:
            raise CallTimeoutError("the time for the whole submission is used up")
        try:
            return super().request(operation, **fields)
        except CallTimeoutError:
            self._run.count_timeout()
            raise

    def ready(self) -> None:
        """Load the student's file, if that has not been done.

        Raises:
            SubmissionFault: it cannot be loaded.
        """
        if self.load_fault is not None:
            raise self.load_fault.with_traceback(None)  # else each raise would make its traceback longer
        if not self._begun:
            self._begun = True
            self._begin()

    def _begin(self) -> None:
        self.load_fault = self._run.load_faults.get(self._file)
        if self.load_fault is not None:
            raise self.load_fault.with_traceback(None)
        try:
            path = self._run.submission / self._file
            if not path.is_file():
                missing = f"{self._file} is missing from the submission"
                raise RefusedError("structure", self._run.faults.get(self._file, missing))
            source = path.read_bytes()
            self.channel, self._inherited = self._run.take_worker(self.check, alone=self._on_its_own)
            self.load(SourceFile(path.stem, str(path), source), self._run.seed(self.check, "load"))
            self._run.loaded.add(self._file)
        except SubmissionFault as fault:
            self.load_fault = fault
            if not self._inherited:  # it would fail in the same way for every check of this file, perhaps slowly
                self._run.load_faults[self._file] = fault
            raise


class ExperimentSession(CheckSession):
    """A conversation with a worker of its own for experiments after the checks, which end at a time of their own.

    Args:
        run: the run.
        check: a check of the item that is experimented with.
        until: when no more may be asked, on the monotonic clock.
    """

    def __init__(self, run: CheckRun, check: Check, until: float) -> None:
        super().__init__(run, check, on_its_own=True)
        self._until = until
        # What a law says of a function has to hold in every way, or it says too much.
        self.varied, self.scale = False, 1.0

    def fresh(self) -> CheckSession:
        """As in a check, but with the same end."""
        if self._fresh is None:
            self._fresh = ExperimentSession(self._run, self.check, self._until)
            self._fresh.follows = self
        return self._fresh

    def ready(self) -> None:
        """As in a check; a file that is not loaded for want of time is no broken one."""
        self._time_left()
        super().ready()

    def request(self, operation: str, **fields: Any) -> dict[str, Any]:
        """As in a check, within the time that experiments have.

        Raises:
            CallTimeoutError: that time is used up.
        """
        self.timeout = min(EXPERIMENT_SECONDS, self._time_left())
        return super().request(operation, **fields)

    def _time_left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise CallTimeoutError("the time for experiments is used up")
        return left


class _NotOpen:
    """The channel of a session that has not begun."""

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        raise NotImplementedError

    def traceback(self) -> TracebackType | None:
        return None

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        pass


class SolutionSession(Session):
    """The same check's conversation with the solution, in this process: what is ours needs no confinement."""

    def __init__(self, run: CheckRun, check: Check) -> None:
        super().__init__(LocalChannel(capture=True), timeout=run.call_seconds)
        file = run.assignment.item(check.item).file
        path = run.assignment.reference / file
        self._source = path.read_bytes()
        self.load(SourceFile(path.stem, str(path), self._source), run.seed(check, "load"))

    def parameters(self, name: str) -> tuple[str, ...]:
        """The names of a function's parameters, without ``self``."""
        return _parameters(self._source, name)


@functools.cache
def _parameters(source: bytes, name: str) -> tuple[str, ...]:
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    for function in functions:
        if function.name == name:
            arguments = (*function.args.args, *function.args.kwonlyargs)
            return tuple(argument.arg for argument in arguments if argument.arg != "self")
    return ()
