"""Wrong answers to ``VAE.reparameterize``: scale, mode and gradient. Wrong noise is in ``reparameterize_noise``."""

import torch
import torch.nn.functional as F

from reference.misconceptions.entry import misconceptions_of
from reference.tasks import REPARAMETERIZE

misconception = misconceptions_of(REPARAMETERIZE)


@misconception(
    "No noise is added: the code is always the mean. That is a plain autoencoder; it reports a very good loss, and "
    "its samples from the prior look like nothing."
)
def no_noise(self, mu, logvar):
    return mu


@misconception(
    "The log-variance is used as the standard deviation. It may be negative, and it is zero for a standard normal "
    "posterior; it has to be turned into a scale first.",
    kind="statistics",
)
def logvar_as_std(self, mu, logvar):
    return mu + logvar * torch.randn_like(mu)


@misconception(
    "The noise is scaled with the variance, not with its root: half the log-variance is to be exponentiated. Your "
    "noise is too small where the posterior is narrow and too large where it is wide.",
    kind="statistics",
)
def logvar_not_halved(self, mu, logvar):
    std = torch.exp(logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "The log-variance is doubled where it should be halved: your scale is the square of the variance instead of its "
    "root.",
    kind="statistics",
)
def logvar_doubled(self, mu, logvar):
    std = torch.exp(2 * logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "The sign of the exponent is wrong: your noise is largest where the encoder is most certain.", kind="statistics"
)
def inverse_std(self, mu, logvar):
    std = torch.exp(-0.5 * logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "The log-variance is halved but never exponentiated: your scale is negative for every variance below 1, and zero "
    "for a standard normal posterior.",
    kind="statistics",
)
def half_logvar_as_std(self, mu, logvar):
    return mu + 0.5 * logvar * torch.randn_like(mu)


@misconception(
    "You take the root of the log-variance. It is often negative, and then this is not a number; the root belongs to "
    "the variance."
)
def root_of_logvar(self, mu, logvar):
    return mu + torch.sqrt(logvar) * torch.randn_like(mu)


@misconception(
    "You take the exponential of the root instead of the root of the exponential: not a number for every variance "
    "below 1."
)
def exponential_of_root(self, mu, logvar):
    std = torch.exp(torch.sqrt(logvar))
    return mu + std * torch.randn_like(std)


@misconception(
    "You make the scale positive with a softplus. The second argument is a log-variance, not the raw output for a "
    "scale; only the exponential of its half is the standard deviation.",
    kind="statistics",
)
def softplus_of_logvar(self, mu, logvar):
    std = F.softplus(logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "You make the scale positive with a sigmoid, so the noise can never be wider than 1. The second argument is a "
    "log-variance; only the exponential of its half is the standard deviation.",
    kind="statistics",
)
def sigmoid_of_logvar(self, mu, logvar):
    std = torch.sigmoid(logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "The scale is left out: every code gets noise of size 1, whatever the encoder says about its certainty.",
    kind="statistics",
)
def ignores_logvar(self, mu, logvar):
    return mu + torch.randn_like(mu)


