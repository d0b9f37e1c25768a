"""Part 2, the assignment: a beta-VAE, one term of the evidence lower bound (ELBO) at a time.

The model is ``p(x, z) = p(z) p(x | z)`` with the prior ``p(z) = N(0, I)``. An encoder approximates the posterior by
``q(z | x) = N(mu(x), sigma(x) ** 2)``, a decoder gives the likelihood ``p(x | z)``, and training minimizes

    -ELBO = E_q[-log p(x | z)] + beta * KL(q(z | x) || p(z))        (nats per example)

(Kingma & Welling 2013, arXiv:1312.6114, equation 3; beta: Higgins et al. 2017, equation 4).

Notation: ``B`` batch, ``D`` input_dim, ``H`` hidden_dim, ``L`` latent_dim. All tensors are floating point. Every
function keeps the dtype and device of its inputs, is differentiable wherever the mathematics is, changes no argument in
place and has no Python loop over the batch.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class VAEConfig:
    """Everything that is needed to build and train a VAE.

    Attributes:
        input_dim: ``D``, values in a data point.
        hidden_dim: ``H``, width of every hidden layer.
        num_hidden_layers: hidden layers on each side.
        latent_dim: ``L``, values in a code.
        recon_loss: the likelihood, "bernoulli", "gaussian" or "laplace".
        beta: the final weight of the KL term; above 1 it is a beta-VAE.
    """

    input_dim: int = 784
    hidden_dim: int = 400
    num_hidden_layers: int = 1
    latent_dim: int = 20
    recon_loss: str = "bernoulli"
    beta: float = 1.0


class VAEOutput(NamedTuple):
    """What one pass through the model gives.

    Attributes:
        logits: raw decoder output, shape ``(B, D)``.
        mu: posterior means, shape ``(B, L)``.
        logvar: posterior log-variances, shape ``(B, L)``.
        z: the sampled codes, shape ``(B, L)``.
    """

    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor
    z: torch.Tensor


class ElboTerms(NamedTuple):
    """The loss and its parts, each a scalar of shape ``()`` in nats per example.

    Attributes:
        loss: ``recon + beta * kl``, the negative ELBO at ``beta = 1``.
        recon: the reconstruction term.
        kl: the KL divergence, not multiplied by beta.
    """

    loss: torch.Tensor
    recon: torch.Tensor
    kl: torch.Tensor


class VAE(nn.Module):
    """A VAE whose encoder and decoder are multi-layer perceptrons."""

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        latent_dim: int,
        *,
        num_hidden_layers: int = 1,
        recon_loss: str = "bernoulli",
        beta: float = 1.0,
    ) -> None:
        """Build the layers (given, complete: the grader relies on these names).

        Args:
            input_dim: ``D``, values in a data point.
            hidden_dim: ``H``, width of every hidden layer.
            latent_dim: ``L``, values in a code.
            num_hidden_layers: hidden layers on each side.
            recon_loss: the likelihood that goes with this model, kept for whoever trains it.
            beta: the final weight of the KL term, kept for whoever trains it.
        """
        super().__init__()

        def hidden_layers(first_width: int) -> list[nn.Module]:
            widths = [first_width] + [hidden_dim] * num_hidden_layers
            return [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]

        self.enc = nn.Sequential(*hidden_layers(input_dim))
        self.mu = nn.Linear(hidden_dim, latent_dim)
        self.logvar = nn.Linear(hidden_dim, latent_dim)
        self.dec = nn.Sequential(*hidden_layers(latent_dim), nn.Linear(hidden_dim, input_dim))
        self.recon_loss = recon_loss
        self.beta = beta

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map data points to the parameters of their posterior ``q(z | x) = N(mu, sigma ** 2)``.

        ``self.enc`` gives the hidden features that both heads, ``self.mu`` and ``self.logvar``, read (Kingma & Welling
        2013, appendix C.2). Both outputs are raw: no clamp and no activation after a head.

        Args:
            x: data points, shape ``(B, D)``.

        Returns:
            ``(mu, logvar)``, each of shape ``(B, L)``, with ``logvar = log(sigma ** 2)``.
        """
        h = self.enc(x)
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
        """Draw ``z ~ N(mu, sigma ** 2)`` as a differentiable function of its parameters.

        ``z = mu + sigma * eps`` with ``sigma = exp(logvar / 2)`` (Kingma & Welling 2013, section 2.4). ``eps`` is a
        fresh, independent ``N(0, 1)`` number for every element and every call, from torch's default generator; in train
        and eval mode alike, under ``torch.no_grad()`` too. Gradients reach ``mu`` (1) and ``logvar``
        (``sigma * eps / 2``).

        Args:
            mu: means, shape ``(B, L)``.
            logvar: log-variances, shape ``(B, L)``.

        Returns:
            ``z``, shape ``(B, L)``.
        """
        sigma = torch.exp(0.5 * logvar)
        return mu + sigma * torch.randn_like(sigma)

    def decode(self, z):
        return torch.sigmoid(self.dec(z))

    def forward(self, x: torch.Tensor) -> VAEOutput:
        """Encode, sample, decode: the Monte Carlo estimate of the ELBO with one sample for each data point.

        ``mu, logvar = encode(x)``, ``z`` sampled from them, ``logits = decode(z)``; with sampling and gradients in
        train and eval mode alike (Kingma & Welling 2013, equation 7 with L = 1).

        Args:
            x: data points, shape ``(B, D)``.

        Returns:
            ``VAEOutput(logits, mu, logvar, z)``, in this order.
        """
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)


