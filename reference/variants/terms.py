"""Correct answers to the KL divergence and the reconstruction losses in other styles."""

import torch
import torch.nn.functional as F
from torch import nn

from grading.catalogue import Variants
from reference.tasks import BERNOULLI, GAUSSIAN, KL_DIVERGENCE, LAPLACE

variant_kl = Variants(KL_DIVERGENCE)
variant_bernoulli = Variants(BERNOULLI)
variant_gaussian = Variants(GAUSSIAN)
variant_laplace = Variants(LAPLACE)


@variant_kl
def classic_formula(mu, logvar):
    return torch.mean(-0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1), dim=0)


@variant_kl
def sum_over_batch_size(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / mu.shape[0]


@variant_kl
def last_axis(mu, logvar):
    per_example = 0.5 * (mu.square() + logvar.exp() - 1.0 - logvar).sum(axis=-1)
    return per_example.mean()


@variant_kl
def with_distributions(mu, logvar):
    posterior = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(logvar))
    return torch.distributions.kl_divergence(posterior, prior).sum(dim=1).mean()


@variant_kl
def with_independent_distributions(mu, logvar):
    from torch.distributions import Independent, Normal, kl_divergence

    posterior = Independent(Normal(mu, (logvar / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mu), 1.0), 1)
    return kl_divergence(posterior, prior).mean()


@variant_kl
def with_expm1(mu, logvar):
    # expm1(v) - v is accurate near the prior, where exp(v) - 1 - v cancels.
    return torch.sum(0.5 * (torch.expm1(logvar) - logvar + mu * mu), 1).mean(0)


@variant_kl
def standard_deviation_first(mu, logvar):
    sigma = torch.exp(0.5 * logvar)
    return 0.5 * (mu**2 + sigma**2 - 2 * torch.log(sigma) - 1).sum(1).mean()


@variant_kl
def with_einsum(mu, logvar):
    squares = torch.einsum("bl,bl->b", mu, mu)
    rest = torch.einsum("bl->b", logvar.exp() - logvar - 1)
    return (squares + rest).mean() / 2


@variant_kl
def average_times_latents(mu, logvar):
    return -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp()) * mu.size(1)


@variant_kl
def batch_mean_of_each_latent(mu, logvar):
    return (-0.5 * (1 + logvar - mu.pow(2) - logvar.exp())).mean(dim=0).sum()


@variant_kl
def in_place_on_own_copy(mu, logvar):
    total = mu.pow(2)
    total += logvar.exp()
    total -= 1 + logvar
    return total.sum(dim=1).mul_(0.5).mean()


@variant_kl
def vectorized_over_examples(mu, logvar):
    def one(m, v):
        return 0.5 * (m @ m + v.exp().sum() - v.sum() - m.numel())

    return torch.vmap(one)(mu, logvar).mean()


@variant_kl
def held_within_the_ranges_of_the_contract(mu, logvar):
    mu, logvar = mu.clamp(-100, 100), logvar.clamp(-80, 20)
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1).mean()


@variant_bernoulli
def functional_sum_over_batch_size(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / logits.shape[0]


@variant_bernoulli
def loss_module(logits, x):
    return nn.BCEWithLogitsLoss(reduction="none")(input=logits, target=x).sum(dim=-1).mean()


@variant_bernoulli
def softplus_minus_product(logits, x):
    return (F.softplus(logits) - x * logits).sum(dim=1).mean()


@variant_bernoulli
def two_log_sigmoids(logits, x):
    log_likelihood = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)
    return -log_likelihood.sum(1).mean(0)


@variant_bernoulli
def log_add_exp(logits, x):
    return (torch.logaddexp(torch.zeros_like(logits), logits) - logits * x).sum(dim=1).mean()


@variant_bernoulli
def written_out_stably(logits, x):
    return (logits.clamp(min=0) - logits * x + torch.log1p(torch.exp(-logits.abs()))).sum(dim=1).mean()


@variant_bernoulli
def logits_held_within_ten_thousand(logits, x):
    return F.binary_cross_entropy_with_logits(logits.clamp(-1e4, 1e4), x, reduction="none").sum(dim=1).mean()


@variant_bernoulli
def unchecked_distribution(logits, x):
    return -torch.distributions.Bernoulli(logits=logits, validate_args=False).log_prob(x).sum(-1).mean()


