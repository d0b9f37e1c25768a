"""What random numbers do to others: dropout, noise that is added, a factor, or a draw of 0 or 1.

Whoever seeds torch the same way gets the same noise for other numbers. So what is random is told apart from what it is
done to, exactly and not on average: noise that is added is the same for all numbers, a factor too, and what a dropout
keeps has one and the same scale. How large it is has to be measured. That is done from seeds that are always the same,
so that the words are, and tried with fresh ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...checks.draws import Draws

Tensor = torch.Tensor
Read = Callable[[Tensor, int], Tensor]
"""What has become of some numbers, in a call with such a seed; not finite where that cannot be read."""
BEGIN, FEW = 6, 40
"""Numbers from which it is seen what is done: a dropout of one in ten spares twice as many in one case of 4000."""
MANY = 200
"""Numbers from which its size is measured, of which one call may give many."""
USUAL = 68
"""Where the seeds come from that are always the same: the first normal numbers after them have spread 1, within 1 %."""
NEAR, ROUNDING = 2e-3, 1e-5
"""What counts as the same ratio, and what is left of float32 in numbers that are read back, relative to the largest."""


@dataclass(frozen=True)
class Chance:
    """What is done at random to numbers.

    Attributes:
        kind: ``dropout``, ``added``, ``factor`` or ``drawn``.
        words: of its size, such as "normal noise"; of a dropout the end of a sentence.
        noise: what is added or multiplied, in calls with seeds that are always the same.
    """

    kind: str
    words: str
    noise: Tensor


def found(read: Read, one: Tensor, other: Tensor, draws: Draws, *, sized: bool = True) -> Chance | None:
    """What is done to numbers at random, where it is one of the things that are known.

    Nothing is said of numbers by chance: the same must hold for two sets of numbers under ``FEW`` seeds. Only the sizes
    are measured, from ``MANY`` numbers, and dropped where fresh ones are off by six standard errors.

    Args:
        read: asks.
        one: some numbers that are not 0.
        other: others, as many, that differ from the first by different amounts.
        draws: what fresh seeds are drawn from.
        sized: whether noise is measured, which takes most of the calls.
    """
    one, other = one.double(), other.double()
    kind = ""
    for count in (BEGIN, FEW):  # what is none of this is mostly seen at once
        seeds = [draws.seed() for _ in range(max(4, count // one.numel()))]
        a, b = (torch.stack([read(values, seed).double() for seed in seeds]) for values in (one, other))
        kind = _kind(a, b, one, other, last=count == FEW)
        if not kind:
            return None
    if kind == "dropout":
        return Chance(kind, _kept(torch.cat((a / one, b / other))), a / one)
    if kind == "drawn":
        return Chance(kind, "0 or 1", a)
    if not sized:
        return Chance(kind, "noise", RELATIONS[kind](one, a))
    return _sized(kind, lambda seed: RELATIONS[kind](one, read(one, seed).double()), draws)


RELATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "added": lambda values, read: read - values,
    "factor": lambda values, read: read / values,
}
"""What random numbers there must be for something to have become of values."""


def _kind(a: Tensor, b: Tensor, one: Tensor, other: Tensor, *, last: bool) -> str:
    """What has become of two sets of numbers, under some seeds; empty where it is nothing that is known."""
    if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        return ""
    rounding = ROUNDING * float(torch.cat((a, b)).abs().max())
    if all(bool(((t * (t - 1)).abs() <= NEAR).all()) for t in (a, b)):
        return "drawn" if float(torch.cat((a, b)).std()) > NEAR else ""  # 0 alone is not drawn
    ratios = torch.cat((a / one, b / other))
    zero = ratios.abs() < NEAR
    kept = ratios[~zero]
    if not len(kept) or float(kept.max() - kept.min()) <= NEAR * float(kept.abs().max()):
        return "dropout" if (bool(zero.any()) and len(kept)) or not last else ""
    for kind, of in RELATIONS.items():
        noise, same = of(one, a), of(other, b)
        size = float(noise.std())
        by_rounding = rounding if kind == "added" else rounding / float(torch.cat((one, other)).abs().min())
        if size > 20 * by_rounding and bool(((noise - same).abs() <= 0.01 * size + by_rounding).all()):
            return kind
    return ""


def _kept(ratios: Tensor) -> str:
    """What a dropout does, where numbers are 0 or one and the same multiple of what they should be."""
    zero = ratios.abs() < NEAR
    share, scale = float(zero.double().mean()), float(ratios[~zero].mean())
    if abs(scale - 1) < NEAR:
        return "set to 0 at random, while the others stay as they are"
    odds = 1 - 1 / scale
    error = 6 * math.sqrt(max(odds * (1 - odds), 0.01) / ratios.numel())
    if scale > 1 and abs(share - odds) < error:
        return f"set to 0 at random with probability {odds:.2g}, and multiplied by {scale:.4g} otherwise"
    return f"set to 0 at random, and multiplied by {scale:.4g} otherwise"


def _single(noise: Tensor) -> Tensor:
    """The numbers of a call, those once that several rows or columns share."""
    step = 1e-4 * float(noise.abs().max())
    seen = {round(number / step) for number in noise.flatten().tolist()} if step else {0}
    return step * torch.tensor(sorted(seen), dtype=noise.dtype)


def _sized(kind: str, noise: Callable[[int], Tensor], draws: Draws) -> Chance:
    """The size of noise, where fresh seeds confirm it."""
    always = Draws(USUAL)
    count = max(8, MANY // len(_single(noise(draws.seed()))))
    usual = torch.cat([_single(noise(always.seed())) for _ in range(count)])
    fresh = torch.cat([_single(noise(draws.seed())) for _ in range(max(2, count // 4))])
    std = float(usual.std())
    # Six standard errors of a normal law, of which heavier ones have more: then no size is told.
    off = abs(math.log(float(fresh.std()) / std)) > 6 * math.sqrt(0.5 / usual.numel() + 0.5 / fresh.numel())
    if off or abs(float(fresh.mean() - usual.mean())) > 6 * std * math.sqrt(1 / usual.numel() + 1 / fresh.numel()):
        return Chance(kind, "noise", usual)
    return Chance(kind, described(usual), usual)


def described(noise: Tensor) -> str:
    """Mean and spread of noise, or its ends where it is uniform.

    That a normal sample is called uniform happens in less than one case in 1000 (Kolmogorov and Smirnov, and the fourth
    moment, which is 1.8 in place of 3).
    """
    low, high = float(noise.min()), float(noise.max())
    standard = (noise - noise.mean()) / noise.std()
    places, count = noise.sort().values, noise.numel()
    heights = torch.arange(1, count + 1, dtype=noise.dtype) / count
    gap = float(((places - low) / (high - low) - heights).abs().max()) * math.sqrt(count)
    if gap < 1.95 and 1.55 < float(standard.pow(4).mean()) < 2.1:
        ends = [0.0 if abs(end) < 0.02 * (high - low) else end for end in (low, high)]
        return f"uniform noise from about {ends[0]:.2g} to {ends[1]:.2g}"
    mean, std = float(noise.mean()), float(noise.std())
    error = std / math.sqrt(count)
    of_mean = "" if abs(mean) < 5 * error else f"mean about {_about(mean, error)} and "
    return f"noise of {of_mean}standard deviation about {_about(std, error / math.sqrt(2))}"


def _about(value: float, error: float) -> str:
    """A number in one digit, where that is as near as it is known, else in two."""
    short = float(f"{value:.1g}")
    return f"{short:g}" if abs(short - value) < 1.5 * error else f"{value:.2g}"
