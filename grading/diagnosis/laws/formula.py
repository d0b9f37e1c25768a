"""Losses: the terms of the right formula, and what may be done to them.

A loss is found in independent parts: what is done to the arguments first, how much each term counts, how the matrix of
terms becomes a number, and through which terms gradients pass. All that is linear in the weights is found by least
squares; for the rest there are lists.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import NO_GRADIENT, Raised, alike, ask, gradients
from .contrast import Probe
from .law import Law, Trial, number
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
    """

    words: str
    weight: float
    of: Callable[..., Tensor]
    instead: tuple[tuple[str, Callable[..., Tensor]], ...] = ()


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
    judged_at: tuple[int, ...] = (0, 1)
    variants: tuple[tuple[str, tuple[Term, ...]], ...] = ()

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
        value = BY_NAME[self.reduction].apply(self.elements(tuple(a.double() for a in arguments)))
        return value.to(arguments[0].dtype)


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

    def value(self, arguments: Arguments, weights: Sequence[float] | None = None) -> Tensor:
        """What the function answers at these arguments, by this explanation."""
        changed: Arguments = tuple(a.double() for a in arguments)
        for change in self.changes:
            changed = change.of(*changed)
        zero = torch.zeros_like(changed[0])
        weighted = zip(self.columns, self.weights if weights is None else weights, strict=True)
        value = self.reduction.apply(sum((weight * term.of(*changed) for term, weight in weighted), zero))
        value = value if self.outer is None else self.outer.of(value)
        return value.to(arguments[0].dtype)

    @property
    def sentences(self) -> list[str]:
        """One for each mistake in the values; none where they are right."""
        said = [change.words for change in self.changes] + list(self.said)
        said += weight_sentences(self.columns, self.weights)
        if self.reduction.name != self.formula.reduction:
            said.append(sentence(self.reduction, BY_NAME[self.formula.reduction], self.formula.features))
        return said + ([self.outer.words] if self.outer is not None else [])


def weight_sentences(columns: Sequence[Term], weights: Sequence[float]) -> list[str]:
    """What is wrong with the weights: a factor of all, and what single terms have beside it."""
    extra = [(term, weight) for term, weight in zip(columns, weights, strict=True) if not term.weight]
    if extra and all(_near(weight, 0.0) for term, weight in zip(columns, weights, strict=True) if term.weight):
        return [f"Something else is computed: {' plus '.join(f'{number(w)} times {t.words}' for t, w in extra)}."]
    right = [(term, weight / term.weight) for term, weight in zip(columns, weights, strict=True) if term.weight]
    factors = [1.0, *(ratio for _, ratio in right if abs(ratio) > 1e-9)]
    # The factor that leaves the fewest terms wrong; 1, if that is one of them.
    common = min(factors, key=lambda f: (sum(not _near(r, f) for _, r in right) + (f != 1.0) / 2, factors.index(f)))
    said = [] if _near(common, 1.0) else [_common(common)]
    for term, ratio in right:
        own = ratio / common
        if _near(own, 1.0):
            continue
        if _near(own, 0.0):
            said.append(f"The term {term.words} is missing.")
        elif _near(ratio, 1.0):
            said.append(f"But the term {term.words} counts as much as it should.")
        elif _near(own, -1.0):
            said.append(f"The sign of the term {term.words} is wrong.")
        else:
            weight = number(ratio * term.weight)
            said.append(f"The weight of the term {term.words} is {weight}; it should be {number(term.weight)}.")
    return said + [
        f"{term.words[0].upper()}{term.words[1:]} is added, {number(weight)} times; it has no place in the formula."
        for term, weight in extra
        if not _near(weight, 0.0)
    ]


def _common(factor: float) -> str:
    if _near(factor, -1.0):
        return (
            "The sign is wrong: the result is minus the right one, so that making it small makes the true loss large."
        )
    if _near(factor, 2.0):
        return "The result is twice what it should be: a factor of one half is missing, or something counts twice."
    if _near(factor, 0.5):
        return "The result is half of what it should be: there is a factor of one half too many."
    sign = " and the sign is wrong" if factor < 0 else ""
    return f"Everything is multiplied by {number(factor)}{sign}."


def _near(one: float, other: float) -> bool:
    return abs(one - other) < 2e-3 * max(1.0, abs(other))


