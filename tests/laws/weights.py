"""What a weight may be of beta where it is not beta itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

WEIGHTS: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("never less than 1", lambda b: max(b, 1.0)),
    ("never more than 1", lambda b: min(b, 1.0)),
    ("1 where beta is 0", lambda b: b or 1.0),
    ("cut to a whole number", lambda b: float(int(b))),
    ("rounded to a whole number", lambda b: float(round(b))),
    ("the inverse of beta", lambda b: 1 / b if b else math.nan),
    ("the root of beta", lambda b: b**0.5),
    ("beta squared", lambda b: b * b),
    ("1 + beta", lambda b: 1 + b),
    ("1 - beta", lambda b: 1 - b),
    ("beta - 1", lambda b: b - 1),
    ("beta / (1 + beta)", lambda b: b / (1 + b)),
    ("the exponential of beta", math.exp),
    ("1 wherever beta is not 0", lambda b: float(b != 0)),
    ("-beta", lambda b: -b),
)
GRID = (0.0, 0.25, 0.5, 1.0, 1.5, 2.5, 4.0, 10.0)


def weight(own: list[float]) -> str | None:
    """What these weights on the grid are, empty where they are beta; None if nothing that is known."""
    for words, of in (("", float), *WEIGHTS, *_measured(own)):
        pairs = [(w, v) for w, v in zip(own, map(of, GRID), strict=True) if v == v]
        if all(abs(w - v) < 1e-3 * (1 + abs(v)) for w, v in pairs):
            return words
    return None


def _measured(own: list[float]) -> Iterator[tuple[str, Callable[[float], float]]]:
    """Bounds and a power that some of the weights show."""
    low, high = (round(bound, 3) for bound in (own[0], own[-1]))
    if low == high:
        yield f"always {low:g}", lambda b: low
    yield f"never less than {low:g}", lambda b: max(b, low)
    yield f"never more than {high:g}", lambda b: min(b, high)
    yield f"never less than {low:g} and never more than {high:g}", lambda b: min(max(b, low), high)
    if own[-1] > 0:
        power = round(math.log(own[-1]) / math.log(GRID[-1]), 3)
        yield f"beta to the power {power:g}", lambda b: b**power if b else math.nan
