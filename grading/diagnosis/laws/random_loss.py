"""Losses that are random: what of them is, and what is so all the same.

A loss of one element is asked many times with the same seeds. Where its formula is monotone in an argument, what that
has become can be read back from the answer, and so can what is done to it at random; else the result itself is read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from . import chance
from .asking import alike
from .reading import is_or_are, start
from .special import asked
from .terms import Arguments, Formula, Tensor, added

REACHES = (4.0, 2.0, 1.0)
"""How far from an argument it may be found again."""
STEPS = 4001
"""Of the table from which an argument is read back: so many that a line between two is no error that counts."""
CANDIDATES = 8
"""Points from which two are chosen."""
CALLS = 120
"""Over which an average is taken."""
CONSTANTS = (math.log(2), math.log(2 * math.pi) / 2)
"""What a density may have beside what depends on its arguments: Laplace's and the normal one of scale 1."""


def sentences(formula: Formula, submission: Submission, draws: Draws) -> Iterator[str]:
    """What is random in a loss; where that is not known, where it is still, and what its average is."""
    what = known(formula, submission, draws)
    if what is not None:
        yield what
        return
    for extra, weight in itertools.product(formula.extras, CONSTANTS):
        if extra.words.startswith("a constant for each "):
            with_it = replace(formula, terms=(*formula.terms, replace(extra, weight=weight)))
            what = known(with_it, submission, draws)
            if what is not None:
                yield from (what, added(extra, weight))
                return
    yield "The result is random: two calls with the same arguments give different numbers."
    drawn = [(words, draw(draws)) for words, draw in (*formula.rests, *formula.situations)]
    still = (words for words, arguments in drawn if _is_still(formula, submission, arguments))
    for where in itertools.islice(still, 2):  # each by itself, as one may be so by chance
        yield f"{start(where)} it is the same in every call, though."
    yield from _average(formula, submission, draws)


def known(formula: Formula, submission: Submission, draws: Draws) -> str | None:
    """What random numbers do in a loss: to its result, to an argument, or as its item has it."""
    what = _of_result(formula, submission, draws) or _of_arguments(formula, submission, draws)
    return what or next(filter(None, (fact(formula, submission, draws) for fact in formula.chances)), None)


def _single(formula: Formula, submission: Submission, arguments: Arguments, seed: int) -> float:
    """The answer to one element, under a seed; not a number where there is none."""
    answer = asked(formula, submission.seeded(seed), arguments)  # type: ignore[arg-type]
    return float(answer) if isinstance(answer, torch.Tensor) and answer.numel() == 1 else math.nan