SINGLE = ((1, 1),) * 12
MODERATE = (*SINGLE, (1, 4), (3, 1), (2, 3), (5, 2), (4, 7), (3, 3), (2, 5), (6, 4))


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
        columns = zip(*self._doubles[: len(SINGLE)], strict=True)
        self._single = tuple(torch.stack(column) for column in columns)
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

    def best(self) -> Found | None:
        """The explanation with the fewest mistakes, or None."""
        terms = self.formula.terms
        stages: list[Iterator[tuple[tuple[Change, ...], tuple[Term, ...], tuple[str, ...]]]] = [
            iter([((), terms, ())]),
            self._one(),
            self._two(),
        ]
        found: Found | None = None
        for stage, variants in enumerate(stages):
            for changed, columns, said in variants:
                if time.monotonic() > self.until:
                    return found
                for result in self._fits(changed, columns, said):
                    if found is None or len(result.sentences) < len(found.sentences):
                        found = result
            if found is not None and len(found.sentences) <= stage + 2:
                return found
        return found

    def _one(self) -> Iterator[tuple[tuple[Change, ...], tuple[Term, ...], tuple[str, ...]]]:
        terms = self.formula.terms
        for change in self.formula.changes:
            yield (change,), terms, ()
        for columns, words in self._substituted():
            yield (), columns, (words,)
        for words, columns in self.formula.variants:
            yield (), columns, (words,)
        for extra in self.formula.extras:
            yield (), (*terms, extra), ()

    def _two(self) -> Iterator[tuple[tuple[Change, ...], tuple[Term, ...], tuple[str, ...]]]:
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
            yield (change,), columns, (words,)
        for pair in itertools.combinations(extras, 2):
            yield (), (*terms, *pair), ()
        for one, other in itertools.combinations(range(len(terms)), 2):
            for (words, of), (also, also_of) in itertools.product(terms[one].instead, terms[other].instead):
                columns_ = list(terms)
                columns_[one], columns_[other] = self._as(terms[one], of), self._as(terms[other], also_of)
                yield (), tuple(columns_), (words, also)

    def _substituted(self) -> Iterator[tuple[tuple[Term, ...], str]]:
        for i, term in enumerate(self.formula.terms):
            for words, of in term.instead:
                columns = list(self.formula.terms)
                columns[i] = self._as(term, of)
                yield tuple(columns), words

    @staticmethod
    def _as(term: Term, of: Callable[..., Tensor]) -> Term:
        return Term(term.words, term.weight, of)

    def _fits(self, changes: tuple[Change, ...], columns: tuple[Term, ...], said: tuple[str, ...]) -> Iterator[Found]:
        plain = not changes and not said and len(columns) == len(self.formula.terms)
        outers = [outer for outer in (None, *(OUTERS if plain else ())) if self._possible(changes, columns, outer)]
        if not outers:
            return
        stacks = [_stack(case, changes, columns) for case in self._doubles]
        for reduction in self._reductions:
            matrix = torch.cat([reduction.apply(stack).reshape(len(columns), -1).T for stack in stacks])
            for outer in outers:
                weights = _solved(matrix, self._wanted(outer, self.answers))
                if weights is not None:
                    yield Found(self.formula, columns, weights, changes, reduction, outer, said)

    def _possible(self, changes: tuple[Change, ...], columns: tuple[Term, ...], outer: Outer | None) -> bool:
        """Whether single elements, of which no reduction makes anything else, are not against it."""
        wanted = self._wanted(outer, self.answers[: len(SINGLE)])
        if not torch.isfinite(wanted).all() or len(wanted) != len(SINGLE):
            return outer is None  # a reduction that has no answer for one example
        return _solved(_stack(self._single, changes, columns).reshape(len(columns), -1).T, wanted) is not None

    @staticmethod
    def _wanted(outer: Outer | None, answers: list[Tensor]) -> Tensor:
        return torch.cat([(a.double() if outer is None else outer.inverse(a.double())).reshape(-1) for a in answers])


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
    if len(wanted) < matrix.shape[1] + 4:
        return None
    weights = torch.linalg.lstsq(matrix, wanted[:, None], driver="gelsd").solution[:, 0]
    scale = matrix.abs()
    if not _close(matrix @ weights, wanted, scale @ weights.abs()):
        return None
    snapped = torch.tensor([_snapped(float(weight)) for weight in weights], dtype=weights.dtype)
    best = snapped if _close(matrix @ snapped, wanted, scale @ snapped.abs()) else weights
    return tuple(float(weight) for weight in best) if float(best.abs().max()) > 1e-6 else None


