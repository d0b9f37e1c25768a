"""What a score document leads to: what failed for one reason, what follows from something else, where to begin.

Pure functions of the document's JSON form, for every report that tells a student what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .reading import exact, explanation

_TASK = re.compile(r"\btask (\d+(?:\.\d+)*)")
"""What the stub of a skeleton says of itself."""


class State(StrEnum):
    """What is to be done about an item."""

    PASSED = "passed"
    UNLOADED = "unloaded"
    """Its file could not be loaded, so that nothing is known of it."""
    TO_DO = "to do"
    """It is not written, or not all of it; what is written is right."""
    WRONG = "wrong"
    WAITING = "waiting"
    """It cannot be judged before another item is right."""
    WHOLE = "whole"
    """It judges all parts together, some of which are not right."""
    ERROR = "error"
    """The grader could not judge it."""


@dataclass(frozen=True)
class Cause:
    """Failed checks of an item that are told as one.

    Attributes:
        why: what explains them, a sentence for each mistake; none if nothing is known.
        shown: the checks to tell in full.
        folded: the others, which would say the same once more.
    """

    why: tuple[str, ...]
    shown: tuple[dict[str, Any], ...]
    folded: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Unloaded:
    """A file that could not be loaded, and what that costs.

    Attributes:
        file: its name.
        check: one of the checks that ended at it, which says why.
        items: the items that are in it.
    """

    file: str
    check: dict[str, Any]
    items: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Stub:
    """A function that still has to be written.

    Attributes:
        function: its bare name.
        line: where it says so.
        task: the number of its task, if its stub names it.
    """

    function: str
    line: int | None
    task: str | None


@dataclass(frozen=True)
class Advice:
    """A score document, read for what to do about it.

    Attributes:
        document: its JSON form.
        functions: the functions of each item, by its id, where they are known; an item of none judges the whole.
    """

    document: dict[str, Any]
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def unloaded(self) -> list[Unloaded]:
        """The files that could not be loaded; each is one thing to mend, whatever depends on it."""
        found = []
        for file in self.document["submission"].get("unloaded", ()):
            items = tuple(item for item in self.document["items"] if item["file"] == file)
            told = [check for item in items for check in lost(item) if not is_withheld(check)]
            if told:
                found.append(Unloaded(file, told[0], items))
        return found

    def state(self, item: dict[str, Any]) -> State:
        """What is to be done about an item."""
        failed = lost(item)
        if not failed:
            return State.PASSED
        if any(item["file"] == fault.file for fault in self.unloaded):
            return State.UNLOADED
        statuses = {check["status"] for check in failed}
        if "error" in statuses:
            return State.ERROR
        if self._judges_the_whole(item) and any(
            lost(other) for other in self.document["items"] if not self._judges_the_whole(other)
        ):
            return State.WHOLE
        if "not_implemented" in statuses and statuses <= {"not_implemented", "blocked"}:
            return State.TO_DO
        return State.WAITING if statuses == {"blocked"} and waits_for(failed) != [item["id"]] else State.WRONG

    def stubs(self, item: dict[str, Any]) -> list[Stub]:
        """The functions of an item that still have to be written, in the order in which they stand in the file."""
        found: dict[str, Stub] = {}
        for check in lost(item):
            if check["status"] == "not_implemented" and check["function"]:
                task = _TASK.search(check["source"] or "")
                found.setdefault(check["function"], Stub(check["function"], check["line"], task[1] if task else None))
        return sorted(found.values(), key=lambda stub: stub.line or 0)

    def written(self, item: dict[str, Any]) -> int:
        """How many functions of an item are there, of several that it has and of which some are still to be written.

        Of a class that cannot be built nothing else is known.
        """
        functions, unwritten = self.functions.get(item["id"], ()), self.stubs(item)
        unknown = len(functions) < 2 or any(stub.function == "__init__" for stub in unwritten)
        return 0 if unknown else len(functions) - len(unwritten)

    def next(self) -> dict[str, Any] | None:
        """The item to work on now: the first one in the order of the tasks that does not hang on another."""
        for states in ({State.TO_DO, State.WRONG}, {State.WAITING, State.WHOLE}):
            for item in self.document["items"]:
                if self.state(item) in states:
                    return dict(item)
        return None

    def _judges_the_whole(self, item: dict[str, Any]) -> bool:
        return self.functions.get(item["id"]) == ()


def lost(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The checks of an item that did not pass."""
    return [check for check in item["checks"] if check["status"] != "passed"]


def is_withheld(check: dict[str, Any]) -> bool:
    """Whether it stands for a hidden check of which a student is told no more than that it failed."""
    return str(check["id"]).rsplit("/", 1)[-1].isdigit()


def waits_for(checks: Iterable[dict[str, Any]]) -> list[str]:
    """The items that checks were blocked by."""
    return list(dict.fromkeys(check["blocked_by"] for check in checks if check["blocked_by"]))


def causes(item: dict[str, Any], full: int) -> list[Cause]:
    """What an item lost points for, each cause once; what is blocked by another item is not among it.

    Of a cause that is known, one check is shown. Where one is, failures without an explanation are taken for its
    company, which is gone when it is mended, and none of them is shown.

    Args:
        item: the item.
        full: of how many failures without an explanation to tell in full, each with another message.
    """
    failed = [check for check in lost(item) if check["status"] not in ("blocked", "not_implemented")]
    explained: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for check in failed:
        explained.setdefault(explanation(check, failed), []).append(check)
    company = explained.pop((), [])
    found = [Cause(why, (checks[0],), tuple(checks[1:])) for why, checks in explained.items()]
    if company and found:
        found.append(Cause((), (), tuple(company)))
    elif company:
        # A hidden check is shown only where no public one says anything.
        first = [check for check in company if check["tier"] == company[0]["tier"]]
        shown = tuple({check["message"]: check for check in reversed(first)}.values())[::-1][:full]
        found.append(Cause((), shown, tuple(check for check in company if check not in shown)))
    return found


def worth(checks: Iterable[dict[str, Any]]) -> float:
    """The points that checks have lost."""
    return float(sum(exact(check["possible"]) - exact(check["earned"]) for check in checks))
