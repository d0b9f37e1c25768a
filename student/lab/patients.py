"""The clinic's patients: one mistake each, put into an otherwise healthy implementation.

The healthy parts are the implementation's own functions. Each patient replaces one of them by a wrong one; the right
formulas are not written down here. The numbers of the symptoms are measured, not prescribed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from student.lab.train import Objective, Terms

Sampler = Callable[[Tensor, Tensor], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Parts:
    """What a training step is made of.

    Attributes:
        sample: ``(mu, logvar) -> z``, each ``(B, L)``.
        recon: ``(logits, x) -> scalar``.
        kl: ``(mu, logvar) -> scalar``.
        output: what is done to the decoder's output before the loss, ``(B, D) -> (B, D)``.
    """

    sample: Sampler
    recon: Loss
    kl: Loss
    output: Callable[[Tensor], Tensor] = field(default=lambda logits: logits)


@dataclass(frozen=True)
class Patient:
    """A sick implementation.

    Attributes:
        name: on the command line.
        mistake: what is wrong in the code.
        operate: makes the sick parts from the healthy ones.
        beta: the KL weight it trains with.
    """

    name: str
    mistake: str
    operate: Callable[[Parts], Parts]
    beta: float = 1.0


def healthy_parts(model: nn.Module, module: ModuleType) -> Parts:
    """The implementation's own functions."""
    return Parts(
        sample=model.reparameterize,  # type: ignore[arg-type]
        recon=module.reconstruction_loss_bernoulli,
        kl=module.kl_divergence,
    )


def sick_objective(patient: Patient, module: ModuleType) -> Objective:
    """A training objective with the patient's mistake; it reports what the sick code would report."""

    def objective(model: nn.Module, x: Tensor, beta: float) -> Terms:
        parts = patient.operate(healthy_parts(model, module))
        mu, logvar = model.encode(x)  # type: ignore[operator]
        logits = parts.output(model.decode(parts.sample(mu, logvar)))  # type: ignore[operator]
        recon, kl = parts.recon(logits, x), parts.kl(mu, logvar)
        return Terms(recon + patient.beta * kl, recon, kl)

    return objective


def healthy(parts: Parts) -> Parts:
    """No operation."""
    return parts


def _with(**sick: Callable[[Parts], Callable[..., Tensor]]) -> Callable[[Parts], Parts]:
    """An operation that replaces parts; each replacement is made from the healthy parts."""

    def operate(parts: Parts) -> Parts:
        replaced: dict[str, Any] = {name: make(parts) for name, make in sick.items()}
        return replace(parts, **replaced)

    return operate


def _wide_noise(parts: Parts) -> Sampler:
    """Sigma is read as exp(logvar): asking for noise at twice the log-variance gives just that."""
    return lambda mu, logvar: parts.sample(mu, 2 * logvar)


def _uniform_noise(parts: Parts) -> Sampler:
    return lambda mu, logvar: mu + (logvar / 2).exp() * torch.rand_like(mu)


def _frozen_sigma(parts: Parts) -> Sampler:
    return lambda mu, logvar: parts.sample(mu, logvar.detach())


def _scaled(part: str, factor: Callable[[Tensor], float]) -> Callable[[Parts], Loss]:
    """A loss multiplied by a factor that depends on the shape of its first argument."""

    def make(parts: Parts) -> Loss:
        right: Loss = getattr(parts, part)
        return lambda first, second: right(first, second) * factor(first)

    return make


PATIENTS = (
    Patient("healthy", "nothing", healthy),
    Patient("no-noise", "reparameterize returns mu", _with(sample=lambda parts: lambda mu, logvar: mu + 0 * logvar)),
    Patient("uniform-noise", "rand_like instead of randn_like", _with(sample=_uniform_noise)),
    Patient("wide-noise", "sigma = exp(logvar), without the 1/2", _with(sample=_wide_noise)),
    Patient("frozen-sigma", "no gradient reaches logvar through z", _with(sample=_frozen_sigma)),
    Patient("detached-z", "z.detach(): no gradient reaches the encoder", _with(
        sample=lambda parts: lambda mu, logvar: parts.sample(mu, logvar).detach())),
    Patient("mean-recon", "the reconstruction is averaged over the pixels", _with(
        recon=_scaled("recon", lambda logits: 1 / logits.shape[1]))),
    Patient("batch-kl", "the KL is summed over the batch too", _with(kl=_scaled("kl", lambda mu: mu.shape[0]))),
    Patient("mean-kl", "the KL is averaged over the latent dimensions", _with(
        kl=_scaled("kl", lambda mu: 1 / mu.shape[1]))),
    Patient("double-kl", "the KL lacks its factor 1/2", _with(kl=_scaled("kl", lambda mu: 2.0))),
    Patient("flipped-kl", "the KL has the wrong sign", _with(kl=_scaled("kl", lambda mu: -1.0))),
    Patient("double-sigmoid", "decode applies a sigmoid, and the loss on logits another", _with(
        output=lambda parts: torch.sigmoid)),
    Patient("no-kl", "beta is 0", healthy, beta=0.0),
)  # fmt: skip

NAMES = tuple(patient.name for patient in PATIENTS)
