"""The grader's handle on the fork server: start it, ask it for workers, end them, end it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any

from .errors import UnavailableError, WorkersLostError

_MESSAGE_SIZE = 1 << 16


class ForkServer:
    """A process that has imported torch and forks workers, each confined in itself.

    It starts to import at once; nothing here waits for that but the first worker. One thread at a time may use it.

    Args:
        control: the socket on which it is told what to do.
        process: the process, if this one started it.
        errors: what it writes to its standard error, if this process started it.
        timeout: seconds until the first worker must be there.
    """

    def __init__(
        self,
        control: socket.socket,
        process: subprocess.Popen[bytes] | None = None,
        errors: IO[bytes] | None = None,
        timeout: float = 120.0,
    ) -> None:
        self._timeout = timeout
        self._asked = 0  # workers asked for that have not been received
        self._ready: list[tuple[socket.socket, int]] = []
        self._control, self._process, self._errors = control, process, errors

    @classmethod
    def start(cls, command: Sequence[str], environment: Mapping[str, str], settings: Mapping[str, Any]) -> ForkServer:
        """A new one.

        Args:
            command: starts it; the numbers of its control socket and of the file with its settings are appended.
            environment: all of its environment.
            settings: what it is told first: import path, confinement, targets of the self-test.
        """
        errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the server
        # Packets keep each message whole, with the descriptor that travels with it.
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            # The settings may be longer than a packet can be: they name every library that is installed.
            with theirs, tempfile.TemporaryFile() as told:
                told.write(json.dumps(settings).encode())
                told.seek(0)
                process = subprocess.Popen(
                    [*command, str(theirs.fileno()), str(told.fileno())],
                    env=dict(environment),
                    pass_fds=[theirs.fileno(), told.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for the grader alone
                )
        except BaseException:
            control.close()
            errors.close()
            raise
        return cls(control, process, errors)

    def session(
        self, uid: int | None, targets: Mapping[str, Any] | None, early_imports: Sequence[str] = ()
    ) -> ForkServer:
        """Another one, forked from this one: what it forks runs as another user, and it tests their confinement itself.

        Args:
            uid: the user; None for that of this one's workers.
            targets: of the self-test; None for no test.
            early_imports: modules to import once for all workers.
        """
        self._send({"op": "session", "uid": uid, "targets": targets, "early_imports": [*early_imports]})
        while self._asked:  # answers come in the order of the questions
            self._receive_worker()
        _, descriptors = self._receive(self._timeout)
        return ForkServer(socket.socket(fileno=descriptors[0]))

    def disown(self) -> None:
        """Leave this one to the process that this one was forked from."""
        for worker, _ in self._ready:
            worker.close()
        self._ready.clear()
        self._control.close()

    def self_test(self, timeout: float = 60.0) -> dict[str, str]:
        """What the confinement refused when it was tried, by the name of the attempt.

        Raises:
            UnavailableError: this machine cannot confine so.
        """
        try:
            message, _ = self._receive(timeout)
        except WorkersLostError as error:
            raise UnavailableError(str(error)) from None
        if "unavailable" in message:
            raise UnavailableError(str(message["unavailable"]))
        return {str(name): str(outcome) for name, outcome in message["self_test"].items()}

    def prefork(self) -> None:
        """Have a worker forked and confined while the caller does other things."""
        self._send({"op": "fork"})
        self._asked += 1

    def take(self) -> tuple[socket.socket, int]:
        """A fresh worker: the socket that it listens on, and its number."""
        if not self._ready and not self._asked:
            self.prefork()
        if not self._ready:
            self._receive_worker()
        return self._ready.pop(0)

    def kill(self, pid: int) -> None:
        """End a worker, without waiting for it."""
        with contextlib.suppress(WorkersLostError):
            self._send({"op": "kill", "pid": pid})

    def status(self, pid: int, grace: float = 1.0) -> int | None:
        """The exit code of a worker that hung up, negative if a signal ended it.

        None if it went on and was killed after ``grace`` seconds.
        """
        self._send({"op": "status", "pid": pid, "grace": grace})
        while self._asked:  # answers come in the order of the questions
            self._receive_worker()
        message, _ = self._receive(grace + self._timeout)
        status = message["status"]
        return status if status is None else int(status)

    def close(self) -> None:
        """End the server and every worker that it forked."""
        self.disown()  # the server leaves when it reads the end, and its workers with it
        if self._process is not None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._errors is not None:
            self._errors.close()

    # --- messages ---

    def _receive_worker(self) -> None:
        message, descriptors = self._receive(self._timeout)
        self._asked -= 1
        self._ready.append((socket.socket(fileno=descriptors[0]), int(message["pid"])))

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._control.send(json.dumps(message).encode())
        except OSError:
            raise WorkersLostError(f"the fork server is gone{self._last_words()}") from None

    def _receive(self, timeout: float) -> tuple[dict[str, Any], list[int]]:
        self._control.settimeout(timeout)
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE_SIZE, 1)
        except TimeoutError:
            raise WorkersLostError(f"the fork server did not answer within {timeout:g} s{self._last_words()}") from None
        except OSError:
            data, descriptors = b"", []
        if not data:
            raise WorkersLostError(f"the fork server ended{self._last_words()}")
        return json.loads(data), descriptors

    def _last_words(self) -> str:
        """What the server wrote to its standard error, for a message."""
        if self._process is None or self._errors is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.5)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:500]}" if lines else ""
