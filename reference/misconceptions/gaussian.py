"""Wrong answers to ``reconstruction_loss_gaussian``."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import GAUSSIAN

misconception = Misconceptions(GAUSSIAN)


@misconception(
    "You average over the features. The log-likelihood of a data point is the sum over its features; averaged, it is "
    "D times too weak against the KL term, and the posterior collapses onto the prior."
)
def mean_over_features(mean, x):
    return F.mse_loss(mean, x)


@misconception(
    "You sum over the batch too. The loss is per example: summed, it grows with the batch size and drowns the KL term."
)
def sum_over_batch(mean, x):
    return F.mse_loss(mean, x, reduction="sum")


@misconception(
    "You average over the features and sum over the batch; it is the other way round. Features add up, data points "
    "are averaged."
)
def swapped_axes(mean, x):
    return (mean - x).pow(2).mean(dim=1).sum()


@misconception(
    "You apply a sigmoid to the mean. The decoder's raw output IS the mean of this likelihood: with a sigmoid it "
    "could never reach data outside 0 and 1, and hardly those at the edge."
)
def sigmoid_on_mean(mean, x):
    return (torch.sigmoid(mean) - x).pow(2).sum(dim=1).mean()


@misconception(
    "You apply a tanh to the mean. The decoder's raw output IS the mean of this likelihood, whatever the range of the "
    "data."
)
def tanh_on_mean(mean, x):
    return (torch.tanh(mean) - x).pow(2).sum(dim=1).mean()


@misconception(
    "You clamp the mean between 0 and 1. Outside it gets no gradient and can never come back; the raw output is the "
    "mean."
)
def clamps_mean(mean, x):
    return (mean.clamp(0, 1) - x).pow(2).sum(dim=1).mean()


@misconception(
    "A factor of one half has come in. It belongs to a likelihood with variance 1; the contract's has variance one "
    "half, so that the loss is the squared error itself."
)
def halved(mean, x):
    return 0.5 * (mean - x).pow(2).sum(dim=1).mean()


@misconception(
    "The result is doubled. The contract's likelihood has variance one half, so that the loss is the squared error "
    "itself."
)
def doubled(mean, x):
    return 2 * (mean - x).pow(2).sum(dim=1).mean()


@misconception(
    "You take the square root: the distance instead of its square. A distance has a gradient of the same size however "
    "small the error, and it is no Gaussian log-likelihood."
)
def root_of_sum(mean, x):
    return torch.sqrt((mean - x).pow(2).sum(dim=1)).mean()


@misconception(
    "You take the root of the mean squared error. That is a figure for reports; the log-likelihood is the squared "
    "error itself, summed over the features."
)
def root_mean_square(mean, x):
    return torch.sqrt(F.mse_loss(mean, x))


@misconception(
    "You include the normalizing constant of the density. It is a proper log-likelihood, but the contract leaves the "
    "constant out: a perfect reconstruction costs 0."
)
def with_constant(mean, x):
    import math

    return ((mean - x).pow(2) + 0.5 * math.log(math.pi)).sum(dim=1).mean()


@misconception(
    "This is the full negative log-likelihood at variance 1: half the squared error plus the constant of the density. "
    "The contract has variance one half and no constant."
)
def unit_variance_likelihood(mean, x):
    return -torch.distributions.Normal(mean, torch.ones_like(mean)).log_prob(x).sum(dim=1).mean()


@misconception("This is the absolute error. The Gaussian likelihood squares the error, because its density does.")
def absolute_error(mean, x):
    return (mean - x).abs().sum(dim=1).mean()


@misconception(
    "Large errors count only linearly (a Huber or smooth loss). Robust, but not Gaussian: the log-density of a normal "
    "distribution is quadratic everywhere."
)
def smooth_absolute_error(mean, x):
    return F.smooth_l1_loss(mean, x, reduction="none").sum(dim=1).mean()


@misconception(
    "Large errors count only linearly (a Huber loss), and there is a factor of one half. The log-density of a normal "
    "distribution is quadratic everywhere."
)
def huber(mean, x):
    return F.huber_loss(mean, x, reduction="none", delta=2.0).sum(dim=1).mean()


@misconception(
    "The sign is wrong: this is the log-likelihood. It is maximized; a loss is minimized, and yours has no lower bound."
)
def wrong_sign(mean, x):
    return -(mean - x).pow(2).sum(dim=1).mean()


@misconception("The difference is not squared, so errors of opposite sign cancel, and the loss can be negative.")
def not_squared(mean, x):
    return (mean - x).sum(dim=1).mean()


@misconception(
    "You sum the differences before squaring, so errors of opposite sign cancel. Square each feature's error, then sum."
)
def square_of_sum(mean, x):
    return (mean - x).sum(dim=1).pow(2).mean()


@misconception(
    "You subtract the squares instead of squaring the difference. That is 0 for the negative of the right image too, "
    "and it can be negative."
)
def difference_of_squares(mean, x):
    return (mean.pow(2) - x.pow(2)).sum(dim=1).mean()


@misconception(
    "You take the mean over the batch before squaring. Only the average image would have to be right; each data point "
    "has an error of its own."
)
def error_of_batch_mean(mean, x):
    return (mean.mean(dim=0) - x.mean(dim=0)).pow(2).sum()


@misconception(
    "You use the binary cross-entropy. That is the Bernoulli likelihood; for real-valued data the squared error is "
    "asked for."
)
def cross_entropy(mean, x):
    return F.binary_cross_entropy_with_logits(mean, x, reduction="none").sum(dim=1).mean()


@misconception(
    "You take the logarithm of the squared error (the likelihood of a Gaussian with fitted variance). The contract's "
    "variance is fixed; a log has no minimum at a perfect reconstruction but minus infinity."
)
def log_of_error(mean, x):
    return torch.log((mean - x).pow(2).sum(dim=1)).mean()


@misconception(
    "You multiply the mean by 784. That repairs the average over features for MNIST only; sum over the features that "
    "you are given."
)
def hard_coded_feature_count(mean, x):
    return 784 * F.mse_loss(mean, x)


@misconception("You return one value for each data point. The loss is a single number, the mean over the batch.")
def one_value_per_example(mean, x):
    return (mean - x).pow(2).sum(dim=1)


@misconception(
    "The mean is detached (or the result is a plain number): the value is right, but nothing can learn from it."
)
def detached(mean, x):
    return (mean.detach() - x).pow(2).sum(dim=1).mean()


@misconception(
    "You change the reconstruction in place, as where the data are subtracted from it, so the caller's is another "
    "when the function returns."
)
def subtracts_in_place(mean, x):
    return mean.sub_(x).pow(2).sum(dim=1).mean()


@misconception("You convert to float32. What arrives in float64 should leave in float64.")
def converts_to_float32(mean, x):
    return (mean.float() - x.float()).pow(2).sum(dim=1).mean()


@misconception("You squeeze the arguments and then address the second axis, which a batch of one no longer has.")
def squeezed_first(mean, x):
    return (mean.squeeze() - x.squeeze()).pow(2).sum(dim=1).mean()


@misconception("You round the data to 0 and 1. This likelihood is for real values; count them as they are.")
def rounds_data(mean, x):
    return (mean - (x > 0.5).to(x.dtype)).pow(2).sum(dim=1).mean()
