"""What the checks of one pytest run share: the assignment, the submission's files, the workers, the seeds."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .. import assignment as assignments
from ..assignment import Check
from ..boundary.channels import Channel
from ..boundary.errors import SubmissionFault
from ..boundary.transcript import Transcript
from ..boundary.workers import Workers
from ..diagnosis.evidence import Evidence
from ..results import CheckResult, Kind, Status
from ..seeds import derive_seed

PUBLIC_KEY = "public"
LARGEST_PASSED = 4 << 20
"""Bytes of a conversation up to which it is kept of a passed check."""
LARGEST_EVIDENCE = 256 << 20
"""Bytes of all conversations that are kept: what a submission answers should not fill the memory."""
_WRONG = frozenset({Kind.VALUE, Kind.GRADIENT, Kind.STATISTICS})
"""What a check finds of a function that answers, and not rightly."""
PATIENCE = ((2, 1.0), (12, 0.2), (math.inf, 0.08))
"""After fewer than so many timeouts in a run, the share of its time that a call may still take.

A function that never returns is called by many checks, also of other items. With this they all end, one after the
other, while there is time left for the checks that do not need it.
"""


HIDDEN_TAKES = 1.8
"""A hidden check takes about so many times the time of a public one."""


@dataclass
class CheckRun:
    """One run of pytest over checks of an assignment.

    Attributes:
        assignment: what is graded by.
        submission: the folder with the student's files.
        workers: where the student's code runs.
        key: what the inputs of hidden checks are derived from.
        call_seconds: seconds that one call may take.
        run_seconds: seconds that all checks together may take.
        explain_seconds: seconds that explaining what failed may take; a part of what the run took if None.
        faults: why files of the submission could not be taken, by name.
        load_faults: what loading them came to, by name, so that it is not tried again.
        loaded: files that could be loaded at least once: public checks come first, so that these decide.
        evidence: what checks were answered so far.
        hinted: items whose hint, and files of which a student has been told why they cannot be loaded.
        replaced: items that checks of others passed without, with the solution's functions in their place.
        wrong: items of which a check of their own has found wrong results.
        slow: items of which a check of their own got no answer in time.
        planned: the tests of the run, as ``Check.path`` writes them.
    """

    assignment: assignments.Assignment
    submission: Path
    workers: Workers
    key: str
    call_seconds: float
    run_seconds: float
    explain_seconds: float | None = None
    faults: dict[str, str] = field(default_factory=dict)
    load_faults: dict[str, SubmissionFault] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)
    evidence: list[Evidence] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    planned: list[str] = field(default_factory=list)
    hinted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.run_seconds
        self._begun = time.process_time()  # what it took to import torch and collect the checks, if not done before
        self._timeouts = 0
        self._public_seconds = 0.0
        self._evidence_size = 0
        self._files: dict[Path, str] = {}
        self._kept: dict[bool, tuple[Channel, tuple[str, str]]] = {}  # with the item and tier that it may go on with
        self._by_path = {check.path: check for check in self.assignment.checks()}

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - (self.deadline - self.run_seconds)

    @property
    def foreseen_seconds(self) -> float:
        """Seconds that the run takes, by what its public checks took: they come first, and hidden ones have no say."""
        public = sum(name.startswith("public/") for name in self.planned)
        hidden = len(self.planned) - public
        return self._begun + self._public_seconds * (1 + HIDDEN_TAKES * hidden / public) if public else 0.0

    def note_end(self, check: Check, result: CheckResult) -> None:
        """A check has ended just now."""
        if check.tier == "public":
            self._public_seconds = self.elapsed
        if result.kind in _WRONG:
            self.wrong.add(check.item)
        if result.status is Status.TIMEOUT:
            self.slow.add(check.item)

    def check_of(self, test: pytest.Item) -> Check | None:
        """The check that a test makes, or None for a test that is not in the rubric."""
        return self._by_path.get(self.name_of(test))

    def name_of(self, test: pytest.Item) -> str:
        """The name of a test relative to the assignment's ``tests`` folder, as ``Check.path`` writes it."""
        return f"{self.file_of(test)}::{test.name}"

    def file_of(self, test: pytest.Item) -> str:
        """The file of a test relative to the assignment's ``tests`` folder."""
        if test.path not in self._files:  # to resolve a path asks the system about each of its parts
            path, tests = test.path.resolve(), self.assignment.tests.resolve()
            file = path.relative_to(tests) if path.is_relative_to(tests) else path
            self._files[test.path] = file.as_posix()
        return self._files[test.path]

    def keep_evidence(self, check: Check, result: CheckResult, transcript: Transcript) -> None:
        """Keep what a check was answered, for a diagnosis, if it says anything of the functions of its item."""
        unclear = not result.status.tells_of_its_item or result.blocked_by is not None
        if unclear or not self.assignment.item(check.item).functions:
            return
        largest = LARGEST_EVIDENCE - self._evidence_size
        if result.passed:
            largest = min(largest, LARGEST_PASSED)
        if transcript.size <= largest:
            self._evidence_size += transcript.size
            self.evidence.append(Evidence(check.id, check.item, not result.passed, transcript))

    def count_timeout(self) -> None:
        """Have less patience from now on: see ``PATIENCE``."""
        self._timeouts += 1

    def patience(self) -> float:
        """Seconds that a call may take by now."""
        return self.call_seconds * next(share for timeouts, share in PATIENCE if self._timeouts < timeouts)

    def take_worker(self, check: Check, *, alone: bool) -> tuple[Channel, bool]:
        """A worker for a check, and whether it has served another check before.

        To fork and confine a worker takes longer than most checks. So it goes on with the checks of the same item and
        tier for as long as they pass: what it remembers reaches no other item, and nothing hidden reaches a public
        check, whose output a student sees.

        Args:
            check: the check.
            alone: it is asked for parts alone, and so is every check that this worker serves.
        """
        kept = self._kept.pop(alone, None)
        if kept is not None:
            channel, scope = kept
            if scope == _scope(check) and channel.renew():
                return channel, True
            channel.close()
        return self.workers.open(), False

    def keep_worker(self, check: Check, channel: Channel, *, alone: bool) -> None:
        """Let a worker go on with the next check that asks in the same way."""
        before = self._kept.pop(alone, None)
        if before is not None:
            before[0].close()
        self._kept[alone] = channel, _scope(check)

    def close(self) -> None:
        """End the workers that are kept."""
        for channel, _ in self._kept.values():
            channel.close()
        self._kept.clear()

    def seed(self, check: Check, purpose: str) -> int:
        """The seed of a check: fixed for a public one, derived from the key for a hidden one."""
        return derive_seed(PUBLIC_KEY if check.tier == "public" else self.key, check.id, purpose)


def _scope(check: Check) -> tuple[str, str]:
    """The checks that may share a worker."""
    return check.item, check.tier
