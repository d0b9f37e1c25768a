"""Part 2 with torch.distributions wherever there is a distribution."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, Laplace, Normal
from torch.distributions import kl_divergence as divergence


@dataclass(frozen=True)
class VAEConfig:
    input_dim: int = 784
    hidden_dim: int = 400
    num_hidden_layers: int = 1
    latent_dim: int = 20
    recon_loss: str = "bernoulli"
    beta: float = 1.0


class VAEOutput(NamedTuple):
    logits: torch.Tensor
    mu: torch.Tensor
    logvar: torch.Tensor
    z: torch.Tensor


class ElboTerms(NamedTuple):
    loss: torch.Tensor
    recon: torch.Tensor
    kl: torch.Tensor


class VAE(nn.Module):
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

    def posterior(self, mu, logvar):
        return Independent(Normal(mu, torch.exp(0.5 * logvar)), 1)

    def encode(self, x):
        h = self.enc(x)
        return self.mu(h), self.logvar(h)

    def reparameterize(self, mu, logvar):
        return self.posterior(mu, logvar).rsample()

    def decode(self, z):
        return self.dec(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return VAEOutput(self.decode(z), mu, logvar, z)


def kl_divergence(mu, logvar):
    posterior = Normal(mu, torch.exp(0.5 * logvar))
    prior = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return divergence(posterior, prior).sum(-1).mean()


def negative_log_likelihood(likelihood, x):
    return -Independent(likelihood, 1, validate_args=False).log_prob(x).mean()


def reconstruction_loss_bernoulli(logits, x):
    # Grey values are outside the support of a coin, yet the formula holds for them.
    return negative_log_likelihood(Bernoulli(logits=logits, validate_args=False), x)


def reconstruction_loss_gaussian(mean, x):
    likelihood = Normal(mean, 0.5**0.5)
    constant = Normal(mean, 0.5**0.5).log_prob(mean).sum(-1).mean()
    return negative_log_likelihood(likelihood, x) + constant


def reconstruction_loss_laplace(location, x):
    constant = torch.log(torch.tensor(2.0, dtype=x.dtype)) * x.shape[1]
    return negative_log_likelihood(Laplace(location, 1.0), x) - constant


def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    likelihoods = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    try:
        recon = likelihoods[recon_loss](logits, x)
    except KeyError:
        raise ValueError(f"{recon_loss!r} is not among {', '.join(likelihoods)}") from None
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


def beta_schedule(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0 or step >= warmup_steps:
        return float(beta_max)
    return float(beta_max * step / warmup_steps)


def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)


def build_model(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