def _close(predicted: Tensor, wanted: Tensor, scale: Tensor) -> bool:
    return bool(((predicted - wanted).abs() <= 3e-5 * scale + 3e-6).all())


def _snapped(weight: float) -> float:
    """The weight as a simple fraction, if it is near to one."""
    for candidate in (round(weight * 24) / 24, round(weight * 10) / 10):
        if abs(weight - candidate) < 1e-3 * max(1.0, abs(candidate)):
            return candidate
    constants = (math.pi, math.log(2 * math.pi), math.log(2), math.log(math.pi), math.e)
    for candidate in (s * c * f for c in constants for f in (1, 0.5, 2, 0.25) for s in (1, -1)):
        if abs(weight - candidate) < 1e-3:
            return candidate
    return weight


def with_gradients(arguments: Arguments) -> Arguments:
    """The same arguments, where gradients are asked for."""
    return tuple(a.detach().clone().requires_grad_() for a in arguments)


def term_gradients(found: Found, arguments: Arguments, index: int) -> Tensor:
    """The gradient of each term's part of the value for one argument, as columns."""
    doubles = tuple(a.detach().double().requires_grad_() for a in arguments)
    columns = []
    for j, weight in enumerate(found.weights):
        if found.outer is None:
            part = found.value(doubles, [weight if k == j else 0.0 for k in range(len(found.weights))]).sum()
        else:
            part = found.value(doubles).sum() / len(found.weights)
        gradient = None
        if part.requires_grad:
            (gradient,) = torch.autograd.grad(part, doubles[index], allow_unused=True)
        columns.append((torch.zeros_like(doubles[index]) if gradient is None else gradient).reshape(-1))
    return torch.stack(columns, 1)


def _as_column(gradient: Any, like: Tensor) -> Tensor:
    return (torch.zeros_like(like) if gradient is NO_GRADIENT else gradient).double().reshape(-1)


def _same_column(own: Tensor, matrix: Tensor, counts: Tensor) -> bool:
    tolerance = 2e-4 * matrix.abs().sum(1) + 2e-5
    return bool(((matrix @ counts - own).abs() <= tolerance).all())


def gradient_sentences(found: Found, answered: list[tuple[Arguments, Any]]) -> tuple[list[str], list[Tensor]] | None:
    """What is wrong with the gradients, given the explanation of the values, and what each term's gradient counts.

    Args:
        found: explains the values.
        answered: arguments with gradients, and the answers.

    Returns:
        Sentences and, for each argument, what the gradient of each term counts; None if that explains nothing.
    """
    said: list[str] = []
    counts: list[Tensor] = []
    for i, name in found.formula.judged:
        owns = [gradients(answer, arguments)[i] for arguments, answer in answered]
        matrix = torch.cat([term_gradients(found, arguments, i) for arguments, _ in answered])
        target = torch.cat([_as_column(own, arguments[i]) for own, (arguments, _) in zip(owns, answered, strict=True)])
        ones = torch.ones(matrix.shape[1], dtype=matrix.dtype)
        if _same_column(target, matrix, ones):
            counts.append(ones)
            continue
        if not bool(target.any()):
            said.append(f"No gradient arrives at {name}: its computation is cut off, so nothing before it can learn.")
            counts.append(torch.zeros_like(ones))
            continue
        live = matrix.abs().amax(0) > 1e-9
        if not bool(live.any()) or not bool(torch.isfinite(matrix).all() and torch.isfinite(target).all()):
            return None
        solved = torch.linalg.lstsq(matrix[:, live], target[:, None], driver="gelsd").solution[:, 0]
        full = ones.clone()
        full[live] = torch.tensor([_snapped(float(weight)) for weight in solved], dtype=solved.dtype)
        if not _same_column(target, matrix, full):
            return None
        counts.append(full)
        alive = [(t, float(c)) for t, c, is_live in zip(found.columns, full, live, strict=True) if is_live]
        if all(_near(c, alive[0][1]) for _, c in alive):
            said.append(f"The gradient for {name} is {number(alive[0][1])} times that of the value that is returned.")
            continue
        for term, c in alive:
            if _near(c, 0.0):
                said.append(f"No gradient for {name} passes through the term {term.words}.")
            elif not _near(c, 1.0):
                said.append(
                    f"The gradient for {name} through the term {term.words} is {number(c)} times the right one."
                )
    return said, counts


