"""The lab's own measurements, all in nats per example.

They use a model's ``encode`` and ``decode`` and nothing else of it: the noise and the formulas are the lab's, so a
wrong loss or a missing sample in the model cannot flatter itself.

For the Gaussian and the Laplace likelihood the reconstruction term leaves out its constant (``D/2 log(pi)`` and
``D log(2)``), as the assignment does. The Gaussian has the model's observation sigma, see :func:`sigma_of`; at the
assignment's variance of 1/2 its reconstruction term is the squared error.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016, arXiv:1509.00519, section 5.2
TELLING = 0.1  # nats
ASSIGNED_SIGMA = math.sqrt(0.5)  # of the Gaussian likelihood whose negative logarithm is the squared error
SIGMA = "lab_log_sigma"  # of a model that has another one: its logarithm
ROWS = 2048  # decoded at a time: keeps a batch of 784 pixels in the processor's cache
BATCH = 1000
Values = TypeVar("Values", Tensor, NDArray[Any])


@dataclass(frozen=True)
class Measurement:
    """A model measured on a set of examples, with one sample of ``z`` each.

    Attributes:
        recon: reconstruction term, nats per example.
        kl: KL divergence to the prior, nats per example.
        kl_per_dimension: shape ``(L,)``, its mean over the examples; sums to ``kl``.
        mean_variance: shape ``(L,)``, variance over the examples of the posterior mean.
        sigma_per_dimension: shape ``(L,)``, its mean over the examples.
        output_range: smallest and largest decoder output met.
    """

    recon: float
    kl: float
    kl_per_dimension: Tensor
    mean_variance: Tensor
    sigma_per_dimension: Tensor
    output_range: tuple[float, float]

    @property
    def neg_elbo(self) -> float:
        """The negative ELBO at beta 1, nats per example: an upper bound on ``-log p(x)``."""
        return self.recon + self.kl

    @property
    def active(self) -> Tensor:
        """Shape ``(L,)``, bool: dimensions whose posterior mean varies with the input.

        The definition is that of Burda et al. 2016, arXiv:1509.00519, section 5.2.
        """
        return self.mean_variance > ACTIVE_VARIANCE

    @property
    def active_units(self) -> int:
        """How many dimensions are active."""
        return int(self.active.sum())

    @property
    def units_above(self) -> int:
        """How many dimensions have a KL above ``TELLING`` nats: a unit can be active and still tell next to nothing."""
        return int((self.kl_per_dimension > TELLING).sum())

    @property
    def posterior_std(self) -> float:
        """Mean of sigma over examples and dimensions."""
        return float(self.sigma_per_dimension.mean())


def sigma_of(model: nn.Module) -> float:
    """The standard deviation of a model's Gaussian observations: given, learned (Rybkin et al. 2021), or assigned."""
    known: Tensor | None = getattr(model, SIGMA, None)
    return ASSIGNED_SIGMA if known is None else float(known.detach().exp())


def log_likelihood(output: Tensor, x: Tensor, likelihood: str, sigma: float = ASSIGNED_SIGMA) -> Tensor:
    """``log p(x | z)`` without its constant, from the decoder's raw output; summed over the last dimension.

    Args:
        output: decoder output, shape ``(..., D)``.
        x: examples, of a shape that broadcasts to it.
        likelihood: "bernoulli" (Kingma & Welling 2013, appendix C.1), "gaussian", or "laplace" with scale 1.
        sigma: of the Gaussian.

    Returns:
        Shape ``(...)``, nats.
    """
    if likelihood == "bernoulli":
        return (x * output - F.softplus(output)).sum(dim=-1)
    error = output - x
    if likelihood == "laplace":
        return -error.abs().sum(dim=-1)
    return -error.square().sum(dim=-1) / (2 * sigma**2) - gaussian_constant(sigma, x.shape[-1])


def gaussian_constant(sigma: float, features: int) -> float:
    """What a Gaussian's reconstruction term has beside the squared error; 0 at the assigned sigma."""
    return features / 2 * math.log(2 * sigma**2)


