"""Wrong answers to ``kl_divergence``: the formula. Gradients, shapes and the like are in ``kl_divergence_tensors``."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import KL_DIVERGENCE

misconception = Misconceptions(KL_DIVERGENCE)


@misconception(
    "The KL of a data point is the sum over its latent dimensions: they are independent, so their divergences add. "
    "You average over them, which weakens the prior by a factor of L; samples from the prior then look like nothing."
)
def mean_over_latents(mu, logvar):
    return -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())


@misconception(
    "You sum over the batch too. A loss per example must not grow with the batch size: here the KL would outweigh the "
    "reconstruction by a factor of B, and the posterior collapses onto the prior."
)
def sum_over_batch(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception(
    "The two axes are confused: you average over the latent dimensions and sum over the batch. Latents add up, data "
    "points are averaged."
)
def swapped_axes(mu, logvar):
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).mean(dim=1).sum()


@misconception(
    "The factor one half is missing, so the prior counts twice. It comes from the one half in the exponent of the "
    "normal density."
)
def without_half(mu, logvar):
    return -torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "The factor one half is applied twice, so the prior counts half. Your result is exactly half the divergence."
)
def half_twice(mu, logvar):
    return -0.25 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "The sign is wrong: your result is never positive, while a KL divergence is never negative. Minimizing it pushes "
    "the posterior away from the prior without bound, and the loss explodes downwards."
)
def wrong_sign(mu, logvar):
    return 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "The constant 1 is missing, so that your result is not 0 where posterior and prior are equal. A divergence "
    "measures a difference: check it at a mean of 0 and a variance of 1."
)
def without_one(mu, logvar):
    return -0.5 * torch.sum(logvar - mu.pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "The sign of the constant 1 is wrong: at a mean of 0 and a variance of 1 your result is not 0, though the two "
    "distributions are equal there."
)
def one_with_wrong_sign(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar + 1).sum(dim=1).mean()


@misconception(
    "The mean is not squared. The divergence grows with the squared distance from the origin and does not care about "
    "direction; yours can be negative."
)
def mean_not_squared(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu - logvar.exp(), dim=1).mean()


@misconception(
    "You use the absolute value of the mean where its square belongs. The square comes from the exponent of the "
    "normal density."
)
def absolute_mean(mu, logvar):
    return 0.5 * (mu.abs() + logvar.exp() - logvar - 1).sum(dim=1).mean()


@misconception(
    "The term with the mean is missing, so nothing pulls the codes towards the origin: they drift apart, and samples "
    "from the prior fall between them."
)
def without_mean(mu, logvar):
    return 0.5 * (logvar.exp() - logvar - 1).sum(dim=1).mean()


@misconception(
    "The variance itself is missing from the sum; only its logarithm is there. Nothing then stops the variance from "
    "growing without bound, and the result becomes negative."
)
def without_variance(mu, logvar):
    return 0.5 * (mu.pow(2) - logvar - 1).sum(dim=1).mean()


@misconception(
    "The log-variance is missing from the sum; only the variance is there. Nothing then keeps the variance from going "
    "to zero, and the VAE becomes a plain autoencoder."
)
def without_logvar(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - 1).sum(dim=1).mean()


@misconception(
    "The sign of the log-variance is wrong: both it and the variance then push in the same direction, and the minimum "
    "is not at a variance of 1."
)
def logvar_with_wrong_sign(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() + logvar - 1).sum(dim=1).mean()


@misconception(
    "You read the second argument as the log of the standard deviation. It is the log of the VARIANCE: your variance "
    "is the square of the right one, and its logarithm is twice the right one."
)
def logvar_as_log_std(mu, logvar):
    return 0.5 * (mu.pow(2) + torch.exp(2 * logvar) - 2 * logvar - 1).sum(dim=1).mean()


@misconception(
    "You use the standard deviation where the variance belongs: the exponential of half the log-variance instead of "
    "that of the log-variance."
)
def std_for_variance(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - torch.exp(0.5 * logvar), dim=1).mean()


@misconception(
    "You take the square of the exponential of the log-variance for the variance. That exponential is the variance "
    "already; squared it is what a log standard deviation would need."
)
def variance_squared(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp().pow(2), dim=1).mean()


@misconception(
    "You read the second argument as the variance and take its logarithm. It IS the logarithm: at negative values "
    "yours is not a number."
)
def logvar_as_variance(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar - torch.log(logvar) - 1).sum(dim=1).mean()


@misconception(
    "You read the second argument as the standard deviation: squared for the variance, and its logarithm doubled. It "
    "is the log-variance."
)
def logvar_as_std(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.pow(2) - torch.log(logvar.pow(2)) - 1).sum(dim=1).mean()


@misconception(
    "The log-variance and the mean have changed places. The term that is squared is the mean, the one that is "
    "exponentiated is the log-variance."
)
def swapped_arguments(mu, logvar):
    return -0.5 * torch.sum(1 + mu - logvar.pow(2) - mu.exp(), dim=1).mean()


@misconception(
    "This is the divergence in the other direction, from the prior to the posterior. The ELBO needs the one that "
    "averages over the posterior; the other one explodes where the posterior is narrow."
)
def reverse_direction(mu, logvar):
    return 0.5 * ((1 + mu.pow(2)) * torch.exp(-logvar) + logvar - 1).sum(dim=1).mean()


@misconception(
    "You give every latent dimension a minimum of 'free' divergence. Free bits are a remedy for collapse that changes "
    "the objective; the divergence itself goes down to 0, with a gradient all the way."
)
def free_bits(mu, logvar):
    terms = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1)
    return terms.clamp(min=0.25).sum(dim=1).mean()


@misconception(
    "You bound the total divergence from below. At the prior it must be 0; a floor switches the gradient off exactly "
    "where the posterior comes close to the prior."
)
def floor_on_total(mu, logvar):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    return torch.clamp(kl, min=1.0)


@misconception(
    "You bound the divergence from above. However far the posterior is from the prior, the divergence tells; capped, "
    "it gives no gradient when it is needed most."
)
def cap_on_total(mu, logvar):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    return torch.clamp(kl, max=100.0)


@misconception(
    "You clamp the log-variance. The formula is exact from -80 to 20 without it; with the clamp the value is wrong "
    "and the gradient zero outside."
)
def clamps_logvar(mu, logvar):
    logvar = logvar.clamp(-10.0, 10.0)
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()


@misconception(
    "You add a small constant inside a logarithm. The log-variance is given, so there is no logarithm to protect: for "
    "very narrow posteriors the constant takes over and the divergence stops growing."
)
def epsilon_in_logarithm(mu, logvar):
    variance = logvar.exp()
    return 0.5 * (mu.pow(2) + variance - torch.log(variance + 1e-8) - 1).sum(dim=1).mean()


@misconception(
    "Your result is in bits. The contract asks for nats, the unit of the reconstruction term that it is added to."
)
def in_bits(mu, logvar):
    import math

    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean() / math.log(2)


@misconception(
    "The factor one half reaches only the first term of the sum; the others stand outside its brackets. At a mean of "
    "0 and a variance of 1 the result should be 0."
)
def half_of_first_term_only(mu, logvar):
    return (-0.5 * 1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=1).mean()


@misconception(
    "You average means and log-variances over the batch first and take one divergence of the result. The divergence "
    "is taken for each data point: codes left and right of the origin must not cancel."
)
def divergence_of_batch_mean(mu, logvar):
    mu, logvar = mu.mean(dim=0), logvar.mean(dim=0)
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception(
    "You take one divergence for the whole batch between two softmax distributions. The function of that name "
    "compares tables of probabilities; mean and log-variance are parameters of a normal density, with a closed form "
    "of its own."
)
def softmax_divergence(mu, logvar):
    return F.kl_div(F.log_softmax(mu, dim=1), F.softmax(logvar, dim=1), reduction="batchmean")


@misconception(
    "You estimate the divergence from one sample. It is right on average and noisy each time; the closed form is "
    "exact and costs less."
)
def one_sample_estimate(mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn_like(std)
    z = mu + std * eps
    return 0.5 * (z.pow(2) - eps.pow(2) - logvar).sum(dim=1).mean()


@misconception(
    "You compare standard deviations, not distributions: this is a squared (Wasserstein) distance to the prior, which "
    "does not go to infinity for a posterior without width."
)
def wasserstein_distance(mu, logvar):
    return (mu.pow(2) + (torch.exp(0.5 * logvar) - 1).pow(2)).sum(dim=1).mean()


@misconception(
    "You divide by a fixed batch size. The last batch of an epoch is smaller, and anyone may use another size; divide "
    "by the size that you are given."
)
def fixed_batch_size(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / 128


@misconception(
    "You divide by one less than the batch size, as for a sample variance. This is a plain mean; a batch of one must "
    "work."
)
def divides_by_one_less(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum() / (mu.shape[0] - 1)


@misconception(
    "You multiply by a weight inside the divergence. Beta is applied once, where the ELBO is put together; here the "
    "plain divergence is asked for."
)
def weighted_inside(mu, logvar):
    beta = 4.0
    return beta * 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


@misconception(
    "The constants of the normal density do not cancel in your formula: a term with log 2 pi is left over, so that "
    "the divergence of the prior from itself is not 0."
)
def with_density_constant(mu, logvar):
    import math

    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1 + math.log(2 * math.pi)).sum(dim=1).mean()


@misconception(
    "You scale the divergence to the size of a 784-pixel image. It is a quantity in nats of its own, to be added to a "
    "reconstruction term that is summed over its features."
)
def scaled_to_image_size(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean() / 784


@misconception(
    "Only the first latent dimension is counted. The divergence of a data point is the sum over all of them."
)
def first_latent_only(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1)[:, 0].mean()


@misconception(
    "You take the worst data point of the batch. The objective is an expectation over data, so the mean is asked for."
)
def worst_example(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).max()
