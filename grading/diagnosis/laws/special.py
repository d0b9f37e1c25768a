"""What a loss answers in special situations: held against a law, and explained by a number in one place."""

from __future__ import annotations

import itertools
from typing import Any

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from . import bends, wholes
from .asking import ask
from .terms import Arguments, Formula, Found

Answered = list[tuple[Arguments, Any]]


def bend(
    formula: Formula, found: Found | None, ordinary: Answered, submission: Submission, draws: Draws
) -> tuple[str, bends.Value] | None:
    """The bend that explains special situations beside a law, or all answers where there is none."""
    answered = _special(formula, found, submission, draws) + (ordinary if found is None else [])
    again: Answered = []
    ways = [bends.find(formula, found, _finite(answered))]
    if found is None:
        ways += [bends.reduced_otherwise(formula, _finite(answered)), wholes.find(formula, _finite(answered))]
    for words, value in itertools.chain(*ways):
        # One that does not hold again would take the rest of the law with it.
        again = again or _finite(_special(formula, found, submission, draws))
        if all(bends.near(value(a), own) for a, own in again):
            return words, value
    return None


def is_usual(formula: Formula, found: Found, submission: Submission, draws: Draws) -> bool:
    """Whether a law holds in all situations that training meets, too, and not only where no number is special."""
    drawn = [draw(draws) for words, draw in formula.situations if words in formula.usual]
    answered = _finite([(arguments, asked(formula, submission, arguments)) for arguments in drawn])
    return not found.sentences or all(bends.near(found.value(a), own) for a, own in answered)


def _special(formula: Formula, found: Found | None, submission: Submission, draws: Draws) -> Answered:
    """What is answered in special situations."""
    drawn = [draw(draws) for _, draw in formula.situations]
    special = [arguments for arguments in drawn if len({a.shape for a in arguments}) == 1]
    if found is not None and _exchanges(found, special):
        special += [tuple(reversed(arguments)) for arguments in special]
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
