"""Wrong answers to the warm-up's ``vae_loss``."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import WARMUP_LOSS

misconception = Misconceptions(WARMUP_LOSS)


misconception.edit(
    "mean_error_summed_kl",
    "The squared error is averaged while the KL term is summed, so the KL term is far too heavy and the "
    "posterior collapses onto the prior. Both are summed here.",
    ('F.mse_loss(recon_x, x, reduction="sum")', "F.mse_loss(recon_x, x)"),
)

misconception.edit(
    "summed_error_mean_kl",
    "The KL term is averaged while the squared error is summed, so the prior hardly counts. Both are summed here.",
    ("torch.sum", "torch.mean"),
)


@misconception(
    "Both terms are averaged over everything. In the warm-up both are summed; averaged, each is divided by another "
    "number, and their balance is lost."
)
def both_averaged(recon_x, x, mu, logvar):
    return F.mse_loss(recon_x, x) - 0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())


misconception.edit(
    "averaged_over_batch",
    "You divide by the batch size. That is what part 2 does; in the warm-up the loss is summed over the batch.",
    ("squared_error + kl", "(squared_error + kl) / x.shape[0]"),
)


@misconception(
    "The KL term is averaged over the batch but the squared error is summed, so the weight of the prior depends on "
    "the batch size. Both are summed here."
)
def kl_averaged_over_batch(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()
    return squared_error + kl


misconception.edit(
    "error_averaged_over_features",
    "The squared error is averaged over the features (and summed over the batch). Sum over the features too.",
    ('F.mse_loss(recon_x, x, reduction="sum")', "(recon_x - x).pow(2).mean(dim=1).sum()"),
)


@misconception("The KL term is missing: this is the loss of a plain autoencoder.")
def without_kl(recon_x, x, mu, logvar):
    return F.mse_loss(recon_x, x, reduction="sum")


@misconception("The reconstruction is missing: the posterior becomes the prior, and nothing is learned.")
def without_reconstruction(recon_x, x, mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("The KL term has the wrong sign: minimizing pushes the posterior away from the prior without bound.")
def kl_with_wrong_sign(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return squared_error + 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("The factor one half of the KL term is missing, so the prior counts twice.")
def kl_without_half(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return squared_error - torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("The constant 1 of the KL term is missing, so it is not 0 where posterior and prior are equal.")
def kl_without_one(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return squared_error - 0.5 * torch.sum(logvar - mu.pow(2) - logvar.exp())


@misconception(
    "You read the log-variance as the log of the standard deviation in the KL term: your variance is the square of "
    "the right one."
)
def kl_of_log_std(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return squared_error - 0.5 * torch.sum(1 + 2 * logvar - mu.pow(2) - torch.exp(2 * logvar))


@misconception(
    "You use the standard deviation where the variance belongs in the KL term: the log-variance is not to be halved "
    "there."
)
def kl_with_std_for_variance(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - torch.exp(0.5 * logvar))


@misconception("The mean is not squared in the KL term, which cares about distance, not direction.")
def kl_with_mean_not_squared(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return squared_error - 0.5 * torch.sum(1 + logvar - mu - logvar.exp())


@misconception("A factor of one half has come into the squared error. The warm-up asks for the squared error itself.")
def halved_error(recon_x, x, mu, logvar):
    squared_error = 0.5 * F.mse_loss(recon_x, x, reduction="sum")
    return squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("You use the binary cross-entropy. The warm-up asks for the squared error; part 2 has both.")
def cross_entropy(recon_x, x, mu, logvar):
    recon = F.binary_cross_entropy(recon_x, x, reduction="sum")
    return recon - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("You use the absolute error. The warm-up asks for the squared error; part 2 has both.")
def absolute_error(recon_x, x, mu, logvar):
    recon = F.l1_loss(recon_x, x, reduction="sum")
    return recon - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception(
    "You take the square root of the squared error. A distance is no log-likelihood: the squared error itself is "
    "asked for."
)
def root_of_error(recon_x, x, mu, logvar):
    recon = F.mse_loss(recon_x, x, reduction="sum").sqrt()
    return recon - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception(
    "You apply a sigmoid to a reconstruction that has gone through one already. Values are then squeezed between 0.5 "
    "and 0.73, and no pixel can be dark."
)
def double_sigmoid(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(torch.sigmoid(recon_x), x, reduction="sum")
    return squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("You return the two terms. Their sum is asked for.")
def returns_terms(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return squared_error, -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("You return one value for each data point. One number is asked for, summed over the batch.")
def one_value_per_example(recon_x, x, mu, logvar):
    squared_error = (recon_x - x).pow(2).sum(dim=1)
    return squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)


@misconception("The reconstruction is detached, so only the KL term trains, and the posterior becomes the prior.")
def detached_reconstruction(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x.detach(), x, reduction="sum")
    return squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("You return a plain Python number, which has no gradient: nothing can learn from it.")
def plain_number(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x, reduction="sum")
    return (squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())).item()


@misconception("You work in place on the reconstruction, which the caller still needs.")
def subtracts_in_place(recon_x, x, mu, logvar):
    squared_error = recon_x.sub_(x).pow(2).sum()
    return squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@misconception("You flatten the data to 784 values a row. That works for MNIST only.")
def flattens_to_784(recon_x, x, mu, logvar):
    squared_error = F.mse_loss(recon_x, x.view(-1, 784), reduction="sum")
    return squared_error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
