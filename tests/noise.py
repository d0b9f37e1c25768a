"""The law of the noise: whether numbers could be independent draws from ``N(0, 1)``.

Every statement here has a bound with a known probability: an exact law, or an inequality that holds for any number of
draws. What is said of many rows (columns, calls) is said of the worst of them, with the probability for all together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from asking import HANDOUT_CALLS, USUAL_CALLS

from grading.checks import CheckFailure, Model, assert_finite, assert_statistic, assert_tensor

RATE = 1e-10
"""How often one statement below fails by chance, at most."""
PLACES = 24_000
"""How many numbers are compared at all distances: as many show a correlation of 0.06."""
TRIPLES = 10_000
"""How many triples of numbers are looked at, of each kind: as many show a correlation of 0.075."""


def standardized(z: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """``(z - mu) / sigma``, the noise that made ``z``, in float64."""
    for name, value in (("mu", mu), ("logvar", logvar)):
        assert_tensor(value, z.shape, None, name)
    eps = (z.detach().double() - mu.detach().double()) / torch.exp(logvar.detach().double() / 2)
    assert_finite(eps, "z")
    return eps


def assert_standard_moments(eps: torch.Tensor, what: str) -> None:
    """Mean and variance are 0 and 1, and the third and fourth of Hermite's polynomials have mean 0.

    Each is uncorrelated with the ones before it, so that it tells what they leave open: ``x^2 - 1``, ``x^3 - 3 x`` and
    ``x^4 - 6 x^2 + 3`` have the variances 2, 6 and 24 for a normal ``x``, where the bare powers have 2, 15 and 96. With
    10^5 numbers and more their means are close enough to normal that each statistic fails by chance less often than
    once in 10^10 times. The last two tell noise of another shape with the right variance: uniform (-1.2), Laplace (3),
    truncated, or the sum of twelve uniform numbers (-0.1), which 300,000 show.
    """
    n, square = eps.numel(), eps.square()
    skewed, tailed = eps * (square - 3), square.square() - 6 * square + 3
    assert_statistic(eps.mean().item(), 0.0, math.sqrt(1 / n), f"the mean of {what}", rate=1e-10)
    assert_statistic(square.mean().item(), 1.0, math.sqrt(2 / n), f"the variance of {what}", rate=1e-10)
    assert_statistic(skewed.mean().item(), 0.0, math.sqrt(6 / n), f"the skewness of {what}", rate=1e-10)
    assert_statistic(tailed.mean().item(), 0.0, math.sqrt(24 / n), f"the excess kurtosis of {what}", rate=1e-10)
    assert_reaches_far(eps, what)


def assert_reaches_far(eps: torch.Tensor, what: str) -> None:
    """Some number is as far from 0 as 25 of so many are on average: none is once in ``exp(25)``, about 7e10, times."""
    expected = -torch.special.ndtri(torch.tensor(12.5 / eps.numel(), dtype=torch.float64)).item()
    farthest = eps.abs().max().item()
    assert_statistic(max(0.0, expected - farthest), 0.0, 1e-9, f"what is cut off from {what}", rate=2e-11)


def assert_standard_normal(eps: torch.Tensor, what: str) -> None:
    """The whole distribution is that of ``N(0, 1)``.

    Moments do not tell a law: the five nodes of Gauss and Hermite have the first nine of them.
    """
    _assert_distribution(eps.reshape(1, -1), f"the distribution of {what}")


def assert_independent_draws(eps: torch.Tensor, what: str, row: str = "row", column: str = "column") -> None:
    """Each row and each column is standard normal by itself, and none has to do with another.

    Args:
        eps: noise, shape ``(rows, columns)``, at least 30 of each.
        what: what it is.
        row: what a row is, such as a call.
        column: what a column is.
    """
    sizes_of_all = size_as_normal(eps)
    for name, lines, sizes in ((row, eps, sizes_of_all), (column, eps.T, sizes_of_all.T)):
        _assert_variances(lines, f"the variance of {what} in a {name}")
        _assert_distribution(lines, f"the distribution of {what} in a {name}")
        _assert_sums_vary(lines, what, name)
        # Numbers that are independent stay so when some are replaced by their sizes.
        pairs = (("", lines, lines), ("the size of ", sizes, sizes), ("size and value of ", sizes, lines))
        for kind, one, other in pairs:
            _assert_unrelated(one, other, f"{kind}{what} in two {name}s")
        quarters = lines.shape[1] // 4 * 4
        for start in (0, 2):  # what comes in groups may begin anywhere
            blocks = [
                of[:, start : quarters - 4 + start].unflatten(1, (-1, 4)).permute(2, 0, 1) for of in (lines, sizes)
            ]
            _assert_triples_unrelated(blocks[0], blocks[1], f"{what} at three places of a {name}")
    assert_unrelated_at_any_distance(eps, what)
    even = slice(len(eps) // 2 * 2), slice(eps.shape[1] // 2 * 2)
    corners = [torch.stack([of[even][i::2, j::2] for i in (0, 1) for j in (0, 1)]) for of in (eps, sizes_of_all)]
    _assert_triples_unrelated(corners[0], corners[1], f"{what} at three of four places that meet")


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


def assert_calls_vary(noise: Sequence[torch.Tensor], what: str) -> None:
    """From call to call the sum of the noise varies, and so does that of its squares, as those of independent numbers.

    Noise that is centred or scaled over a whole call, or drawn in strata, is normal and hardly correlated, and has the
    same sum each time. ``sum / sqrt(n)`` is ``N(0, 1)``, and the sum of the squares chi-squared, of which the quantile
    is that of an ``N(0, 1)`` number; the squares of ``k`` such numbers, one for each call, add up to a chi-squared one.
    Where some calls alone are made so, their numbers are too near 0, or two that follow one another and have as many
    numbers are too near to each other.
    """
    sums = torch.stack([eps.sum() / math.sqrt(eps.numel()) for eps in noise])
    squares = torch.stack([_as_normal(eps.square().sum(), eps.numel()) for eps in noise])
    pairs = [i for i in range(0, len(noise) - 1, 2) if noise[i].numel() == noise[i + 1].numel()]
    for name, scores in (("sum", sums), ("sum of squares", squares)):
        varies = f"how much the {name} of {what} varies from call to call"
        _assert_normal(_as_normal(scores.square().sum(), len(noise)), 1, varies)
        _assert_not_too_near(scores, varies)
        if pairs:
            _assert_not_too_near(torch.stack([(scores[i] - scores[i + 1]) / math.sqrt(2) for i in pairs]), varies)


def assert_usual_calls_vary(model: Model, draw: Callable[[int], torch.Tensor], what: str) -> None:
    """The noise of batches of each usual size varies, in train mode with gradients and in eval mode without.

    Args:
        model: what is put into either mode.
        draw: gives the noise of one call for so many rows.
        what: what it is.
    """
    found: list[torch.Tensor] = []
    for training in (True, False):
        model.train(training)
        for sizes in (HANDOUT_CALLS, USUAL_CALLS):
            with torch.set_grad_enabled(training):
                calls = [draw(batch) for batch in sizes]
            assert_calls_vary(calls, what)
            found += calls
    assert_calls_vary(found, what)


def _assert_sums_vary(lines: torch.Tensor, what: str, name: str) -> None:
    """The sums of the rows, and of their squares, vary as those of independent numbers: no row is centred or scaled."""
    sums = lines.sum(1) / math.sqrt(lines.shape[1])
    squares = _as_normal(lines.square().sum(1), lines.shape[1])
    for of, scores in (("sum", sums), ("sum of squares", squares)):
        varies = f"how much the {of} of {what} varies from {name} to {name}"
        _assert_normal(_as_normal(scores.square().sum(), len(scores)), 1, varies)


def _assert_not_too_near(scores: torch.Tensor, what: str) -> None:
    """Not too many of ``k`` independent ``N(0, 1)`` numbers are near 0.

    That ``j`` of them or more are no larger than ``c`` in size happens less often than ``binomial(k, j) p^j``, where
    one of them is with probability ``p``; so for all ``j`` together, ``k`` times the smallest of these bounds.
    """
    k = len(scores)
    share = torch.special.erf(scores.double().abs().sort().values / math.sqrt(2)).clamp(min=1e-300)
    ways = [math.lgamma(k + 1) - math.lgamma(j + 1) - math.lgamma(k - j + 1) for j in range(1, k + 1)]
    least = float((torch.tensor(ways) + torch.arange(1, k + 1) * share.log()).min()) + math.log(k)
    odds = max(0.0, -least)
    assert_statistic(odds, 0.0, -math.log(RATE) / 7, f"{what} (too little; the log odds against it)", rate=RATE)


def _as_normal(statistic: torch.Tensor, degrees: int) -> torch.Tensor:
    """The number with the same quantile in ``N(0, 1)`` as a chi-squared one has."""
    half, smallest = torch.tensor(degrees / 2, dtype=torch.float64), torch.finfo(torch.float64).tiny
    below, above = (tail(half, statistic.double() / 2) for tail in (torch.special.gammainc, torch.special.gammaincc))
    low, high = (torch.special.ndtri(share.clamp(min=smallest)) for share in (below, above))
    return torch.where(below < above, low, -high)


def assert_independent(first: torch.Tensor, second: torch.Tensor, what: str) -> None:
    """Two sets of noise have nothing to do with one another, nor have their sizes; neither is the other reordered."""
    sizes, other_sizes = size_as_normal(first), size_as_normal(second)
    _assert_correlation(first, second, f"the correlation of {what}")
    _assert_correlation(sizes, other_sizes, f"the correlation of the size of {what}")
    for size, value in ((sizes, second), (other_sizes, first)):
        _assert_correlation(size, value, f"the correlation of size and value of {what}")
    # As many as ``assert_no_repetition`` is made for, so that half of what is there twice is among them.
    both = torch.cat([first.flatten(), second.flatten()])
    assert_no_repetition(
        both[torch.randperm(len(both), generator=torch.Generator().manual_seed(1))[: len(both) // 2]], what
    )


def assert_unrelated_to(eps: torch.Tensor, given: Sequence[torch.Tensor], what: str) -> None:
    """The noise, and its size, have nothing to do with what was given beside it, such as mu and logvar.

    Numbers of a random sign are ``N(0, 1)`` too where the sign is that of mu.
    """
    for argument in given:
        value = argument.detach().double().reshape(eps.shape)
        for factor in (value, value.sign(), value.abs()):
            factor = factor - factor.mean()
            if factor.any():
                for name, numbers in (("", eps), ("the size of ", size_as_normal(eps))):
                    _assert_correlation(factor, numbers, f"the correlation of {name}{what} with what was given")


def assert_no_row_repeats(eps: torch.Tensor, what: str) -> None:
    """No two rows of several numbers are the same: from a few seeds, only a few of them could come.

    Numbers that were the same before mu and sigma were taken off them are so but for rounding, to 0.005.
    """
    apart = torch.cdist(eps, eps, p=math.inf).fill_diagonal_(math.inf)
    again = int((apart.amin(1) < 5e-3).sum())
    if again:
        message = f"{what} of one call comes again in another one"
        expected, actual = f"{len(eps)} different ones", f"{again} that are there more than once"
        raise CheckFailure("statistics", message, expected=expected, actual=actual)


def assert_no_repetition(eps: torch.Tensor, what: str) -> None:
    """Most numbers differ in size from all others, as they do where a law has a density.

    Of 120,000 sizes that are rightly drawn and rounded to 10^-5, which is more than float32 has done to them, 73 % are
    different, and a larger share of fewer; to fall to 60 % would take hundreds of standard deviations. A law of few
    values has fewer, and so has noise that is there twice in another order or with the other sign.
    """
    different = len((eps.abs() * 1e5).round().unique())
    if not different > 0.6 * eps.numel():
        message = f"{what} repeats itself or has few values, where N(0, 1) has a density"
        expected, actual = f"most of {eps.numel()} numbers different", f"{different} different ones"
        raise CheckFailure("statistics", message, expected=expected, actual=actual)


def in_rows(noise: Sequence[torch.Tensor], width: int = 64, most: int = 4_000) -> torch.Tensor:
    """Numbers of batches of all shapes, one after the other, in rows that are long enough to be judged."""
    numbers = torch.cat([eps.flatten()[:most] for eps in noise])
    return numbers[: len(numbers) // width * width].reshape(-1, width)


def size_as_normal(eps: torch.Tensor) -> torch.Tensor:
    """An increasing function of ``|eps|``, and ``N(0, 1)`` where ``eps`` is: what holds for ``eps`` holds for it."""
    below = 2 * torch.special.ndtr(eps.abs()) - 1
    return torch.special.ndtri(below.clamp(1e-12, 1 - 1e-12))


def _assert_distribution(lines: torch.Tensor, what: str) -> None:
    """In no row is the empirical distribution far from that of ``N(0, 1)``: Kolmogorov and Smirnov's statistic.

    It exceeds ``d`` less often than ``2 exp(-2 n d^2)`` (Massart 1990), for every number ``n`` of draws.
    """
    count, n = lines.shape
    below = torch.special.ndtr(lines.sort(dim=1).values)
    steps = torch.arange(n, dtype=below.dtype) / n
    distance = torch.maximum((below - steps).amax(), (steps + 1 / n - below).amax()).item()
    bound = math.sqrt(math.log(2 * count / RATE) / (2 * n))
    assert_statistic(distance, 0.0, bound / 7, what, rate=RATE)


def _assert_variances(lines: torch.Tensor, what: str) -> None:
    """In no row is the mean square far from 1.

    ``n`` times it is chi-squared, more than ``2 sqrt(n t) + 2 t`` from ``n`` less often than ``2 exp(-t)`` (Laurent &
    Massart 2000, lemma 1).
    """
    count, n = lines.shape
    t = math.log(2 * count / RATE)
    variances = lines.pow(2).mean(dim=1)
    worst = variances[(variances - 1).abs().argmax()].item()
    below, above = 2 * math.sqrt(t / n), 2 * math.sqrt(t / n) + 2 * t / n
    assert_statistic(worst, 1.0, (below if worst < 1 else above) / 7, what, rate=RATE)


def _assert_unrelated(lines: torch.Tensor, others: torch.Tensor, what: str) -> None:
    """No row is correlated with another one's: ``a b / |a|`` is ``N(0, 1)``, whatever ``a`` is."""
    products = (lines @ others.T) / lines.norm(dim=1, keepdim=True)
    pairs = len(lines) * (len(lines) - 1)
    _assert_normal(products.fill_diagonal_(0.0), pairs, f"the correlation of {what}")