def kl_per_dimension(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of each latent dimension to its prior (Kingma & Welling 2013, appendix B); ``(B, L)``, nats."""
    return (mu.square() + torch.expm1(logvar) - logvar) / 2


@torch.no_grad()
def posteriors(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """``mu`` and ``logvar`` of all examples, each ``(N, L)``."""
    parts = [_encode(model, batch) for batch in torch.split(x, BATCH)]
    return torch.cat([mu for mu, _ in parts]), torch.cat([logvar for _, logvar in parts])


@torch.no_grad()
def decode(model: nn.Module, z: Tensor) -> Tensor:
    """Raw decoder output of codes ``(N, L)``; shape ``(N, D)``."""
    output: Tensor = model.decode(z.clone())  # type: ignore[operator]  # see _encode
    return output


def _encode(model: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """``mu`` and ``logvar`` of one batch. The model gets a copy: one that changes its input would change the data."""
    mu, logvar = model.encode(x.clone())  # type: ignore[operator]
    return mu, logvar


@torch.no_grad()
def measure(model: nn.Module, x: Tensor, likelihood: str, seed: int = 0) -> Measurement:
    """Measure a model on examples of shape ``(N, D)``. The noise depends on ``seed`` alone."""
    noise = torch.Generator(device=x.device).manual_seed(seed)
    mu, logvar = posteriors(model, x)
    sigma = (logvar / 2).exp()
    z = mu + sigma * torch.randn(mu.shape, generator=noise, device=x.device, dtype=mu.dtype)
    total, observed = torch.zeros((), dtype=torch.float64, device="cpu"), sigma_of(model)
    low, high = math.inf, -math.inf
    for batch, code in zip(torch.split(x, BATCH), torch.split(z, BATCH), strict=True):
        output = decode(model, code)
        total += log_likelihood(output, batch, likelihood, observed).double().sum().cpu()
        low, high = min(low, float(output.min())), max(high, float(output.max()))
    kl = kl_per_dimension(mu, logvar).mean(dim=0).cpu()
    return Measurement(
        recon=-float(total) / len(x),
        kl=float(kl.double().sum()),
        kl_per_dimension=kl,
        mean_variance=mu.var(dim=0).cpu(),
        sigma_per_dimension=sigma.mean(dim=0).cpu(),
        output_range=(low, high),
    )


@dataclass(frozen=True)
class Rate:
    """What the KL is made of (Hoffman & Johnson 2016): ``KL = information + KL(q(z) ‖ p(z))``, nats per example.

    ``q(z)`` is the aggregate posterior, the mean of ``q(z | x)`` over the examples, and the information is the mutual
    information of ``z`` and the number of the example. The KL alone is an upper bound on it.

    Attributes:
        kl: the rate, mean over the examples.
        information: estimated with one sample of ``z`` for each example; at most ``log(examples)``.
        examples: how many ``q(z)`` is made of.
    """

    kl: float
    information: float
    examples: int

    @property
    def excess(self) -> float:
        """``KL(q(z) ‖ p(z))``, how far the codes of all examples together are from the prior."""
        return self.kl - self.information

    @property
    def saturated(self) -> bool:
        """Whether the information is as good as ``log(examples)``: then more examples would find more of it."""
        return self.information > 0.95 * math.log(self.examples)


def spread(values: Values, most: int) -> Values:
    """Every second, third, … of the test set, at most so many: the first half of MNIST's is the easier one."""
    return values[:: max(1, len(values) // most)][:most]


@torch.no_grad()
def rate(mu: Tensor, logvar: Tensor, seed: int = 0) -> Rate:
    """Split the KL of posteriors of shape ``(N, L)``; time and memory of a portion grow as ``N``."""
    mu, logvar = mu.double().cpu(), logvar.double().cpu()
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed), dtype=mu.dtype)
    z = mu + (logvar / 2).exp() * noise
    own = -(noise.square() + logvar).sum(dim=1) / 2
    mixed = torch.cat(
        [
            (-((codes.unsqueeze(1) - mu).square() * (-logvar).exp() + logvar).sum(dim=2) / 2).logsumexp(dim=1)
            for codes in torch.split(z, 50)
        ]
    ) - math.log(len(mu))
    return Rate(float(kl_per_dimension(mu, logvar).sum(dim=1).mean()), float((own - mixed).mean()), len(mu))


@torch.no_grad()
def importance_bound(model: nn.Module, x: Tensor, likelihood: str, samples: int, seed: int = 0) -> Tensor:
    """The importance-weighted bound on ``log p(x)`` (Burda et al. 2016, equation 8), tighter than the ELBO.

    ``log 1/K sum_k p(x | z_k) p(z_k) / q(z_k | x)`` with ``K`` samples from ``q``. Samples are drawn in portions, so
    memory does not grow with ``K``.

    Args:
        model: gives ``encode`` and ``decode``.
        x: examples, shape ``(N, D)``.
        likelihood: as in :func:`log_likelihood`.
        samples: ``K``, at least 1.
        seed: of the noise.

    Returns:
        Shape ``(N,)``, float64 on the CPU, nats.
    """
    noise, observed = torch.Generator(device=x.device).manual_seed(seed), sigma_of(model)
    portion = min(samples, ROWS)
    bounds = []
    for batch in torch.split(x, max(1, ROWS // portion)):
        mu, logvar = _encode(model, batch)
        sigma = (logvar / 2).exp()
        total = torch.full((len(batch),), -math.inf, dtype=torch.float64)
        for start in range(0, samples, portion):
            count = min(portion, samples - start)
            eps = torch.randn((count, *mu.shape), generator=noise, device=x.device, dtype=mu.dtype)
            z = mu + sigma * eps
            # log p(z) - log q(z | x): the two normalizing constants are equal and cancel
            weight = (eps.square() + logvar - z.square()).sum(dim=-1) / 2
            output = decode(model, z.flatten(0, 1)).view(count, *batch.shape)
            weight = weight + log_likelihood(output, batch, likelihood, observed)
            total = torch.logaddexp(total, weight.double().logsumexp(dim=0).cpu())
        bounds.append(total - math.log(samples))
    return torch.cat(bounds)


@dataclass(frozen=True)
class Baselines:
    """Levels that need no learning, nats per example of the test set. The lower of the two is where a collapse ends.

    Attributes:
        zero: the decoder's output is zero everywhere (for ``simple_vae``, whose output is a sigmoid, one half).
        constant: the decoder always gives the best single image: the training mean (Bernoulli, Gaussian) or median
            (Laplace).
        entropy: for a Bernoulli likelihood on grey pixels, what no model can go below: the entropy of the pixels
            themselves. 0 for black and white ones.
    """

    zero: float
    constant: float
    entropy: float = 0.0


def baselines(
    train: Tensor, test: Tensor, likelihood: str, sigmoid_output: bool = False, sigma: float = ASSIGNED_SIGMA
) -> Baselines:
    """The baseline lines of a data set, both parts of shape ``(N, D)``."""
    if likelihood == "bernoulli":
        # Add-one smoothing: a pixel that is never on in training may be on in a test image.
        p = (train.double().sum(dim=0) + 1) / (len(train) + 2)
        constant = -log_likelihood(p.logit(), test.double(), likelihood).mean()
        entropy = torch.special.entr(test) + torch.special.entr(1 - test)
        return Baselines(test.shape[1] * math.log(2), float(constant), float(entropy.double().sum(dim=1).mean()))
    best = train.mean(dim=0) if likelihood == "gaussian" else train.median(dim=0).values
    nothing = torch.full_like(best, 0.5 if sigmoid_output else 0.0)
    zero, constant = (-log_likelihood(image, test, likelihood, sigma).mean() for image in (nothing, best))
    return Baselines(float(zero), float(constant))
