"""The processes of an audit: the solution goes first, then every other submission, as processes are free."""

from __future__ import annotations

import itertools
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ...results import Kind, Status
from . import worker
from .tasks import Outcome, Result, Setting, Task

RENEWED_AFTER = 50
"""Submissions after which a process is replaced: what was kept and freed between them leaves memory in pieces."""


class AuditError(Exception):
    """An audit could not do its work: a fault of this side."""


def run(setting: Setting, tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """The results of all tasks: of the solution first, then the others in the order in which they are done.

    What the solution comes to tells of many checks of other submissions that they need not be run. A process that hangs
    over a submission ends itself; those that are left are then done by new processes.

    Args:
        setting: what is audited.
        tasks: the submissions; of group "reference" one for every key.
        jobs: how many processes may work at the same time.

    Raises:
        AssignmentError: the tests of the assignment cannot be collected.
        AuditError: a process fails.
    """
    waiting = {number: task for number, task in enumerate(tasks) if task.group != "reference"}
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        executor = _begin(setting, folder, min(jobs, len(tasks)))
        try:
            yield from executor.map(worker.solve, (task for task in tasks if task.group == "reference"))
            while waiting:
                try:
                    part = dict(itertools.islice(waiting.items(), RENEWED_AFTER * jobs))
                    for number, result in _done(executor, part):
                        del waiting[number]
                        yield result
                    if waiting:
                        executor.shutdown()
                        executor = _begin(setting, folder, min(jobs, len(waiting)))
                except BrokenProcessPool:
                    hung = [number for number in waiting if worker.has_hung(Path(folder), number)]
                    if not hung:
                        raise
                    executor.shutdown()
                    executor = _begin(setting, folder, min(jobs, len(waiting)))
                    yield from (_hung(setting, waiting.pop(number)) for number in hung)
        except BrokenProcessPool as error:
            raise AuditError(f"a process of the audit ended unexpectedly: {error}") from None
        finally:
            executor.shutdown(cancel_futures=True)


def _begin(setting: Setting, folder: str, jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, initializer=worker.begin, initargs=(setting, folder))


def _done(executor: ProcessPoolExecutor, tasks: dict[int, Task]) -> Iterator[tuple[int, Result]]:
    """The numbers of tasks and their results, as they are done."""
    futures = {executor.submit(worker.check, number, task): number for number, task in tasks.items()}
    for future in as_completed(futures):
        yield futures[future], future.result()


def _hung(setting: Setting, task: Task) -> Result:
    hung = Outcome(Status.TIMEOUT, Kind.TIMEOUT, None, "the process hung")
    checks = {check.id: hung for check in setting.assignment.checks(setting.tiers) if check.item in setting.items}
    return Result(task.group, task.name, task.key, checks, problems=(f"{task.name} made the process hang",))
