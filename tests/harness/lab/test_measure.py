"""The lab's own measurements, held against torch.distributions and a model whose likelihood is known exactly."""

import math

import pytest
import torch
from torch import distributions as dist
from torch import nn

from student.lab import measure as lab


def test_a_part_of_the_test_set_is_taken_from_all_of_it():
    values = torch.arange(10)
    assert lab.spread(values, 5).tolist() == [0, 2, 4, 6, 8]
    assert lab.spread(values.numpy(), 3).tolist() == [0, 3, 6]
    assert lab.spread(values, 20).tolist() == values.tolist()


class Linear(nn.Module):
    """x = W z + b + N(0, I/2) with orthogonal columns in W: posterior and marginal are known in closed form."""

    def __init__(self, features=7, latent=3, shift=0.0):
        super().__init__()
        torch.manual_seed(1)
        basis, _ = torch.linalg.qr(torch.randn(features, latent, dtype=torch.float64))
        self.weight = basis * torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
        self.bias = torch.randn(features, dtype=torch.float64)
        self.shift = shift
        self.most_rows = 0

    def encode(self, x):
        precision = 1 + 2 * self.weight.square().sum(dim=0)
        mu = 2 * (x - self.bias) @ self.weight / precision
        return mu + self.shift, (-precision.log()).expand_as(mu) + self.shift

    def decode(self, z):
        self.most_rows = max(self.most_rows, len(z))
        return z @ self.weight.T + self.bias

    def log_marginal(self, x):
        """``log p(x)`` without the likelihood's constant."""
        cov = self.weight @ self.weight.T + torch.eye(len(self.bias), dtype=torch.float64) / 2
        return dist.MultivariateNormal(self.bias, cov).log_prob(x) + x.shape[1] / 2 * math.log(math.pi)


@pytest.fixture
def x():
    return torch.randn(40, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_the_likelihoods_are_those_of_torch_without_their_constants():
    output = torch.randn(5, 11, dtype=torch.float64)
    grey, real = torch.rand(5, 11, dtype=torch.float64), torch.randn(5, 11, dtype=torch.float64)
    bernoulli = dist.Bernoulli(logits=output, validate_args=False).log_prob(grey).sum(dim=-1)
    gaussian = (dist.Normal(output, 0.5**0.5).log_prob(real) + math.log(math.pi) / 2).sum(dim=-1)
    laplace = (dist.Laplace(output, 1).log_prob(real) + math.log(2)).sum(dim=-1)
    assert torch.allclose(lab.log_likelihood(output, grey, "bernoulli"), bernoulli)
    assert torch.allclose(lab.log_likelihood(output, real, "gaussian"), gaussian)
    assert torch.allclose(lab.log_likelihood(output, real, "laplace"), laplace)


def test_the_kl_is_that_of_torch():
    mu, logvar = torch.randn(5, 3, dtype=torch.float64), 3 * torch.randn(5, 3, dtype=torch.float64)
    expected = dist.kl_divergence(dist.Normal(mu, (logvar / 2).exp()), dist.Normal(0.0, 1.0))
    assert torch.allclose(lab.kl_per_dimension(mu, logvar), expected)


def test_with_the_true_posterior_the_bound_is_the_marginal_likelihood_for_any_number_of_samples(x):
    model = Linear()
    for samples in (1, 3, 5000):
        assert torch.allclose(lab.importance_bound(model, x, "gaussian", samples), model.log_marginal(x))


def test_with_a_wrong_posterior_the_bound_tightens_with_the_samples(x):
    model = Linear(shift=0.4)
    true = model.log_marginal(x).mean()
    one, ten, many = (lab.importance_bound(model, x, "gaussian", k).mean() for k in (1, 10, 2000))
    assert one < ten < many < true + 0.02
    assert true - many < 0.1 < true - one


def test_the_bound_does_not_grow_in_memory_with_the_samples(x):
    model = Linear()
    lab.importance_bound(model, x, "gaussian", 5000)
    assert model.most_rows <= lab.ROWS


def test_the_elbo_is_below_the_marginal_likelihood_by_the_gap_of_the_posterior(x):
    exact = lab.measure(Linear(), x, "gaussian")
    assert exact.neg_elbo == pytest.approx(-float(Linear().log_marginal(x).mean()), abs=0.6)  # one sample of z each
    assert lab.measure(Linear(shift=0.4), x, "gaussian").neg_elbo > exact.neg_elbo


def test_active_units_are_those_whose_mean_varies(x):
    class Half(Linear):
        def encode(self, x):
            mu, logvar = super().encode(x)
            return mu * torch.tensor([1.0, 0.0, 1e-3]), logvar

    measured = lab.measure(Half(), x, "gaussian")
    assert measured.active.tolist() == [True, False, False]
    assert measured.kl == pytest.approx(float(measured.kl_per_dimension.sum()))


def test_measuring_depends_on_its_seed_alone_and_disturbs_no_generator(x):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (lab.measure(Linear(), x, "gaussian", seed).recon for seed in (0, 0, 1))
    assert first == again != other
    torch.manual_seed(5)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_baselines_are_those_of_zero_output_and_of_the_best_constant_image():
    torch.manual_seed(0)
    p = torch.linspace(0.05, 0.95, 30)
    train, test = torch.bernoulli(p.expand(4000, -1)), torch.bernoulli(p.expand(4000, -1))
    found = lab.baselines(train, test, "bernoulli")
    assert found.zero == pytest.approx(30 * math.log(2))
    assert found.constant == pytest.approx(float(dist.Bernoulli(p).entropy().sum()), rel=0.01)
    assert found.entropy == 0
    grey = lab.baselines(p.expand(10, -1), p.expand(10, -1), "bernoulli")
    assert grey.entropy == pytest.approx(float(dist.Bernoulli(p).entropy().sum()), rel=1e-4)
    real = torch.randn(5000, 4) + 3
    squared, absolute = lab.baselines(real, real, "gaussian"), lab.baselines(real, real, "laplace")
    assert squared.constant == pytest.approx(float((real - 3).square().sum(dim=1).mean()), rel=0.01)
    assert squared.zero > squared.constant
    assert absolute.constant == pytest.approx(float((real - 3).abs().sum(dim=1).mean()), rel=0.01)


def test_the_rate_splits_as_it_must():
    """Two far clusters, each example its own: log 2 or log N of information; equal posteriors: none."""
    logvar = torch.full((200, 1), -20.0)
    same = lab.rate(torch.full((200, 1), 0.7), logvar)
    assert abs(same.information) < 1e-9
    assert same.excess == pytest.approx(same.kl)
    two = lab.rate(torch.tensor([[-1.0], [1.0]]).repeat(100, 1), logvar)
    assert two.information == pytest.approx(math.log(2), abs=1e-6)
    apart = lab.rate(torch.arange(200.0).unsqueeze(1), logvar)
    assert apart.information == pytest.approx(math.log(200), abs=1e-6)
    assert apart.saturated
    assert not two.saturated


def test_the_rate_of_a_known_channel():
    """z = a x + noise with x ~ N(0, 1): information 1/2 log(1 + a² / sigma²), up to the finite sample."""
    sigma, a = 0.6, 0.8  # the marginal is N(0, 1): no excess
    mu = a * torch.randn(4000, 1, generator=torch.Generator().manual_seed(0))
    found = lab.rate(mu, torch.full_like(mu, 2 * math.log(sigma)))
    assert found.information == pytest.approx(math.log(1 + a**2 / sigma**2) / 2, abs=0.03)
    assert abs(found.excess) < 0.03
