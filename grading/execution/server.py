"""The handle on a process that has imported torch and collected the tests once, and forks another one for each run.

A grade by itself starts a process that imports and collects; in a class this would be most of the work.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

STARTUP_SECONDS = 120.0
_MESSAGE_SIZE = 1 << 16


class ServerLostError(Exception):
    """The process is gone, or cannot do its work; the message says what is known."""


class ForkedRun:
    """One run of checks in a process that was forked for it, with what ``subprocess.Popen`` has of a process."""

    def __init__(self, server: CheckServer, pid: int) -> None:
        self._server, self.pid = server, pid
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once there is one.

        Raises:
            subprocess.TimeoutExpired: there was none in time.
        """
        if self.returncode is None:
            try:
                self.returncode = int(self._server.receive(timeout)["status"])
            except TimeoutError:
                raise subprocess.TimeoutExpired("checks", timeout or 0.0) from None
            except ServerLostError:
                self.returncode = -signal.SIGKILL  # it ends with the server
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def kill(self) -> None:
        """End it."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class CheckServer:
    """A process that has imported torch and collected the tests once, and forks another one for each run.

    One run at a time. The process is started at once, and ends with this one, however that ends.

    Args:
        start: starts the process, given the socket on which it is told of runs, a folder of its own and a log.

    Attributes:
        log: what the process prints.
        lost: it is gone, or cannot do its work.
    """

    def __init__(self, start: Callable[[socket.socket, Path, Path], subprocess.Popen[bytes]]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        self.log = Path(self._folder.name) / "pytest.log"
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ready, self.lost = False, False
        try:
            with theirs:
                self._process = start(theirs, Path(self._folder.name), self.log)
        except BaseException:
            self._control.close()
            self._folder.cleanup()
            raise

    def run(self, job: Path, report: Path, log: Path) -> ForkedRun:
        """Begin a run.

        Args:
            job: the file that says what to run.
            report: where pytest's report goes.
            log: where what it prints goes.

        Raises:
            ServerLostError: the process is gone, or has no workers to give.
        """
        try:
            if not self._ready:
                self.receive(STARTUP_SECONDS)
                self._ready = True
            with contextlib.suppress(OSError):  # that it is gone shows in what comes next
                self._control.send(json.dumps({"job": str(job), "report": str(report), "log": str(log)}).encode())
            answer = self.receive(STARTUP_SECONDS)
            if "pid" not in answer:
                raise ServerLostError(answer["failed"])
        except TimeoutError:
            self.lost = True
            raise ServerLostError("the process that runs the checks did not answer in time") from None
        except ServerLostError:
            self.lost = True
            raise
        return ForkedRun(self, int(answer["pid"]))

    def receive(self, timeout: float | None) -> dict[str, Any]:
        """What the process says next.

        Raises:
            TimeoutError: nothing in time.
            ServerLostError: it is gone.
        """
        self._control.settimeout(timeout)
        try:
            message = self._control.recv(_MESSAGE_SIZE)
        except BlockingIOError:
            raise TimeoutError from None
        except ConnectionResetError:
            message = b""
        if not message:
            raise ServerLostError("the process that runs the checks is gone")
        said: dict[str, Any] = json.loads(message)
        return said

    def close(self) -> None:
        """End the process, and whatever it runs."""
        self._control.close()
        try:
            self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
