"""Part 2 with private methods, helper functions and a decorator."""

import functools
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import softplus


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

    def _features(self, x):
        return self.enc(x)

    def _heads(self, features):
        for head in (self.mu, self.logvar):
            yield head(features)

    def encode(self, x):
        mu, logvar = self._heads(self._features(x))
        return mu, logvar

    @staticmethod
    def _noise_like(tensor):
        return tensor.new_empty(tensor.shape).normal_()

    def reparameterize(self, mu, logvar):
        return mu + self._noise_like(mu) * logvar.div(2).exp()

    def decode(self, z):
        return self.dec(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)


def per_example(function):
    """Sum what a function gives over the features, average it over the batch."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        terms = function(*args, **kwargs)
        batch_size, _ = terms.shape
        return terms.sum() / batch_size

    return wrapped


@per_example
def kl_divergence(mu, logvar):
    return (torch.expm1(logvar) - logvar + mu.square()) / 2


@per_example
def reconstruction_loss_bernoulli(logits, x):
    return x * softplus(-logits) + (1 - x) * softplus(logits)


@per_example
def reconstruction_loss_gaussian(mean, x):
    return torch.square(mean - x)


@per_example
def reconstruction_loss_laplace(location, x):
    return torch.abs(location - x)


_PREFIX = "reconstruction_loss_"
_LOSSES = {
    function.__name__.removeprefix(_PREFIX): function
    for function in (reconstruction_loss_bernoulli, reconstruction_loss_gaussian, reconstruction_loss_laplace)
}


def _select(recon_loss):
    if recon_loss in _LOSSES:
        return _LOSSES[recon_loss]
    raise ValueError(f"recon_loss={recon_loss!r}, expected one of {sorted(_LOSSES)}")


def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    recon = _select(recon_loss)(logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


def beta_schedule(step, warmup_steps, beta_max=1.0):
    progress = step / warmup_steps if warmup_steps > 0 else math.inf
    return beta_max * min(progress, 1.0)


def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    fields = {name: getattr(output, name) for name in ("logits", "mu", "logvar")}
    return compute_elbo(x, **fields, recon_loss=recon_loss, beta=beta)


def build_model(cfg):
    fields = [field for field in VAEConfig.__dataclass_fields__]
    return VAE(**{field: getattr(cfg, field) for field in fields})
