"""Where a loss departs from a law far out: bounds of what goes in or comes out, and small numbers that are added."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from .law import number
from .reading import is_or_are, start
from .reduction import BY_NAME, sentence
from .terms import Arguments, Formula, Found, Tensor

Value = Callable[[Arguments], Tensor]
"""What a loss is at some arguments."""
STEPS = 48
Of = Callable[[Value, Formula, Arguments, float], Tensor]
"""The value that comes of a bend: the value without it, the formula, the arguments, and a number."""
SHOWN = 3
"""So many answers, about, are asked for the number of a bend beside those that it moves most."""
MOST_SHOWN = 5
"""So many answers that are moved most, and as many of all, are asked about two bounds."""


@dataclass(frozen=True)
class Bend:
    """A family of mistakes with one number in it.

    Attributes:
        words: the whole mistake as a sentence, with ``{b}`` for the number.
        of: the value that comes of it: the value without it, the formula, the arguments, and the number.
        low: the smallest number that is tried.
        high: the largest one.
        logarithmic: whether the numbers in between are tried by their logarithms.
    """

    words: str
    of: Of
    low: float
    high: float
    logarithmic: bool = False


def _clamped(place: int, low: bool, high: bool) -> Of:
    def of(value: Value, formula: Formula, arguments: Arguments, b: float) -> Tensor:
        changed = list(arguments)
        if low and high:
            changed[place] = changed[place].clamp(-abs(b), abs(b))
        else:
            changed[place] = changed[place].clamp(min=b) if low else changed[place].clamp(max=b)
        return value(tuple(changed))

    return of


OF_ELEMENTS = (
    Bend(
        "What each element adds is never less than {b}.",
        lambda v, f, a, b: f.reduced(f.elements(a).clamp(min=b)),
        1e-4,
        100.0,
        True,
    ),
    Bend(
        "What each element adds is never more than {b}.",
        lambda v, f, a, b: f.reduced(f.elements(a).clamp(max=b)),
        1e-3,
        1e4,
        True,
    ),
)


def general(formula: Formula) -> Iterator[Bend]:
    """What may be done in any loss."""
    for place, name in enumerate(formula.arguments):
        if place not in formula.judged_at:
            continue
        cut = f"{start(name)} {is_or_are(name)} cut off"
        yield Bend(f"{cut} above {{b}}.", _clamped(place, False, True), 0.0, 2000.0)
        yield Bend(f"{cut} above {{b}}.", _clamped(place, False, True), -80.0, 80.0)
        yield Bend(f"{cut} below {{b}}.", _clamped(place, True, False), -2000.0, 0.0)
        yield Bend(f"{cut} below {{b}}.", _clamped(place, True, False), -80.0, 80.0)
        # Last, as it says more: an answer may show one of the bounds alone.
        yield Bend(f"{cut} beyond -{{b}} and {{b}}.", _clamped(place, True, True), 0.1, 2000.0, True)
    yield Bend("The result is never more than {b}.", lambda v, f, a, b: v(a).clamp(max=b), 1e-3, 1e6, True)
    yield Bend("The result is never less than {b}.", lambda v, f, a, b: v(a).clamp(min=b), 1e-6, 1e3, True)
    yield from OF_ELEMENTS
    yield Bend(
        "What each column adds, in the mean over the batch, is never less than {b}.",
        lambda v, f, a, b: f.elements(a).mean(-2).clamp(min=b).sum(-1),
        1e-4,
        100.0,
        True,
    )
    yield Bend(
        "What each example adds is never less than {b}.",
        lambda v, f, a, b: f.elements(a).sum(-1).clamp(min=b).mean(-1),
        1e-4,
        100.0,
        True,
    )
    yield Bend(
        "What each example adds is never less than {b} times the number of columns.",
        lambda v, f, a, b: f.elements(a).sum(-1).clamp(min=b * a[0].shape[-1]).mean(-1),
        1e-4,
        100.0,
        True,
    )
    yield Bend(
        "The result is the size of its distance from {b}.", lambda v, f, a, b: (v(a) - b).abs(), 1e-3, 100.0, True
    )
    yield Bend(
        "From the result {b} is taken off, but never so that less than 0 is left.",
        lambda v, f, a, b: (v(a) - b).clamp(min=0),
        1e-3,
        100.0,
        True,
    )


def find(
    formula: Formula, found: Found | None, answered: list[tuple[Arguments, Tensor]]
) -> Iterator[tuple[str, Value]]:
    """The bends that give all these answers where the law does not: in words, and as what they predict.

    Two that are alike here (probabilities kept away from 0 and 1, logits cut off) may differ elsewhere.

    Args:
        formula: of the function.
        found: its law in ordinary cases; None where the right one holds.
        answered: arguments of all sizes, and finite answers.
    """

    def value(arguments: Arguments) -> Tensor:
        doubles = tuple(a.double() for a in arguments)
        return found.value(doubles) if found is not None else formula.right(doubles)

    off = _off(value, answered)
    if not off:
        return
    ways = [_bent(formula, value, answered, off), _bent_inside(formula, found, answered, off)]
    if found is not None and found.reduction.name != formula.reduction:
        ways.reverse()  # a bend of elements is one with that reduction
    yield from _of_first(*ways)


def alone(formula: Formula, answered: list[tuple[Arguments, Tensor]]) -> Iterator[tuple[str, Value]]:
    """The bends of the formula or of its elements that give all answers by themselves, without any law."""

    def value(arguments: Arguments) -> Tensor:
        return formula.right(tuple(a.double() for a in arguments))

    yield from _bent(formula, value, answered, _off(value, answered), (*formula.bends, *OF_ELEMENTS))


def _off(value: Value, answered: list[tuple[Arguments, Tensor]]) -> list[tuple[Arguments, Tensor]]:
    """The answers that are another value, those first that a bend moves most: there its number shows best."""
    off = [(a, own) for a, own in answered if not near(value(a), own)]
    return sorted(
        off, key=lambda one: -float(((value(one[0]).double() - one[1].double()).abs() / (one[1].abs() + 1e-3)).max())
    )


def _of_first(*ways: Iterator[tuple[str, Value]]) -> Iterator[tuple[str, Value]]:
    """What the first way gives that gives anything: the others are less likely, and take their time."""
    for way in ways:
        several = list(way)
        if several:
            yield from several
            return


OTHER_REDUCTIONS = ("sum_sum", "mean_mean", "mean_sum")
"""What is likely beside a bend of every element."""


def reduced_otherwise(formula: Formula, answered: list[tuple[Arguments, Tensor]]) -> Iterator[tuple[str, Value]]:
    """The bends of the formula or of its elements that give all answers with another reduction; both are then told."""
    right = BY_NAME[formula.reduction]
    for name in OTHER_REDUCTIONS:
        other = replace(formula, reduction=name)
        for words, value in _bent(other, other.right, answered, answered[:2], (*formula.bends, *OF_ELEMENTS)):
            yield f"{words} {sentence(BY_NAME[name], right, formula.features)}", value


def _bent_inside(
    formula: Formula, found: Found | None, answered: list[tuple[Arguments, Tensor]], off: list[tuple[Arguments, Tensor]]
) -> Iterator[tuple[str, Value]]:
    """A bend of the right formula, behind what is done to its arguments and before a factor of the whole.

    The formula may be one of another reduction, and its terms may have other weights, or be others.
    """
    if found is None or found.outer is not None or any(own.numel() != 1 for _, own in answered):
        return
    formula = replace(formula, reduction=found.reduction.name)
    factor = replace(found, formula=formula).factor
    if factor is None:
        terms = tuple(replace(t, weight=w) for t, w in zip(found.columns, found.weights, strict=True))
        formula, factor = replace(formula, terms=terms), 1.0

    inner, scaled = ([(found.changed(a), own.double() / factor) for a, own in part] for part in (answered, off))
    for words, of in _bent(formula, lambda a: formula.right(tuple(t.double() for t in a)), inner, scaled):
        if factor != 1.0 and " result " in words:
            continue  # a number of the result itself is another one before its factor
        yield words, lambda a, of=of: factor * of(found.changed(a))  # type: ignore[misc]


def _bent(
    formula: Formula,
    value: Value,
    answered: list[tuple[Arguments, Tensor]],
    off: list[tuple[Arguments, Tensor]],
    among: Sequence[Bend] = (),
) -> Iterator[tuple[str, Value]]:
    """Bends with one number, or a cut at two bounds."""
    one = _of_one_number(formula, value, answered, off, among)
    yield from one if among else _of_first(one, _between(formula, value, answered, off))


def _of_one_number(
    formula: Formula,
    value: Value,
    answered: list[tuple[Arguments, Tensor]],
    off: list[tuple[Arguments, Tensor]],
    among: Sequence[Bend],
) -> Iterator[tuple[str, Value]]:
    numbers: list[tuple[Bend, list[float]]] = []
    # A bound shows where it moves an answer most; where a loss is another one, its number may show elsewhere alone.
    most, some = off[:2], off[2 :: max(1, len(off) // SHOWN)]
    for bend in among or (*formula.bends, *general(formula)):
        shown = [*most, *(some if bend in formula.bends else ())]
        solved = (_solved(bend, value, formula, arguments, float(own)) for arguments, own in shown)
        numbers.append((bend, [one for one in solved if one is not None]))
    # What somebody would write is likelier than the number that another bend has for the same.
    ways: tuple[Callable[[float], list[float]], ...] = (_as_written, lambda one: [one])
    for way, (bend, several) in itertools.product(ways, numbers):
        for b in dict.fromkeys(written for one in several for written in way(one)):

            def predicted(a: Arguments, bend: Bend = bend, b: float = b) -> Tensor:
                return bend.of(value, formula, tuple(t.double() for t in a), b)

            if all(near(predicted(a), answer) for a, answer in answered):
                yield bend.words.format(b=number(abs(b)) if "-{b}" in bend.words else f"{b:.4g}"), predicted
                break


def _between(
    formula: Formula, value: Value, answered: list[tuple[Arguments, Tensor]], off: list[tuple[Arguments, Tensor]]
) -> Iterator[tuple[str, Value]]:
    """An argument that is cut off at two bounds, each of which some answer shows that the other has no part in."""
    shown = [*off[:MOST_SHOWN], *off[:: max(1, len(off) // MOST_SHOWN)]]  # one bound may move all the others more
    for place in formula.judged_at:
        ends: list[set[float]] = []
        for low in (True, False):
            way = _clamped(place, low, not low)
            reaches = ((-2000.0, 0.0), (-80.0, 80.0)) if low else ((0.0, 2000.0), (-80.0, 80.0))
            one_sided = [Bend("", way, *reach) for reach in reaches]
            solved = [_solved(b, value, formula, a, float(own)) for b in one_sided for a, own in shown]
            ends.append({number for one in solved if one is not None for number in _as_written(one) or [one]})
        for below, above in itertools.product(*ends):

            def predicted(a: Arguments, place: int = place, below: float = below, above: float = above) -> Tensor:
                changed = [argument.double() for argument in a]
                changed[place] = changed[place].clamp(below, above)
                return value(tuple(changed))

            if below < above and all(near(predicted(a), answer) for a, answer in answered):
                name = formula.arguments[place]
                yield f"{start(name)} {is_or_are(name)} cut off below {below:.4g} and above {above:.4g}.", predicted
                return


def near(predicted: Tensor, own: Tensor) -> bool:
    """Whether two answers are the same, though one was computed in float32 from large numbers."""
    if predicted.shape != own.shape:
        return False
    gap, size = (predicted.double() - own.double()).abs(), own.double().abs()
    return bool((gap <= 3e-4 * size + 3e-5).all())


def _solved(bend: Bend, value: Value, formula: Formula, arguments: Arguments, own: float) -> float | None:
    """The number with which the bend gives an answer, where it gives more or less on either side of it."""

    def at(t: float) -> float:
        b = bend.low * (bend.high / bend.low) ** t if bend.logarithmic else bend.low + (bend.high - bend.low) * t
        gap = float(bend.of(value, formula, tuple(a.double() for a in arguments), b)) - own
        return gap

    places = [i / 24 for i in range(25)]
    gaps = [at(t) for t in places]
    for i in range(24):
        low, high = places[i], places[i + 1]
        if (
            not (gaps[i] == gaps[i] and gaps[i + 1] == gaps[i + 1])
            or gaps[i] * gaps[i + 1] > 0
            or gaps[i] == gaps[i + 1]
        ):
            continue
        begins = gaps[i]
        for _ in range(STEPS):
            middle = (low + high) / 2
            if at(middle) * begins > 0:
                low = middle
            else:
                high = middle
        t = (low + high) / 2
        # Rounded, as 0 is not reached by halves.
        return (
            bend.low * (bend.high / bend.low) ** t
            if bend.logarithmic
            else round(bend.low + (bend.high - bend.low) * t, 9)
        )
    return None


def _as_written(value: float) -> list[float]:
    """The round numbers that somebody may have written where this one fits."""
    shorter = [float(f"{value:.{digits}g}") for digits in (1, 2, 3)]
    exact = [short for short in shorter if abs(short - value) <= 2e-3 * abs(value)][:1]
    # float32 tells a small number from 0, taken off 1, but roughly.
    rough = [shorter[0]] if abs(value) < 1e-3 and abs(shorter[0] - value) < 0.1 * abs(value) else []
    return [*dict.fromkeys((*exact, *rough))]
