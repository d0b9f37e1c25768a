"""Losses that are no sum over their elements: a logarithm of a mean, a sum over another sum, an average of all pairs.

Their factors are measured, and each is held against all answers: those of ordinary arguments and of special ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from .bends import Value, near
from .law import number
from .terms import Arguments, Formula, Tensor, snapped

FEW = 9
"""So many answers are looked at first."""
LEAST = 1e-6
"""A factor that is smaller is none."""


@dataclass(frozen=True)
class Whole:
    """A family of losses, of which factors are to be found.

    Attributes:
        words: the whole mistake as a sentence, of these factors.
        columns: what the factors multiply, at some arguments.
    """

    words: Callable[[list[float]], str]
    columns: Callable[[Arguments], list[Tensor]]


def find(formula: Formula, answered: list[tuple[Arguments, Tensor]]) -> Iterator[tuple[str, Value]]:
    """Those that give all these answers: in words, and as what they predict."""
    usable = [(tuple(t.double() for t in a), own.double()) for a, own in answered if own.dim() == 0]
    if len(usable) < len(answered):
        return
    for whole in (*_logarithms(formula), *_quotients(formula), *_pairs(formula)):
        # A few answers tell most of them that they are not the one.
        factors = _fitted(whole, usable) if _fitted(whole, usable[-FEW:]) is not None else None
        if factors is None:
            continue

        def predicted(a: Arguments, whole: Whole = whole, factors: list[float] = factors) -> Tensor:
            columns = whole.columns(tuple(t.double() for t in a))
            return sum((f * c for f, c in zip(factors, columns, strict=True)), torch.zeros_like(columns[0]))

        if all(near(predicted(a), own) for a, own in usable):
            yield whole.words(factors), predicted


def _fitted(whole: Whole, answered: list[tuple[Arguments, Tensor]]) -> list[float] | None:
    """The factors by least squares, each as somebody may have written it; None if there are none."""
    matrix = torch.stack([torch.stack(whole.columns(a)) for a, _ in answered])
    wanted = torch.stack([own for _, own in answered])
    if not bool(torch.isfinite(matrix).all()) or len(wanted) < matrix.shape[1] + 4:
        return None
    weights = 1 / (wanted.abs() + 1e-2)  # large answers would decide alone
    solved = torch.linalg.lstsq(weights[:, None] * matrix, (weights * wanted)[:, None], driver="gelsd").solution[:, 0]
    if not bool(((matrix @ solved - wanted).abs() <= 1e-3 * wanted.abs() + 1e-4).all()):
        return None
    factors = [snapped(float(factor)) for factor in solved]
    return factors if abs(factors[0]) > LEAST else None


def _times(factor: float, what: str) -> str:
    return what if abs(factor - 1) < LEAST else f"{number(factor)} times {what}"


def _logarithms(formula: Formula) -> Iterator[Whole]:
    """A factor of the logarithm of a sum or mean of the elements, and a constant."""
    features = formula.features
    elements = formula.elements
    inner: tuple[tuple[str, Callable[[Arguments], Tensor]], ...] = (
        ("the mean of what all elements add", lambda a: elements(a).mean().log()),
        (f"what the elements add, summed over the {features} and averaged over the batch",
         lambda a: elements(a).sum(-1).mean().log()),
        ("the sum of what all elements add", lambda a: elements(a).sum().log()),
        ("the mean of an example's elements, averaged over the batch", lambda a: elements(a).mean(-1).log().mean()),
        ("what an example adds, averaged over the batch", lambda a: elements(a).sum(-1).log().mean()),
        (f"what each element adds, summed over the {features} and averaged over the batch",
         lambda a: elements(a).log().sum(-1).mean()),
    )  # fmt: skip
    for words, of in inner:
        for count, width in (("", lambda a: 1), (f"the number of {features} times ", lambda a: a[0].shape[-1])):

            def said(factors: list[float], words: str = words, count: str = count) -> str:
                what = _times(factors[0], f"{count}the logarithm of {words}")
                more = f", plus {number(factors[1])}{count and f' times the number of {features}'}"
                return f"The result is {what}{more if abs(factors[1]) > LEAST else ''}."

            yield Whole(
                said,
                lambda a, of=of, width=width: [width(a) * of(a), torch.full_like(of(a), width(a))],  # type: ignore[misc]
            )


SIZES: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("the sum of the sizes", lambda t: t.abs().sum(-1)),
    ("the sum of the squares", lambda t: t.square().sum(-1)),
    ("the root of the sum of the squares", lambda t: t.square().sum(-1).sqrt()),
    ("the largest", lambda t: t.amax(-1)),
    ("the variance", lambda t: t.var(-1, unbiased=False)),
    ("the variance (unbiased)", lambda t: t.var(-1, unbiased=t.shape[-1] > 1)),
    ("the standard deviation", lambda t: t.std(-1, unbiased=False)),
    ("the standard deviation (unbiased)", lambda t: t.std(-1, unbiased=t.shape[-1] > 1)),
)
"""What may be taken of a row, or of all numbers in one row."""


def _quotients(formula: Formula) -> Iterator[Whole]:
    """What all elements or those of an example add, over something that is computed of one of the arguments."""
    for place, name in enumerate(formula.arguments):
        for words, size in SIZES:
            for count, power in (("", 0), (f" and multiplied by the number of {formula.features}", 1)):

                def said(factors: list[float], tail: str) -> str:
                    more = "" if abs(factors[0] - 1) < LEAST else f", and multiplied by {number(factors[0])}"
                    return f"{tail}{more}: it is relative to that."

                def of_all(
                    a: Arguments, place: int = place, size: Callable[[Tensor], Tensor] = size, power: int = power
                ) -> list[Tensor]:
                    return [formula.elements(a).sum() * a[0].shape[-1] ** power / size(a[place].reshape(-1))]

                def of_rows(
                    a: Arguments, place: int = place, size: Callable[[Tensor], Tensor] = size, power: int = power
                ) -> list[Tensor]:
                    return [(formula.elements(a).sum(-1) * a[0].shape[-1] ** power / size(a[place])).mean()]

                whole = f"What all elements add is summed and divided by {words} of {name}{count}"
                rows = f"What an example adds is divided by {words} of its {name.removeprefix('the ')}{count}"
                yield Whole(functools.partial(said, tail=whole), of_all)
                yield Whole(functools.partial(said, tail=rows), of_rows)


def _pairs(formula: Formula) -> Iterator[Whole]:
    """Each example of one argument with each of another, and not with its own alone."""
    if len(formula.arguments) != 2:
        return
    name, other = (argument.removeprefix("the ") for argument in formula.arguments)

    def every(a: Arguments) -> Tensor:
        return torch.stack([formula.elements((row.expand_as(a[1]), a[1])).sum(-1) for row in a[0]])

    for end, of in (
        ("averaged over all pairs", lambda a: [every(a).mean()]),
        ("summed over all pairs and divided by the number of examples", lambda a: [every(a).sum() / len(a[0])]),
        (f"averaged over the {formula.features} and over all pairs", lambda a: [every(a).mean() / a[0].shape[-1]]),
        ("summed over all pairs", lambda a: [every(a).sum()]),
    ):

        def said(factors: list[float], end: str = end) -> str:
            more = "" if abs(factors[0] - 1) < LEAST else f" and multiplied by {number(factors[0])}"
            what = f"every example's {name} with the {other} of every example, not of its own alone"
            return f"It compares {what}: {end}{more}."

        yield Whole(said, of)