def assert_unrelated_at_any_distance(eps: torch.Tensor, what: str) -> None:
    """Numbers at any distance are uncorrelated, and so are their sizes: in a row, on a diagonal, in a later call.

    Given the sizes of all numbers, their signs are independent, and so are the products of the signs of two numbers at
    one distance. The sum of the products of the numbers, over the root of the sum of their squares, exceeds ``t`` in
    size less often than ``2 exp(-t^2 / 2)`` (Hoeffding 1963), for any number of draws. All sums are found at once: the
    spectrum of a correlation is a product of spectra.
    """
    if eps.numel() > PLACES:  # a part of it shows what hangs together just as well
        eps = eps[:160, : PLACES // 160] if len(eps) < PLACES // 20 else eps[: PLACES // eps.shape[1]]
    shape, sizes = [2 * n for n in eps.shape], size_as_normal(eps)
    values, squares = ([torch.fft.rfft2(of**power, s=shape) for of in (eps, sizes)] for power in (1, 2))
    distances = eps.numel() * 4
    for kind, one, other in (("", 0, 0), ("the size of ", 1, 1), ("size and value of ", 1, 0)):
        sums, variances = (torch.fft.irfft2(of[one].conj() * of[other], s=shape) for of in (values, squares))
        sums[0, 0] = 0.0
        correlations = sums / variances.clamp(min=1e-3).sqrt()
        _assert_normal(correlations, 6 * distances, f"the correlation of {kind}{what} at two places")


def _assert_triples_unrelated(values: torch.Tensor, sizes: torch.Tensor, what: str) -> None:
    """At no three of these places does the third number, or its size, follow from the product of two others.

    Signs of which each is the product of two others are uncorrelated, every two of them, and so are sizes made so. With
    ``a`` a product of two numbers or sizes and ``b`` a number or a size at a third place, ``a b / |a|`` is ``N(0, 1)``,
    whatever ``a`` is.

    Args:
        values: independent numbers, the first dimension of which is the place.
        sizes: their sizes, as ``size_as_normal`` gives them.
        what: what they are.
    """
    factors = torch.cat([values.flatten(1), sizes.flatten(1)]).float()
    factors = factors[:, :: max(1, factors.shape[1] // TRIPLES)]
    at = torch.arange(len(values)).repeat(2)
    first, second = torch.triu_indices(len(factors), len(factors), 1)
    first, second = first[at[first] != at[second]], second[at[first] != at[second]]
    products = factors[first] * factors[second]
    correlations = (products @ factors.T) / products.norm(dim=1, keepdim=True)
    third = (at[None, :] != at[first, None]) & (at[None, :] != at[second, None])
    _assert_normal(correlations[third].double(), int(third.sum()), f"the correlation of {what}")


def _assert_correlation(first: torch.Tensor, second: torch.Tensor, what: str) -> None:
    _assert_normal((first * second).sum() / first.norm(), 1, what)


def _assert_normal(values: torch.Tensor, count: int, what: str) -> None:
    """None of ``count`` numbers, each ``N(0, 1)`` but not independent of the others, is improbably large.

    One exceeds ``t`` in size less often than ``exp(-t^2 / 2)``.
    """
    bound = math.sqrt(2 * math.log(count / RATE))
    worst = values.flatten()[values.abs().argmax()].item()
    if math.isnan(worst):  # of numbers that are all 0
        message = f"{what} cannot be told: there is no noise"
        raise CheckFailure("statistics", message, expected="independent numbers", actual="all the same ones")
    assert_statistic(worst, 0.0, bound / 7, f"{what}, in standard errors,", rate=RATE)
