"""Where the gradient of a sample for the log-variance is right and where it is another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from grading.checks import Draws
from grading.diagnosis.laws import NO_GRADIENT, alike, gradients, number

LEAST = 8
"""So many numbers of either kind are needed to tell by what they differ."""
CLEAR = 1e-5
"""Half of ``z - mu`` is nothing to divide by where it is smaller."""


def in_places(sample: Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor], draws: Draws) -> Iterator[str]:
    """What is wrong with the gradient for logvar in some of many numbers alone, where the sample itself is right.

    Args:
        sample: gives one at means and log-variances, from a seed.
        draws: of both.
    """
    seed = draws.seed()
    # Near 0 a mean takes no digits from the noise that is added to it, however small that is.
    mu, logvar = draws.normal(80, 5, std=0.01), draws.uniform(80, 5, low=-14.0, high=8.0).requires_grad_()
    z, noise = sample(mu, logvar, seed), sample(torch.zeros(80, 5), torch.zeros(80, 5), seed)
    follows = alike(z, (mu + (logvar / 2).exp() * noise).detach())
    (slope,) = gradients(z, [logvar])
    if follows and slope is not NO_GRADIENT:
        yield from _where_wrong(slope, ((z - mu) / 2).detach(), mu, logvar.detach())


def _where_wrong(slope: torch.Tensor, half: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> Iterator[str]:
    """In which places a gradient is another number of times what it should be, if it is right in all others.

    Args:
        slope: the gradient for ``logvar``, as it came back.
        half: what it should be, half of ``z - mu``.
        mu: the means.
        logvar: the log-variances.
    """
    clear = half.abs() > CLEAR
    ratio = (slope / half)[clear]
    right = (ratio - 1).abs() < 0.01
    wrong = ratio[~right]
    if min(len(wrong), int(right.sum())) < LEAST or float(wrong.max() - wrong.min()) > 0.01 * (1 + abs(wrong[0])):
        return
    for words, feature in _features((half * (-logvar / 2).exp())[clear], mu[clear], logvar[clear]):
        below, above = feature[~right] < feature[right].min(), feature[~right] > feature[right].max()
        if bool((below | above).all()):
            places = [words[0]] * bool(below.any()) + [words[1]] * bool(above.any())
            factor = float(wrong.mean())
            size = "0" if abs(factor) < 0.01 else f"{number(round(factor, 2))} times half of z - mu"
            yield f"that for logvar is {size} where {' and where '.join(places)}"
            return


def _features(
    noise: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor
) -> Iterator[tuple[tuple[str, str], torch.Tensor]]:
    """What numbers may be told apart by: in words where it is small and where it is large, and its values."""
    for name, values in (("the noise", noise), ("logvar", logvar), ("mu", mu)):
        yield (f"{name} is negative", f"{name} is positive"), values.sign()
        yield (f"{name} is small", f"{name} is large"), values
        yield (f"{name} is near 0", f"{name} is far from 0"), values.abs()
