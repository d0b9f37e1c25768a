"""Extensions, not graded: what to do when the assignment is done. Each has checks of its own in ``tests/extensions/``.

    pytest tests/extensions                 all of them; a function that is still missing fails its own checks only
    pytest tests/extensions -k free_bits    those of one

Notation as in ``vae.py``; ``K`` is the number of samples of ``z`` for each example. The same rules hold: no argument is
changed, dtype and device are kept, gradients flow wherever the mathematics has them.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F


class SigmaTerms(NamedTuple):
    """A Gaussian reconstruction loss and the noise that it was computed with.

    Attributes:
        recon: ``-log p(x | z)`` with its constant, in nats per example, shape ``()``.
        sigma: the standard deviation of a pixel, shape ``()``.
    """

    recon: torch.Tensor
    sigma: torch.Tensor


def log_importance_weights(
    logits: torch.Tensor, x: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor, z: torch.Tensor
) -> torch.Tensor:
    """How much more probable the model finds a code together with ``x`` than the encoder that proposed it.

    ``log w = log p(x | z) + log p(z) - log q(z | x)`` with a Bernoulli likelihood, the prior ``N(0, I)`` and
    ``q(z | x) = N(mu, sigma ** 2)`` (Burda et al. 2016, arXiv:1509.00519, equation 8).

    Args:
        logits: decoder output for each sample, shape ``(K, B, D)``.
        x: data points, shape ``(B, D)``.
        mu: posterior means, shape ``(B, L)``.
        logvar: posterior log-variances, shape ``(B, L)``.
        z: samples from ``q(z | x)``, shape ``(K, B, L)``.

    Returns:
        ``log w`` in nats, shape ``(K, B)``.
    """
    raise NotImplementedError("extension 1, log_importance_weights")


def importance_weighted_bound(log_weights: torch.Tensor) -> torch.Tensor:
    """The importance-weighted bound on ``log p(x)``: the logarithm of the mean weight.

    ``log(1/K sum_k w_k)`` for each example, averaged over the batch (Burda et al. 2016, equation 8). With ``K = 1`` it
    is the ELBO's estimate; on average it rises with ``K`` and ends at ``log p(x)``. Right for ``log w`` of -1000 as
    well, where every ``w`` is 0 in floating point.

    Args:
        log_weights: ``log w``, shape ``(K, B)``.

    Returns:
        The bound in nats per example, shape ``()``; a lower bound on ``log p(x)``, so its negative is the loss.
    """
    raise NotImplementedError("extension 2, importance_weighted_bound")


def free_bits_kl(mu: torch.Tensor, logvar: torch.Tensor, free_nats: float) -> torch.Tensor:
    """A KL term that does not pull on a dimension that carries little already.

    The KL divergence of each latent dimension, averaged over the batch, counts ``free_nats`` at least, and the
    dimensions are summed (Kingma et al. 2016, arXiv:1606.04934, equation 15). A dimension below that has no gradient,
    so it does not collapse while the decoder has not learned to use it.

    Args:
        mu: posterior means, shape ``(B, L)``.
        logvar: posterior log-variances, shape ``(B, L)``.
        free_nats: what each dimension may carry without paying; 0 gives the ordinary KL divergence.

    Returns:
        The term in nats per example, shape ``()``.
    """
    raise NotImplementedError("extension 3, free_bits_kl")


def sigma_vae_loss(mean: torch.Tensor, x: torch.Tensor) -> SigmaTerms:
    """The Gaussian reconstruction loss with the noise that suits the batch best, instead of a variance of 1/2.

    With one ``sigma`` for all pixels, ``-log N(x; mean, sigma ** 2 I) = SSE / (2 sigma ** 2) + D log(sigma) + D/2 log(2
    pi)`` is least where ``sigma ** 2`` is the mean squared error over the batch and its pixels (Rybkin et al. 2021,
    arXiv:2006.13202). With that ``sigma``, the KL term has the weight that the likelihood gives it, and no
    beta has to be found.

    Args:
        mean: raw decoder output, shape ``(B, D)``.
        x: data points, shape ``(B, D)``, not equal to ``mean`` everywhere.

    Returns:
        ``SigmaTerms(recon, sigma)``; ``recon`` keeps its constant and may be negative, since it is a density.
    """
    raise NotImplementedError("extension 4, sigma_vae_loss")


def least_rate(covariance: torch.Tensor, noise_variance: float) -> torch.Tensor:
    """The KL term of the best linear VAE on Gaussian data: how much a code *should* carry.

    Let ``x ~ N(0, covariance)`` and let decoder and encoder be linear, with ``p(x | z) = N(W z, noise_variance I)`` and
    ``W`` free. The best one is probabilistic PCA (Tipping & Bishop 1999; Lucas et al. 2019, arXiv:1911.02469): along a
    principal axis of variance ``v`` above ``noise_variance`` the code carries ``1/2 log(v / noise_variance)`` nats, and
    along any other one nothing. There the noise explains the data already: a collapsed posterior is the right answer.

    Args:
        covariance: of the data, symmetric and positive definite, shape ``(D, D)``.
        noise_variance: of each feature given the code, above 0.

    Returns:
        The KL divergence in nats per example, shape ``()``.
    """
    raise NotImplementedError("extension 5, least_rate")
