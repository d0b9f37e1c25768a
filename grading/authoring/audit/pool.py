"""The processes of an audit: they are begun once and work through its tasks; one that hangs is ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any
from unittest import mock

from ...assignment import AssignmentError
from ...results import Kind, Status
from . import worker
from .tasks import Outcome, Ready, Result, Task, Unusable

START_SECONDS = 600.0
"""How long a process may take to begin."""


class PoolError(Exception):
    """The processes of an audit could not do their work: a fault of this side."""


@dataclass
class _Process:
    process: Any
    connection: Connection
    task: Task | None = None
    deadline: float = 0.0
    prepared: frozenset[str] = frozenset()


class Pool:
    """Processes that make the checks of one submission after another.

    Args:
        setting: what they are begun with.
        jobs: how many.
        task_seconds: how long one of them may be silent over a submission before it is ended.
    """

    def __init__(self, setting: worker.Setting, jobs: int, task_seconds: float = 600.0) -> None:
        self._setting, self._task_seconds = setting, task_seconds
        self._context = multiprocessing.get_context("spawn")
        self._processes = [self._begin() for _ in range(jobs)]
        self.collected: tuple[str, ...] = ()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _begin(self) -> _Process:
        here, there = self._context.Pipe()
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}
        quiet = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"}
        # A spawned process inherits the environment as it is at this moment, and torch reads it when it is imported.
        with mock.patch.dict(os.environ, {**threads, **quiet}):
            process = self._context.Process(target=worker.main, args=(self._setting, there), daemon=True)
            process.start()
        there.close()
        return _Process(process, here, deadline=time.monotonic() + START_SECONDS)

    def run(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """The results of all tasks, in the order in which they are done.

        A process does the task of group "reference" with a key before any other task with that key, so that it knows
        what need not be repeated; of such results one is yielded for each key.

        Raises:
            AssignmentError: the tests of the assignment cannot be collected.
            PoolError: the processes fail.
        """
        references = {task.key: task for task in tasks if task.group == "reference"}
        waiting = deque(task for task in tasks if task.group != "reference")
        unseen = set(references)
        for process in self._processes:
            if process.task is None and not process.deadline:  # idle after an earlier run
                self._assign(process, waiting, references, unseen)
        while waiting or unseen or any(p.task for p in self._processes):
            ready = wait([p.connection for p in self._processes], timeout=1.0)
            for process in self._processes:
                if process.connection in ready:
                    result = self._receive(process)
                    if result is not None and (result.group != "reference" or result.key in unseen):
                        unseen -= {result.key} if result.group == "reference" else set()
                        yield result
                    self._assign(process, waiting, references, unseen)
                elif process.deadline and time.monotonic() > process.deadline:
                    yield from self._replace(process)

    def _receive(self, process: _Process) -> Result | None:
        try:
            message = process.connection.recv()
        except (EOFError, ConnectionResetError):
            process.process.join(5.0)
            task, status = process.task.name if process.task else "its beginning", process.process.exitcode
            raise PoolError(f"a process of the audit ended unexpectedly (status {status}), at {task}") from None
        process.deadline = 0.0
        match message:
            case Unusable():
                raise AssignmentError(message.reason)
            case Ready():
                self.collected = message.collected
                return None
        assert isinstance(message, Result)
        process.task = None
        return message

    def _assign(self, process: _Process, waiting: deque[Task], references: dict[str, Task], unseen: set[str]) -> None:
        unprepared = [key for key in unseen if key not in process.prepared]
        if waiting and waiting[0].key in references and waiting[0].key not in process.prepared:
            task = references[waiting[0].key]
        elif waiting:
            task = waiting.popleft()
        elif unprepared:
            task = references[unprepared[0]]
        else:
            return
        if task.group == "reference":
            process.prepared |= {task.key}
        process.task, process.deadline = task, time.monotonic() + self._task_seconds
        process.connection.send(task)

    def _replace(self, process: _Process) -> Iterator[Result]:
        """End a process that hangs, and begin another in its place."""
        task = process.task
        if task is None or task.group == "reference":
            raise PoolError("a process of the audit hangs" if task else "a process of the audit does not begin")
        self._end(process)
        new = self._begin()
        process.process, process.connection = new.process, new.connection
        process.task, process.deadline, process.prepared = None, new.deadline, frozenset()
        hung = Outcome(Status.TIMEOUT, Kind.TIMEOUT, None, "the process hung")
        checks = {
            check.id: hung
            for check in self._setting.assignment.checks(self._setting.tiers)
            if check.item in self._setting.items
        }
        yield Result(task.group, task.name, task.key, checks, problems=(f"{task.name} made the process hang",))

    def _end(self, process: _Process) -> None:
        process.connection.close()
        process.process.kill()
        process.process.join()

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.connection.send(None)
        for process in self._processes:
            process.process.join(0.5)
            self._end(process)
