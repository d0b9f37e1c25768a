"""True values to hold a submission against, computed in float64 and independently of the reference solution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from asking import USUAL_SIZES, sizes_of_every_kind
from torch.distributions import Laplace, Normal, kl_divergence

from grading.checks import (
    CheckFailure,
    Draws,
    Submission,
    assert_all_digits,
    assert_close,
    assert_gradient,
    assert_unchanged,
    short,
)

PRECISIONS = torch.float32, torch.float64

LARGEST_ERROR = 1e4 - 1
"""The largest error beside data in [0, 1], so that no logit is beyond 1e4."""


def kl(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """``KL(N(mu, exp(logvar)) || N(0, I))`` in nats per example, from shapes ``(B, L)`` to ``()``."""
    mu, logvar = mu.double(), logvar.double()
    divergence = kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(torch.zeros_like(mu), torch.ones_like(mu)))
    return divergence.sum() / mu.shape[0]


def bernoulli(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``-log Bernoulli(x; sigmoid(logits))`` in nats per example, where ``-log sigmoid(l) = log(e^0 + e^-l)``."""
    logits, x = logits.double(), x.double()
    zero = torch.zeros_like(logits)
    nats = x * torch.logaddexp(zero, -logits) + (1 - x) * torch.logaddexp(zero, logits)
    return nats.sum() / x.shape[0]