def kl_divergence(mu, logvar):
    return torch.mean(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1), dim=0)


def reconstruction_loss_bernoulli(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The negative log-likelihood ``-log Bernoulli(x; sigmoid(logits))``, that is, the binary cross-entropy.

    ``-sum_d x log p + (1 - x) log(1 - p)`` with ``p = sigmoid(logits)`` (Kingma & Welling 2013, appendix C.1), summed
    over the features, averaged over the batch. ``x`` may lie anywhere in ``[0, 1]``; finite and right at logits of
    ±1e4, where ``log(sigmoid(logits))`` written out is not.

    Args:
        logits: raw decoder output, shape ``(B, D)``.
        x: data points, shape ``(B, D)``.

    Returns:
        The loss in nats per example, a scalar of shape ``()``.
    """
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


def reconstruction_loss_gaussian(mean: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Squared error: the negative log-likelihood of ``N(mean, I/2)`` without its constant ``D/2 log(pi)``.

    Summed over the features, averaged over the batch, nothing added: 0 where ``mean`` equals ``x``. The decoder's raw
    output IS the mean (the canonical link): no sigmoid (Kingma & Welling 2013, appendix C.2).

    Args:
        mean: raw decoder output, shape ``(B, D)``.
        x: data points, shape ``(B, D)``.

    Returns:
        The loss in nats per example, up to the constant; a scalar of shape ``()``.
    """
    return (mean - x).pow(2).sum(dim=1).mean()


def reconstruction_loss_laplace(location: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Absolute error: the negative log-likelihood of ``Laplace(location, 1)`` without its constant ``D log(2)``.

    ``-log p(x) = |x - location| + log 2`` for each feature, by the definition of the density. Summed over the features,
    averaged over the batch, nothing added: 0 where ``location`` equals ``x``. No sigmoid.

    Args:
        location: raw decoder output, shape ``(B, D)``.
        x: data points, shape ``(B, D)``.

    Returns:
        The loss in nats per example, up to the constant; a scalar of shape ``()``.
    """
    return (location - x).abs().sum(dim=1).mean()


def compute_elbo(
    x: torch.Tensor,
    logits: torch.Tensor,
    mu: torch.Tensor,
    logvar: torch.Tensor,
    recon_loss: str = "bernoulli",
    beta: float = 1.0,
) -> ElboTerms:
    """The training loss ``recon + beta * kl`` and its two parts (Higgins et al. 2017, equation 4, negated).

    ``kl`` in the result is not multiplied by beta. Gradients flow through all three.

    Args:
        x: data points, shape ``(B, D)``.
        logits: raw decoder output, shape ``(B, D)``.
        mu: posterior means, shape ``(B, L)``.
        logvar: posterior log-variances, shape ``(B, L)``.
        recon_loss: the likelihood, "bernoulli", "gaussian" or "laplace".
        beta: the weight of the KL term.

    Returns:
        ``ElboTerms(loss, recon, kl)``, scalars of shape ``()`` in nats per example.

    Raises:
        ValueError: if ``recon_loss`` is unknown; the message contains the three names.
    """
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"unknown recon_loss {recon_loss!r}: choose one of {', '.join(losses)}")
    recon = losses[recon_loss](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)


def beta_schedule(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * step / warmup_steps


def vae_loss(output: VAEOutput, x: torch.Tensor, recon_loss: str = "bernoulli", beta: float = 1.0) -> ElboTerms:
    """``compute_elbo`` on the fields of a model's output.

    Args:
        output: what ``VAE.forward`` returned for ``x``.
        x: data points, shape ``(B, D)``.
        recon_loss: the likelihood, as for ``compute_elbo``.
        beta: the weight of the KL term.

    Returns:
        The ``ElboTerms`` that ``compute_elbo`` gives.

    Raises:
        ValueError: if ``recon_loss`` is unknown, as ``compute_elbo`` does.
    """
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss=recon_loss, beta=beta)


def build_model(cfg: VAEConfig) -> VAE:
    """The ``VAE`` that a configuration describes.

    Args:
        cfg: every field of it, architectural or loss-related, is passed on.

    Returns:
        A new model with fresh parameters at each call.
    """
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
