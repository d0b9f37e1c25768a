"""What leaves a loss as it is, and what makes it larger by a factor: told where nothing explains its numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import alike
from .law import number
from .special import asked
from .terms import Arguments, Formula, Tensor

TWICE = 2.0


def sentences(formula: Formula, submission: Submission, draws: Draws) -> Iterator[str]:
    """How a result changes with its arguments where the right one changes otherwise."""
    arguments = formula.draw(draws, 5, 4, 1.0)
    own = asked(formula, submission, arguments)
    if not isinstance(own, torch.Tensor) or own.dim() or not bool(own.isfinite()):
        return
    if any(not alike(asked(formula, submission, arguments), own) for _ in range(2)):
        return  # what is random changes where nothing does
    right = formula.right(arguments)
    for words, of in _kept(formula):
        moved = tuple(map(of, arguments))
        if alike(formula.right(moved), right) and not alike(asked(formula, submission, moved), own):
            yield f"The result changes where {words}; it should not."
    ratios = [_ratios(formula, submission, formula.draw(draws, *shape, 1.0)) for shape in ((5, 4), (3, 6), (4, 3))]
    (one, wanted), *others = ratios
    same = all(abs(a - one) < 1e-3 * abs(one) and abs(b - wanted) < 1e-3 * abs(wanted) for a, b in others)
    if same and abs(one - wanted) > 0.01 * abs(wanted):
        both = " and ".join(formula.arguments)
        times = "as large as before" if abs(one - 1) < 1e-3 else f"{number(round(one, 3))} times as large"
        yield f"Where {both} are twice as large, the result is {times}; it should be {number(round(wanted, 3))} times."
    elif not same and (more := _grows_by(formula, submission, arguments)):
        both = " and ".join(formula.arguments)
        yield f"For usual numbers, each time that {both} are twice as large {more}: it goes with their logarithm."


def _kept(formula: Formula) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """What may be done to all arguments without another result, for some losses."""
    yield "the examples are in another order", lambda t: t.roll(1, 0)
    yield f"the {formula.features} are in another order", lambda t: t.roll(1, -1)
    yield "every example is there twice", lambda t: t.repeat(2, 1)
    yield f"the same number is added to {' and '.join(formula.arguments)}", lambda t: t + 0.7


def _grows_by(formula: Formula, submission: Submission, arguments: Arguments) -> str | None:
    """By how much the result grows wherever the arguments are doubled, if that is the same."""
    sizes = [float(asked(formula, submission, tuple(TWICE**i * t for t in arguments))) for i in range(4)]
    if not all(map(math.isfinite, sizes)):
        return None
    steps = [later - earlier for earlier, later in itertools.pairwise(sizes)]
    if min(steps) <= 0.01 or max(steps) - min(steps) > 0.02 * max(steps):
        return None
    columns = f"{arguments[0].shape[-1]} {formula.features}"
    return f"the result grows by the same, about {steps[-1]:.3g} where there are {columns}"


def _ratios(formula: Formula, submission: Submission, arguments: Arguments) -> tuple[float, float]:
    """How many times as large an answer is where the arguments are twice as large, and how many times it should be."""
    larger = tuple(TWICE * t for t in arguments)
    own = [float(asked(formula, submission, a)) for a in (larger, arguments)]
    right = [float(formula.right(a)) for a in (larger, arguments)]
    return own[0] / own[1], right[0] / right[1]
