"""The student's side in the grader's own process: for a debugger, and for code that is the assignment's own."""

from __future__ import annotations

from types import TracebackType

from .worker.executor import Executor
from .workers import Isolation


class LocalChannel:
    """The student's side in this very process.

    Args:
        capture: keep what the file prints, instead of letting it through to this process's own output.
    """

    def __init__(self, *, capture: bool = False) -> None:
        self._executor = Executor(capture=capture, shared_process=True)

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        """Call the executor; nothing can end it here, so ``timeout`` is not kept."""
        return self._executor.handle(frame)

    def traceback(self) -> TracebackType | None:
        """Where the student's code raised, so that ``pytest --pdb`` stops there."""
        error = self._executor.last_exception
        return error.__traceback__ if error is not None else None

    def renew(self) -> bool:
        """False: another executor costs nothing here."""
        return False

    def close(self) -> None:
        """Nothing to end."""


class LocalWorkers:
    """Executors in the grader's own process, for debugging."""

    isolation = Isolation("in-process", trusted_for_grading=False, missing=["a process of its own for the submission"])

    def __init__(self, *, capture: bool = False) -> None:
        self._capture = capture

    def open(self) -> LocalChannel:
        """A channel to a fresh executor in this process."""
        return LocalChannel(capture=self._capture)

    def close(self) -> None:
        """Nothing to end."""
