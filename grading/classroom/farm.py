"""Where submissions are graded: processes of this machine, or a Dask cluster, both as an ``Executor``."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..assignment import AssignmentError
from ..grade import UnavailableIsolationError
from .model import ClassError
from .store import is_full
from .work import ENDING, Result, SkewError, Task, begin, work

Key = TypeVar("Key")
ATTEMPTS = 2
"""How often a submission is given to a worker before it counts as the grader's error."""
FATAL = (UnavailableIsolationError, SkewError, AssignmentError)
"""Errors that every other submission would meet too."""
CLUSTER_SECONDS = 10.0
"""How long to wait for a cluster's scheduler, and for its first worker."""


@dataclass(frozen=True)
class Workers:
    """Workers that are ready.

    Attributes:
        executor: takes the work.
        width: how many submissions to have in their hands, at this moment.
    """

    executor: Executor
    width: Callable[[], int]


Farm = Callable[[bool], AbstractContextManager[Workers]]
"""Gives workers; with True only one, where one that dies takes the others with it."""


def local(jobs: int) -> Farm:
    """So many processes of this machine, none of which outlives this one."""

    @contextmanager
    def workers(alone: bool) -> Iterator[Workers]:
        # Others may pass through the folder, and list nothing, so that the self-test of a confinement finds its canary
        # closed by the confinement and not by this.
        with tempfile.TemporaryDirectory(prefix="vae-grade-class-", ignore_cleanup_errors=True) as folder:
            os.chmod(folder, 0o711)
            number, context = 1 if alone else jobs, multiprocessing.get_context("spawn")
            executor = ProcessPoolExecutor(number, context, initializer=begin, initargs=(folder,))
            try:
                yield Workers(executor, lambda: 2 * number)
            except BaseException:
                # Nobody waits for what they are doing; what they have started ends with them.
                for process in multiprocessing.active_children():
                    process.kill()
                raise
            finally:
                executor.shutdown(cancel_futures=True)

    return workers


def cluster(address: str) -> Farm:
    """The workers of a Dask cluster, given its scheduler's address, such as ``tcp://10.0.0.1:8786``.

    A worker that dies is no matter here: the scheduler gives its work to another one.

    Raises:
        ClassError: the library is not installed, there is no scheduler, or it has no workers.
    """
    try:
        from distributed import Client
        from distributed.comm.addressing import resolve_address
        from distributed.comm.registry import get_backend
    except ImportError:
        raise ClassError("--scheduler needs the extra 'cluster': see the guide") from None
    try:  # A client that was given no address ends half a minute later, in a traceback of its own.
        get_backend(resolve_address(address).partition("://")[0])
    except (OSError, ValueError) as error:
        said = f"there is no Dask scheduler at {address}: {error}; an address is written like tcp://10.0.0.1:8786"
        raise ClassError(said) from None

    @contextmanager
    def workers(alone: bool) -> Iterator[Workers]:
        try:
            client = Client(address, timeout=CLUSTER_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClassError(f"there is no Dask scheduler at {address}: {error}") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=CLUSTER_SECONDS)
            except TimeoutError:
                raise ClassError(f"the Dask scheduler at {address} has no workers") from None
            yield Workers(client.get_executor(pure=False), lambda: 2 * max(1, sum(client.nthreads().values())))

    return workers


@dataclass
class _Try(Generic[Key]):
    key: Key
    task: Task
    attempts: int = 0


def results(farm: Farm, tasks: Iterable[tuple[Key, Task]]) -> Generator[tuple[Key, Result | Exception]]:
    """Grade submissions, and give each as soon as it is done; of one that a worker failed at twice, the error.

    Raises:
        UnavailableIsolationError, SkewError, AssignmentError: every other submission would meet this too.
        OSError: a disk is full.
    """
    waiting = (_Try(key, task) for key, task in tasks)
    while True:
        suspects: list[_Try[Key]] = []
        with farm(False) as workers:
            yield from _until_broken(workers, waiting, suspects)
        if not suspects:
            return
        # A process that dies takes the pool with it, and it is not told in whose hands it died: what was in any is
        # tried with no neighbours.
        for one in suspects:
            one.attempts, lost = 0, [one]
            while lost and one.attempts < ATTEMPTS:
                lost = []
                with farm(True) as workers:
                    yield from _until_broken(workers, iter([one]), lost)
            yield from ((each.key, BrokenExecutor("the process that graded this died, twice")) for each in lost)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let no signal end this while a process is started: half started, it would say so in a traceback of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _until_broken(
    workers: Workers, waiting: Iterator[_Try[Key]], suspects: list[_Try[Key]]
) -> Iterator[tuple[Key, Result | Exception]]:
    """Grade until nothing waits any more, or the workers are gone; ``suspects`` are what they had in their hands."""
    running: dict[Future[Result], _Try[Key]] = {}
    again: deque[_Try[Key]] = deque()
    while True:
        while not suspects and len(running) < workers.width():
            one = again.popleft() if again else next(waiting, None)
            if one is None:
                break
            one.attempts += 1
            try:
                with _signals_wait():
                    running[workers.executor.submit(work, one.task)] = one
            except BrokenExecutor:
                suspects.append(one)
        if not running:
            suspects += again
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            one, error = running.pop(future), future.exception()
            if isinstance(error, BrokenExecutor):
                suspects.append(one)
            elif error is not None and (isinstance(error, FATAL) or is_full(error)):
                raise error
            elif (error is not None or future.result().faulty) and one.attempts < ATTEMPTS:
                again.append(one)
            elif isinstance(error, Exception):
                yield one.key, error
            elif error is not None:
                raise error
            else:
                yield one.key, future.result()
