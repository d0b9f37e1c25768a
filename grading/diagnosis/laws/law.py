"""A law: what a function computes instead of what it should, in words and as a prediction that can be tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import UNUSABLE


@dataclass(frozen=True)
class Trial:
    """One fresh answer, held against the law and against the right function.

    Attributes:
        fits: the answer is what the law predicts.
        right: the answer is what the right function gives.
    """

    fits: bool
    right: bool


@dataclass(frozen=True)
class Law:
    """What a function computes.

    Attributes:
        sentences: one for each mistake, for the student.
        trials: asks what the law was not made from.
        contrast: it says no more than where the function is right and where it is wrong.
    """

    sentences: tuple[str, ...]
    trials: Callable[[Submission, Draws], Iterable[Trial]]
    contrast: bool = False

    def holds(self, submission: Submission, draws: Draws) -> bool:
        """Whether it predicts every fresh answer, and the right function not all of them."""
        try:
            seen = list(self.trials(submission, draws))
        except UNUSABLE:
            return False  # an answer of another structure than all before it
        return bool(seen) and all(trial.fits for trial in seen) and not all(trial.right for trial in seen)


def listed(names: Iterable[str]) -> str:
    """Several names in a sentence, as in "one, two and three"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def ordinal(count: int) -> str:
    """A place in an order, such as "2nd"."""
    return f"{count}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(count, 'th') }"


def number(value: float) -> str:
    """A factor in words that a student reads."""
    for denominator in range(2, 9) if math.isfinite(value) else ():
        numerator = round(value * denominator)
        if 0 < abs(numerator) < denominator and abs(value * denominator - numerator) < 1e-3:
            return f"{numerator}/{denominator}"
    return f"{value:.4g}"
