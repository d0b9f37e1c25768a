"""How a VAE is trained: the loop, and what one step of it minimizes.

The ELBO bounds the log-likelihood of an example ``x`` from below (Kingma & Welling 2013, equation 3):

    log p(x)  ≥  E_q(z | x) [log p(x | z)]  −  KL(q(z | x) ‖ p(z))

Training minimizes its negative, averaged over a batch: ``loss = recon + beta · KL``, with one sample of ``z`` for the
expectation. At beta 1 the loss is the negative ELBO.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from student.lab.measure import log_likelihood


class Terms(NamedTuple):
    """What a training step reports, scalars in nats per example: the loss, its reconstruction and its KL part."""

    loss: Tensor
    recon: Tensor
    kl: Tensor


Objective = Callable[[nn.Module, Tensor, float], Terms]
"""The function that training minimizes: ``(model, x of shape (B, D), beta) -> Terms``."""


def training_steps(
    model: nn.Module,
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[Tensor],
    beta_at: Callable[[int], float],
    step: int = 0,
) -> Iterator[tuple[float, Terms]]:
    """Train on some batches, and give after each its beta and its terms.

    Args:
        model, objective, optimizer: what is trained, what it minimizes, and how.
        batches: examples, each ``(B, D)``.
        beta_at: the weight of the KL at a step.
        step: how many were done before.
    """
    for index, x in enumerate(batches, start=step):
        beta = beta_at(index)
        terms = objective(model, x, beta)
        optimizer.zero_grad()
        terms.loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        yield beta, terms


def shuffled(data: Tensor, batch_size: int, seed: int, redraw: bool = False) -> Iterator[Tensor]:
    """Every example once, in random order. The data is one tensor on the device, and a batch is an index into it.

    Args:
        data: shape ``(N, D)``.
        batch_size: ``B``; the last batch may be smaller.
        seed: of the order.
        redraw: make each pixel 1 with the probability that its grey value states (Burda et al. 2016, section 5.2).
    """
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed)).to(data.device)
    for rows in torch.split(order, batch_size):
        x = data.index_select(0, rows)
        yield torch.bernoulli(x) if redraw else x


def observed_with(log_sigma: Tensor, terms: Terms, features: int) -> Terms:
    """Turn terms of the squared error into those of a Gaussian with another standard deviation, sigma.

    The squared error is a Gaussian of variance 1/2. With ``N(x; mean, sigma² I)``, up to ``D/2 log(pi)``,

        −log p(x | z) = squared error / (2 sigma²) + D/2 log(2 sigma²),

    so that a squared error with ``2 sigma² beta`` for its beta, divided by ``2 sigma²``, is what has to be minimized.
    Where ``log_sigma`` is a parameter, its gradient makes sigma fit the errors (sigma-VAE, Rybkin et al. 2021).

    Args:
        log_sigma: scalar.
        terms: as reported with that beta.
        features: ``D``.
    """
    factor = (-2 * log_sigma).exp() / 2
    constant = -features / 2 * factor.log()
    kept = factor.detach()
    loss = kept * terms.loss + (factor - kept) * terms.recon.detach() + constant
    return Terms(loss, kept * terms.recon + constant.detach(), terms.kl)


def autoencoder_objective(likelihood: str) -> Objective:
    """What a plain autoencoder minimizes: the reconstruction from the mean, without noise and without KL."""

    def objective(model: nn.Module, x: Tensor, beta: float) -> Terms:
        mu, _ = model.encode(x.clone())  # type: ignore[operator]
        recon = -log_likelihood(model.decode(mu), x, likelihood).mean()  # type: ignore[operator]
        return Terms(recon, recon, torch.zeros_like(recon))

    return objective


def seed_for(seed: int, purpose: str, epoch: int = 0) -> int:
    """A seed for one purpose and epoch. Each epoch has its own, so that a resumed run needs no generator's state."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{purpose}/{epoch}".encode(), digest_size=7).digest(), "big")
