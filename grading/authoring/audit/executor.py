"""The processes of an audit: the solution goes first, then every other submission, as processes are free."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from . import worker
from .tasks import Baseline, Outcome, Result, Setting, Task


class AuditError(Exception):
    """An audit could not do its work: a fault of this side."""


def baselines(setting: Setting, tasks: Sequence[Task], jobs: int) -> list[tuple[Result, Baseline]]:
    """What the solution comes to, which tells of many checks of other submissions that they need not be run.

    Args:
        setting: what is audited.
        tasks: the solution, once for each key.
        jobs: how many processes may work at the same time.

    Raises:
        AssignmentError: the tests of the assignment cannot be collected.
        AuditError: a process fails.
    """
    try:
        with _executor(setting, (), "", min(jobs, len(tasks))) as executor:
            return list(executor.map(worker.baseline, tasks))
    except BrokenProcessPool as error:
        raise AuditError(f"a process of the audit ended unexpectedly, at the solution: {error}") from None


def results(setting: Setting, known: Sequence[Baseline], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """What other submissions come to, in the order in which they are done.

    A process that hangs over one of them ends itself; the others are then done by new processes.

    Args:
        setting: what is audited.
        known: what the solution came to, for every key of the tasks.
        tasks: the submissions.
        jobs: how many processes may work at the same time.

    Raises:
        AuditError: a process fails.
    """
    waiting = dict(enumerate(tasks))
    while waiting:
        with tempfile.TemporaryDirectory(prefix="audit-") as folder:
            executor = _executor(setting, known, folder, min(jobs, len(waiting)))
            try:
                futures = {executor.submit(worker.check, number, task): number for number, task in waiting.items()}
                for future in as_completed(futures):
                    result = future.result()
                    del waiting[futures[future]]
                    yield result
            except BrokenProcessPool as error:
                hung = [number for number in waiting if worker.has_hung(Path(folder), number)]
                if not hung:
                    raise AuditError(f"a process of the audit ended unexpectedly: {error}") from None
                for number in hung:
                    yield _hung(setting, waiting.pop(number))
            finally:
                executor.shutdown(cancel_futures=True)


def _executor(setting: Setting, known: Sequence[Baseline], folder: str, jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, initializer=worker.begin, initargs=(setting, tuple(known), folder))


def _hung(setting: Setting, task: Task) -> Result:
    hung = Outcome("timeout", "timeout", None, "the process hung")
    checks = {check.id: hung for check in setting.assignment.checks(setting.tiers) if check.item in setting.items}
    return Result(task.group, task.name, task.key, checks, problems=(f"{task.name} made the process hang",))