def gaussian(mean: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``-log N(x; mean, I/2)`` in nats per example, without its constant."""
    density = Normal(mean.double(), math.sqrt(1 / 2))
    return -(density.log_prob(x.double()) + math.log(math.pi) / 2).sum() / x.shape[0]


def laplace(location: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``-log Laplace(x; location, 1)`` in nats per example, without its constant."""
    density = Laplace(location.double(), 1.0)
    return -(density.log_prob(x.double()) + math.log(2)).sum() / x.shape[0]


def warmup_loss(recon_x: torch.Tensor, x: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """The loss of the warm-up: squared error and KL, both summed over the batch."""
    return x.shape[0] * (gaussian(recon_x, x) + kl(mu, logvar))


def of_all_sizes(draws: Draws, *shape: int, largest: float = 1e4, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Numbers of either sign whose magnitudes are spread over 0.1 to ``largest``, as many of each power of ten.

    One of them is of the largest size.
    """
    sizes = 10 ** draws.uniform(*shape, low=-1.0, high=math.log10(largest))
    sizes.view(-1)[draws.integer(0, sizes.numel() - 1)] = largest
    return (sizes * (1 - 2 * draws.uniform(*shape).round())).to(dtype)


def log_variances(draws: Draws, *shape: int) -> torch.Tensor:
    """From -80 to 20, where the KL and its gradient are judged, and as many within 2 of 0 as beyond."""
    return torch.where(draws.uniform(*shape) < 0.5, draws.normal(*shape), draws.uniform(*shape, low=-80.0, high=20.0))


def numbers(
    draws: Draws, *shape: int, std: float = 1.0, largest: float, far: bool, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Normal ones, of which, where ``far``, some are of any size: what holds near 0 alone then shows in any batch."""
    usual = draws.normal(*shape, std=std, dtype=dtype)
    return with_some(draws, usual, of_all_sizes(draws, *shape, largest=largest)) if far else usual


def posterior(
    draws: Draws, batch: int, latent: int, *, far: bool, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and log-variances, of which, where ``far``, some are of any size at which the KL is judged."""
    mu = numbers(draws, batch, latent, largest=100.0, far=far, dtype=dtype)
    logvar = draws.normal(batch, latent, dtype=dtype)
    return mu, with_some(draws, logvar, log_variances(draws, batch, latent)) if far else logvar


def with_some(draws: Draws, usual: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """``usual`` with about one number in twenty, and one at least, from ``others``."""
    chosen = draws.uniform(*usual.shape) < 0.05
    chosen.view(-1)[draws.integer(0, chosen.numel() - 1)] = True
    return torch.where(chosen, others.to(usual.dtype), usual)


def shapes(draws: Draws) -> list[tuple[int, int]]:
    """Batches of every kind: small ones, all usual ones, one row, over 1,000 and 7,000 rows, many columns.

    Of the largest a matrix of all pairs of rows takes 215 MiB, for a few of which a worker has room.
    """
    return [
        *((draws.integer(2, 9), draws.integer(10, 17)) for _ in range(2)),
        (128, 784),
        *((size, draws.integer(2, 5)) for size in USUAL_SIZES),
        (draws.integer(90, 400), 70),
        *((size, draws.integer(2, 5)) for size in sizes_of_every_kind(draws)),
        *((draws.integer(2, 9), size) for size in sizes_of_every_kind(draws, largest=1_000)[1:]),
        (draws.integer(2, 4), draws.integer(1_001, 3_200)),
        *(
            (draws.integer(7_000, 7_500), 1) for _ in range(2)
        ),  # one would miss rows that are lost but are like the others
    ]


def pixels(draws: Draws, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Binary ones, or ones of any value in ``[0, 1]``, or some of each with both ends among them."""
    x = draws.uniform(*shape, dtype=dtype)
    kind = draws.integer(0, 2)
    return (x, x.round(), (2 * x - 0.5).clamp(0, 1))[kind]


def batches_to_differentiate(draws: Draws) -> list[tuple[int, int, torch.dtype]]:
    """Sizes and dtypes: batches of every size, examples of every size, that of the handout; in turning precision."""
    batches = [(size, draws.integer(2, 5)) for size in sizes_of_every_kind(draws)]
    examples = [(draws.integer(2, 4), size) for size in sizes_of_every_kind(draws, largest=1_000)]
    precision = precisions(draws)
    return [(128, 784, torch.float32), *((*size, next(precision)) for size in (*batches, *examples))]


def precisions(draws: Draws) -> Iterator[torch.dtype]:
    """Single and double precision in turn, beginning with either."""
    return itertools.cycle(PRECISIONS[:: 1 - 2 * draws.integer(0, 1)])


def ways(draws: Draws) -> list[tuple[int, torch.dtype, bool]]:
    """Batch size, dtype, and whether with gradients."""
    precision, found = precisions(draws), []
    for size in sizes_of_every_kind(draws):
        first, second = next(precision), next(precision)
        found += [(size, first, True), (size, second, False)]
        next(precision)  # the other way round for the next size
    return found


def assert_keeps_float64(
    draw: Callable[[], Sequence[torch.Tensor]],
    ask: Callable[..., torch.Tensor],
    true: Callable[..., torch.Tensor],
    what: str,
) -> None:
    """Three answers to arguments in double precision are right, and have more digits than single precision has.

    Args:
        draw: gives the arguments.
        ask: gives an answer.
        true: gives what it should be.
        what: what to call it.
    """
    found = []
    for _ in range(3):
        arguments = draw()
        found.append(ask(*arguments))
        assert_close(found[-1], true(*arguments), f"{what} in float64")
    assert_all_digits(torch.stack(found), f"{what} in float64")


def assert_leaves_alone(
    submission: Submission, name: str, draw: Callable[[int, int, torch.dtype], Sequence[torch.Tensor]], draws: Draws
) -> None:
    """A function changes neither its arguments nor torch, nor earlier answers, in any of the ways of ``ways``.

    Args:
        submission: whose function it is.
        name: of the function.
        draw: its arguments, for a batch of this size of examples of this size in this dtype.
        draws: where the batches come from.
    """
    for batch, dtype, gradients in ways(draws):
        for takes in (False, True) if gradients else (False,):
            size = draws.integer(65, 130) if batch < 129 else 3  # some have a matrix for each example
            arguments = [argument.requires_grad_(takes) for argument in draw(batch, size, dtype)]
            with torch.set_grad_enabled(gradients):
                getattr(submission, name)(*arguments)
            assert_unchanged(submission, name)


def assert_gradients(
    own: torch.Tensor, true: torch.Tensor, leaves: Mapping[str, torch.Tensor], what: str, rtol: float = 1e-4
) -> None:
    """The gradients of ``own`` are those of ``true``, but for rounding relative to the largest number of each.

    Each number of them has another weight, so that a gradient that is averaged or exchanged is another one.
    """
    weights = weights_of(true)
    own = own * weights
    found = torch.autograd.grad((true * weights).sum(), list(leaves.values()), retain_graph=True)
    for (name, leaf), expected in zip(leaves.items(), found, strict=True):
        rounding = rtol if expected.dtype == torch.float32 else 1e-6  # a constant of float32 is off by 6e-8
        atol = rounding * float(expected.abs().max()) + 1e-10
        assert_gradient(own, leaf, expected, f"the gradient of {what} for {name}", rtol=rounding, atol=atol)


def weights_of(output: torch.Tensor) -> torch.Tensor:
    """A weight near 1 for each number of ``output``: positive, since a sum that cancels is nothing but rounding."""
    uniform = torch.rand(output.shape, generator=torch.Generator().manual_seed(output.numel()), dtype=torch.float64)
    return (0.5 + uniform).to(output.dtype) if output.dim() else torch.ones((), dtype=output.dtype)


def assert_no_gradients(output: torch.Tensor, leaves: Mapping[str, torch.Tensor], what: str) -> None:
    """Nothing that ``output`` does not depend on gets a gradient of it, other than zeros."""
    if not leaves or not output.requires_grad:
        return
    found = torch.autograd.grad(output.sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
    for name, gradient in zip(leaves, found, strict=True):
        if gradient is not None and bool(gradient.any()):
            message = f"{what} has a gradient for {name}, of which it is no function"
            raise CheckFailure("gradient", message, expected="none", actual=short(gradient))


def taking_gradients(number: int, **tensors: torch.Tensor) -> dict[str, torch.Tensor]:
    """Those of these tensors for which gradients are asked for at this turn: all, then each by itself."""
    chosen = number % (len(tensors) + 1)
    return {name: tensor.requires_grad_() for i, (name, tensor) in enumerate(tensors.items(), 1) if chosen in (0, i)}


def away_from_zero(draws: Draws, *shape: int) -> torch.Tensor:
    """Numbers of either sign with magnitudes from 0.1 to 3, where no function of the assignment has a kink."""
    return draws.uniform(*shape, low=0.1, high=3.0) * (1 - 2 * draws.uniform(*shape).round())


def errors(draws: Draws, *shape: int, far: bool) -> torch.Tensor:
    """What an output may be off by, away from kinks; where ``far``, some are of any size."""
    usual, others = away_from_zero(draws, *shape), of_all_sizes(draws, *shape, largest=LARGEST_ERROR)
    return with_some(draws, usual, others) if far else usual


def beside(x: torch.Tensor, error: torch.Tensor) -> torch.Tensor:
    """``x + error``, but 0 nowhere, where a right Bernoulli loss may have a kink, and a float is by chance."""
    output = x + error
    return torch.where(output.abs() < 0.01, output + 0.02, output)
