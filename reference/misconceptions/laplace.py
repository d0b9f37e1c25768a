"""Wrong answers to ``reconstruction_loss_laplace``."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import LAPLACE

misconception = Misconceptions(LAPLACE)


@misconception(
    "You average over the features. The log-likelihood of a data point is the sum over its features; averaged, it is "
    "D times too weak against the KL term, and the posterior collapses onto the prior."
)
def mean_over_features(location, x):
    return F.l1_loss(location, x)


@misconception(
    "You sum over the batch too. The loss is per example: summed, it grows with the batch size and drowns the KL term."
)
def sum_over_batch(location, x):
    return F.l1_loss(location, x, reduction="sum")


@misconception(
    "You average over the features and sum over the batch; it is the other way round. Features add up, data points "
    "are averaged."
)
def swapped_axes(location, x):
    return (location - x).abs().mean(dim=1).sum()


@misconception(
    "This is the squared error. The Laplace density falls off with the absolute error, which is what makes it robust "
    "against outliers."
)
def squared_error(location, x):
    return (location - x).pow(2).sum(dim=1).mean()


@misconception(
    "You apply a sigmoid to the location. The decoder's raw output IS the location: with a sigmoid it could never "
    "reach data outside 0 and 1."
)
def sigmoid_on_location(location, x):
    return (torch.sigmoid(location) - x).abs().sum(dim=1).mean()


@misconception(
    "You apply a tanh to the location. The decoder's raw output IS the location, whatever the range of data."
)
def tanh_on_location(location, x):
    return (torch.tanh(location) - x).abs().sum(dim=1).mean()


@misconception(
    "You clamp the location between 0 and 1. Outside it gets no gradient and can never come back; the raw output is "
    "the location."
)
def clamps_location(location, x):
    return (location.clamp(0, 1) - x).abs().sum(dim=1).mean()


@misconception(
    "You include the constant of the density, log 2 for each feature. It is a proper log-likelihood, but the contract "
    "leaves the constant out: a perfect reconstruction costs 0."
)
def with_constant(location, x):
    return -torch.distributions.Laplace(location, torch.ones_like(location)).log_prob(x).sum(dim=1).mean()


@misconception("A factor of one half has come in. It belongs to a scale of 2; the contract's scale is 1.")
def halved(location, x):
    return 0.5 * (location - x).abs().sum(dim=1).mean()


@misconception("The result is doubled, as for a scale of one half. The contract's scale is 1.")
def doubled(location, x):
    return (location - x).abs().sum(dim=1).mean() / 0.5


@misconception(
    "Small errors count quadratically (a smooth or Huber loss). The Laplace density has a kink at its peak: the "
    "absolute error counts as it is, however small."
)
def smooth_absolute_error(location, x):
    return F.smooth_l1_loss(location, x, reduction="none").sum(dim=1).mean()


@misconception(
    "You round off the kink with a small constant under a root. The loss of a perfect reconstruction is then not 0; "
    "the kink is part of this likelihood."
)
def constant_under_root(location, x):
    return torch.sqrt((location - x).pow(2) + 1e-3).sum(dim=1).mean()


@misconception(
    "You use the logarithm of the hyperbolic cosine, a smooth stand-in. It is off by almost log 2 for each large "
    "error; the absolute error itself is asked for."
)
def log_cosh(location, x):
    import math

    error = location - x
    return (error + F.softplus(-2 * error) - math.log(2)).sum(dim=1).mean()


@misconception(
    "The sign is wrong: this is the log-likelihood. It is maximized; a loss is minimized, and yours has no lower bound."
)
def wrong_sign(location, x):
    return -(location - x).abs().sum(dim=1).mean()


@misconception("The absolute value is missing, so errors of opposite sign cancel, and the loss can be negative.")
def no_absolute_value(location, x):
    return (location - x).sum(dim=1).mean()


@misconception(
    "You take the absolute value after summing, so errors of opposite sign cancel. Each feature's error counts by its "
    "own size."
)
def absolute_value_of_sum(location, x):
    return (location - x).sum(dim=1).abs().mean()


@misconception(
    "You subtract absolute values instead of taking the absolute difference: a location of the wrong sign then costs "
    "nothing."
)
def difference_of_absolute_values(location, x):
    return (location.abs() - x.abs()).abs().sum(dim=1).mean()


@misconception(
    "Only errors in one direction count. A location that is too low must cost as much as one that is too high."
)
def one_sided(location, x):
    return F.relu(location - x).sum(dim=1).mean()


@misconception(
    "You take the Euclidean norm of the error. That couples the features; under this likelihood they are independent, "
    "and their absolute errors add."
)
def euclidean_norm(location, x):
    return torch.linalg.vector_norm(location - x, dim=1).mean()


@misconception("You take the largest error of each data point. Features are independent, so their absolute errors add.")
def largest_error(location, x):
    return (location - x).abs().amax(dim=1).mean()


@misconception(
    "You use the binary cross-entropy. That is the Bernoulli likelihood; here the absolute error is asked for."
)
def cross_entropy(location, x):
    return F.binary_cross_entropy_with_logits(location, x, reduction="none").sum(dim=1).mean()


@misconception(
    "You average over the batch before taking the absolute value. Only the average image would have to be right; each "
    "data point has an error of its own."
)
def error_of_batch_mean(location, x):
    return (location.mean(dim=0) - x.mean(dim=0)).abs().sum()


@misconception(
    "You multiply the mean by 784. That repairs the average over features for MNIST only; sum over the features that "
    "you are given."
)
def hard_coded_feature_count(location, x):
    return 784 * F.l1_loss(location, x)


@misconception("You return one value for each data point. The loss is a single number, the mean over the batch.")
def one_value_per_example(location, x):
    return (location - x).abs().sum(dim=1)


@misconception(
    "The location is detached (or the result is a plain number): the value is right, but nothing can learn from it."
)
def detached(location, x):
    return (location.detach() - x).abs().sum(dim=1).mean()


@misconception(
    "You change the reconstruction in place, as where the data are subtracted from it, so the caller's is another "
    "when the function returns."
)
def subtracts_in_place(location, x):
    return location.sub_(x).abs().sum(dim=1).mean()


@misconception("You convert to float32. What arrives in float64 should leave in float64.")
def converts_to_float32(location, x):
    return (location.float() - x.float()).abs().sum(dim=1).mean()


@misconception("You squeeze the arguments and then address the second axis, which a batch of one no longer has.")
def squeezed_first(location, x):
    return (location.squeeze() - x.squeeze()).abs().sum(dim=1).mean()
