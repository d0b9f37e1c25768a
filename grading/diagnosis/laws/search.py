"""Finds the explanation of a loss with the fewest mistakes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

from .reduction import BY_NAME, REDUCTIONS, Reduction
from .terms import OUTERS, Arguments, Change, Formula, Found, Outer, Tensor, Term, snapped

Variant = tuple[tuple[Change, ...], tuple[Term, ...], tuple[str, ...]]
"""What is done to the arguments, the terms, and what is said of terms that stand in the place of others."""
SINGLE = ((1, 1),) * 12
SEVERAL = ((2, 3), (5, 2), (4, 7), (3, 3), (2, 5), (6, 4), (2, 4), (4, 3), (2, 2))
"""Shapes of more than one example and column, for a function that has no answer to less."""
MOST_CANCELLED = 30.0
"""How many times as large as an answer, or as 1, its terms may be where rounding is bounded by their size."""
SPARE = 4
"""So many more answers than unknown weights there have to be."""
FIRST = 3
"""So many answers to several elements are looked at first."""
MODERATE = (*SINGLE, (1, 4), (3, 1), *SEVERAL)


@dataclass
class Search:
    """Looks for the explanation with the fewest mistakes.

    Args:
        formula: of the function.
        cases: arguments.
        answers: what was answered to them.
        until: when to give up, on the monotonic clock.
    """

    formula: Formula
    cases: list[Arguments]
    answers: list[Tensor]
    until: float

    def __post_init__(self) -> None:
        self._doubles = [tuple(a.double() for a in case) for case in self.cases]
        single = [case for case in self._doubles if case[0].numel() == 1]
        self._count = len(single)
        self._single = tuple(torch.stack(column) for column in zip(*single, strict=True))
        self._columns: dict[tuple[int, ...], Tensor] = {}
        self._targets: dict[tuple[int, int], list[Tensor]] = {}
        self._shallow: list[list[Found]] | None = None
        right = [BY_NAME[self.formula.reduction]]
        rest = [r for r in REDUCTIONS if r.name != self.formula.reduction]
        self._reductions = (
            right + [r for r in rest if self._of_shape(r)]
            if self._of_shape(right[0])
            else [r for r in rest if self._of_shape(r)]
        )

    def _of_shape(self, reduction: Reduction) -> bool:
        pairs = zip(self._doubles, self.answers, strict=True)
        return all(reduction.apply(case[0]).shape == answer.shape for case, answer in pairs)

    def best(self, *, deep: bool) -> Found | None:
        """The explanation with the fewest mistakes, or None.

        Args:
            deep: look for two mistakes and three as well, of which there are thousands.
        """
        found: Found | None = None
        for stage, fits in enumerate(self._stages(deep=deep)):
            for result in fits:
                if not _has_trace(result) and (found is None or len(result.sentences) < len(found.sentences)):
                    found = result
            if found is not None and len(found.sentences) <= stage + 2:
                return found
        return found

    def _stages(self, *, deep: bool) -> Iterator[Iterable[Found]]:
        """What fits, of one mistake after the other, then of two, then of three; until there is no more time."""
        terms = self.formula.terms
        if self._shallow is None:
            self._shallow = [list(self._fitting([((), terms, ())])), list(self._fitting(self._one()))]
        yield from self._shallow
        if deep and (not self._count or not self._possible((), terms, None)):  # else elements are right one by one
            yield self._fitting(self._two())
            yield self._fitting(self._three())

    def _fitting(self, variants: Iterable[Variant]) -> Iterator[Found]:
        for variant in variants:
            if time.monotonic() > self.until:
                return
            yield from self._fits(*variant)

    def _one(self) -> Iterator[Variant]:
        terms = self.formula.terms
        for change in self.formula.changes:
            yield (change,), terms, ()
        for columns, words in self._substituted():
            yield (), columns, (words,)
        for words, columns in self.formula.variants:
            yield (), columns, (words,)
        for extra in self.formula.extras:
            yield (), (*terms, extra), ()

    def _two(self) -> Iterator[Variant]:
        terms, extras, changes = self.formula.terms, self.formula.extras, self.formula.changes
        for two in itertools.permutations(changes, 2):
            yield two, terms, ()
        for change, (columns, words) in itertools.product(changes, list(self._substituted())):
            yield (change,), columns, (words,)
        for change, extra in itertools.product(changes, extras):
            yield (change,), (*terms, extra), ()
        for (columns, words), extra in itertools.product(list(self._substituted()), extras):
            yield (), (*columns, extra), (words,)
        for (words, columns), change in itertools.product(self.formula.variants, changes):
            if not self._is_the_same(change, columns):
                yield (change,), columns, (words,)
        for words, columns in self.formula.variants:
            for i, term in enumerate(columns):
                for also, of in term.instead:
                    yield (), (*columns[:i], self._as(term, of), *columns[i + 1 :]), (words, also)
        for pair in itertools.combinations(extras, 2):
            yield (), (*terms, *pair), ()
        for one, other in itertools.combinations(range(len(terms)), 2):
            for (words, of), (also, also_of) in itertools.product(terms[one].instead, terms[other].instead):
                columns_ = list(terms)
                columns_[one], columns_[other] = self._as(terms[one], of), self._as(terms[other], also_of)
                yield (), tuple(columns_), (words, also)

    def _three(self) -> Iterator[Variant]:
        terms = self.formula.terms
        for change, pair in itertools.product(self.formula.changes, itertools.combinations(self.formula.extras, 2)):
            yield (change,), (*terms, *pair), ()

    def _substituted(self) -> Iterator[tuple[tuple[Term, ...], str]]:
        for i, term in enumerate(self.formula.terms):
            for words, of in term.instead:
                columns = list(self.formula.terms)
                columns[i] = self._as(term, of)
                yield tuple(columns), words

    def _is_the_same(self, change: Change, columns: tuple[Term, ...]) -> bool:
        """Whether terms add up to what the right ones do once an argument is changed, as where it is never negative."""
        if not self._count:
            return False
        own, right = (
            torch.stack([term.weight * self._column((change,), term) for term in terms]).sum(0)
            for terms in (columns, self.formula.terms)
        )
        return torch.allclose(own, right, rtol=1e-6, atol=1e-6)

    @staticmethod
    def _as(term: Term, of: Callable[..., Tensor]) -> Term:
        return Term(term.words, term.weight, of)

    def _fits(self, changes: tuple[Change, ...], columns: tuple[Term, ...], said: tuple[str, ...]) -> Iterator[Found]:
        plain = not changes and not said and len(columns) == len(self.formula.terms)
        outers = [outer for outer in (None, *(OUTERS if plain else ())) if self._possible(changes, columns, outer)]
        if not outers:
            return
        stacks = [_stack(case, changes, columns) for case in self._doubles[self._count :]]
        single = torch.stack([self._column(changes, term) for term in columns], 1) if self._count else None
        for reduction in self._reductions:
            for outer in outers:
                fit = self._linear if reduction.linear else self._by_elements
                weights = fit(single, stacks, reduction, self._wanted(outer, self.answers))
                if weights is not None:
                    yield Found(self.formula, columns, weights, changes, reduction, outer, said)

    def _linear(
        self, single: Tensor | None, stacks: list[Tensor], reduction: Reduction, wanted: list[Tensor]
    ) -> tuple[float, ...] | None:
        """The weights that make all answers: most reductions are out by a few of them already."""
        elements = [] if single is None else [reduction.apply(single[:, :, None, None]).reshape(self._count, -1)]
        weights = None
        for count in (FIRST, len(stacks)):
            own = torch.cat(wanted[: self._count + count])
            reduced = [reduction.apply(stack).reshape(len(stack), -1).T for stack in stacks[:count]]
            matrix = torch.cat(elements + reduced)
            seen = torch.isfinite(matrix).all(1)
            if bool(torch.isfinite(own[~seen]).any()):
                return None  # one example has an answer where it is to have none
            if count < len(stacks) and int(seen.sum()) < matrix.shape[1] + SPARE:
                continue
            weights = _solved(matrix, own)
            if weights is None:
                return None
        return weights

    def _by_elements(
        self, single: Tensor | None, stacks: list[Tensor], reduction: Reduction, wanted: list[Tensor]
    ) -> tuple[float, ...] | None:
        """The weights that single elements show, if a reduction that is not linear makes all answers of them."""
        if single is None:
            return None
        weights = _solved(single, torch.cat(wanted[: self._count]))
        if weights is None:
            return None
        factors = torch.tensor(weights, dtype=single.dtype)
        elements = single @ factors
        parts = [elements[:, None, None], *((factors[:, None, None] * stack).sum(0) for stack in stacks)]
        owns = [torch.cat(wanted[: self._count]), *wanted[self._count :]]
        for part, own in zip(parts, owns, strict=True):
            predicted = reduction.apply(part).reshape(-1)
            if not (torch.isfinite(own).all() and _close(predicted, own, predicted.abs() + own.abs())):
                return None
        return weights

    def _possible(self, changes: tuple[Change, ...], columns: tuple[Term, ...], outer: Outer | None) -> bool:
        """Whether single elements, of which no reduction makes anything else, are not against it."""
        if not self._count:
            return outer is None
        wanted = torch.cat(self._wanted(outer, self.answers[: self._count]))
        if not torch.isfinite(wanted).all() or len(wanted) != self._count:
            return outer is None  # a reduction that has no answer for one example
        matrix = torch.stack([self._column(changes, term) for term in columns], 1)
        if not bool(matrix.any()):
            return not bool(wanted.any())  # of one element alone nothing is left
        return _solved(matrix, wanted) is not None

    def _column(self, changes: tuple[Change, ...], term: Term) -> Tensor:
        """The values of a term at single elements, each computed once."""
        key = (*map(id, changes), id(term.of))
        if key not in self._columns:
            self._columns[key] = _stack(self._single, changes, (term,)).reshape(-1)
        return self._columns[key]

    def _wanted(self, outer: Outer | None, answers: list[Tensor]) -> list[Tensor]:
        """What the weights have to make, before something is done to the whole."""
        key = (id(outer), len(answers))
        if key not in self._targets:
            self._targets[key] = [
                (a.double() if outer is None else outer.inverse(a.double())).reshape(-1) for a in answers
            ]
        return self._targets[key]


def _has_trace(found: Found) -> bool:
    """Whether a term counts so little that nothing would be said of it, and yet is needed: it stands for another.

    Where several count the same trace of what they should, they have one weight, and stand for nothing.
    """
    if max(map(abs, found.weights)) <= 0.05:
        return False
    pairs = zip(found.columns, found.weights, strict=True)
    traces = [(term, weight) for term, weight in pairs if 2e-5 < abs(weight) < 2e-3]
    shares = [weight / term.weight if term.weight else 0.0 for term, weight in traces]
    alike = all(abs(share - shares[0]) < 0.01 * abs(share) for share in shares)
    return bool(traces) and not (len(traces) > 2 and alike)


def _stack(arguments: Arguments, changes: tuple[Change, ...], columns: tuple[Term, ...]) -> Tensor:
    """The values of each term, one matrix or several a term."""
    shape = arguments[0].shape
    for change in changes:
        arguments = change.of(*arguments)
    return torch.stack([term.of(*arguments).expand(shape) for term in columns])


def _solved(matrix: Tensor, wanted: Tensor) -> tuple[float, ...] | None:
    """The weights of the columns that give what is wanted; None if none do."""
    seen = torch.isfinite(matrix).all(1)
    if not torch.isfinite(wanted[seen]).all():
        return None
    matrix, wanted = matrix[seen], wanted[seen]
    if len(wanted) < matrix.shape[1] + SPARE:
        return None
    weights = torch.linalg.lstsq(matrix, wanted[:, None], driver="gelsd").solution[:, 0]
    scale = matrix.abs()
    if not _close(matrix @ weights, wanted, scale @ weights.abs()):
        return None
    rounded = torch.tensor([snapped(float(weight)) for weight in weights], dtype=weights.dtype)
    best = rounded if _close(matrix @ rounded, wanted, scale @ rounded.abs()) else weights
    return tuple(float(weight) for weight in best) if float(best.abs().max()) > 1e-6 else None


def _close(predicted: Tensor, wanted: Tensor, scale: Tensor) -> bool:
    # Terms that nearly cancel explain anything, if what they leave may be as far off as they are large.
    bounded = torch.minimum(scale, MOST_CANCELLED * (wanted.abs() + 1))
    return bool(((predicted - wanted).abs() <= 3e-5 * bounded + 3e-6).all())
