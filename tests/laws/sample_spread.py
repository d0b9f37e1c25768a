"""How the spread of a sample follows the log-variance: which function of it sigma is, and between which bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import facts, number
from laws.sampler import Sampler, repeats
from laws.spreads import GRID, SPREADS, measured, relative

EXPONENTIAL = (-3.0, -1.0, 2.0, 3.0)
"""Where an exponential is told from what is none."""
NO_LONGER = "Sigma no longer follows logvar {}: a bound, or something small that is added."
BOUNDED = "Sigma no longer follows logvar {}: it is bounded there."
ADDED = "To the variance about {} is added, so that sigma is too large where logvar is small."
ONE_LARGER = math.log1p(math.exp(-1.0))
"""By how much the logarithm of a variance is off to which a number is added, where it is 1 more than that number's."""


def fact_of(sampler: Sampler) -> facts.Fact:
    """Sigma as another function of logvar, or one that is cut off."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        model = sampler.build(submission)
        if not repeats(sampler, model, draws):
            yield from filter(None, [_by_statistics(sampler, submission)])
            return
        found = followed(sampler, model, draws)
        if found is None:
            yield from _cut_off(sampler, model, draws)[0]
            return
        words, spread = found
        yield from filter(None, (words, _bends(sampler, model, draws, exponent_of(spread))))

    return fact


def _ratios(sampler: Sampler, model: Model, draws: Draws) -> list[float] | None:
    """Sigma at each place of the grid, over that at 1; None if that is not one number."""
    zeros, seed = torch.zeros(6, 5), draws.seed()
    base = sampler.z(model, zeros, zeros + 1.0, seed).detach().double()
    there = base.abs() > 1e-12  # some rows or columns may get none, which is told by itself
    if not bool(there.any()):
        return None
    found = []
    for value in GRID:
        ratio = (sampler.z(model, zeros, zeros + value, seed).detach().double() / base)[there]
        if not bool(ratio.isnan().all()) and not float(ratio.max() - ratio.min()) <= 1e-4 * (
            1 + float(ratio.abs().max())
        ):
            return None
        found.append(float(ratio.mean()))
    return found


def followed(sampler: Sampler, model: Model, draws: Draws) -> tuple[str, Callable[[float], float]] | None:
    """What sigma is as a function of logvar, up to a factor: in words, and as the function."""
    found = _ratios(sampler, model, draws)
    if found is None:
        return None
    ratios = dict(zip(GRID, found, strict=True))
    alike = [
        (words, spread)
        for words, spread in (*SPREADS, *measured(ratios))
        if (at_one := spread(1.0)) and all(_near(ratio, spread(v) / at_one) for v, ratio in ratios.items())
    ]
    if len(alike) < 2:
        return alike[0] if alike else None
    # Those that are multiples of each other: the one with which the noise has the size of a standard normal.
    size = float(sampler.z(model, torch.zeros(60, 50), torch.ones(60, 50), draws.seed()).detach().std())
    return min(alike, key=lambda one: round(abs(math.log(size / abs(one[1](1.0)))), 1)) if size > 0 else alike[0]


def _near(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or (math.isfinite(one) and abs(one - other) <= 2e-4 * (1 + abs(one)))


def exponent_of(spread: Callable[[float], float]) -> float | None:
    """The factor of logvar in the exponent of sigma, where sigma is an exponential of it and nothing else."""
    factor = 2 * math.log(spread(1.5) / spread(1.0)) if spread(1.0) > 0 and spread(1.5) > 0 else 0.0
    known = [relative(spread, v) for v in EXPONENTIAL]
    same = all(
        math.isclose(own, math.exp(factor * (v - 1)), rel_tol=1e-6) for own, v in zip(known, EXPONENTIAL, strict=True)
    )
    return factor if same and abs(factor) > 1e-6 else None


def _bends(sampler: Sampler, model: Model, draws: Draws, factor: float | None) -> str | None:
    """Beyond which bounds the spread no longer follows logvar, where it does near 0.

    Args:
        sampler: asks for samples.
        model: is asked.
        draws: of a seed.
        factor: of logvar in the exponent of sigma; None where sigma is no exponential.
    """
    if factor is None:
        return None
    zeros, seed = torch.zeros(4, 3), draws.seed()
    base = sampler.z(model, zeros, zeros, seed).detach().double().abs()

    def exponent(value: float) -> float:
        size = sampler.z(model, zeros, zeros + value, seed).detach().double().abs()
        return float((size / base).log().mean()) / factor

    said, off = [], []
    for sign, words in ((1.0, "above"), (-1.0, "below")):
        end = sign * min(40.0, 80.0 / abs(factor))  # as far as single precision reaches
        reached = exponent(end)
        if abs(reached - end) > 0.05 and abs(reached - exponent(0.75 * end)) < 0.05:
            said.append(f"{words} {number(round(reached, 2))}")
            off.append(exponent(reached - sign) - (reached - sign))
    if said and max(map(abs, off)) < 0.01:
        return BOUNDED.format(" and ".join(said))
    below = len(said) == 1 and said[0].startswith("below")
    if below and abs(factor - 0.5) < 1e-3 and abs(off[0] - ONE_LARGER) < 0.02:
        return ADDED.format(f"{math.exp(reached):.2g}")
    return NO_LONGER.format(" and ".join(said)) if said else None


def factor_of(sampler: Sampler, model: Model, draws: Draws) -> float:
    """The factor of logvar in the exponent of sigma, cut off or not; one half where that is not known."""
    found = followed(sampler, model, draws)
    factor = _cut_off(sampler, model, draws)[1] if found is None else exponent_of(found[1])
    return factor or 0.5


def _cut_off(sampler: Sampler, model: Model, draws: Draws) -> tuple[tuple[str, ...], float | None]:
    """What sigma is where logvar is cut off first, so near to 0 that it follows it nowhere else, with its factor."""
    found = _ratios(sampler, model, draws)
    for words, spread in SPREADS[1:] if found is not None else ():
        factor = exponent_of(spread)
        if factor is None or found is None or not all(0 < ratio < math.inf for ratio in found):
            continue
        low, high = (round(1 + math.log(found[end]) / factor, 3) for end in (0, -1))
        seen = zip(found, GRID, strict=True)
        cut = all(_near(ratio, math.exp(factor * (min(max(v, low), high) - 1))) for ratio, v in seen)
        if cut and low < 1 < high:
            places = [f"below {number(low)}"] * (low > GRID[0]) + [f"above {number(high)}"] * (high < GRID[-1])
            return (words, f"logvar is cut off {' and '.join(places)} before sigma is computed."), factor
    return (), None


def _by_statistics(sampler: Sampler, submission: Submission) -> str | None:
    """The slope of the logarithm of the spread, where the noise cannot be repeated."""
    low, high = (sampler.noise(submission, 4000, 5, v).std().log() for v in (-2.0, 2.0))
    slope = float(high - low) / 4
    for value, words in ((1.0, SPREADS[1][0]), (0.25, SPREADS[3][0]), (-0.5, SPREADS[4][0]), (0.0, SPREADS[11][0])):
        if abs(slope - value) < 0.03:
            return words
    sizes = {v: float(sampler.noise(submission, 4000, 5, v).std()) for v in (-40.0, -30.0, 0.0, 30.0, 40.0)}
    if abs(slope - 0.5) > 0.03 or not all(0 < size < math.inf for size in sizes.values()):
        return None
    reached = {v: 2 * math.log(size / sizes[0.0]) for v, size in sizes.items()}
    said = []
    for sign, words in ((1, "above"), (-1, "below")):
        at, before = reached[40.0 * sign], reached[30.0 * sign]
        bound = round(2 * at) / 2  # so near as chance lets it be seen
        if abs(at - before) < 0.15 and abs(at - bound) < 0.15:
            said.append(f"{words} about {bound:g}")
    return NO_LONGER.format(" and ".join(said)) if said else None
