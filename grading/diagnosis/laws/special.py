"""What a loss answers in special situations: held against a law, and explained by a number in one place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from . import bends, wholes
from .asking import ask
from .law import number
from .terms import Arguments, Formula, Found

Answered = list[tuple[Arguments, Any]]


CLEARLY = 10.0
"""A bend that is so many times as near to what is answered is another one."""


def bend(
    formula: Formula, found: Found | None, ordinary: Answered, submission: Submission, draws: Draws
) -> tuple[str, bends.Value] | None:
    """The bend that explains special situations beside a law, or all answers where there is none."""
    answered = _finite(_special(formula, found, submission, draws) + (ordinary if found is None else []))
    ways = [bends.find(formula, found, answered)]
    if found is None:
        ways += [bends.reduced_otherwise(formula, answered), wholes.find(formula, answered)]
        ways.append(_beside_constant(formula, answered, submission, draws))
    return _chosen(ways, formula, found, submission, draws)


def instead(
    formula: Formula, found: Found, ordinary: Answered, submission: Submission, draws: Draws
) -> tuple[str, bends.Value] | None:
    """The bend that explains all answers, where a law explains some, and would have to have a bend beside it."""
    special = _finite(_special(formula, None, submission, draws))
    if all(bends.near(found.value(a), own) for a, own in special):
        return None
    answered = special + _finite(ordinary)
    ways = [bends.alone(formula, answered)]
    if len(found.sentences) > 1:
        ways.append(bends.reduced_otherwise(formula, answered))
    return _chosen(ways, formula, None, submission, draws)


def _chosen(
    ways: list[Iterator[tuple[str, bends.Value]]],
    formula: Formula,
    found: Found | None,
    submission: Submission,
    draws: Draws,
) -> tuple[str, bends.Value] | None:
    """The bend of the first way that gives any that hold again."""
    again: Answered = []
    for way in ways:
        several = []
        for words, value in way:
            # One that does not hold again would take the rest of the law with it.
            again = again or _finite(_special(formula, found, submission, draws))
            if all(bends.near(value(a), own) for a, own in again):
                several.append((words, value))
        if several:
            return several[0] if len(several) == 1 else _nearest(several, formula, found, submission, draws)
    return None


def _nearest(
    several: list[tuple[str, bends.Value]], formula: Formula, found: Found | None, submission: Submission, draws: Draws
) -> tuple[str, bends.Value]:
    """The first of several bends than which none is clearly nearer to what is answered in float64.

    What is lost in rounding may be all that parts them: a logarithm beside an exponential that is cut off too.
    """
    answered = _finite(_special(formula, found, submission, draws, torch.float64))
    gaps = [
        max(
            (float((value(a).double() - own.double()).abs().max() / (own.abs().max() + 1)) for a, own in answered),
            default=0.0,
        )
        for _, value in several
    ]
    return next(one for one, gap in zip(several, gaps, strict=True) if gap <= CLEARLY * min(gaps) + 1e-9)


def _beside_constant(
    formula: Formula, answered: Answered, submission: Submission, draws: Draws
) -> Iterator[tuple[str, bends.Value]]:
    """The bends that give all answers beside a constant, which is what is answered where the right value is 0."""
    rest = _at_rest(formula, submission, draws)
    if rest is None:
        return
    constant, of_features = rest

    def added(a: Arguments) -> float:
        return constant * (a[0].shape[-1] if of_features else 1)

    less = [(a, own.double() - added(a)) for a, own in answered]
    what = f"for each of the {formula.features}" if of_features else "to each example"
    for words, value in bends.alone(formula, less):
        yield f"{words} And {number(constant)} is added {what}.", lambda a, value=value: value(a) + added(a)  # type: ignore[misc]


def _at_rest(formula: Formula, submission: Submission, draws: Draws) -> tuple[float, bool] | None:
    """What is answered where it should be 0, and whether that is so of each feature; None if that is no constant."""
    found: list[tuple[float, int]] = []
    for _, draw in formula.rests * 2:
        arguments = draw(draws)
        for columns in (1, arguments[0].shape[-1]):
            own = asked(formula, submission, tuple(a[:, :columns] for a in arguments))
            if not isinstance(own, torch.Tensor) or own.numel() != 1 or not bool(own.isfinite()):
                return None
            found.append((float(own), columns))
    values = [value for value, _ in found]
    shares = [value / columns for value, columns in found]
    for of_features, several in ((False, values), (True, shares)):
        if several and abs(several[0]) > 1e-4 and max(several) - min(several) <= 1e-4 * abs(several[0]):
            return several[0], of_features
    return None


def is_usual(formula: Formula, found: Found, submission: Submission, draws: Draws) -> bool:
    """Whether a law holds in all situations that training meets, too, and not only where no number is special."""
    drawn = [draw(draws) for words, draw in formula.situations if words in formula.usual]
    answered = _finite([(arguments, asked(formula, submission, arguments)) for arguments in drawn])
    return not found.sentences or all(bends.near(found.value(a), own) for a, own in answered)


def _special(
    formula: Formula, found: Found | None, submission: Submission, draws: Draws, dtype: torch.dtype | None = None
) -> Answered:
    """What is answered in special situations and in a sweep of others, in another dtype where one is given."""
    drawn = [draw(draws) for draw in (*(draw for _, draw in formula.situations), *formula.sweep)]
    special = [arguments for arguments in drawn if len({a.shape for a in arguments}) == 1]
    if found is not None and _exchanges(found, special):
        special += [tuple(reversed(arguments)) for arguments in special]
    if dtype is not None:
        special = [tuple(a.to(dtype) for a in arguments) for arguments in special]
    return [(arguments, asked(formula, submission, arguments)) for arguments in special]


def _exchanges(found: Found, special: list[Arguments]) -> bool:
    """Whether one argument gets the place of the other."""
    if not found.changes or not special or len(special[0]) != 2:
        return False
    return torch.equal(found.changed(special[0])[0], special[0][1].double())


def _finite(answered: Answered) -> Answered:
    return [(a, own) for a, own in answered if isinstance(own, torch.Tensor) and bool(own.isfinite().all())]


def asked(formula: Formula, submission: Submission, arguments: Arguments) -> Any:
    """What a loss answers, or what it raises."""
    answer = ask(lambda: formula.call(submission, arguments))
    return answer.detach() if isinstance(answer, torch.Tensor) else answer
