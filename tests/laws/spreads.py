"""What sigma may be as a function of one log-variance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial


def _rooted(of: Callable[[float], float]) -> Callable[[float], float]:
    """A function of the root, which is no number for what has none."""
    return lambda v: of(math.sqrt(v)) if v >= 0 else math.nan


SPREADS: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("", lambda v: math.exp(v / 2)),
    ("Sigma is the exponential of logvar, without the half: logvar is the logarithm of sigma squared.", math.exp),
    ("Sigma is the exponential of twice logvar.", lambda v: math.exp(2 * v)),
    ("Sigma is the exponential of a quarter of logvar.", lambda v: math.exp(v / 4)),
    ("Sigma is the exponential of minus half of logvar: the sign is wrong.", lambda v: math.exp(-v / 2)),
    ("Sigma is the exponential of minus logvar.", lambda v: math.exp(-v)),
    ("The number logvar itself is used as sigma, without the exponential.", lambda v: v),
    ("Half of logvar is used as sigma, without the exponential.", lambda v: v / 2),
    ("The size of logvar is used as sigma.", abs),
    ("The root of the size of logvar is used as sigma: logvar is taken for the variance.", lambda v: abs(v) ** 0.5),
    ("The root of logvar is used as sigma, which a negative number has not.", _rooted(float)),
    ("The exponential of the root of logvar is used as sigma, which a negative number has not.", _rooted(math.exp)),
    ("The number logvar squared is used as sigma.", lambda v: v * v),
    ("Sigma does not depend on logvar.", lambda v: 1.0),
    ("Softplus of logvar is used as sigma.", lambda v: math.log1p(math.exp(v))),
    ("Softplus of half of logvar is used as sigma.", lambda v: math.log1p(math.exp(v / 2))),
    ("The root of softplus of logvar is used as sigma.", lambda v: math.log1p(math.exp(v)) ** 0.5),
    ("A sigmoid of logvar is used as sigma.", lambda v: 1 / (1 + math.exp(-v))),
    ("tanh of logvar is used as sigma.", math.tanh),
    ("A power of two stands where the exponential belongs.", lambda v: 2 ** (v / 2)),
    ("One is added to the exponential.", lambda v: 1 + math.exp(v / 2)),
    ("One is added to the variance.", lambda v: (1 + math.exp(v)) ** 0.5),
    ("1 + logvar is used as sigma.", lambda v: 1 + v),
    ("1 + half of logvar is used as sigma.", lambda v: 1 + v / 2),
    ("What is negative in logvar is set to 0 before sigma is computed.", lambda v: math.exp(max(v, 0.0) / 2)),
    ("What is positive in logvar is set to 0 before sigma is computed.", lambda v: math.exp(min(v, 0.0) / 2)),
    ("The absolute value of logvar is taken before sigma is computed.", lambda v: math.exp(abs(v) / 2)),
    ("One is taken off the exponential, as expm1 does.", lambda v: math.expm1(v / 2)),
    ("Half of logvar is rounded down to a whole number before the exponential.", lambda v: math.exp(v // 2)),
    ("logvar is rounded before sigma is computed.", lambda v: math.exp(round(v) / 2)),
    ("Sigma is 1 + logvar squared.", lambda v: 1 + v * v),
    ("A power of ten stands where the exponential belongs.", lambda v: 10 ** (v / 2)),
    ("The root of 1 + logvar squared is used as sigma.", lambda v: (1 + v * v) ** 0.5),
)
FAMILIES: tuple[tuple[str, Callable[[float, float], float]], ...] = (
    ("Sigma is the exponential of {p} times logvar; it should be of half of it.", lambda p, v: math.exp(p * v)),
    ("To sigma {p} is added.", lambda p, v: math.exp(v / 2) + p),
    ("To the variance {p} is added.", lambda p, v: math.sqrt(math.exp(v) + p)),
    ("Sigma is never less than {p}.", lambda p, v: max(math.exp(v / 2), p)),
    ("Sigma is never more than {p}.", lambda p, v: min(math.exp(v / 2), p)),
    ("To softplus of logvar {p} is added, which is used as sigma.", lambda p, v: math.log1p(math.exp(v)) + p),
)
"""The same with a number in it."""
STEPS = 80
"""Bisections of what a number may be."""
GRID = (-3.0, -2.0, -1.3, -0.5, 0.5, 1.0, 2.0, 3.0)
"""Places at which such a function is looked at."""


def relative(spread: Callable[[float], float], value: float) -> float:
    """Sigma at this logvar over that at 1; infinite where it is no number of this machine."""
    try:
        return spread(value) / spread(1.0)
    except (OverflowError, ValueError, ZeroDivisionError):
        return math.inf


def measured(
    ratios: Mapping[float, float],
    places: Iterable[float] = (GRID[0], GRID[-1]),
    reach: tuple[float, float] = (1e-3, 10.0),
) -> Iterator[tuple[str, Callable[[float], float]]]:
    """Functions whose number one of the ratios shows.

    Args:
        ratios: of sigma at some log-variances, to sigma at 1.
        places: of which the number may be read off.
        reach: between which it is looked for.
    """
    for words, of in FAMILIES:
        for place in places:
            low, high = reach

            def gap(p: float, of: Callable[[float, float], float] = of, at: float = place) -> float:
                return relative(partial(of, p), at) - ratios[at]

            begins = gap(low)
            if not begins * gap(high) < 0:
                continue
            for _ in range(STEPS):
                middle = math.sqrt(low * high)
                low, high = (middle, high) if gap(middle) * begins > 0 else (low, middle)
            p = float(f"{low:.3g}")
            yield words.format(p=f"{p:g}"), partial(of, p)
