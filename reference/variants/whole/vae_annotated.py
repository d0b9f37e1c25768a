"""Part 2 as a tutorial would write it: every step on a line of its own, with a comment."""

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
        # Pass the input through the shared encoder network.
        h = self.enc(x)

        # Two heads: one for the mean, one for the log-variance.
        mu = self.mu(h)
        logvar = self.logvar(h)

        return mu, logvar

    def reparameterize(self, mu, logvar):
        # Compute the standard deviation from the log-variance.
        std = torch.exp(0.5 * logvar)

        # Sample epsilon from a standard normal distribution.
        eps = torch.randn_like(std)

        # Shift and scale.
        return eps.mul(std).add_(mu)

    def decode(self, z):
        # Raw outputs: the sigmoid is part of the loss.
        return self.dec(z)

    def forward(self, x):
        # Encode, ...
        mu, logvar = self.encode(x)

        # ... sample, ...
        z = self.reparameterize(mu, logvar)

        # ... decode.
        logits = self.decode(z)

        return VAEOutput(logits=logits, mu=mu, logvar=logvar, z=z)


def kl_divergence(mu, logvar):
    # KL of each latent dimension, in closed form.
    kl_per_dim = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp())

    # Sum over the latent dimensions.
    kl_per_sample = torch.sum(kl_per_dim, dim=1)

    # Mean over the batch.
    return torch.mean(kl_per_sample)


def reconstruction_loss_bernoulli(logits, x):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    bce_per_sample = torch.sum(bce, dim=1)
    return torch.mean(bce_per_sample)


def reconstruction_loss_gaussian(mean, x):
    squared_error = F.mse_loss(mean, x, reduction="none")
    error_per_sample = torch.sum(squared_error, dim=1)
    return torch.mean(error_per_sample)


def reconstruction_loss_laplace(location, x):
    absolute_error = F.l1_loss(location, x, reduction="none")
    error_per_sample = torch.sum(absolute_error, dim=1)
    return torch.mean(error_per_sample)


def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    # Step 1: reconstruction.
    if recon_loss == "bernoulli":
        recon = reconstruction_loss_bernoulli(logits, x)
    elif recon_loss == "gaussian":
        recon = reconstruction_loss_gaussian(logits, x)
    elif recon_loss == "laplace":
        recon = reconstruction_loss_laplace(logits, x)
    else:
        raise ValueError(f"Invalid recon_loss: {recon_loss}. Must be one of ['bernoulli', 'gaussian', 'laplace'].")

    # Step 2: regularization.
    kl = kl_divergence(mu, logvar)

    # Step 3: the weighted sum.
    loss = recon + beta * kl

    return ElboTerms(loss=loss, recon=recon, kl=kl)


def beta_schedule(step, warmup_steps, beta_max=1.0):
    # No warm-up.
    if warmup_steps <= 0:
        return beta_max

    # After the warm-up.
    if step >= warmup_steps:
        return beta_max

    # During the warm-up.
    return beta_max * (step / warmup_steps)


def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x=x, logits=output.logits, mu=output.mu, logvar=output.logvar, recon_loss=recon_loss, beta=beta)


def build_model(cfg):
    model = VAE(
        input_dim=cfg.input_dim,
        hidden_dim=cfg.hidden_dim,
        latent_dim=cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    return model
