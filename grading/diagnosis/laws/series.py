"""What comes back where answers are made of earlier ones: found in questions that follow each other.

How many were asked before, and what, need not be known: each relation is one between an answer, the one before, and the
right answers to both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import torch

from .asking import alike

Tensor = torch.Tensor
LEAST = 6
"""Fewer questions in a row than this show no relation."""
LONGEST = 5
"""The longest average of the last answers that is looked for."""
Relation = Callable[[Sequence[Tensor], Sequence[Tensor], int], Tensor]
"""What an answer is: the right answers, those that came back, and its place, which is not the first."""
RELATIONS: tuple[tuple[str, Relation], ...] = (
    ("that of the question before", lambda right, own, i: right[i - 1]),
    ("the sum of all so far", lambda right, own, i: own[i - 1] + right[i]),
    ("what it is more than that of the question before", lambda right, own, i: right[i] - right[i - 1]),
)


def relation(right: Sequence[Tensor], own: Sequence[Tensor]) -> str | None:
    """What answers in a row are made of, as the end of a sentence; None where each is the right one, or nothing fits.

    Args:
        right: the right answers, all of one shape.
        own: what came back.
    """
    if len(own) < LEAST or any(a.shape != r.shape for a, r in zip(own, right, strict=True)):
        return None
    right, own = ([t.detach().double() for t in several] for several in (right, own))
    off = [i for i in range(1, len(own)) if not _near(own[i], right[i])]
    if not off:
        return None
    for words, of in RELATIONS:
        if all(_near(own[i], of(right, own, i)) for i in range(1, len(own))):
            return words
    for last in range(2, LONGEST + 1):
        places = range(last, len(own))
        if all(_near(own[i], torch.stack(right[i - last + 1 : i + 1]).mean(0)) for i in places):
            return f"the average of the last {last}"
    # Of an average the new answer has a share: always the same one, or one that falls with their number.
    shares = [_share(own[i - 1], right[i], own[i]) for i in range(1, len(own))]
    if None not in shares:
        found = [share for share in shares if share is not None]
        counts = [1 / share for share in found]
        steps = [b - a for a, b in itertools.pairwise(counts)]
        if all(abs(step - 1) < 0.05 for step in steps):
            return "the average of all so far"
        if max(found) - min(found) < 2e-3 * found[0] and 1e-3 < found[0] < 1 - 1e-3:
            return f"a moving average, of which the new one has a share of {found[0]:.3g}"
    return None


def _near(one: Tensor, other: Tensor) -> bool:
    return alike(one.float(), other.float())


def _share(before: Tensor, right: Tensor, own: Tensor) -> float | None:
    """How much of an average the right answer has, beside the one before; None where it is no such average."""
    gap = right - before
    largest = int(gap.abs().reshape(-1).argmax())
    if not float(gap.reshape(-1)[largest]):
        return None
    share = float(((own - before) / gap).reshape(-1)[largest])
    return share if share > 0 and _near(own, before + share * gap) else None
