"""The law of the noise: whether numbers could be independent draws from ``N(0, 1)``."""

from __future__ import annotations

import math

import torch

from grading.checks import assert_finite, assert_statistic, assert_tensor


def standardized(z: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """``(z - mu) / sigma``, the noise that made ``z``, in float64."""
    for name, value in (("mu", mu), ("logvar", logvar)):
        assert_tensor(value, z.shape, None, name)
    eps = (z.detach().double() - mu.detach().double()) / torch.exp(logvar.detach().double() / 2)
    assert_finite(eps, "z")
    return eps


def assert_standard_moments(eps: torch.Tensor, what: str) -> None:
    """The first four moments are those of ``N(0, 1)``: 0, 1, 0 and 3, within seven standard errors.

    The powers of a normal number have the variances 1, 2, 15 and 96. With 10^5 numbers and more their means are close
    enough to normal that each statistic fails by chance less often than once in 10^10 times. The third and fourth
    moment tell noise of another shape with the right variance: uniform (fourth moment 1.8), Laplace (6), truncated.
    """
    n = eps.numel()
    assert_statistic(eps.mean().item(), 0.0, math.sqrt(1 / n), f"the mean of {what}", rate=1e-10)
    assert_statistic(eps.pow(2).mean().item(), 1.0, math.sqrt(2 / n), f"the variance of {what}", rate=1e-10)
    assert_statistic(eps.pow(3).mean().item(), 0.0, math.sqrt(15 / n), f"the third moment of {what}", rate=1e-10)
    assert_statistic(eps.pow(4).mean().item(), 3.0, math.sqrt(96 / n), f"the fourth moment of {what}", rate=1e-10)


def assert_uncorrelated(eps: torch.Tensor, what: str) -> None:
    """Numbers of one row, and of one column, do not hang together.

    The sum of ``n`` independent ``N(0, 1)`` numbers has variance ``n``; numbers that are shared have a larger one,
    numbers that come in pairs of opposite sign a smaller one. The statistic, a mean of ``k`` squares, has variance
    ``2 / k`` and a chi-squared law: a chance failure at seven standard errors is rarer than once in 10^9 times for
    ``k >= 300``.
    """
    for name, sums, terms in (("row", eps.sum(1), eps.shape[1]), ("column", eps.sum(0), eps.shape[0])):
        statistic = (sums.pow(2).mean() / terms).item()
        summed = f"the variance of {what}, summed over a {name},"
        assert_statistic(statistic, 1.0, math.sqrt(2 / len(sums)), summed, rate=1e-9)


def assert_independent(first: torch.Tensor, second: torch.Tensor, what: str) -> None:
    """Two sets of noise are uncorrelated: the mean product is 0, with variance ``1 / n``."""
    product = (first * second).mean().item()
    assert_statistic(product, 0.0, math.sqrt(1 / first.numel()), f"the correlation of {what}")
