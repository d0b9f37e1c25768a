"""Part 2 by someone who comes from NumPy: operators and axes, hardly any library function."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn as nn


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

    def encode(self, x):
        h = self.enc(x)
        m = h @ self.mu.weight.T + self.mu.bias
        v = h @ self.logvar.weight.T + self.logvar.bias
        return m, v

    def reparameterize(self, mu, logvar):
        n, l = mu.shape
        e = torch.randn(n, l, dtype=mu.dtype, device=mu.device)
        return mu + e * torch.exp(logvar) ** 0.5

    def decode(self, z):
        for f in self.dec:
            z = f(z)
        return z

    def forward(self, x):
        m, v = self.encode(x)
        z = self.reparameterize(m, v)
        return self.decode(z), m, v, z


def kl_divergence(mu, logvar):
    n = mu.shape[0]
    return ((mu**2).sum() + torch.exp(logvar).sum() - logvar.sum() - mu.numel()) / (2 * n)


def reconstruction_loss_bernoulli(logits, x):
    a = logits
    softplus = torch.where(a > 0, a, 0 * a) + torch.log1p(torch.exp(-abs(a)))
    return (softplus - a * x).sum(axis=1).mean()


def reconstruction_loss_gaussian(mean, x):
    d = mean - x
    return (d * d).sum(axis=1).mean()


def reconstruction_loss_laplace(location, x):
    return abs(location - x).sum(axis=1).mean()


def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss == "bernoulli":
        r = reconstruction_loss_bernoulli(logits, x)
    elif recon_loss == "gaussian":
        r = reconstruction_loss_gaussian(logits, x)
    elif recon_loss == "laplace":
        r = reconstruction_loss_laplace(logits, x)
    else:
        raise ValueError("recon_loss must be bernoulli, gaussian or laplace, got %s" % recon_loss)
    k = kl_divergence(mu, logvar)
    return r + beta * k, r, k


def beta_schedule(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    return beta_max * min(step, warmup_steps) / warmup_steps


def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    a, m, v, _ = output
    return compute_elbo(x, a, m, v, recon_loss, beta)


def build_model(cfg):
    c = cfg
    return VAE(
        c.input_dim,
        c.hidden_dim,
        c.latent_dim,
        num_hidden_layers=c.num_hidden_layers,
        recon_loss=c.recon_loss,
        beta=c.beta,
    )