def _of_result(formula: Formula, submission: Submission, draws: Draws) -> str | None:
    """What is done to the result of one element, and to that of several."""
    drawn = [formula.draw(draws, 1, 1, 2.0) for _ in range(CANDIDATES)]
    drawn = sorted(drawn, key=lambda point: abs(float(formula.right(point))))
    points = drawn[len(drawn) // 2], drawn[-1]
    one, other = (formula.right(point).double().reshape(1) for point in points)

    def read(values: Tensor, seed: int) -> Tensor:
        point = points[0] if torch.equal(values, one) else points[1]
        return torch.tensor([_single(formula, submission, point, seed)], dtype=torch.float64)

    if float((one - other).abs()) < 0.1 or min(float(one.abs()), float(other.abs())) < 0.1:
        return None  # too near to each other, or to 0
    found = chance.found(read, one, other, draws)
    if found is None or found.kind == "drawn":
        return None
    if found.kind == "dropout":
        return f"What {_together(formula, submission, draws)} adds is {found.words}: that is a dropout."
    if found.kind == "factor":
        return f"The result is multiplied by {found.words}."
    return f"{start(found.words)} is added to {_whole(formula, submission, draws, float(found.noise.std()))}."


def _together(formula: Formula, submission: Submission, draws: Draws) -> str:
    """What a dropout takes as a whole: elements, examples or all of them."""

    def few(batch: int, width: int) -> bool:
        arguments = formula.draw(draws, batch, width, 1.5)
        answers = [_single(formula, submission, arguments, draws.seed()) for _ in range(chance.FEW)]
        return len({round(answer, 5) for answer in answers}) <= 2

    return "each element" if not few(1, 7) else "each example" if not few(7, 1) else "the whole batch"


def _whole(formula: Formula, submission: Submission, draws: Draws, size: float) -> str:
    """To what noise is added, by its spread in sixteen examples of four features, where each is half of the next.

    It is known to 8 %, so that one is taken for another in less than one case of 10 000.
    """
    arguments = formula.draw(draws, 16, 4, 1.5)
    answers = [_single(formula, submission, arguments, draws.seed()) for _ in range(CALLS)]
    ratio = float(torch.tensor(answers, dtype=torch.float64).std()) / size
    sizes = {"what each element adds": 0.5, "what each example adds": 0.25, "the result": 1.0}
    near = [words for words, expected in sizes.items() if abs(math.log(ratio / expected)) < 0.34]
    return near[0] if len(near) == 1 else "the result of one element"


def _of_arguments(formula: Formula, submission: Submission, draws: Draws) -> str | None:
    """What is done to an argument before the formula."""
    found: dict[str, chance.Chance] = {}
    for place, name in reversed(list(enumerate(formula.arguments))):  # of two that fit, the data
        of_place = _of_argument(formula, submission, draws, place, sized=not found)
        if of_place is not None:
            found[name] = of_place
    if not found:
        return None
    (name, of), *more = found.items()
    if of.kind == "drawn":
        return (
            f"{start(name)} {is_or_are(name)} made 0 or 1 at random, so that the same data count otherwise each time."
        )
    if of.kind == "dropout":
        return f"{start(name)} {is_or_are(name)} {of.words}, before the loss is computed: that is a dropout."
    if of.kind == "factor":
        return f"{start(name)} {is_or_are(name)} multiplied by {of.words} before the loss is computed."
    others = [other for other, its in more if its.kind == "added"]
    either = f", or taken off {others[0]}," if others else ""
    return f"{start(of.words)} is added to {name}{either} before the loss is computed."


def _of_argument(
    formula: Formula, submission: Submission, draws: Draws, place: int, *, sized: bool
) -> chance.Chance | None:
    """What is done to one argument, read back at two points where others differ too."""
    tables = [_Table(formula, formula.draw(draws, 1, 1, 3.0), place) for _ in range(CANDIDATES)]
    reach = sorted(table.reach for table in tables)[-3]  # of those that reach so far the two that are furthest apart
    tables = sorted((t for t in tables if t.reach >= reach), key=lambda t: float(t.arguments[place]))
    one, other = tables[0], tables[-1]
    at_one, at_other = (table.arguments[place].double().reshape(1) for table in (one, other))
    if not reach or float((at_one - at_other).abs()) < 0.05:
        return None

    def read(value: Tensor, seed: int) -> Tensor:
        table = one if torch.equal(value, at_one) else other
        return table.inverse(_single(formula, submission, table.arguments, seed))

    found = chance.found(read, at_one, at_other, draws, sized=sized)
    if found is not None and found.kind == "added" and float(found.noise.mean().abs()) > 4 * float(found.noise.std()):
        return None  # a constant beside it, which the formula lacks
    return found


class _Table:
    """The values of a formula around one of its arguments, as far as it is monotone there."""

    def __init__(self, formula: Formula, arguments: Arguments, place: int) -> None:
        self.arguments, self.reach = arguments, 0.0
        for reach in REACHES:
            self.places = arguments[place].double() + torch.linspace(-reach, reach, STEPS, dtype=torch.float64)[:, None]
            doubles = [a.double().expand(STEPS, 1) for a in arguments]
            doubles[place] = self.places
            self.values = formula.elements(tuple(doubles)).reshape(-1)
            steps = self.values.diff()
            # What hardly moves cannot be read back.
            if bool((steps > 0).all() or (steps < 0).all()) and float(steps.abs().min()) * STEPS > 0.1 * reach:
                self.reach = reach
                break
        if self.values[0] > self.values[-1]:
            self.values, self.places = self.values.flip(0), self.places.flip(0)

    def inverse(self, value: float) -> Tensor:
        """Where the formula has this value; not a number where it has it nowhere near."""
        i = int(torch.searchsorted(self.values, torch.tensor(value, dtype=torch.float64)))
        if not 0 < i < STEPS:
            return torch.full((1,), math.nan, dtype=torch.float64)
        share = (value - self.values[i - 1]) / (self.values[i] - self.values[i - 1])
        return self.places[i - 1] + share * (self.places[i] - self.places[i - 1])


def _is_still(formula: Formula, submission: Submission, arguments: Arguments) -> bool:
    """Whether many calls with these arguments give one number."""
    first, *others = (asked(formula, submission, arguments) for _ in range(12))
    return isinstance(first, torch.Tensor) and bool(first.isfinite().all()) and all(alike(o, first) for o in others)


def _average(formula: Formula, submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether the mean of many calls is right, to a few per cent, or off to one side, by six standard errors."""
    gaps = []
    for batch, width in ((6, 5), (5, 7), (8, 6)):
        arguments = formula.draw(draws, batch, width, 1.0)
        answers = torch.stack([asked(formula, submission, arguments) for _ in range(CALLS)]).double()
        if answers.dim() != 1 or not bool(answers.isfinite().all()):
            return
        right, error = float(formula.right(arguments)), float(answers.std()) / CALLS**0.5
        gaps.append(((float(answers.mean()) - right) / error, error / abs(right)))
    if all(abs(gap) < 4 and error < 0.015 for gap, error in gaps):
        yield "On average over many calls it is right, to a few per cent."
    for sign, words in ((1, "large"), (-1, "small")):
        if all(sign * gap > 6 for gap, _ in gaps):
            yield f"On average over many calls it is too {words}."