def explain(formula: Formula, submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """The law of a loss that fits what it answers, if there is one."""
    cases = [formula.draw(draws, batch, width, 1.0) for batch, width in MODERATE]
    until = time.monotonic() + 0.6 * (until - time.monotonic())  # the rest is for contrasts
    answers = [ask(lambda case=case: formula.call(submission, case)) for case in cases]  # type: ignore[misc]
    if not all(isinstance(a, torch.Tensor) and a.dtype.is_floating_point for a in answers):
        return
    found = Search(formula, cases, [a.detach() for a in answers], until).best()
    if found is None:
        return
    points = [with_gradients(formula.draw(draws, batch, width, 1.0)) for batch, width in ((2, 3), (4, 2), (3, 5))]
    answered = [(point, ask(lambda point=point: formula.call(submission, point))) for point in points]  # type: ignore[misc]
    if any(isinstance(answer, Raised) for _, answer in answered):
        return
    about = gradient_sentences(found, answered)
    said = (*found.sentences, *(about[0] if about is not None else ()))
    if said:
        yield Law(said, _trials(found, about[1] if about is not None else None))


def _trials(found: Found, counts: list[Tensor] | None) -> Callable[[Submission, Draws], Iterator[Trial]]:
    formula = found.formula

    def trials(submission: Submission, draws: Draws) -> Iterator[Trial]:
        for batch, width in ((3, 4), (2, 6), (7, 3)):
            arguments = with_gradients(formula.draw(draws, batch, width, 1.0))
            answer = ask(lambda a=arguments: formula.call(submission, a))  # type: ignore[misc]
            fits = alike(answer, found.value(arguments).detach())
            right = formula.right(arguments)
            same = alike(answer, right.detach())
            slopes, right_slopes = gradients(answer, arguments), gradients(right, arguments)
            for place, (i, _) in enumerate(formula.judged):
                own, expected = slopes[i], right_slopes[i]
                column = _as_column(own, arguments[i])
                one = torch.ones(1, dtype=column.dtype)
                same = same and _same_column(column, _as_column(expected, arguments[i])[:, None], one)
                if counts is not None:
                    fits = fits and _same_column(column, term_gradients(found, arguments, i), counts[place])
            yield Trial(fits, same)

    return trials


def probes(formula: Formula) -> list[Probe]:
    """The questions of a contrast: an ordinary one, the special situations, float64, gradients, and the same again."""

    def value(draw: Callable[[Draws], Arguments]) -> Callable[[Submission, Draws], tuple[Any, Any]]:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            arguments = draw(draws)
            return formula.call(submission, arguments), formula.right(arguments)

        return put

    def slope(index: int) -> Callable[[Submission, Draws], tuple[Any, Any]]:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            arguments = with_gradients(ordinary(draws))
            answer = formula.call(submission, arguments)
            return gradients(answer, arguments)[index], gradients(formula.right(arguments), arguments)[index]

        return put

    def silent(submission: Submission, draws: Draws) -> tuple[Any, Any]:
        arguments = ordinary(draws)
        with torch.no_grad():
            return formula.call(submission, arguments), formula.right(arguments)

    def ordinary(draws: Draws) -> Arguments:
        return formula.draw(draws, draws.integer(3, 7), draws.integer(2, 6), 1.0)  # "always" is not for one shape

    def doubles(draws: Draws) -> Arguments:
        return tuple(a.double() for a in ordinary(draws))

    return [
        Probe("", value(ordinary)),
        Probe("for a batch of one", value(lambda draws: formula.draw(draws, 1, 5, 1.0))),
        Probe(
            f"where there is one of the {formula.features} only", value(lambda draws: formula.draw(draws, 4, 1, 1.0))
        ),
        *(Probe(words, value(draw)) for words, draw in formula.situations),
        Probe("in float64", value(doubles)),
        Probe("under torch.no_grad()", silent),
        *(Probe("", slope(i), f"The gradient for {name}") for i, name in formula.judged),
    ]
