"""Part 2 in as few lines as possible."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


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
        return self.mu(h := self.enc(x)), self.logvar(h)

    def reparameterize(self, mu, logvar):
        return torch.addcmul(mu, torch.randn_like(mu), torch.exp(logvar / 2))

    def decode(self, z):
        return self.dec(z)

    def forward(self, x):
        return VAEOutput(self.decode(z := self.reparameterize(*(q := self.encode(x)))), *q, z)


def kl_divergence(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - logvar - 1).sum(1).mean()


def reconstruction_loss_bernoulli(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1).mean()


def reconstruction_loss_gaussian(mean, x):
    return F.mse_loss(mean, x, reduction="none").sum(1).mean()


def reconstruction_loss_laplace(location, x):
    return F.l1_loss(location, x, reduction="none").sum(1).mean()


def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss not in (names := ("bernoulli", "gaussian", "laplace")):
        raise ValueError(f"{recon_loss=} is not in {names}")
    recon, kl = globals()[f"reconstruction_loss_{recon_loss}"](logits, x), kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


def beta_schedule(step, warmup_steps, beta_max=1.0):
    return beta_max * (1.0 if step >= warmup_steps else step / warmup_steps)


def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, *output[:3], recon_loss, beta)


def build_model(cfg):
    return VAE(**vars(cfg))
