"""Workers that are reached over standard input and output: in a container, or where nothing can be forked."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from .errors import UnavailableError, WorkersLostError
from .worker.relay import ANSWER, CLOSE, EXCHANGE, MAX_ANSWER, OPEN, OPENED, QUESTION, SETTINGS, TOLD

_STARTUP = 120.0


class Relay:
    """The worker program at the other end of two pipes.

    Pipes know no deadline on every system, so a watchdog ends the process when it does not answer.

    Args:
        command: starts the program.
        environment: all of its environment; None for the grader's own.
        settings: what the program is told first.
        kill: ends what ``command`` started, where ending its process is not enough.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        settings: Mapping[str, Any],
        kill: Callable[[], None] | None = None,
    ) -> None:
        self._kill = kill
        self._expired = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the relay
        try:
            self._process = subprocess.Popen(
                command,
                env=dict(environment) if environment is not None else None,
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
        self._write(SETTINGS, 0.0, json.dumps(settings).encode())

    def self_test(self) -> dict[str, str]:
        """What the confinement refused when it was tried, by the name of the attempt.

        Raises:
            UnavailableError: the program did not start, or cannot confine as demanded.
        """
        try:
            with self._watchdog(_STARTUP):
                kind, data = self._read()
        except EOFError:
            raise UnavailableError(f"the worker program did not start{self._last_words()}") from None
        message: Any = json.loads(data) if kind == TOLD else {"unavailable": "the worker program gave no result"}
        if "unavailable" in message:
            raise UnavailableError(str(message["unavailable"]))
        return {str(name): str(outcome) for name, outcome in message["self_test"].items()}

    def open(self) -> None:
        """Have a fresh worker take the place of the last one."""
        try:
            with self._watchdog(_STARTUP):
                self._write(OPEN)
                kind, _ = self._read()
        except EOFError:
            kind = 0
        if kind != OPENED:
            raise WorkersLostError(f"a worker did not start{self._last_words()}")

    def exchange(self, frame: bytes, timeout: float, watchdog: float) -> tuple[int, bytes]:
        """The answer of the worker to ``frame``, or what became of the worker, as the relay says it.

        Args:
            frame: the question.
            timeout: seconds until the relay ends the worker, where it can.
            watchdog: seconds until the relay itself is ended.

        Raises:
            TimeoutError: the watchdog had to end the relay.
            EOFError: the relay has ended by itself.
        """
        try:
            with self._watchdog(watchdog):
                self._write(EXCHANGE, timeout, frame)
                return self._read()
        except EOFError:
            self.ended()
            if self._expired:
                raise TimeoutError from None
            raise

    def close_worker(self) -> None:
        """End the worker."""
        with contextlib.suppress(EOFError):
            self._write(CLOSE)

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
            self._end()
            self._process.wait()
        self._answers.close()
        self._errors.close()

    # --- bytes ---

    def _write(self, operation: int, timeout: float = 0.0, data: bytes = b"") -> None:
        try:
            self._questions.write(QUESTION.pack(operation, timeout, len(data)) + data)
            self._questions.flush()
        except OSError:
            raise EOFError from None

    def _read(self) -> tuple[int, bytes]:
        head = self._answers.read(ANSWER.size)
        if len(head) < ANSWER.size:
            raise EOFError
        kind, size = ANSWER.unpack(head)
        data = self._answers.read(size) if size <= MAX_ANSWER else b""
        if len(data) < size:
            raise EOFError
        return kind, data

    def _watchdog(self, seconds: float) -> _Watchdog:
        return _Watchdog(seconds, self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._end()

    def _end(self) -> None:
        if self._kill is not None:
            self._kill()
        self._process.kill()

    def _last_words(self) -> str:
        self.ended()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        # Python ends with what went wrong; an engine begins with it, and ends with advice on its options.
        said = next((line for line in lines if "annot connect" in line or "Unable to find image" in line), None)
        return f": {(said or lines[-1])[:500]}" if lines else ""


class _Watchdog:
    """Calls a function unless it is left in time."""

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self._timer = threading.Timer(seconds, act)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
