"""Checks of the extensions. None of them is graded."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

D, L, B = 6, 2, 5


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def toy(generator):
    """A small VAE with everything known: ``(decoder, x, mu, logvar)``, float64, its encoder near but not right."""
    weight = torch.randn(L, D, generator=generator, dtype=torch.float64)
    x = torch.bernoulli(torch.full((B, D), 0.5, dtype=torch.float64), generator=generator)
    mu = 0.3 * torch.randn(B, L, generator=generator, dtype=torch.float64)
    return (lambda z: 2 * z @ weight), x, mu, torch.full_like(mu, -0.2)


def draw(toy, count, generator):
    """``count`` samples of ``z`` for each example, and what the decoder makes of them."""
    decoder, _, mu, logvar = toy
    z = mu + torch.exp(logvar / 2) * torch.randn(count, *mu.shape, generator=generator, dtype=mu.dtype)
    return z, decoder(z)


def log_evidence(toy):
    """``log p(x)`` for each example, by summing over a fine grid of codes."""
    decoder, x, _, _ = toy
    line = torch.linspace(-7, 7, 281, dtype=torch.float64)
    z = torch.cartesian_prod(line, line)
    log_joint = Bernoulli(logits=decoder(z)).log_prob(x[:, None]).sum(-1) + Normal(0, 1).log_prob(z).sum(-1)
    return torch.logsumexp(log_joint, dim=1) + 2 * math.log(float(line[1] - line[0]))


def elbo(toy, generator):
    """The ELBO averaged over the batch, from 20,000 samples and the KL in closed form."""
    _, x, mu, logvar = toy
    _, logits = draw(toy, 20_000, generator)
    kl = kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(0, 1)).sum(-1)
    return (Bernoulli(logits=logits).log_prob(x).sum(-1).mean(0) - kl).mean()


def test_log_importance_weights_are_those_of_torch_distributions(extensions, toy, generator):
    _, x, mu, logvar = toy
    z, logits = draw(toy, 4, generator)
    expected = (
        Bernoulli(logits=logits).log_prob(x).sum(-1)
        + Normal(0, 1).log_prob(z).sum(-1)
        - Normal(mu, torch.exp(logvar / 2)).log_prob(z).sum(-1)
    )
    torch.testing.assert_close(extensions.log_importance_weights(logits, x, mu, logvar, z), expected)


def test_importance_weighted_bound_of_one_sample_is_the_elbo(extensions, toy, generator):
    _, x, mu, logvar = toy
    z, logits = draw(toy, 20_000, generator)
    weights = extensions.log_importance_weights(logits, x, mu, logvar, z)
    one_sample_each = torch.stack([extensions.importance_weighted_bound(row[None]) for row in weights[:2000]])
    assert float(one_sample_each.mean()) == pytest.approx(float(elbo(toy, generator)), abs=0.1)
    torch.testing.assert_close(extensions.importance_weighted_bound(weights[:1]), weights[0].mean())


def test_importance_weighted_bound_rises_from_the_elbo_to_the_evidence(extensions, toy, generator):
    _, x, mu, logvar = toy
    z, logits = draw(toy, 200_000, generator)
    weights = extensions.log_importance_weights(logits, x, mu, logvar, z)
    bounds = []
    for m in (1, 10, 100, 1000):
        groups = weights.unflatten(0, (-1, m))[:2000]
        bounds.append(float(torch.stack([extensions.importance_weighted_bound(group) for group in groups]).mean()))
    evidence = float(log_evidence(toy).mean())
    assert bounds == sorted(bounds)
    assert bounds[0] < evidence - 0.2
    assert bounds[-1] == pytest.approx(evidence, abs=0.02)


def test_importance_weighted_bound_survives_weights_that_are_0_in_floating_point(extensions):
    weights = torch.tensor([[-1000.0], [-1001.0]])
    expected = -1000 + math.log((1 + math.exp(-1)) / 2)
    torch.testing.assert_close(extensions.importance_weighted_bound(weights), torch.tensor(expected))


def test_free_bits_kl_without_free_nats_is_the_kl(extensions, toy):
    _, _, mu, logvar = toy
    expected = kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(0, 1)).sum(-1).mean()
    torch.testing.assert_close(extensions.free_bits_kl(mu, logvar, 0.0), expected)


def test_free_bits_kl_is_counted_for_each_dimension_over_the_batch(extensions):
    # The first dimension carries 0 and 2 nats, 1 on average; the second carries 0.
    mu, logvar = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.zeros(2, 2)
    for free_nats, expected in ((0.25, 1.25), (0.5, 1.5), (1.5, 3.0)):
        torch.testing.assert_close(extensions.free_bits_kl(mu, logvar, free_nats), torch.tensor(expected))


def test_free_bits_kl_pulls_only_on_dimensions_above(extensions):
    mu = torch.tensor([[2.0, 0.1]], requires_grad=True)
    (gradient,) = torch.autograd.grad(extensions.free_bits_kl(mu, torch.zeros(1, 2), 0.5), mu)
    torch.testing.assert_close(gradient, torch.tensor([[2.0, 0.0]]))


def test_sigma_vae_loss_is_the_likelihood_at_its_own_sigma(extensions, generator):
    mean, x = torch.randn(B, D, generator=generator), torch.randn(B, D, generator=generator)
    terms = extensions.sigma_vae_loss(mean, x)
    expected = -Normal(mean, terms.sigma).log_prob(x).sum(1).mean()
    torch.testing.assert_close(terms.recon, expected)


def test_sigma_vae_loss_has_the_best_sigma(extensions, generator):
    mean, x = torch.randn(B, D, generator=generator), torch.randn(B, D, generator=generator)
    recon, sigma = extensions.sigma_vae_loss(mean, x)
    for factor in (0.5, 0.95, 1.05, 2.0):
        assert float(recon) < float(-Normal(mean, factor * sigma).log_prob(x).sum(1).mean())


def test_sigma_vae_loss_has_the_gradient_of_the_likelihood(extensions, generator):
    x = torch.randn(B, D, generator=generator)
    mean = torch.randn(B, D, generator=generator).requires_grad_()
    recon, sigma = extensions.sigma_vae_loss(mean, x)
    (gradient,) = torch.autograd.grad(recon, mean)
    torch.testing.assert_close(gradient, (mean - x).detach() / sigma.detach() ** 2 / B)


def test_least_rate_is_0_where_noise_explains_the_data(extensions):
    """A 2-D Gaussian for which a collapsed posterior is the right answer, and one for which it is not."""
    round_cloud = 0.25 * torch.eye(2)
    assert float(extensions.least_rate(round_cloud, 0.25)) == pytest.approx(0, abs=1e-6)
    assert float(extensions.least_rate(round_cloud, 0.5)) == pytest.approx(0, abs=1e-6)
    assert float(extensions.least_rate(round_cloud, 0.0625)) == pytest.approx(math.log(4), abs=1e-5)


@pytest.mark.parametrize("noise_variance", [0.05, 0.4, 3.0])
def test_least_rate_is_where_training_ends(extensions, noise_variance):
    """A linear VAE trained with its exact ELBO: two axes in use, one, and none."""
    covariance = torch.tensor([[1.0, 0.6], [0.6, 0.8]], dtype=torch.float64)
    rate = trained_rate(covariance, noise_variance)
    assert float(extensions.least_rate(covariance, noise_variance)) == pytest.approx(rate, abs=1e-3)


def trained_rate(covariance, noise_variance):
    """The KL term of a trained linear VAE, ``p(x | z) = N(W z, v I)`` and ``q(z | x) = N(V x, diag(s))``."""
    torch.manual_seed(0)
    decoder, encoder = (torch.randn(2, 2, dtype=torch.float64).requires_grad_() for _ in range(2))
    log_variance = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    parameters = [decoder, encoder, log_variance]
    optimizer = torch.optim.LBFGS(parameters, max_iter=500, tolerance_change=1e-12, line_search_fn="strong_wolfe")

    def terms():
        error = torch.eye(2, dtype=torch.float64) - decoder @ encoder
        squared = torch.trace(error @ covariance @ error.T) + (decoder.square() * log_variance.exp()).sum()
        codes = torch.trace(encoder @ covariance @ encoder.T)
        return squared / (2 * noise_variance), 0.5 * (codes + (log_variance.exp() - log_variance - 1).sum())

    def loss():
        optimizer.zero_grad()
        loss = sum(terms())
        loss.backward()
        return loss

    optimizer.step(loss)
    return terms()[1].item()
