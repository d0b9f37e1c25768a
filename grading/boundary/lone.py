"""The student's side where nothing can be forked (macOS, Windows): one process, reached over its standard streams."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from .channels import RemoteChannel, describe_death
from .clock import Clock
from .errors import UnavailableError, WorkerDiedError, WorkersLostError
from .shared.pipes import ANSWER, EXCHANGE, MAX_ANSWER, OPEN, QUESTION, SETTINGS
from .workers import Isolation

_STARTUP = 120.0


class LoneProcess:
    """The worker program at the other end of two pipes.

    Pipes know no deadline on every system, so a timer ends the process when it does not answer.

    Args:
        command: starts the program.
        environment: all of its environment.
        import_path: where it finds libraries.

    Raises:
        UnavailableError: the program did not start.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], import_path: Sequence[str]) -> None:
        self._expired = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        try:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        except OSError as error:
            self._errors.close()
            raise UnavailableError(f"{command[0]} could not be started: {error}") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._questions: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        try:
            self._ask(SETTINGS, json.dumps({"import_path": list(import_path)}).encode(), _STARTUP)
        except (EOFError, TimeoutError):
            said = self._last_words()
            self.close()
            raise UnavailableError(f"the worker program did not start{said}") from None

    def begin(self) -> None:
        """Forget the file that was loaded, and be ready for another one."""
        try:
            self._ask(OPEN, b"", _STARTUP)
        except (EOFError, TimeoutError):
            raise WorkersLostError(f"a worker did not start{self._last_words()}") from None

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        """The frame that answers ``frame``.

        Raises:
            TimeoutError: there was none within ``timeout`` seconds, and the process was ended.
            EOFError: the process ends by itself, or no longer answers as it should.
        """
        return self._ask(EXCHANGE, frame, timeout)

    def ended(self) -> int | None:
        """How the process has ended: its exit code, or the number of a signal, negative; None if it has not."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=2)
        return None

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._questions.close()
        if self.ended() is None:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        self._errors.close()

    def _ask(self, operation: int, data: bytes, timeout: float) -> bytes:
        timer = threading.Timer(timeout, self._expire)
        timer.daemon = True
        timer.start()
        try:
            self._questions.write(QUESTION.pack(operation, len(data)) + data)
            self._questions.flush()
            return self._read()
        except (OSError, EOFError):
            self.ended()
            raise TimeoutError if self._expired else EOFError from None
        finally:
            timer.cancel()

    def _read(self) -> bytes:
        head = self._answers.read(ANSWER.size)
        (size,) = ANSWER.unpack(head) if len(head) == ANSWER.size else (MAX_ANSWER + 1,)
        data = self._answers.read(size) if size <= MAX_ANSWER else b""
        if len(data) < size:
            raise EOFError
        return data

    def _expire(self) -> None:
        self._expired = True
        self._process.kill()

    def _last_words(self) -> str:
        self.ended()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:500]}" if lines else ""


class LoneChannel(RemoteChannel):
    """A process that runs the student's file in itself; a call that does not return is the end of it."""

    def __init__(self, process: LoneProcess, clock: Clock) -> None:
        super().__init__(clock)
        self._process = process

    def _exchange(self, frame: bytes, timeout: float) -> bytes:
        left = max(min(timeout, self._end - time.monotonic()), 0.0)
        try:
            return self._process.exchange(frame, left)
        except TimeoutError:
            raise self._timeout(timeout) from None
        except EOFError:
            raise WorkerDiedError(describe_death(self._process.ended())) from None

    def _hang_up(self) -> None:
        """The process goes on: the next check begins anew in it."""


class LoneWorkers:
    """One process for every check, until one of them ends it.

    A file is loaded anew for each check, but what it did to the process stays.
    """

    def __init__(self, start: Callable[[], LoneProcess], isolation: Isolation, clock: Clock) -> None:
        self.isolation = isolation
        self._start, self._clock = start, clock
        self._process = start()

    def open(self) -> LoneChannel:
        """A channel to the process, which is started again if it has ended."""
        if not self._process.alive:
            self._process.close()
            self._process = self._start()
        self._process.begin()
        return LoneChannel(self._process, self._clock)

    def close(self) -> None:
        """End the process."""
        self._process.close()
