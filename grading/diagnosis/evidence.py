"""What a diagnosis starts from, and what it comes to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..boundary.transcript import Transcript
from ..results import Misconception

MOST_NAMED = 3
"""More mistakes than this are not named together: whoever reads the list would learn nothing."""


class TimeIsUpError(Exception):
    """There was no time to find out more."""


@dataclass(frozen=True)
class Evidence:
    """How one check ended, and the conversation that it had with the submission.

    Attributes:
        check: the check, ``tier/item/name``.
        item: the item that it is of.
        failed: whether it says that the item is wrong; else it says that the item is right.
        transcript: what was asked and answered.
    """

    check: str
    item: str
    failed: bool
    transcript: Transcript


def without(mistake: Misconception, dropped: Collection[str], tells: Mapping[str, str]) -> Misconception | None:
    """A mistake that may be several, without those that it cannot be; None where none is left.

    Args:
        mistake: as ``together`` made it.
        dropped: names of mistakes.
        tells: what to tell of each.
    """
    left = [(name, tells[name], mistake.section) for name in mistake.names if name not in dropped]
    return together(left) if left else None


def together(mistakes: Sequence[tuple[str, str, str]]) -> Misconception | None:
    """Mistakes that cannot be told apart, each as name, tell and section, as one; None where there are too many."""
    texts = list(dict.fromkeys(tell for _, tell, _ in mistakes))
    if not 1 <= len(texts) <= MOST_NAMED:
        return None
    tell = texts[0] if len(texts) == 1 else "One of these: " + " Or: ".join(texts)
    return Misconception(" or ".join(name for name, _, _ in mistakes), tell, mistakes[0][2])
