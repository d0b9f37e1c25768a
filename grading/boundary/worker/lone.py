"""The worker program where a process that has imported torch cannot be forked (macOS, Windows).

It speaks over standard input and output, runs the student's file in itself, for one check after the other, and only
the grader can end a call that does not return. The questions and answers are those of ``shared.pipes``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import BinaryIO

from ..shared.pipes import ANSWER, EXCHANGE, OPEN, QUESTION


def main() -> None:
    """Answer questions on standard input until it is closed."""
    questions, answers = _take_over_standard_streams()

    def answer(data: bytes = b"") -> None:
        answers.write(ANSWER.pack(len(data)) + data)
        answers.flush()

    _, data = _read_question(questions)
    sys.path += json.loads(data)["import_path"]
    from . import pictures, serve
    from .executor import Executor

    pictures.stand_in()
    serve.warm_up()
    answer()
    executor, own = Executor(capture=True), os.getpid()
    while True:
        operation, data = _read_question(questions)
        if operation == OPEN:
            executor = Executor(capture=True)
            answer()
        elif operation == EXCHANGE:
            reply = executor.handle(data)
            if os.getpid() != own:  # the student's code forked, and this is the child
                os._exit(0)
            answer(reply)
        else:
            return


def _take_over_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """The streams to the grader, out of the reach of ``print``; the standard ones lead nowhere from now on."""
    questions, answers = os.dup(0), os.dup(1)
    with open(os.devnull, "r+b", buffering=0) as null:
        for standard in (0, 1, 2) if os.name == "posix" else (0, 1):
            os.dup2(null.fileno(), standard)
    return os.fdopen(questions, "rb"), os.fdopen(answers, "wb")


def _read_question(stream: BinaryIO) -> tuple[int, bytes]:
    """The next question; operation 0 when there will be none."""
    head = stream.read(QUESTION.size)
    if len(head) < QUESTION.size:
        return 0, b""
    operation, size = QUESTION.unpack(head)
    return operation, stream.read(size)
