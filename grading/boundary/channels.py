"""Ways to reach the student's side: a channel sends one frame and brings back one frame."""

from __future__ import annotations

import signal
import socket
import time
from types import TracebackType
from typing import Protocol

from .clock import Clock
from .errors import CallTimeoutError, SubmissionFault, ViolationError, WorkerDiedError, WorkersLostError
from .forkserver import ForkServer
from .shared.framing import BROKEN, READY
from .transport import DeadlineError, HungUpError, UnaskedError, await_word, exchange


class Channel(Protocol):
    """Carries frames to an executor and back."""

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        """Send ``frame`` and return the answer, within ``timeout`` seconds.

        Raises:
            CallTimeoutError: no whole answer came in time; the channel is closed.
            WorkerDiedError: the other side is gone.
            ViolationError: the other side sent what it was not asked for, or too much.
        """
        ...

    def traceback(self) -> TracebackType | None:
        """The student's own traceback of the last exchange, where a debugger could use it."""
        ...

    def renew(self) -> bool:
        """Whether the other side can serve another check; if so, the time for that begins now."""
        ...

    def close(self) -> None:
        """End the other side."""
        ...


class RemoteChannel:
    """The part that all channels to another process share: what is over stays over.

    Args:
        clock: says by when the exchanges of a check must be done.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._end, self._reason = clock.end_of_check()
        self._over: SubmissionFault | None = None

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        """Send ``frame`` and return the answer, within ``timeout`` seconds."""
        if self._over is not None:
            raise type(self._over)(f"the submission's process was ended before this call: {self._over}")
        try:
            return self._exchange(frame, timeout)
        except SubmissionFault as fault:
            self._over = fault
            self._hang_up()
            raise

    def traceback(self) -> TracebackType | None:
        """None: the student's frames stay in their own process."""
        return None

    def renew(self) -> bool:
        """Whether the worker still serves, with all the time of a check from now on."""
        self._end, self._reason = self._clock.end_of_check()
        return self._over is None

    def close(self) -> None:
        """End the worker."""
        if self._over is None:
            self._over = WorkerDiedError("its conversation is over")
            self._hang_up()

    def _exchange(self, frame: bytes, timeout: float) -> bytes:
        raise NotImplementedError

    def _hang_up(self) -> None:
        raise NotImplementedError

    def _timeout(self, seconds: float) -> CallTimeoutError:
        return CallTimeoutError(self._reason if time.monotonic() >= self._end else f"no answer within {seconds:g} s")


class WorkerChannel(RemoteChannel):
    """A worker process of a fork server; everything that it sends is distrusted.

    Args:
        server: forked the worker and can end it.
        worker: the socket on which the worker listens, and its number, as ``server`` gave them.
        clock: says by when the exchanges of a check must be done.
    """

    def __init__(self, server: ForkServer, worker: tuple[socket.socket, int], clock: Clock) -> None:
        super().__init__(clock)
        self._server = server
        self._socket, self._pid = worker
        self._ready = False

    def _exchange(self, frame: bytes, timeout: float) -> bytes:
        if not self._ready:  # the time for this is not the student's
            self._ready = await_word(self._socket, READY)
            if not self._ready:
                raise WorkersLostError("a worker did not start")
        try:
            return exchange(self._socket, frame, min(time.monotonic() + timeout, self._end))
        except DeadlineError:
            raise self._timeout(timeout) from None
        except UnaskedError as error:
            raise ViolationError(f"the submission's process sent {error}") from None
        except HungUpError:
            pid, self._pid = self._pid, 0
            self._socket.close()
            raise WorkerDiedError(describe_death(self._server.status(pid))) from None

    def _hang_up(self) -> None:
        self._socket.close()
        if self._pid:
            self._server.kill(self._pid)
            self._pid = 0


_SIGNALS = {
    "SIGKILL": "the process was killed (SIGKILL), as happens when memory runs out",
    "SIGSEGV": "the process crashed (SIGSEGV: an invalid memory access, or a recursion without end)",
    "SIGABRT": "the process aborted (SIGABRT: a library gave up, as happens when memory runs out)",
    "SIGXCPU": "the process used up its computing time (SIGXCPU)",
    "SIGXFSZ": "the process wrote too large a file (SIGXFSZ)",
    "SIGSYS": "the process asked the system for something forbidden (SIGSYS)",
}


def describe_death(code: int | None) -> str:
    """How a process ended, in words for a student.

    Args:
        code: its exit code, or the number of the signal that ended it, negative; None if it only hung up.
    """
    if code is None or code == BROKEN:
        return "the code closed the connection on which its answers are read"
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return _SIGNALS.get(name, f"the process was ended by {name}")
    return f"the code ended its own process with exit code {code}, as os._exit() does"
