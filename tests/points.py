"""Arguments of ``compute_elbo``: data, logits and a posterior of every size and kind at which it is judged."""

from __future__ import annotations

from typing import NamedTuple

import oracles
import torch
from asking import sizes_of_every_kind
from networks import LIKELIHOODS

from grading.checks import Draws


class Point(NamedTuple):
    """The arguments of ``compute_elbo`` that are tensors, in its order."""

    x: torch.Tensor
    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor


def draw(draws: Draws, batch: int, features: int, latent: int, dtype: torch.dtype = torch.float32) -> Point:
    """Data in ``[0, 1]``, and a decoder output that is neither 0 nor equal to the data anywhere."""
    x, error = draws.uniform(batch, features, dtype=dtype), oracles.away_from_zero(draws, batch, features)
    mu, logvar = draws.normal(batch, latent, dtype=dtype), draws.normal(batch, latent, dtype=dtype)
    return Point(x, oracles.beside(x, error.to(dtype)), mu, logvar)


def draw_any(draws: Draws, batch: int, features: int, latent: int, dtype: torch.dtype = torch.float32) -> Point:
    """The same where data may be binary, or have pixels of exactly 0 and 1 among others."""
    point = draw(draws, batch, features, latent, dtype)
    x = oracles.pixels(draws, batch, features, dtype=dtype)
    return point._replace(x=x, logits=oracles.beside(x, point.logits - point.x))


def three(draws: Draws, largest: int) -> tuple[int, int, int]:
    """Three different sizes from 2 to the largest."""
    one, two, other = draws.distinct(3, 2, largest)
    return one, two, other


def of_every_kind(draws: Draws, recon_loss: str) -> list[Point]:
    """A small point, one of the size of a batch of digits, one of one row, of over 1,000, and of many latents.

    Every second one is of real-valued data, where the likelihood is for such, and of two pairs one has numbers of any
    size among others.
    """
    points = [
        draw_any(draws, *three(draws, 17)),
        draw_any(draws, 128, 784, 20),
        draw_any(draws, draws.integer(2, 9), draws.integer(2, 9), draws.integer(257, 400)),
        *of_every_size(draws),
    ]
    points = [with_any_sizes(draws, point) if i % 4 > 1 else point for i, point in enumerate(points)]
    if recon_loss != "bernoulli":
        points[1::2] = [of_real_data(draws, point) for point in points[1::2]]
    return points


def of_every_size(draws: Draws) -> list[Point]:
    """Points of batches of every size, and of examples of every size, in single and double precision."""
    precision, sizes = oracles.precisions(draws), sizes_of_every_kind(draws)
    batches = [draw_any(draws, size, *three(draws, 6)[1:], next(precision)) for size in sizes]
    examples = [(1, draws.integer(2, 5)), (draws.integer(2, 5), 1)]
    examples += [(size, draws.integer(2, 64)) for size in sizes_of_every_kind(draws, largest=1_000)[2:]]
    examples += [(draws.integer(1_001, 3_200), draws.integer(2, 9))]
    return batches + [draw_any(draws, draws.integer(2, 4), *size, next(precision)) for size in examples]


def to_differentiate(draws: Draws) -> list[Point]:
    """Points of usual numbers, of numbers of all sizes, of one row, and of over 1,000."""
    return [
        draw_any(draws, 4, 6, 3),
        draw_of_all_sizes(draws),
        *of_every_size(draws),
    ]


def ways() -> list[tuple[str, torch.dtype, bool]]:
    """Likelihood, dtype, and whether with gradients."""
    usual = [(name, torch.float32, gradients) for name in LIKELIHOODS for gradients in (True, False)]
    return [*usual, ("gaussian", torch.float64, True), ("bernoulli", torch.float64, False)]


def unknown_names(draws: Draws) -> list[str]:
    """Names of no likelihood, some of which begin as a right one does; none is another spelling of one."""
    starts = [name[: draws.integer(1, 3)] for name in LIKELIHOODS]
    random = [start + "".join(chr(97 + draws.integer(0, 25)) for _ in range(6)) + "x" for start in ("", *starts)]
    longer = [end for name in LIKELIHOODS for end in (f"x{name}", f"{name}x")]
    parts_of_all = ["", "a", "an", *(name[1 : draws.integer(3, 5)] for name in LIKELIHOODS), " ".join(LIKELIHOODS)]
    return [*random, *longer, *parts_of_all]


def draw_of_all_sizes(draws: Draws) -> Point:
    """The same where numbers are of all sizes that the parts are judged at; data stay in ``[0, 1]``."""
    error = oracles.of_all_sizes(draws, 5, 7, largest=oracles.LARGEST_ERROR)
    x = draws.uniform(5, 7)
    return Point(
        x,
        oracles.beside(x, error),
        oracles.of_all_sizes(draws, 5, 4, largest=100.0),
        oracles.log_variances(draws, 5, 4),
    )


def with_any_sizes(draws: Draws, point: Point) -> Point:
    """The same, but for some numbers of any size at which the parts are judged; data stay as they are."""
    far = oracles.of_all_sizes(draws, *point.x.shape, largest=oracles.LARGEST_ERROR)
    logits = point.x + oracles.with_some(draws, point.logits - point.x, far)
    mu = oracles.with_some(draws, point.mu, oracles.of_all_sizes(draws, *point.mu.shape, largest=100.0))
    logvar = oracles.with_some(draws, point.logvar, oracles.log_variances(draws, *point.logvar.shape))
    return point._replace(logits=oracles.beside(point.x, logits - point.x), mu=mu, logvar=logvar)


def of_real_data(draws: Draws, point: Point) -> Point:
    """The same errors for data of either sign, as Gaussian and Laplace likelihoods are for."""
    x = draws.normal(*point.x.shape, std=3.0, dtype=point.x.dtype)
    return point._replace(x=x, logits=oracles.beside(x, point.logits - point.x))


def with_gradients(point: Point, *names: str) -> Point:
    """The same point, where gradients for the named tensors are asked for."""
    return point._replace(**{name: getattr(point, name).clone().requires_grad_() for name in names})


def elsewhere(tensor: torch.Tensor) -> torch.Tensor:
    """Other numbers, and small ones, at which every part should answer something else."""
    return 0.5 * torch.tanh(tensor.detach()) + 0.25
