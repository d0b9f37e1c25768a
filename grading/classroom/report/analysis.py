"""What the scores of a class say of its items, its checks and its mistakes.

Difficulty is the mean share of an item's points, and discrimination the correlation of that share with the share of all
the other points (the corrected item-total correlation of classical test theory): an item on which strong students do no
better than weak ones has about 0, and one that should be looked at has less.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model import Student

LOW_DISCRIMINATION = 0.1
"""Below it, an item tells next to nothing of who understood the rest."""
FEWEST = 10
"""Students; of fewer, a correlation says nothing."""


@dataclass
class CheckCount:
    """How a class did at one check."""

    name: str
    tier: str
    made: int = 0
    passed: int = 0

    @property
    def percent(self) -> int:
        """The share of students who passed it, in whole percent."""
        return round(100 * self.passed / self.made) if self.made else 0


@dataclass
class Item:
    """How a class did at one item.

    Attributes:
        id: how documents refer to it.
        title: what people read.
        possible: the points that it offers.
        shares: the share of its points that each student earned, from 0 to 1.
        rests: the share of all other points that the same student earned.
        full: how many students earned all of it.
        kinds: by kind of failure, how many students had at least one check fail like that.
        checks: how the class did at each check.
        discrimination: see above; None if it cannot be told.
    """

    id: str
    title: str
    possible: float
    shares: list[float] = field(default_factory=list)
    rests: list[float] = field(default_factory=list)
    full: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    checks: dict[str, CheckCount] = field(default_factory=dict)

    @property
    def difficulty(self) -> float:
        """The mean share of its points."""
        return statistics.fmean(self.shares)

    @property
    def discrimination(self) -> float | None:
        """The corrected item-total correlation; None if it cannot be told."""
        if len(self.shares) < FEWEST:
            return None
        try:
            return statistics.correlation(self.shares, self.rests)
        except statistics.StatisticsError:  # everybody has the same
            return None

    @property
    def suspicious(self) -> bool:
        """Whether the instructor should look at the item itself."""
        found = self.discrimination
        return found is not None and found < LOW_DISCRIMINATION


@dataclass
class Mistake:
    """A typical mistake, and who made it."""

    name: str
    tell: str
    section: str
    item: str
    students: list[Student] = field(default_factory=list)


@dataclass
class Analysis:
    """What is known of a class once every document has been read.

    Attributes:
        items: by id, in the order of the assignment.
        mistakes: by name.
        documents: how many documents were read.
    """

    items: dict[str, Item] = field(default_factory=dict)
    mistakes: dict[str, Mistake] = field(default_factory=dict)
    documents: int = 0

    def add(self, student: Student, document: dict[str, Any]) -> None:
        """Count one student's document."""
        self.documents += 1
        earned, possible = document["score"]["earned"], document["score"]["possible"]
        for found in document["items"]:
            item = self.items.setdefault(found["id"], Item(found["id"], found["title"], found["possible"]))
            others = possible - found["possible"]
            item.shares.append(found["earned"] / found["possible"] if found["possible"] else 1.0)
            item.rests.append((earned - found["earned"]) / others if others > 0 else 1.0)
            item.full += found["status"] == "passed"
            lost = [check for check in found["checks"] if check["status"] != "passed"]
            item.kinds.update({check["kind"] or check["status"] for check in lost})
            for check in found["checks"]:
                count = item.checks.setdefault(
                    check["id"], CheckCount(check["id"].rsplit("/", 1)[-1].replace("_", " "), check["tier"])
                )
                count.made += 1
                count.passed += check["status"] == "passed"
            for named in {c["misconception"]["name"]: c["misconception"] for c in lost if c["misconception"]}.values():
                self._mistake(student, found["title"], named)

    def _mistake(self, student: Student, item: str, named: dict[str, str]) -> None:
        mistake = self.mistakes.setdefault(named["name"], Mistake(named["name"], named["tell"], named["section"], item))
        if not mistake.students or mistake.students[-1] is not student:
            mistake.students.append(student)

    @property
    def shared(self) -> Sequence[Mistake]:
        """The mistakes, those that most students made first."""
        return sorted(self.mistakes.values(), key=lambda mistake: (-len(mistake.students), mistake.name))
