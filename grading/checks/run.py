"""What the checks of one pytest run share: the assignment, the submission's files, the workers, the seeds."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from .. import assignment as assignments
from ..assignment import Check
from ..boundary.channels import Channel
from ..boundary.errors import CallTimeoutError, RefusedError, SubmissionFault
from ..boundary.isolation import Workers
from ..boundary.proxy import Session, SourceFile
from ..boundary.transcript import Transcript
from ..diagnosis.evidence import Evidence
from ..seeds import derive_seed

PUBLIC_KEY = "public"
LARGEST_PASSED = 4 << 20
"""Bytes of a conversation up to which it is kept of a passed check."""
LARGEST_EVIDENCE = 256 << 20
"""Bytes of all conversations that are kept: what a submission answers should not fill the memory."""
PATIENCE = ((2, 1.0), (12, 0.2), (math.inf, 0.1))
"""After fewer than so many timeouts in a run, the share of its time that a call may still take.

A function that never returns is called by many checks, also of other items. With this they all end, one after the
other, while there is time left for the checks that do not need it.
"""


@dataclass
class CheckRun:
    """One run of pytest over checks of an assignment.

    Attributes:
        assignment: what is graded by.
        submission: the folder with the student's files.
        workers: where the student's code runs.
        key: what the inputs of hidden checks are derived from.
        call_timeout: seconds that one call may take.
        run_timeout: seconds that all checks together may take.
        faults: why files of the submission could not be taken, by name.
        load_faults: what loading them came to, by name, so that it is not tried again.
        evidence: what checks were answered so far.
    """

    assignment: assignments.Assignment
    submission: Path
    workers: Workers
    key: str
    call_timeout: float
    run_timeout: float
    faults: dict[str, str] = field(default_factory=dict)
    load_faults: dict[str, SubmissionFault] = field(default_factory=dict)
    evidence: list[Evidence] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.run_timeout
        self._timeouts = 0
        self._evidence_size = 0
        self._files: dict[Path, str] = {}
        self._kept: tuple[Channel, tuple[str, str]] | None = None  # with the item and tier that it may go on with
        self._by_path = {check.path: check for check in self.assignment.checks()}

    def check_of(self, test: pytest.Item) -> Check | None:
        """The check that a test makes, or None for a test that is not in the rubric."""
        return self._by_path.get(self.name_of(test))

    def name_of(self, test: pytest.Item) -> str:
        """The name of a test relative to the assignment's ``tests`` folder, as ``Check.path`` writes it."""
        if test.path not in self._files:  # to resolve a path asks the system about each of its parts
            path, tests = test.path.resolve(), self.assignment.tests.resolve()
            file = path.relative_to(tests) if path.is_relative_to(tests) else path
            self._files[test.path] = file.as_posix()
        return f"{self._files[test.path]}::{test.name}"

    def keep_evidence(self, check: Check, record: Mapping[str, Any], transcript: Transcript) -> None:
        """Keep what a check was answered, for a diagnosis, if it says anything of the functions of its item."""
        status = record["status"]
        unclear = status not in ("passed", "failed", "timeout", "crashed") or record["blocked_by"] is not None
        if unclear or not self.assignment.item(check.item).functions:
            return
        largest = LARGEST_EVIDENCE - self._evidence_size
        if status == "passed":
            largest = min(largest, LARGEST_PASSED)
        if transcript.size <= largest:
            self._evidence_size += transcript.size
            self.evidence.append(Evidence(check.id, check.item, status != "passed", transcript))

    def count_timeout(self) -> None:
        """Have less patience from now on: see ``PATIENCE``."""
        self._timeouts += 1

    def patience(self) -> float:
        """Seconds that a call may take by now."""
        return self.call_timeout * next(share for timeouts, share in PATIENCE if self._timeouts < timeouts)

    def take_worker(self, check: Check) -> tuple[Channel, bool]:
        """A worker for a check, and whether it has served another check before.

        To fork and confine a worker takes longer than most checks. So it goes on with the checks of the same item and
        tier for as long as they pass: what it remembers reaches no other item, and nothing hidden reaches a public
        check, whose output a student sees.
        """
        kept, self._kept = self._kept, None
        if kept is not None:
            channel, scope = kept
            if scope == _scope(check) and channel.renew():
                return channel, True
            channel.close()
        return self.workers.open(), False

    def keep_worker(self, check: Check, channel: Channel) -> None:
        """Let a worker go on with the next check."""
        self._kept = channel, _scope(check)

    def close(self) -> None:
        """End the worker that is kept."""
        if self._kept is not None:
            self._kept[0].close()
            self._kept = None

    def seed(self, check: Check, purpose: str) -> int:
        """The seed of a check: fixed for a public one, derived from the key for a hidden one."""
        return derive_seed(PUBLIC_KEY if check.tier == "public" else self.key, check.id, purpose)


def _scope(check: Check) -> tuple[str, str]:
    """The checks that may share a worker."""
    return check.item, check.tier


class CheckSession(Session):
    """The conversation of one check with a worker.

    The file is loaded at the first request, so that a broken file fails the check and not its set-up.

    Attributes:
        check: the check.
        inherited: the worker has served another check before, so that a failure may be owed to that.
        load_fault: what loading the file came to, if it failed.
    """

    def __init__(self, run: CheckRun, check: Check) -> None:
        super().__init__(_NotOpen(), timeout=run.patience())
        self._run, self.check, self._begun = run, check, False
        self.inherited = False
        self.load_fault: SubmissionFault | None = None
        self._file = run.assignment.item(check.item).file

    def end(self, *, passed: bool) -> None:
        """Let the worker go on with the next check, or end it."""
        if passed and self._begun and self.load_fault is None:
            self._run.keep_worker(self.check, self.channel)
        else:
            self.channel.close()
        self.calls.clear()  # results refer to the session through their graphs, where the collector cannot see it

    def request(self, operation: str, **fields: Any) -> dict[str, Any]:
        """As ``Session.request``, within the time that the whole run has."""
        if self.load_fault is not None:
            raise self.load_fault.with_traceback(None)  # else each raise would make its traceback longer
        if not self._begun:
            self._begun = True
            self._begin()
        if time.monotonic() > self._run.deadline:
            raise CallTimeoutError("the time for the whole submission is used up")
        try:
            return super().request(operation, **fields)
        except CallTimeoutError:
            self._run.count_timeout()
            raise

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
            self.channel, self.inherited = self._run.take_worker(self.check)
            self.load(SourceFile(path.stem, str(path), source), self._run.seed(self.check, "load"))
        except SubmissionFault as fault:
            self.load_fault = fault
            if not self.inherited:  # it would fail in the same way for every check of this file, perhaps slowly
                self._run.load_faults[self._file] = fault
            raise


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
