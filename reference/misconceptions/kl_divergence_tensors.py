"""Wrong answers to ``kl_divergence``: the formula is right, the tensors are not."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import KL_DIVERGENCE

misconception = Misconceptions(KL_DIVERGENCE)


@misconception("You return one value for each data point. The loss is a single number, the mean over the batch.")
def one_value_per_example(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1)


@misconception(
    "You return a tensor of one element instead of a scalar. Its shape should be empty: kept axes broadcast where "
    "nobody expects it."
)
def kept_axes(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1, keepdim=True).mean(dim=0, keepdim=True)


@misconception(
    "The result carries no gradient, as a detached one or a new tensor. The value is right, but it is cut off from "
    "the encoder: the KL term can no longer train anything."
)
def plain_number(mu, logvar):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    return torch.tensor(kl.item(), dtype=mu.dtype)


@misconception("The means are detached: the value is right, but nothing pulls the codes towards the origin.")
def detached_mean(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.detach().pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "The log-variances are detached: the value is right, but the KL term no longer keeps the posterior from becoming "
    "arbitrarily narrow."
)
def detached_logvar(mu, logvar):
    logvar = logvar.detach()
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "The variance is detached while the log-variance is not: the value is right, but of the two forces that balance "
    "at a variance of 1 only one is left, and variances grow without end."
)
def detached_variance(mu, logvar):
    variance = logvar.exp().detach()
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - variance, dim=1).mean()


@misconception(
    "You change the log-variance in place, as where its exponential is written over it. Whoever uses the caller's "
    "tensor next computes nonsense; in training, autograd complains."
)
def exponentiates_in_place(mu, logvar):
    first = 1 + logvar - mu.pow(2)
    variance = logvar.exp_()
    return -0.5 * torch.sum(first - variance, dim=1).mean()


@misconception(
    "You add to the result of an exponential in place. Its gradient needs that result unchanged, so training stops "
    "with an error, although the value alone is right."
)
def in_place_before_gradient(mu, logvar):
    total = logvar.exp()
    total += mu.pow(2)
    total -= logvar + 1
    return 0.5 * total.sum(dim=1).mean()


@misconception(
    "You change the mean in place, as where its square is written over it. The caller's codes are others then; work "
    "on a new tensor."
)
def squares_in_place(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow_(2) - logvar.exp(), dim=1).mean()


@misconception(
    "You convert to float32. What arrives in float64 should leave in float64: gradients are checked at that precision."
)
def converts_to_float32(mu, logvar):
    mu, logvar = mu.float(), logvar.float()
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "You squeeze the arguments first, so a batch of one loses its batch axis, and a latent space of one dimension its "
    "latent axis. The sum then runs over the wrong one, or over none."
)
def squeezed_first(mu, logvar):
    mu, logvar = mu.squeeze(), logvar.squeeze()
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=-1).mean()
