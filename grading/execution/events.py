"""Progress of a run, told line by line in a file: what began, what ended and how. Results come in the report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..results import Status


def tell(path: str | None, **fields: Any) -> None:
    """Add a line for whoever follows, if anybody does."""
    if path is not None:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(fields) + "\n")


@dataclass(frozen=True)
class Events:
    """What a run has told so far.

    Attributes:
        unavailable: why the demanded isolation cannot be had, if it cannot.
        session: what the run is made of, once it has begun: ``isolation`` and ``environment``.
        begun: the checks that have begun, in order.
        ended: how those ended that did.
    """

    unavailable: str | None
    session: dict[str, Any] | None
    begun: tuple[str, ...]
    ended: dict[str, Status]

    @classmethod
    def read(cls, path: Path) -> Events:
        """The whole lines of a file, which may not be there yet."""
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        told = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return cls(
            unavailable=next((event["unavailable"] for event in told if "unavailable" in event), None),
            session=next((event["session"] for event in told if "session" in event), None),
            begun=tuple(event["begin"] for event in told if "begin" in event),
            ended={event["end"]: Status(event["status"]) for event in told if "end" in event},
        )

    @property
    def current(self) -> str:
        """The check that began last."""
        return self.begun[-1] if self.begun else ""

    @property
    def unfinished(self) -> str | None:
        """The check that began and did not end."""
        return next((check for check in reversed(self.begun) if check not in self.ended), None)
