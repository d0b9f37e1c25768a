"""What a run tells line by line in a file: what began, what ended and how, and at last which mistakes were found.

Results come in the report, which is written when the last check has ended: what explains them comes afterwards and
costs nobody a result. Where there is no report, the end of a check tells all that points depend on.
"""

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
        relied_on: items that a check relied on, as its result has them.
        named: the mistakes that were found and what went wrong on the way, once the search has ended.
    """

    unavailable: str | None
    session: dict[str, Any] | None
    begun: tuple[str, ...]
    ended: dict[str, Status]
    relied_on: dict[str, list[list[str]]]
    named: dict[str, Any] | None

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
            relied_on={event["end"]: event["relied_on"] for event in told if "end" in event},
            named=next((event["named"] for event in told if "named" in event), None),
        )

    @property
    def current(self) -> str:
        """The check that began last."""
        return self.begun[-1] if self.begun else ""

    @property
    def unfinished(self) -> str | None:
        """The check that began and did not end."""
        return next((check for check in reversed(self.begun) if check not in self.ended), None)
