"""The curves that a warm-up may follow instead of the straight one, and which of them fits what was answered.

A curve is made of three parts: the share of the warm-up that is over, the shape of the rise in that share, and what the
final weight makes of it. Each is the right one, or one of a list, or one of a family with a number in it, which is
solved for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

Curve = Callable[[int, int, float], float]
"""The weight at a step, for a length of the warm-up and a final weight."""
Share = Callable[[int, int], float]
Shape = Callable[[float], float]
End = Callable[[float, float], float]
Case = tuple[int, int, float]
Of = Callable[..., float]
"""Any of the three parts."""

SHARES: tuple[tuple[str, Share], ...] = (
    ("", lambda s, w: s / w),
    ("It is one step ahead: step 0 does not give 0.", lambda s, w: (s + 1) / w),
    ("It arrives one step late: the warm-up takes one step more.", lambda s, w: s / (w + 1)),
    ("It arrives one step early.", lambda s, w: s / (w - 1) if w > 1 else math.nan),
    ("It is one step behind.", lambda s, w: max(s - 1, 0) / w),
    ("It stays at 0 for the whole warm-up, and then jumps.", lambda s, w: 1.0 if s >= w else 0.0),
    ("It divides without a remainder: until the end of the warm-up it stays at 0.", lambda s, w: float(s // w)),
    ("It runs the other way: it begins at the end and falls.", lambda s, w: 1 - s / w),
    ("It runs the other way: it begins at the end and falls.", lambda s, w: max(1 - s / w, 0.0)),
    ("It takes twice as long.", lambda s, w: s / (2 * w)),
    ("It takes half as long.", lambda s, w: 2 * s / w),
    ("The weight begins anew after each warm-up: it is periodic.", lambda s, w: (s % w) / w),
    ("The weight begins anew after each warm-up: it is periodic.", lambda s, w: (s % (w + 1)) / w),
    *(
        (f"The weight begins anew after {n} warm-ups: it is periodic.", lambda s, w, n=n: s % (n * w) / w)
        for n in range(2, 11)
    ),
    ("It rises and falls in turns, a warm-up long each.", lambda s, w: 1 - abs(s / w % 2 - 1)),
    ("The ratio is upside down: the warm-up over the step.", lambda s, w: w / s if s else math.nan),
    ("There is no warm-up: the final weight holds at once.", lambda s, w: 1.0),
    ("It jumps one step late.", lambda s, w: 1.0 if s > w else 0.0),
    ("It is always 0.", lambda s, w: 0.0),
)
STEPPED = "The warm-up has {n} steps and is not straight."
CLOSER = "The warm-up is not straight: it comes closer and closer."
SIGMOID = "The warm-up is not straight: it is a sigmoid."
EXPONENTIAL = "The warm-up is not straight: it is an exponential."
TANH = "The warm-up is not straight: it is the hyperbolic tangent."
DECIMALS = ("whole numbers", "one decimal", "two decimals", "three decimals")
SHAPES: tuple[tuple[str, Shape], ...] = (
    ("", lambda t: t),
    ("The warm-up is not straight: it rises with the square.", lambda t: t * t),
    ("The warm-up is not straight: it rises with the third power.", lambda t: t**3),
    ("The warm-up is not straight: it rises with the root.", lambda t: math.sqrt(t) if t >= 0 else math.nan),
    ("The warm-up is not straight: it is half of a cosine.", lambda t: (1 - math.cos(math.pi * t)) / 2),
    ("The warm-up is not straight: it is a quarter of a sine.", lambda t: math.sin(math.pi * t / 2)),
    ("The warm-up is not straight: it is a quarter of a cosine.", lambda t: 1 - math.cos(math.pi * t / 2)),
    (TANH, math.tanh),
    (EXPONENTIAL, lambda t: math.expm1(t) / math.expm1(1)),
    (CLOSER, lambda t: 1 - math.exp(-t)),
    (CLOSER, lambda t: 1 - math.exp(-5 * t)),
    (SIGMOID, lambda t: 1 / (1 + math.exp(-12 * (t - 0.5)))),
    (SIGMOID, lambda t: 1 / (1 + math.exp(-10 * (t - 0.5)))),
    ("The warm-up is not straight: it is smoothed at both ends.", lambda t: t * t * (3 - 2 * t)),
    ("The warm-up is not straight: it is smoothed at both ends.", lambda t: t**3 * (t * (6 * t - 15) + 10)),
    *((f"The share of the warm-up is rounded to {words}.", lambda t, n=n: round(t, n))
      for n, words in enumerate(DECIMALS)),
    *((STEPPED.format(n=n), lambda t, n=n: math.floor(t * n + 1e-9) / n) for n in range(2, 21)),
    *((STEPPED.format(n=n), lambda t, n=n: math.ceil(t * n - 1e-9) / n) for n in range(2, 21)),
)  # fmt: skip
ENDS: tuple[tuple[str, End], ...] = (
    ("", lambda t, b: b * min(t, 1.0)),
    ("It goes on rising after the warm-up.", lambda t, b: b * t),
    ("beta_max is ignored: the final weight is 1.", lambda t, b: min(t, 1.0)),
    ("The bound is 1, not beta_max.", lambda t, b: min(b * t, 1.0)),
    ("The share is bounded by beta_max but not multiplied by it.", lambda t, b: min(t, b)),
    ("After the warm-up it falls back to 0.", lambda t, b: b * t if t <= 1 else 0.0),
    ("After the warm-up it falls back to 0.", lambda t, b: b * t if t < 1 else 0.0),
    ("After the warm-up it is 1, not beta_max.", lambda t, b: b * t if t < 1 else 1.0),
    ("After the warm-up it is 1, not beta_max.", lambda t, b: b * t if t <= 1 else 1.0),
    ("beta_max is squared.", lambda t, b: b * b * min(t, 1.0)),
    ("The result is bounded by 1.", lambda t, b: min(b * min(t, 1.0), 1.0)),
    ("It is divided by beta_max instead of multiplied.", lambda t, b: min(t, 1.0) / b),
    ("The final weight is twice beta_max.", lambda t, b: 2 * b * min(t, 1.0)),
    ("The final weight is half of beta_max.", lambda t, b: b * min(t, 1.0) / 2),
    ("The sign is wrong.", lambda t, b: -b * min(t, 1.0)),
    ("It rises to 1 and then jumps to beta_max.", lambda t, b: t if t < 1 else b),
    ("It is beta_max to the power of the share.", lambda t, b: b ** min(t, 1.0)),
    ("It is beta_max less than it should be: the final weight is taken off.", lambda t, b: b * min(t, 1.0) - b),
    ("beta_max enters by its root.", lambda t, b: b**0.5 * min(t, 1.0)),
    ("1 is added.", lambda t, b: 1 + b * min(t, 1.0)),
    ("beta_max is added instead of multiplied.", lambda t, b: b + min(t, 1.0)),
    ("The larger of the share and 1 is taken, not the smaller.", lambda t, b: b * max(t, 1.0)),
    ("It rises from 1 to beta_max, not from 0.", lambda t, b: 1 + (b - 1) * min(t, 1.0)),
    *((f"The result is rounded to {words}.", lambda t, b, n=n: round(b * min(t, 1.0), n))
      for n, words in enumerate(DECIMALS)),
    *((f"What is beyond {words} is cut off from the result.", lambda t, b, n=10**n: int(b * min(t, 1.0) * n) / n)
      for n, words in enumerate(DECIMALS)),
)  # fmt: skip


class Family(NamedTuple):
    """One part of a curve with a number in it.

    Attributes:
        words: the whole mistake as a sentence, with ``{p}`` for the number.
        part: 0 for the share, 1 for the shape, 2 for the end.
        of: the part; the number is its first argument.
        low: the smallest number that is tried, above 0.
        high: the largest one.
    """

    words: str
    part: int
    of: Callable[..., float]
    low: float
    high: float


FAMILIES = (
    Family("The warm-up takes {p} steps, whatever warmup_steps says.", 0, lambda p, s, w: s / p, 1.0, 1e6),
    Family("It takes {p} times as long.", 0, lambda p, s, w: s / (p * w), 1.01, 100.0),
    Family("It begins {p} steps late.", 0, lambda p, s, w: max(s - p, 0) / w, 1.01, 20.0),
    Family("It is {p} steps ahead.", 0, lambda p, s, w: (s + p) / w, 0.001, 20.0),
    Family("The warm-up takes {p} steps more.", 0, lambda p, s, w: s / (w + p), 0.001, 20.0),
    Family("The warm-up is not straight: it rises with the power {p}.", 1,
           lambda p, t: t**p if t >= 0 else math.nan, 0.05, 20.0),
    Family("It begins at {p} of the final weight and not at 0.", 1, lambda p, t: p + (1 - p) * t, 1e-5, 0.99),
    Family("It is never less than {p} of the final weight.", 1, lambda p, t: max(p, t), 1e-5, 0.99),
    Family("It stays at 0 for {p} of the warm-up.", 1, lambda p, t: max(0.0, (t - p) / (1 - p)), 0.01, 0.95),
    Family("It arrives after {p} of the warm-up.", 1, lambda p, t: min(1.0, t / p), 0.02, 0.99),
    Family("The end is never reached: it comes to {p} of it.", 1, lambda p, t: p * t, 0.01, 0.999),
    Family(CLOSER, 1, lambda p, t: -math.expm1(-p * t), 0.2, 60.0),
    Family(CLOSER, 1, lambda p, t: math.expm1(-p * t) / math.expm1(-p), 0.2, 60.0),
    Family(SIGMOID, 1, lambda p, t: 1 / (1 + math.exp(-p * (t - 0.5))), 0.5, 60.0),
    Family(SIGMOID, 1, lambda p, t: 0.5 + math.tanh(p * (t - 0.5)) / math.tanh(p / 2) / 2, 0.2, 40.0),
    Family(EXPONENTIAL, 1, lambda p, t: math.expm1(p * t) / math.expm1(p), 0.2, 60.0),
    Family(EXPONENTIAL, 1, lambda p, t: p ** (1 - t), 1e-9, 0.9),
    Family("The warm-up is not straight: it is a logarithm.", 1, lambda p, t: math.log1p(p * t) / math.log1p(p),
           0.1, 1e6),
    Family(TANH, 1, lambda p, t: math.tanh(p * t), 0.2, 40.0),
    Family("beta_max is ignored: the final weight is {p}.", 2, lambda p, t, b: p * min(t, 1.0), 1e-4, 1e3),
    Family("The final weight is {p} times beta_max.", 2, lambda p, t, b: p * b * min(t, 1.0), 1e-3, 1e3),
    Family("The result is never more than {p}.", 2, lambda p, t, b: min(p, b * min(t, 1.0)), 1e-3, 2.99),
    Family("The result is never less than {p}.", 2, lambda p, t, b: max(p, b * min(t, 1.0)), 1e-6, 2.99),
    Family("To the result {p} is added.", 2, lambda p, t, b: p + b * min(t, 1.0), 1e-6, 1e3),
    Family("beta_max enters by its power {p}.", 2, lambda p, t, b: b**p * min(t, 1.0), 0.05, 8.0),
)  # fmt: skip
"""Numbers are searched by their logarithms."""
PARTS = SHARES, SHAPES, ENDS
STEPS = 60
WRONG = (ArithmeticError, ValueError)


def find(cases: Sequence[Case], own: Sequence[float]) -> tuple[tuple[str, ...], Curve] | None:
    """The curve through what was answered with the fewest mistakes, two at most: in words, and as a function.

    Args:
        cases: step, length and final weight of each question.
        own: the answers.
    """
    for wrong in range(3):
        for found in itertools.chain(_listed(wrong), _solved(wrong, cases, own) if wrong else ()):
            words, curve = found
            if _fits(curve, cases, own):
                return words, curve
    return None


Candidate = tuple[tuple[str, ...], Curve]


def _listed(wrong: int) -> Iterator[Candidate]:
    """All curves of the lists that depart from the right one in so many parts."""
    for (a, share), (b, shape), (c, end) in itertools.product(*PARTS):
        if sum(map(bool, (a, b, c))) == wrong:
            words = tuple(filter(None, (a, b, c)))
            yield words, partial(_value, share, shape, end)
            for way in WAYS if b else ():
                yield words, partial(_value, share, partial(way, shape), end)


def _solved(wrong: int, cases: Sequence[Case], own: Sequence[float]) -> Iterator[Candidate]:
    """Those with one part of a family, and another one of the lists if there are two mistakes."""
    for family in FAMILIES:
        listed: list[Sequence[tuple[str, Of]]] = [*PARTS]
        listed[family.part] = [("", family.of)]
        for chosen in itertools.product(*listed):
            words = [said for said, _ in chosen]
            if sum(map(bool, words)) != wrong - 1:
                continue
            parts = [of for _, of in chosen]
            p = _number(family, parts, cases, own)
            if p is None:
                continue
            words[family.part] = family.words.format(p=f"{p:.4g}")
            told = tuple(filter(None, words))
            share, shape, end = (partial(of, p) if i == family.part else of for i, of in enumerate(parts))
            yield told, partial(_value, share, shape, end)
            for way in WAYS if family.part == 1 else ():
                yield told, partial(_value, share, partial(way, shape), end)


def _number(family: Family, parts: Sequence[Of], cases: Sequence[Case], own: Sequence[float]) -> float | None:
    """The number with which a family gives one answer that depends on it, by bisection."""

    def at(p: float, case: Case) -> float:
        try:
            share, shape, end = (partial(of, p) if i == family.part else of for i, of in enumerate(parts))
            return _value(share, shape, end, *case)
        except WRONG:
            return math.nan

    for case, wanted in zip(cases, own, strict=True):
        low, high = family.low, family.high
        begins, ends = at(low, case) - wanted, at(high, case) - wanted
        if not begins * ends < 0:
            continue
        for _ in range(STEPS):
            middle = math.sqrt(low * high)
            gap = at(middle, case) - wanted
            low, high = (middle, high) if gap * begins > 0 else (low, middle)
        p = math.sqrt(low * high)
        short = float(f"{p:.4g}")
        return short if abs(short - p) < 1e-5 * p else p
    return None


def _reached(shape: Shape, t: float) -> float:
    """A shape that is left for the final weight when the warm-up is over."""
    return shape(t) if t < 1 else 1.0


def _held(shape: Shape, t: float) -> float:
    """A shape that stays where it was when the warm-up is over."""
    return shape(min(t, 1.0))


WAYS = _reached, _held
"""How a shape may end that does not lead to the final weight; else it is left after the warm-up only."""


def _value(share: Share, shape: Shape, end: End, step: int, w: int, beta: float) -> float:
    t = share(step, w)
    # Beyond the end only a curve that is never bounded is asked for, or one that is held.
    asked = t <= 1 or end(2.0, 1.0) > 1 or getattr(shape, "func", None) is _held
    return end(shape(t) if asked else t, beta)


def _fits(curve: Curve, cases: Sequence[Case], own: Sequence[float]) -> bool:
    for value, case in zip(own, cases, strict=True):
        try:
            predicted = curve(*case)
        except WRONG:
            return False
        if not abs(value - predicted) <= 1e-6 * max(1.0, abs(predicted)):
            return False
    return True
