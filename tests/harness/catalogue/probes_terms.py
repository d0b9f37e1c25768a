"""Probes of the scalar functions: KL divergence, reconstruction losses, the warm-up's loss, the schedule."""

import torch
from harness.catalogue.probes import F64, Files, expect, probe, scalar_function_probes


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=F64)


def gaussians(dtype: torch.dtype) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Means and log-variances: ordinary, alone in batch or latent space, near the prior, at the ends of the range."""
    g = torch.Generator().manual_seed(1)
    cases = [
        (2 * torch.randn(b, n, generator=g, dtype=F64), _uniform(g, -6, 4, b, n)) for b, n in ((5, 3), (1, 3), (4, 1))
    ]
    cases.append((torch.zeros(3, 2, dtype=F64), torch.zeros(3, 2, dtype=F64)))
    cases.append((torch.full((2, 2), 0.3, dtype=F64), torch.full((2, 2), 0.2, dtype=F64)))
    cases.append(
        (torch.randn(3, 2, generator=g, dtype=F64), torch.tensor([[-80.0, -30], [-15, 3], [12, 20]], dtype=F64))
    )
    cases.append((torch.randn(2, 2, generator=g, dtype=F64), torch.tensor([[-80.0, -30], [-15, 3]], dtype=F64)))
    return [(mu.to(dtype), logvar.to(dtype)) for mu, logvar in cases]


def images(dtype: torch.dtype) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Raw outputs and grey data; the second and third are alone in a batch or of one feature."""
    g = torch.Generator().manual_seed(2)
    return [
        ((3 * torch.randn(b, d, generator=g, dtype=F64)).to(dtype), torch.rand(b, d, generator=g, dtype=F64).to(dtype))
        for b, d in ((5, 11), (1, 11), (3, 1))
    ]


def confident_images(dtype: torch.dtype) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The images, and logits up to ten thousand, right and wrong, with binary and grey data."""
    logits = torch.tensor([[1e4, -1e4, 1e4, -1e4], [50.0, -50.0, 200.0, -200.0]], dtype=F64)
    x = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.25, 0.75]], dtype=F64)
    return [*images(dtype), (logits.to(dtype), x.to(dtype)), (logits[:1].to(dtype), x[:1].to(dtype))]


def real_values(dtype: torch.dtype) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Means and real-valued data of any size, and a perfect reconstruction."""
    g = torch.Generator().manual_seed(3)
    cases = [
        (3 * torch.randn(b, d, generator=g, dtype=F64), 2 * torch.randn(b, d, generator=g, dtype=F64))
        for b, d in ((5, 11), (1, 4), (3, 1))
    ]
    return [(mean.to(dtype), x.to(dtype)) for mean, x in cases]


def true_kl(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    posterior = torch.distributions.Normal(mu, torch.exp(logvar / 2))
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(posterior, prior).sum(dim=1).mean()


def true_bernoulli(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    log_p, log_q = torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    return -(x * log_p + (1 - x) * log_q).sum(dim=1).mean()


def true_gaussian(mean: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return ((mean - x) ** 2).sum(dim=1).mean()


def true_laplace(location: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.abs(location - x).sum(dim=1).mean()


TRUE_LOSSES = {"bernoulli": true_bernoulli, "gaussian": true_gaussian, "laplace": true_laplace}


def _warmup_cases(dtype: torch.dtype) -> list[tuple[torch.Tensor, ...]]:
    pairs = zip(images(dtype), gaussians(dtype)[:3], strict=True)
    cases = [(torch.sigmoid(logits), x, *posterior) for (logits, x), posterior in pairs if len(x) == len(posterior[0])]
    generator = torch.Generator().manual_seed(4)
    posterior = [torch.randn(4, 2, generator=generator, dtype=F64).to(dtype) for _ in range(2)]
    recon_x, x = (torch.rand(4, 7, generator=generator, dtype=F64).to(dtype) for _ in range(2))
    extreme = [(recon_x[: len(mu)], x[: len(mu)], mu, logvar) for mu, logvar in gaussians(dtype)[-2:]]
    return [*cases, (recon_x, x, *posterior), *extreme]


scalar_function_probes("kl_divergence", lambda files: files.vae.kl_divergence, gaussians, true_kl)
scalar_function_probes(
    "reconstruction_loss_bernoulli",
    lambda files: files.vae.reconstruction_loss_bernoulli,
    confident_images,
    true_bernoulli,
)
scalar_function_probes(
    "reconstruction_loss_gaussian", lambda files: files.vae.reconstruction_loss_gaussian, real_values, true_gaussian
)
scalar_function_probes(
    "reconstruction_loss_laplace", lambda files: files.vae.reconstruction_loss_laplace, real_values, true_laplace
)
scalar_function_probes(
    "warmup_loss",
    lambda files: files.simple_vae.vae_loss,
    _warmup_cases,
    lambda recon_x, x, mu, logvar: len(x) * (true_gaussian(recon_x, x) + true_kl(mu, logvar)),
)


def _schedule(files: Files, *arguments: float) -> float:
    return float(files.vae.beta_schedule(*arguments))


@probe("beta_schedule", "structure")
def is_a_number(files: Files) -> None:
    for arguments in ((3, 10), (3, 0, 2.0)):
        value = files.vae.beta_schedule(*arguments)
        number = isinstance(value, float | int) or (isinstance(value, torch.Tensor) and value.shape == ())
        expect(number, f"a {type(value).__name__}")


@probe("beta_schedule", "value")
def linear_then_constant(files: Files) -> None:
    for warmup in (1, 2, 7, 10, 1000):
        for beta_max in (1.0, 0.0, 0.1, 4.0):
            for step in (0, 1, warmup // 2, warmup - 1, warmup, warmup + 1, 5 * warmup):
                expected = beta_max * min(1.0, step / warmup)
                actual = _schedule(files, step, warmup, beta_max)
                expect(abs(actual - expected) < 1e-6, f"{actual} at {step}/{warmup}, not {expected}")


@probe("beta_schedule", "value")
def default_is_one(files: Files) -> None:
    expect(abs(_schedule(files, 3, 10) - 0.3) < 1e-6, "the default of beta_max")


@probe("beta_schedule", "value")
def no_warmup(files: Files) -> None:
    for warmup in (0, -1, -5):
        for step in (0, 1, 100):
            for beta_max in (2.0, 0.0, 0.3):
                expect(abs(_schedule(files, step, warmup, beta_max) - beta_max) < 1e-6, f"{step}/{warmup}")


@probe("beta_schedule", "state")
def order_does_not_matter(files: Files) -> None:
    first = [_schedule(files, step, 10, 2.0) for step in (7, 0, 3)]
    second = [_schedule(files, step, 10, 2.0) for step in (3, 7, 0)]
    expect(first == [second[1], second[2], second[0]], "the same step gives another weight")
    expect(abs(_schedule(files, 4, 20, 3.0) - 0.6) < 1e-6, "another warm-up gives the weight of an earlier one")
