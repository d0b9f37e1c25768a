"""Where the gradient of a loss is right and where none arrives, if that follows from the arguments of each element."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import NO_GRADIENT, alike, gradients
from .law import number
from .reading import inside
from .terms import Arguments, Formula, Tensor

Pairs = dict[int, list[tuple[Tensor, Tensor]]]
"""For places of arguments, the gradients that came and those of the value, for each question."""
SHAPES = ((6, 5), (5, 7), (8, 4))
FAR = 0.02
"""So far from the largest gradient, as a share of it, is no rounding and no number that was measured."""
LEAST = 8
"""So many elements of either kind are needed to tell by what they differ."""
FACTORS: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("{}", lambda a: a),
    ("the square of {}", lambda a: a**2),
    ("the size of {}", lambda a: a.abs()),
    ("1 / {}", lambda a: 1 / a),
    ("1 - {}", lambda a: 1 - a),
    ("exp({})", lambda a: a.exp()),
    ("exp({} / 2)", lambda a: (a / 2).exp()),
    ("exp(-{})", lambda a: (-a).exp()),
    ("exp(-{} / 2)", lambda a: (-a / 2).exp()),
    ("sigmoid({})", lambda a: a.sigmoid()),
    ("sigmoid({0}) (1 - sigmoid({0}))", lambda a: a.sigmoid() * (-a).sigmoid()),
)
"""What a gradient may be multiplied by in every element, if somebody writes it by hand."""


def sentences(
    formula: Formula, value: Callable[[Arguments], Tensor], submission: Submission, draws: Draws
) -> list[str]:
    """What is said of gradients that are right in some elements and 0 in the others.

    Args:
        formula: of the function.
        value: what it computes.
        submission: is asked.
        draws: of the arguments.
    """
    points, pairs_of = _asked(formula, value, submission, draws)
    said = []
    for i, name in formula.judged:
        pairs = pairs_of.get(i, [])
        if not pairs:
            continue
        own, right = (torch.cat([pair[k].double().reshape(-1) for pair in pairs]) for k in (0, 1))
        clear = right.abs() > 1e-4 * float(right.abs().max())
        off = clear & (own == 0)
        good = clear & ((own - right).abs() <= 1e-3 * right.abs() + 1e-6)
        if min(int(off.sum()), int(good.sum())) < LEAST or not bool((off | good | ~clear).all()):
            continue
        for words, feature in _features(formula, points):
            if float(feature[off].max()) < float(feature[good].min()):
                said.append(f"No gradient for {name} arrives where {words[0]}; elsewhere it is right.")
                break
            if float(feature[off].min()) > float(feature[good].max()):
                said.append(f"No gradient for {name} arrives where {words[1]}; elsewhere it is right.")
                break
    return said


def otherwise(
    formula: Formula, value: Callable[[Arguments], Tensor], submission: Submission, draws: Draws
) -> Iterator[str]:
    """What is said of gradients that are wrong in another way: bounds, or that they are not those of the value."""
    points, pairs_of = _asked(formula, value, submission, draws)
    is_right = all(alike(value(point).detach(), formula.right(point).detach()) for point in points)
    other = _of_another(formula, points, pairs_of) if is_right else None
    if other is not None:
        yield other
        return
    for i, name in formula.judged:
        pairs = pairs_of.get(i, [])
        if not pairs or any(float((own - right).abs().max()) < FAR * float(right.abs().max()) for own, right in pairs):
            continue
        bound = max(float(own.abs().max()) for own, _ in pairs)
        if all(bool(((right.clamp(-bound, bound) - own).abs() <= 1e-3 * bound).all()) for own, right in pairs):
            yield f"The gradient for {name} is cut off beyond -{number(bound)} and {number(bound)}."
            continue
        by = _factor(formula, points, pairs)
        if by is not None:
            yield f"The gradient for {name} is multiplied by {by}{' in every element' * (' number of ' not in by)}."
        else:
            yield f"The gradient of the result for {name} is not that of the value that comes back."


def _of_another(formula: Formula, points: list[Arguments], pairs_of: Pairs) -> str | None:
    """Whose gradients they are, of a right value, if what one of its terms may be mistaken for has them all."""
    if not pairs_of or all(_same(own, right) for pairs in pairs_of.values() for own, right in pairs):
        return None
    for j, term in enumerate(formula.terms):
        for words, of in term.instead:
            terms = (*formula.terms[:j], replace(term, of=of), *formula.terms[j + 1 :])
            other = replace(formula, terms=terms)
            found = [gradients(other.right(point), point) for point in points]
            if all(
                slopes[i] is not NO_GRADIENT and _same(own, slopes[i].double())
                for i, pairs in pairs_of.items()
                for (own, _), slopes in zip(pairs, found, strict=True)
            ):
                return f"The value is right, but its gradient is that of another formula. There: {inside(words)}"
    return None


def _factor(formula: Formula, points: list[Arguments], pairs: list[tuple[Tensor, Tensor]]) -> str | None:
    """What a gradient is multiplied by, if that is a size, or in every element a simple function of an argument."""
    for words, size in ((f"the number of {formula.features}", -1), ("the number of examples", -2)):
        sizes = [float(one.shape[size]) for one, _ in pairs]
        if all(_same(one, n * other) for n, (one, other) in zip(sizes, pairs, strict=True)):
            return words
        if all(_same(n * one, other) for n, (one, other) in zip(sizes, pairs, strict=True)):
            return f"1 / {words}"
    own, right = (torch.cat([pair[k].reshape(-1) for pair in pairs]) for k in (0, 1))
    for i, name in enumerate(formula.arguments):
        argument = torch.cat([point[i].detach().double().reshape(-1) for point in points])
        for words, of in FACTORS if argument.shape == right.shape else ():
            if _same(own, of(argument) * right):
                return words.format(name)
    return None


def _same(own: Tensor, right: Tensor) -> bool:
    return bool(((own - right).abs() <= 1e-3 * right.abs() + 1e-6).all())


def _asked(
    formula: Formula, value: Callable[[Arguments], Tensor], submission: Submission, draws: Draws
) -> tuple[list[Arguments], Pairs]:
    """Arguments, and the gradients there beside those of the value, by place; none where the value is another one."""
    points: list[Arguments] = []
    owns, wanted = [], []
    for batch, width in SHAPES:
        arguments = tuple(a.detach().clone().requires_grad_() for a in formula.draw(draws, batch, width, 1.0))
        answer, right = formula.call(submission, arguments), value(arguments)
        if not alike(answer, right.detach()):
            return [], {}
        points.append(arguments)
        owns.append(gradients(answer, arguments))
        wanted.append(gradients(right, arguments))
    found = {}
    for i in formula.judged_at:
        pairs = [(own[i], right[i]) for own, right in zip(owns, wanted, strict=True)]
        if not any(own is NO_GRADIENT or right is NO_GRADIENT for own, right in pairs):
            found[i] = [(own.double(), right.double()) for own, right in pairs]
    return points, found


def _features(formula: Formula, points: list[Arguments]) -> Iterator[tuple[tuple[str, str], Tensor]]:
    """What elements may be told apart by: in words where it is small and where it is large, and its values."""
    columns = [torch.cat([point[i].detach().double().reshape(-1) for point in points]) for i in range(len(points[0]))]
    one, other = formula.arguments[:2]
    yield (f"{one} is below {other}", f"{one} is above {other}"), (columns[0] - columns[1]).sign()
    for name, column in zip(formula.arguments, columns, strict=True):
        yield (f"{name} is negative", f"{name} is positive"), column.sign()
    gap = (columns[0] - columns[1]).abs()
    yield (f"{one} and {other} are close to each other", f"{one} and {other} are far from each other"), gap
    for name, column in zip(formula.arguments, columns, strict=True):
        yield (f"{name} is near 0", f"{name} is far from 0"), column.abs()
        yield (f"{name} is small", f"{name} is large"), column
    elements = torch.cat([formula.elements(tuple(a.detach().double() for a in point)).reshape(-1) for point in points])
    if elements.shape == columns[0].shape:
        yield ("what an element adds is small", "what an element adds is large"), elements
