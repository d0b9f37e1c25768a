"""The terms of a loss, what may be done to them, and what is said of it.

All that is linear in the weights is found by least squares (``search``); for the rest there are lists.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .law import number
from .reading import start
from .reduction import BY_NAME, REDUCTIONS, Reduction, sentence

Tensor = torch.Tensor
Arguments = tuple[Tensor, ...]
Drawn = Callable[[Draws], Arguments]
"""How arguments are made."""


@dataclass(frozen=True)
class Term:
    """One term of a formula, for each element.

    Attributes:
        words: what it is, as in "mu squared".
        weight: what it should count.
        of: its values, of the shape of the arguments.
        instead: what it may be mistaken for: words for the whole mistake, and the values.
        outside: the words of the term of the formula that it is, where that stands outside the sum.
    """

    words: str
    weight: float
    of: Callable[..., Tensor]
    instead: tuple[tuple[str, Callable[..., Tensor]], ...] = ()
    outside: str = ""


@dataclass(frozen=True)
class Change:
    """Something that is done to the arguments before the formula.

    Attributes:
        words: the whole mistake as a sentence.
        of: the arguments that the formula then sees.
    """

    words: str
    of: Callable[..., Arguments]


@dataclass(frozen=True)
class Outer:
    """Something that is done to the result.

    Attributes:
        words: the whole mistake as a sentence.
        of: the function.
        inverse: back from the result.
    """

    words: str
    of: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]


OUTERS = (
    Outer("The square root is taken of the result.", torch.sqrt, torch.square),
    Outer("The logarithm is taken of the result.", torch.log, torch.exp),
    Outer("The result is squared.", torch.square, torch.sqrt),
    Outer("log(1 + ...) is taken of the result.", torch.log1p, torch.expm1),
    Outer("The exponential is taken of the result.", torch.exp, torch.log),
    Outer("The inverse of the result is returned.", torch.reciprocal, torch.reciprocal),
)


@dataclass(frozen=True)
class Formula:
    """A loss as the mathematics has it.

    Attributes:
        call: asks a submission at some arguments.
        arguments: their names.
        terms: what is added up, for each element.
        reduction: the right one, by its name.
        features: what the columns of the arguments are.
        draw: arguments of a shape ``(B, D)``: draws, B, D, and a scale.
        extras: terms that have no place in it.
        changes: what may be done to the arguments first.
        judged_at: the places of the arguments whose gradients are judged.
        variants: other terms in place of all, each with words for the whole mistake.
        situations: special arguments, in words ("a batch of one"), made from draws.
        elsewhere: the same arguments in another place, where a situation that they are in stays what it is.
        placed: the situations, by their words, of which that is not so.
        sweep: arguments far and wide, in which a number in one place has to explain every answer.
        usual: those of them, by their words, in which a law has to hold to be told at all.
        otherwise: other terms that add up to the same, through single ones of which gradients may pass or not.
        bends: families of mistakes with one number in them, ``bends.Bend``.
        readings: what the weights of all terms together may mean, by the words of each: a sentence, or None.
        rests: arguments where it is 0, in words, at which a result may be still that is random elsewhere.
        chances: what else may be random in it: a sentence, or None.
    """

    call: Callable[[Submission, Arguments], Any]
    arguments: tuple[str, ...]
    terms: tuple[Term, ...]
    reduction: str
    features: str
    draw: Callable[[Draws, int, int, float], Arguments]
    extras: tuple[Term, ...] = ()
    changes: tuple[Change, ...] = ()
    situations: tuple[tuple[str, Drawn], ...] = ()
    elsewhere: Callable[[Arguments], Arguments] | None = None
    placed: tuple[str, ...] = ()
    sweep: tuple[Drawn, ...] = ()
    usual: tuple[str, ...] = ()
    judged_at: tuple[int, ...] = (0, 1)
    variants: tuple[tuple[str, tuple[Term, ...]], ...] = ()
    otherwise: tuple[tuple[Term, ...], ...] = ()
    bends: tuple[Any, ...] = ()
    readings: tuple[Callable[[Mapping[str, float]], str | None], ...] = ()
    rests: tuple[tuple[str, Drawn], ...] = ()
    chances: tuple[Callable[[Formula, Submission, Draws], str | None], ...] = ()

    @property
    def judged(self) -> list[tuple[int, str]]:
        """The arguments whose gradients are judged, each with its place."""
        return [(i, self.arguments[i]) for i in self.judged_at]

    def elements(self, arguments: Arguments) -> Tensor:
        """The right terms, weighted and added up, for each element."""
        zero = torch.zeros_like(arguments[0])
        return sum((term.weight * term.of(*arguments) for term in self.terms), zero)

    def right(self, arguments: Arguments) -> Tensor:
        """The right value, in float64 and with gradients, in the dtype of the arguments."""
        doubles = tuple(a.double() for a in arguments)
        weighted = [term.weight * term.of(*doubles) for term in self.terms]
        return reduced(weighted, BY_NAME[self.reduction]).to(arguments[0].dtype)

    def weight(self, words: str) -> float:
        """What a term counts; 0 if there is none of that name, as in a formula that somebody else may have written."""
        return next((term.weight for term in self.terms if term.words == words), 0.0)

    def reduced(self, elements: Tensor) -> Tensor:
        """What the right reduction makes of a matrix."""
        return BY_NAME[self.reduction].apply(elements)


def reduced(weighted: Sequence[Tensor], reduction: Reduction) -> Tensor:
    """What a reduction makes of the sum of some matrices, which may have more columns in one than in another."""
    if len({matrix.shape for matrix in weighted}) == 1:
        return reduction.apply(torch.stack(tuple(weighted)).sum(0))
    return torch.stack([reduction.apply(matrix) for matrix in weighted]).sum(0)


@dataclass(frozen=True)
class Found:
    """One explanation of the values.

    Attributes:
        formula: of the function.
        columns: the terms, right ones first, each with what it is called.
        weights: what each column counts.
        changes: what is done to the arguments first, one after the other.
        reduction: how the elements become a number.
        outer: what is done to the result.
        said: sentences about terms that were mistaken for others.
    """

    formula: Formula
    columns: tuple[Term, ...]
    weights: tuple[float, ...]
    changes: tuple[Change, ...]
    reduction: Reduction
    outer: Outer | None = None
    said: tuple[str, ...] = ()

    def changed(self, arguments: Arguments) -> Arguments:
        """What the formula sees of these arguments, in float64."""
        changed: Arguments = tuple(a.double() for a in arguments)
        for change in self.changes:
            changed = change.of(*changed)
        return changed

    def value(self, arguments: Arguments, weights: Sequence[float] | None = None) -> Tensor:
        """What the function answers at these arguments, by this explanation."""
        changed = self.changed(arguments)
        pairs = zip(self.columns, self.weights if weights is None else weights, strict=True)
        value = reduced([weight * term.of(*changed) for term, weight in pairs], self.reduction)
        value = value if self.outer is None else self.outer.of(value)
        return value.to(arguments[0].dtype)

    @property
    def factor(self) -> float | None:
        """By what the right formula is multiplied, where no more than that is done to its result."""
        if self.outer is not None or self.said or self.reduction.name != self.formula.reduction:
            return None
        if len(self.columns) != len(self.formula.terms):
            return None
        ratios = [weight / term.weight for term, weight in zip(self.columns, self.weights, strict=True)]
        return ratios[0] if all(is_near(ratio, ratios[0]) for ratio in ratios) else None

    @property
    def sentences(self) -> list[str]:
        """One for each mistake in the values; none where they are right."""
        said = [change.words for change in self.changes] + list(self.said)
        by_words = {term.words: weight for term, weight in zip(self.columns, self.weights, strict=True)}
        meant = next(filter(None, (reading(by_words) for reading in self.formula.readings)), None)
        whole = self.reduction.name == self.formula.reduction
        said += weight_sentences(self.columns, self.weights, whole=whole) if meant is None else [meant]
        if not whole:
            said.append(sentence(self.reduction, BY_NAME[self.formula.reduction], self.formula.features))
        return said + ([self.outer.words] if self.outer is not None else [])


def reduced_otherwise(formula: Formula, found: Found | None, arguments: Arguments) -> Iterator[tuple[str, Tensor]]:
    """What the law gives with each other reduction, which may be another one for some sizes."""
    weights = tuple(term.weight for term in formula.terms)
    law = found or Found(formula, formula.terms, weights, (), BY_NAME[formula.reduction])
    for reduction in REDUCTIONS:
        if reduction.name != law.reduction.name:
            words = reduction.words.format(features=formula.features)
            yield f"a value {words}", replace(law, reduction=reduction).value(arguments)


def weight_sentences(columns: Sequence[Term], weights: Sequence[float], *, whole: bool = True) -> list[str]:
    """What is wrong with the weights: a factor of all, and what single terms have beside it.

    Args:
        columns: the terms.
        weights: of each.
        whole: whether the result as a whole has that factor, and not the terms of another sum or mean alone.
    """
    extra = [(term, weight) for term, weight in zip(columns, weights, strict=True) if not term.weight]
    if extra and all(is_near(weight, 0.0) for term, weight in zip(columns, weights, strict=True) if term.weight):
        parts = [t.words if is_near(w, 1.0) else f"{number(w)} times {t.words}" for t, w in extra]
        return [f"Something else is computed: {' plus '.join(parts)}."]
    right = [(term, weight / term.weight) for term, weight in zip(columns, weights, strict=True) if term.weight]
    factors = [1.0, *(ratio for _, ratio in right if abs(ratio) > 1e-9)]
    # The factor that leaves the fewest terms wrong; 1, if that is one of them.
    common = min(factors, key=lambda f: (sum(not is_near(r, f) for _, r in right) + (f != 1.0) / 2, factors.index(f)))
    said = [] if is_near(common, 1.0) else [common_factor(common, whole=whole)]
    for term, ratio in right:
        own = ratio / common
        outside = [pair for pair in extra if pair[0].outside == term.words and is_near(pair[1], common * term.weight)]
        if is_near(own, 1.0):
            continue
        if is_near(own, 0.0) and outside:
            extra = [pair for pair in extra if pair not in outside]
            said.append(f"{start(_of(term))} stands outside the sum: it counts once for each example.")
        elif is_near(own, 0.0):
            said.append(f"{start(_of(term))} is missing.")
        elif is_near(ratio, 1.0):
            said.append(f"But {_of(term)} counts as much as it should.")
        elif is_near(own, -1.0):
            said.append(f"The sign of {_of(term)} is wrong.")
        else:
            weight = number(ratio * term.weight)
            said.append(f"The weight of {_of(term)} is {weight}; it should be {number(term.weight)}.")
    return said + [added(term, weight) for term, weight in extra if not is_near(weight, 0.0)]


def added(term: Term, weight: float) -> str:
    """What is said of a term that has no place in the formula."""
    what = f"{term.words[0].upper()}{term.words[1:]} is added, {number(weight)} times"
    if term.words.startswith("a constant for each "):
        what = f"{number(weight)} is added {term.words.removeprefix('a constant ')}"
    return f"{what}; it has no place in the formula."


def _of(term: Term) -> str:
    """The term in a sentence: a formula needs to be called one, words do not."""
    return term.words if term.words.startswith(("the ", "a ")) else f"the term {term.words}"


def common_factor(factor: float, *, whole: bool = True) -> str:
    """What is said of a factor of all terms, and of the result as a ``whole`` unless they are put together wrongly."""
    subject = "The result" if whole else "What each element adds"
    if is_near(factor, -1.0):
        return (
            "The sign is wrong: the result is minus the right one, so that making it small makes the true loss large."
        )
    if is_near(factor, 2.0):
        return f"{subject} is twice what it should be: a factor of one half is missing, or something counts twice."
    if is_near(factor, 0.5):
        return f"{subject} is half of what it should be: there is a factor of one half too many."
    sign = ": the sign is wrong too" if factor < 0 else ""
    return f"Everything is multiplied by {number(factor)}{sign}."


def is_near(one: float, other: float) -> bool:
    """Whether two weights are the same to the eye."""
    return abs(one - other) < 2e-3 * max(1.0, abs(other))


def snapped(weight: float) -> float:
    """The weight as a simple fraction, if it is near to one."""
    for candidate in (round(weight * 24) / 24, round(weight * 10) / 10):
        if abs(weight - candidate) < 1e-3 * max(1.0, abs(candidate)):
            return candidate
    constants = (math.pi, math.log(2 * math.pi), math.log(2), math.log(math.pi), math.e)
    for candidate in (s * c * f for c in constants for f in (1, 0.5, 2, 0.25) for s in (1, -1)):
        if abs(weight - candidate) < 1e-3:
            return candidate
    return weight
