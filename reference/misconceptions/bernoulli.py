"""Wrong answers to ``reconstruction_loss_bernoulli``."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import BERNOULLI

misconception = Misconceptions(BERNOULLI)


@misconception(
    "You average over the features. The log-likelihood of a data point is the sum over its features; averaged, it is "
    "D times too weak against the KL term, and the posterior collapses onto the prior."
)
def mean_over_features(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x)


@misconception(
    "You sum over the batch too. The loss is per example: summed, it grows with the batch size and drowns the KL term."
)
def sum_over_batch(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum")


@misconception(
    "You average over the features and sum over the batch; it is the other way round. Features add up, data points "
    "are averaged."
)
def swapped_axes(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").mean(dim=1).sum()


@misconception(
    "You apply a sigmoid before a loss that applies one itself. Probabilities are then squeezed between 0.5 and 0.73, "
    "the loss cannot fall below D times 0.31, and training stalls near D log 2."
)
def double_sigmoid(logits, x):
    return F.binary_cross_entropy_with_logits(torch.sigmoid(logits), x, reduction="none").sum(dim=1).mean()


@misconception("You give raw logits to a loss that expects probabilities. It refuses anything outside 0 and 1.")
def logits_as_probabilities(logits, x):
    return F.binary_cross_entropy(logits, x, reduction="none").sum(dim=1).mean()


@misconception(
    "Sigmoid first, logarithm second: the logarithm of a rounded 0 is minus infinity, and times 0 that is not a "
    "number. Combine both in one formula that works on the logits."
)
def naive_logarithm(logits, x):
    p = torch.sigmoid(logits)
    return -(x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(dim=1).mean()


@misconception(
    "A small constant inside the logarithm keeps it finite but not right: a confident mistake costs at most about 20 "
    "nats, with no gradient to undo it, instead of as many nats as the logit is large. Work on the logits."
)
def epsilon_in_logarithm(logits, x):
    p = torch.sigmoid(logits)
    eps = 1e-8
    return -(x * torch.log(p + eps) + (1 - x) * torch.log(1 - p + eps)).sum(dim=1).mean()


@misconception(
    "You clamp the probabilities away from 0 and 1. Finite, but wrong and without gradient for confident logits: a "
    "confident mistake must cost as many nats as its logit is large. Work on the logits."
)
def clamped_probabilities(logits, x):
    p = torch.sigmoid(logits).clamp(1e-6, 1 - 1e-6)
    return -(x * p.log() + (1 - x) * (1 - p).log()).sum(dim=1).mean()


@misconception(
    "Each logarithm is capped at -100, as the library does where sigmoid and cross-entropy are two steps, so large "
    "logits give a wrong loss and no gradient. There is a version that takes the logits."
)
def cross_entropy_of_sigmoid(logits, x):
    return F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none").sum(dim=1).mean()


@misconception(
    "You clamp the logits. Beyond the clamp the loss is wrong and its gradient zero; the formula on logits needs no "
    "help at any size."
)
def clamped_logits(logits, x):
    return F.binary_cross_entropy_with_logits(logits.clamp(-30, 30), x, reduction="none").sum(dim=1).mean()


@misconception(
    "Your formula exponentiates the logits themselves, which overflows at large ones and gives infinity. Only "
    "exponentials of negative numbers are safe."
)
def overflowing_exponential(logits, x):
    return (torch.log(1 + torch.exp(logits)) - x * logits).sum(dim=1).mean()


@misconception(
    "You round the data to 0 and 1. Grey values are allowed anywhere between, and the loss must count them as they are."
)
def rounds_data(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x.round(), reduction="none").sum(dim=1).mean()


@misconception(
    "You draw binary pixels from the data inside the loss. That is a choice about data, made where they are loaded; "
    "here it makes the loss random."
)
def samples_data(logits, x):
    return F.binary_cross_entropy_with_logits(logits, torch.bernoulli(x), reduction="none").sum(dim=1).mean()


@misconception(
    "Only the pixels that are on are counted. A black pixel reconstructed as white must cost something too: the loss "
    "has a term for the ones and a term for the zeros."
)
def ones_only(logits, x):
    return -(x * F.logsigmoid(logits)).sum(dim=1).mean()


@misconception("Only the pixels that are off are counted. The loss has a term for the ones and a term for the zeros.")
def zeros_only(logits, x):
    return -((1 - x) * F.logsigmoid(-logits)).sum(dim=1).mean()


@misconception("The data and the logits have changed places: the prediction comes first, the target second.")
def swapped_arguments(logits, x):
    return F.binary_cross_entropy_with_logits(x, logits, reduction="none").sum(dim=1).mean()


@misconception(
    "The two halves are exchanged, so the loss rewards the negative of the image: ones are to be likely where the "
    "data are one."
)
def inverted_target(logits, x):
    return F.binary_cross_entropy_with_logits(logits, 1 - x, reduction="none").sum(dim=1).mean()


@misconception(
    "The sign is wrong: this is the log-likelihood. It is maximized; a loss is minimized, and yours has no lower bound."
)
def wrong_sign(logits, x):
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


@misconception(
    "You use the squared error of the probabilities. That is another likelihood; the Bernoulli one is the "
    "cross-entropy, whose gradient does not vanish when a confident prediction is wrong."
)
def squared_error_of_sigmoid(logits, x):
    return (torch.sigmoid(logits) - x).pow(2).sum(dim=1).mean()


@misconception(
    "You use the squared error of the raw output. That is the Gaussian likelihood; the Bernoulli one is the "
    "cross-entropy."
)
def squared_error(logits, x):
    return F.mse_loss(logits, x, reduction="none").sum(dim=1).mean()


@misconception(
    "You treat the features as classes of which exactly one is true. Each pixel is a yes-or-no question of its own: a "
    "sigmoid for each, not one softmax over all."
)
def softmax_cross_entropy(logits, x):
    return F.cross_entropy(logits, x)


@misconception(
    "The ones are weighted more than the zeros. It may help unbalanced classes, but it is no likelihood any more, and "
    "the sum with the KL is no bound."
)
def weighted_ones(logits, x):
    weight = torch.tensor(2.0, dtype=logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, x, pos_weight=weight, reduction="none").sum(dim=1).mean()


@misconception(
    "The distribution's own check refuses grey values: its support is 0 and 1. The formula of the loss is defined for "
    "all values between, and must accept them."
)
def refuses_grey_values(logits, x):
    return -torch.distributions.Bernoulli(logits=logits, validate_args=True).log_prob(x).sum(dim=1).mean()


@misconception(
    "You use the continuous Bernoulli distribution, whose density has a normalizing constant that depends on the "
    "logit. The contract asks for the plain Bernoulli log-likelihood."
)
def continuous_bernoulli(logits, x):
    return -torch.distributions.ContinuousBernoulli(logits=logits).log_prob(x).sum(dim=1).mean()


@misconception(
    "You subtract the entropy of the data. That is a divergence, zero at a perfect reconstruction; the negative "
    "log-likelihood of grey pixels never reaches zero."
)
def minus_data_entropy(logits, x):
    entropy = -(torch.xlogy(x, x) + torch.xlogy(1 - x, 1 - x))
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return (loss - entropy).sum(dim=1).mean()


@misconception(
    "You smooth the targets towards one half. A regularizer for classifiers; the likelihood of the data takes them as "
    "they are."
)
def smoothed_targets(logits, x):
    return F.binary_cross_entropy_with_logits(logits, 0.9 * x + 0.05, reduction="none").sum(dim=1).mean()


@misconception(
    "You weight each pixel by how badly it is predicted (a focal loss). A likelihood treats every pixel alike."
)
def focal_loss(logits, x):
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return ((1 - torch.exp(-loss)).pow(2) * loss).sum(dim=1).mean()


@misconception("Your result is in bits. The contract asks for nats, the unit of the KL term that is added.")
def in_bits(logits, x):
    import math

    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean() / math.log(2)


@misconception(
    "A factor of one half has come in. The log-likelihood of a coin has none; halved, it is too weak against the KL "
    "term."
)
def halved(logits, x):
    return 0.5 * F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


@misconception(
    "You multiply the mean by 784. That repairs the average over features for MNIST only; sum over the features that "
    "you are given."
)
def hard_coded_feature_count(logits, x):
    return 784 * F.binary_cross_entropy_with_logits(logits, x)


@misconception(
    "You divide the sum by a fixed batch size. The last batch of an epoch is smaller; divide by the size that you are "
    "given."
)
def fixed_batch_size(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 128


@misconception("You return one value for each data point. The loss is a single number, the mean over the batch.")
def one_value_per_example(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1)


@misconception(
    "The logits are detached (or the result is a plain number): the value is right, but nothing can learn from it."
)
def detached(logits, x):
    return F.binary_cross_entropy_with_logits(logits.detach(), x, reduction="none").sum(dim=1).mean()


@misconception(
    "You change the logits in place, as where the sigmoid is written over them, so the caller's logits are others "
    "when the function returns."
)
def sigmoid_in_place(logits, x):
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()
    logits.sigmoid_()
    return loss


@misconception("You convert to float32. What arrives in float64 should leave in float64.")
def converts_to_float32(logits, x):
    return F.binary_cross_entropy_with_logits(logits.float(), x.float(), reduction="none").sum(dim=1).mean()


@misconception("You squeeze the arguments and then address the second axis, which a batch of one no longer has.")
def squeezed_first(logits, x):
    logits, x = logits.squeeze(), x.squeeze()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()
