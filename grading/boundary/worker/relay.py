"""The worker program over standard input and output, where no descriptors can be handed over.

In a container it is a fork server that also carries the frames. Where a process that has imported torch cannot be
forked (macOS, Windows), it runs the student's file itself, for one check after the other.

A question is an operation, a timeout and a frame; an answer is a kind and bytes. Every question but ``CLOSE`` gets
exactly one answer.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time
from typing import Any, BinaryIO

QUESTION = struct.Struct("<BdQ")
ANSWER = struct.Struct("<BQ")
MAX_ANSWER = 128 << 20  # more than the largest frame

SETTINGS, OPEN, EXCHANGE, CLOSE = range(1, 5)
TOLD, OPENED, FRAME, TIMEOUT, DIED, UNASKED = range(1, 7)


def main() -> None:
    """Answer questions on standard input until it is closed."""
    questions, answers = _take_over_standard_streams()

    def answer(kind: int, data: bytes = b"") -> None:
        answers.write(ANSWER.pack(kind, len(data)) + data)
        answers.flush()

    def tell(message: dict[str, Any]) -> None:
        answer(TOLD, json.dumps(message).encode())

    operation, _, data = _read_question(questions)
    settings = json.loads(data)
    if settings["fork"]:
        from .server import Server

        server = Server.start(settings, answers.fileno(), tell)
        side: _Forked | _Alone | None = _Forked(server) if server is not None else None
    else:
        tell({"self_test": {}})
        side = _Alone(settings["import_path"])
    while side is not None:
        operation, timeout, data = _read_question(questions)
        if operation == OPEN:
            side.open()
            answer(OPENED)
            side.prepare()  # while the grader is busy with the worker
        elif operation == EXCHANGE:
            answer(*side.exchange(data, timeout))
        elif operation == CLOSE:
            side.close()
        else:
            return


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """The streams to the grader, out of the reach of ``print``; the standard ones lead nowhere from now on."""
    questions, answers = os.dup(0), os.dup(1)
    with open(os.devnull, "r+b", buffering=0) as null:
        for standard in (0, 1, 2) if os.name == "posix" else (0, 1):
            os.dup2(null.fileno(), standard)
    return os.fdopen(questions, "rb"), os.fdopen(answers, "wb")


def _read_question(stream: BinaryIO) -> tuple[int, float, bytes]:
    """The next question; operation 0 when there will be none."""
    head = stream.read(QUESTION.size)
    if len(head) < QUESTION.size:
        return 0, 0.0, b""
    operation, timeout, size = QUESTION.unpack(head)
    return operation, timeout, stream.read(size)


class _Forked:
    """A worker process for each check, of a fork server."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._spares: list[tuple[socket.socket, int]] = [server.fork()]
        self._worker: tuple[socket.socket, int] | None = None

    def open(self) -> None:
        from .serve import READY
        from .transport import await_word

        self.close()
        self._worker = self._spares.pop()
        if not await_word(self._worker[0], READY):
            raise RuntimeError("a worker did not start")

    def prepare(self) -> None:
        self._spares.append(self._server.fork())

    def exchange(self, frame: bytes, timeout: float) -> tuple[int, bytes]:
        from .transport import DeadlineError, HungUpError, UnaskedError, exchange

        if self._worker is None:
            return DIED, b"null"
        connection, pid = self._worker
        try:
            return FRAME, exchange(connection, frame, time.monotonic() + timeout)
        except DeadlineError:
            self.close()
            return TIMEOUT, b""
        except UnaskedError as error:
            self.close()
            return UNASKED, str(error).encode()
        except HungUpError:
            connection.close()
            self._worker = None
            return DIED, json.dumps(self._server.status(pid, 1.0)).encode()

    def close(self) -> None:
        if self._worker is not None:
            connection, pid = self._worker
            self._worker = None
            connection.close()
            self._server.kill(pid)


class _Alone:
    """This very process, for every check; only the grader can end a call that does not return."""

    def __init__(self, import_path: list[str]) -> None:
        sys.path += import_path
        from . import serve

        serve.warm_up()
        self._executor: Any = None

    def open(self) -> None:
        from .executor import Executor

        self._executor = Executor(capture=True)

    def prepare(self) -> None:
        pass

    def exchange(self, frame: bytes, timeout: float) -> tuple[int, bytes]:
        own = os.getpid()
        answer = self._executor.handle(frame)
        if os.getpid() != own:  # the student's code forked, and this is the child
            os._exit(0)
        return FRAME, answer

    def close(self) -> None:
        self._executor = None
