"""Part 2 with types, an enumeration and a table for everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features: Tensor = self.enc(x)
        posterior = Posterior(mu=self.mu(features), logvar=self.logvar(features))
        return posterior.mu, posterior.logvar

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        return Posterior(mu, logvar).sample()

    def decode(self, z: Tensor) -> Tensor:
        logits: Tensor = self.dec(z)
        return logits

    def forward(self, x: Tensor) -> VAEOutput:
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)


@dataclass(frozen=True, slots=True)
class Posterior:
    mu: Tensor
    logvar: Tensor

    @property
    def sigma(self) -> Tensor:
        return torch.exp(self.logvar / 2)

    def sample(self) -> Tensor:
        noise: Tensor = torch.randn_like(self.mu)
        return self.mu + self.sigma * noise

    def divergence_from_prior(self) -> Tensor:
        return 0.5 * (self.mu.square() + self.logvar.exp() - self.logvar - 1.0)


def _per_example(terms: Tensor) -> Tensor:
    return terms.sum(dim=-1).mean()


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    return _per_example(Posterior(mu, logvar).divergence_from_prior())


def reconstruction_loss_bernoulli(logits: Tensor, x: Tensor) -> Tensor:
    return _per_example(F.binary_cross_entropy_with_logits(logits, x, reduction="none"))


def reconstruction_loss_gaussian(mean: Tensor, x: Tensor) -> Tensor:
    return _per_example(F.mse_loss(mean, x, reduction="none"))


def reconstruction_loss_laplace(location: Tensor, x: Tensor) -> Tensor:
    return _per_example(F.l1_loss(location, x, reduction="none"))


ReconstructionLoss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


class Likelihood(str, Enum):
    BERNOULLI = "bernoulli"
    GAUSSIAN = "gaussian"
    LAPLACE = "laplace"

    @classmethod
    def parse(cls, name: str) -> Likelihood:
        try:
            return cls(name)
        except ValueError as error:
            known = ", ".join(member.value for member in cls)
            raise ValueError(f"unknown likelihood {name!r}; known are {known}") from error


LOSSES: Final[Mapping[Likelihood, ReconstructionLoss]] = MappingProxyType(
    {
        Likelihood.BERNOULLI: reconstruction_loss_bernoulli,
        Likelihood.GAUSSIAN: reconstruction_loss_gaussian,
        Likelihood.LAPLACE: reconstruction_loss_laplace,
    }
)


def compute_elbo(
    x: Tensor,
    logits: Tensor,
    mu: Tensor,
    logvar: Tensor,
    recon_loss: str = Likelihood.BERNOULLI.value,
    beta: float = 1.0,
) -> ElboTerms:
    recon = LOSSES[Likelihood.parse(recon_loss)](logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)


def beta_schedule(step: int, warmup_steps: int, beta_max: float = 1.0) -> float:
    progress: float = 1.0 if warmup_steps <= 0 else min(step / warmup_steps, 1.0)
    return float(progress * beta_max)


def vae_loss(output: VAEOutput, x: Tensor, recon_loss: str = "bernoulli", beta: float = 1.0) -> ElboTerms:
    return compute_elbo(
        x=x,
        logits=output.logits,
        mu=output.mu,
        logvar=output.logvar,
        recon_loss=recon_loss,
        beta=beta,
    )


def build_model(cfg: VAEConfig) -> VAE:
    return VAE(**asdict(cfg))
