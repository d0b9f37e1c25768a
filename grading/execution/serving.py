"""In a process that has collected the tests: fork another one for each run of them that is asked for.

This process never sees anything of a submission but the name of the file that holds the job. What a run does, its
workers and all that it remembers end with the process that was forked for it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from ..boundary.errors import UnavailableError, WorkersLostError
from ..boundary.isolation import open_session
from ..boundary.workers import ForkedWorkers
from .job import Job

MESSAGE_SIZE = 1 << 16


@dataclass(frozen=True)
class Asked:
    """A run that this process, which was just forked, has to make.

    Attributes:
        job: the run.
        report: where to write pytest's report.
        workers: where the submission's code runs.
        lifeline: a file descriptor; at its end this process ends too.
    """

    job: Job
    report: str
    workers: ForkedWorkers
    lifeline: int


def serve(descriptor: int, workers: ForkedWorkers) -> Asked | None:
    """Fork a process for each run that is asked for; returns in those, and in this one when nobody asks any more.

    Args:
        descriptor: the socket on which runs are asked for.
        workers: those of this process, which run nothing, but from whose server those of each run are forked.

    Returns:
        The run to make, in a process that was forked for it; None in the process that was not.
    """
    control = socket.socket(fileno=descriptor)
    gc.collect()
    gc.freeze()  # the collector would write to the pages that the processes share
    _tell(control, ready=True)
    while message := _receive(control):
        asked = json.loads(message)
        job = Job.load(Path(asked["job"]))
        try:
            session = open_session(
                workers,
                repository=Path(job.assignment),
                run_timeout=job.whole_seconds,
                early_imports=tuple(job.early_imports),
            )
        except (UnavailableError, WorkersLostError) as error:
            _tell(control, failed=str(error))
            continue
        reading_end, writing_end = os.pipe()
        child = os.fork()
        if child == 0:
            control.close()
            os.close(writing_end)
            workers.server.disown()
            _print_to(asked["log"])
            return Asked(job, asked["report"], session, reading_end)
        os.close(reading_end)
        session.server.disown()
        _tell(control, pid=child)
        _follow(control, child)
        os.close(writing_end)
    return None


def _follow(control: socket.socket, child: int) -> None:
    """Tell how a run ends; end it if nobody is there to be told."""
    ended = os.pidfd_open(child)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(control, select.POLLIN)  # nothing is asked for meanwhile, so that this can only be the end
    if ended not in dict(poll.poll()):
        os.kill(child, signal.SIGKILL)
    os.close(ended)
    _, status = os.waitpid(child, 0)
    _tell(control, status=os.waitstatus_to_exitcode(status))


def _print_to(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)


def _tell(control: socket.socket, **message: object) -> None:
    with contextlib.suppress(OSError):  # nobody is there any more, which the next receive finds out
        control.send(json.dumps(message).encode())


def _receive(control: socket.socket) -> bytes:
    with contextlib.suppress(ConnectionResetError):
        return control.recv(MESSAGE_SIZE)
    return b""