@misconception(
    "The mean is left out: every code is noise around the origin, and nothing about the data point reaches the "
    "decoder.",
    kind="statistics",
)
def ignores_mean(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return std * torch.randn_like(std)


@misconception(
    "The noise multiplies the mean, and the standard deviation is added: the two roles are exchanged. The mean "
    "shifts, the standard deviation scales.",
    kind="statistics",
)
def swapped_roles(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return std + mu * torch.randn_like(mu)


@misconception(
    "The standard deviation multiplies the mean as well as the noise. Only the noise is scaled; the mean is added as "
    "it is.",
    kind="statistics",
)
def scales_mean_too(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return (mu + torch.randn_like(mu)) * std


@misconception(
    "The noise is relative to the mean. A code near the origin would get none; the noise is added, with a scale of "
    "its own.",
    kind="statistics",
)
def relative_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu * (1 + std * torch.randn_like(std))


@misconception(
    "You add a small constant to the standard deviation. It is positive already; with the constant a very certain "
    "encoder is never taken at its word, and the gradient is not the promised one."
)
def epsilon_added_to_std(self, mu, logvar):
    std = torch.exp(0.5 * logvar) + 1e-4
    return mu + std * torch.randn_like(std)


@misconception(
    "You add a small constant to the variance before the root. The exponential is positive already; with the constant "
    "a very certain encoder is never taken at its word."
)
def epsilon_added_to_variance(self, mu, logvar):
    std = torch.sqrt(logvar.exp() + 1e-6)
    return mu + std * torch.randn_like(std)


@misconception(
    "You clamp the log-variance to a few units around 0, so very narrow and very wide posteriors are impossible, and "
    "beyond the clamp there is no gradient.",
    kind="statistics",
)
def clamps_logvar_tightly(self, mu, logvar):
    std = torch.exp(0.5 * logvar.clamp(-4.0, 4.0))
    return mu + std * torch.randn_like(std)


@misconception(
    "You clamp the log-variance from below at -10. For a very certain encoder the code should be the mean; yours "
    "still jitters around it, and beyond the clamp there is no gradient."
)
def clamps_logvar(self, mu, logvar):
    std = torch.exp(0.5 * logvar.clamp(-10.0, 10.0))
    return mu + std * torch.randn_like(std)


@misconception(
    "You clamp the log-variance from above, so no posterior can be much wider than the prior, and beyond the clamp "
    "there is no gradient.",
    kind="statistics",
)
def clamps_logvar_above(self, mu, logvar):
    std = torch.exp(0.5 * logvar.clamp(max=2.0))
    return mu + std * torch.randn_like(std)


@misconception(
    "You round half the log-variance down to a whole number. Use a true division: your scale jumps, and there is no "
    "gradient.",
    kind="statistics",
)
def floor_division(self, mu, logvar):
    std = torch.exp(logvar // 2)
    return mu + std * torch.randn_like(std)


@misconception(
    "All latent dimensions of a data point share one scale. Each has its own log-variance and must be scaled by it.",
    kind="statistics",
)
def one_scale_per_row(self, mu, logvar):
    std = torch.exp(0.5 * logvar).mean(dim=1, keepdim=True)
    return mu + std * torch.randn_like(mu)


@misconception(
    "You shrink the noise by a fixed factor. It makes reconstructions sharper and the KL term a lie: the codes no "
    "longer come from the posterior whose divergence is measured.",
    kind="statistics",
)
def shrunk_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + 0.1 * std * torch.randn_like(std)


@misconception(
    "You scale the noise by beta. Beta weights the KL term in the loss and has no business in the sampling.",
    kind="statistics",
)
def scaled_by_beta(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + self.beta * std * torch.randn_like(std)


@misconception(
    "In eval mode you return the mean. The sample is part of the model, not a regularizer like dropout: the ELBO on "
    "held-out data needs it too.",
    kind="state",
)
def mean_in_eval_mode(self, mu, logvar):
    if not self.training:
        return mu
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "You sample in eval mode only. Without noise in training the model learns to be a plain autoencoder.", kind="state"
)
def mean_in_train_mode(self, mu, logvar):
    if self.training:
        return mu
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "You return the mean where gradients are switched off. Whether gradients are recorded must not change what is "
    "sampled: held-out data are scored without them.",
    kind="state",
)
def mean_without_gradients(self, mu, logvar):
    if not torch.is_grad_enabled():
        return mu
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "The sample is drawn by a function that does not differentiate with respect to its parameters. The encoder gets "
    "no gradient from the reconstruction; that is what the reparameterization trick is for.",
    kind="gradient",
)
def normal_without_gradient(self, mu, logvar):
    return torch.normal(mu, torch.exp(0.5 * logvar))


@misconception(
    "The distribution object has two ways of sampling, and you use the one that cuts the gradient. The encoder learns "
    "nothing from the reconstruction then.",
    kind="gradient",
)
def sample_without_gradient(self, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).sample()


@misconception(
    "The scale is detached, so the encoder never learns how much noise the decoder can bear; only the KL term shapes "
    "the variance.",
    kind="gradient",
)
def detached_std(self, mu, logvar):
    std = torch.exp(0.5 * logvar).detach()
    return mu + std * torch.randn_like(std)


@misconception("The mean is detached, so the reconstruction cannot move the codes.", kind="gradient")
def detached_mean(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu.detach() + std * torch.randn_like(std)


@misconception(
    "You sample with gradients switched off, to keep the noise out of the graph. Noise has no gradient anyway; mean "
    "and scale need theirs.",
    kind="gradient",
)
def without_gradient(self, mu, logvar):
    with torch.no_grad():
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)


@misconception(
    "You turn the log-variance into a scale in place, so the caller's tensor holds standard deviations afterwards and "
    "the KL term is computed from the wrong numbers.",
    kind="mutation",
)
def std_in_place(self, mu, logvar):
    std = logvar.mul_(0.5).exp_()
    return mu + std * torch.randn_like(std)


@misconception(
    "You add the noise to the mean in place. The caller's means are then samples, and the KL term is computed from "
    "them.",
    kind="mutation",
)
def noise_added_in_place(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu.add_(std * torch.randn_like(std))


@misconception("You convert to float32. What arrives in float64 should leave in float64.", kind="dtype")
def converts_to_float32(self, mu, logvar):
    mu, std = mu.float(), torch.exp(0.5 * logvar.float())
    return mu + std * torch.randn_like(std)


@misconception("You return the noise along with the sample. The contract asks for the sample alone.", kind="structure")
def returns_noise_too(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn_like(std)
    return mu + std * eps, eps


@misconception(
    "You squeeze the sample, so a batch of one (or a single latent dimension) loses an axis. The shape is (B, L) for "
    "every B and L, 1 included.",
    kind="structure",
)
def squeezed(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return (mu + std * torch.randn_like(std)).squeeze()


@misconception(
    "The noise has a fixed size. The last batch of an epoch is smaller, and the number of latents is the model's "
    "choice: take the shape from the arguments.",
    kind="crash",
)
def hard_coded_shape(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(128, 20)
