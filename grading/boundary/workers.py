"""Where channels come from: sources of workers, and what is known about their confinement.

Nothing here imports torch, so that a fork server that is started early imports it at the same time as the grader does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from .channels import Channel, WorkerChannel
from .clock import Clock
from .forkserver import ForkServer


@dataclass(frozen=True)
class Isolation:
    """What is known about the confinement of the student's side, for the score document.

    Attributes:
        level: "A", "B", "none" or "in-process".
        trusted_for_grading: whether a grade of a stranger's code may rest on it.
        self_test: what was tried inside before any student's code was read, and whether it failed as it must.
        missing: what a better level would need here.
    """

    level: str
    trusted_for_grading: bool
    self_test: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The form in which it stands in the score document."""
        return asdict(self)


class Workers(Protocol):
    """A source of fresh student's sides."""

    @property
    def isolation(self) -> Isolation:
        """How the workers are confined."""
        ...

    def open(self) -> Channel:
        """A channel to a fresh executor that has loaded nothing yet."""
        ...

    def close(self) -> None:
        """End whatever still runs."""
        ...


class ForkedWorkers:
    """Worker processes, a fresh one at each call; the next is forked and confined while one is in use."""

    def __init__(self, server: ForkServer, isolation: Isolation, clock: Clock) -> None:
        self.isolation = isolation
        self.server = server
        self._clock = clock
        server.prefork()

    def open(self) -> Channel:
        """A channel to a fresh worker."""
        worker = self.server.take()
        self.server.prefork()
        return WorkerChannel(self.server, worker, self._clock)

    def close(self) -> None:
        """End the fork server and all of its workers."""
        self.server.close()