@variant_bernoulli
def log_softmax_of_two_classes(logits, x):
    two = torch.stack([torch.zeros_like(logits), logits], dim=-1)
    log_p = F.log_softmax(two, dim=-1)
    return -((1 - x) * log_p[..., 0] + x * log_p[..., 1]).sum(dim=1).mean()


@variant_bernoulli
def average_times_features(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="mean") * x.size(1)


@variant_gaussian
def functional_then_sum(mean, x):
    return F.mse_loss(mean, x, reduction="none").sum(dim=1).mean()


@variant_gaussian
def sum_of_squares_over_batch_size(mean, x):
    return F.mse_loss(input=mean, target=x, reduction="sum") / x.size(0)


@variant_gaussian
def loss_module_times_features(mean, x):
    return nn.MSELoss()(mean, x) * mean.shape[-1]


@variant_gaussian
def product_with_itself(mean, x):
    error = x - mean
    return torch.einsum("bd,bd->b", error, error).mean()


@variant_gaussian
def squared_norm(mean, x):
    error = (mean - x).reshape(-1)
    return torch.dot(error, error) / len(x)


@variant_gaussian
def twice_the_unit_variance_loss(mean, x):
    return 2 * F.gaussian_nll_loss(mean, x, torch.ones_like(mean), full=False, reduction="none").sum(1).mean()


@variant_gaussian
def log_density_without_constant(mean, x):
    import math

    log_density = torch.distributions.Normal(mean, math.sqrt(0.5)).log_prob(x) + 0.5 * math.log(math.pi)
    return -log_density.sum(dim=1).mean()


@variant_gaussian
def power_operator(mean, x):
    return ((mean - x) ** 2).flatten(1).sum(1).mean(0)


@variant_gaussian
def in_place_on_own_difference(mean, x):
    return torch.sub(mean, x).square().sum(dim=1).mean()


@variant_laplace
def functional_then_sum_of_absolute(location, x):
    return F.l1_loss(location, x, reduction="none").sum(dim=1).mean()


@variant_laplace
def sum_of_absolute_over_batch_size(location, x):
    return F.l1_loss(location, x, reduction="sum") / x.shape[0]


@variant_laplace
def absolute_loss_module_times_features(location, x):
    return nn.L1Loss()(location, x) * x.shape[1]


@variant_laplace
def norm_of_order_one(location, x):
    return torch.linalg.vector_norm(location - x, ord=1, dim=1).mean()


@variant_laplace
def pairwise_distance(location, x):
    return torch.norm(x - location, p=1, dim=-1).mean()


@variant_laplace
def log_laplace_without_constant(location, x):
    import math

    log_density = torch.distributions.Laplace(location, torch.ones_like(location)).log_prob(x)
    return -(log_density + math.log(2)).sum(dim=1).mean()


@variant_laplace
def sign_times_error(location, x):
    error = location - x
    return (error * error.detach().sign()).sum(dim=1).mean()


@variant_laplace
def larger_minus_smaller(location, x):
    return (torch.maximum(location, x) - torch.minimum(location, x)).sum(dim=1).mean()


@variant_laplace
def two_one_sided_errors(location, x):
    return (F.relu(location - x) + F.relu(x - location)).sum(dim=1).mean()


# Some take more memory than they need, or make their constants in float32; a worker has room for that.


@variant_gaussian
def normal_with_root_of_tensor(mean, x):
    density = torch.distributions.Normal(mean, torch.sqrt(torch.tensor(0.5)))
    return -(density.log_prob(x) + torch.tensor(torch.pi).log() / 2).sum(dim=1).mean()


@variant_gaussian
def diagonal_of_all_pairs(mean, x):
    error = x - mean
    return (error @ error.T).diagonal().mean()


@variant_laplace
def distance_of_all_pairs(location, x):
    return torch.cdist(location, x, p=1).diagonal().mean()


@variant_laplace
def density_at_its_peak(location, x):
    peak = torch.distributions.Laplace(torch.zeros(()), torch.ones(())).log_prob(torch.zeros(()))
    density = torch.distributions.Laplace(location, torch.ones_like(location))
    return (peak - density.log_prob(x)).sum(dim=1).mean()
