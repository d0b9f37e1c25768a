"""Wrong answers to ``VAE.reparameterize``: scale, mode and gradient. Wrong noise is in ``reparameterize_noise``."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import REPARAMETERIZE

misconception = Misconceptions(REPARAMETERIZE)


@misconception(
    "No noise is added: the code is always the mean. That is a plain autoencoder; it reports a very good loss, and "
    "its samples from the prior look like nothing."
)
def no_noise(self, mu, logvar):
    return mu


@misconception(
    "The log-variance is used as the standard deviation. It may be negative, and it is zero for a standard normal "
    "posterior; it has to be turned into a scale first."
)
def logvar_as_std(self, mu, logvar):
    return mu + logvar * torch.randn_like(mu)


misconception.edit(
    "logvar_not_halved",
    "The noise is scaled with the variance, not with its root: half the log-variance is to be exponentiated. Your "
    "noise is too small where the posterior is narrow and too large where it is wide.",
    ("0.5 * logvar", "logvar"),
)

misconception.edit(
    "logvar_doubled",
    "The log-variance is doubled where it should be halved: your scale is the square of the variance instead of its "
    "root.",
    ("0.5", "2"),
)


@misconception("The sign of the exponent is wrong: your noise is largest where the encoder is most certain.")
def inverse_std(self, mu, logvar):
    std = torch.exp(-0.5 * logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "The log-variance is halved but never exponentiated: your scale is negative for every variance below 1, and zero "
    "for a standard normal posterior."
)
def half_logvar_as_std(self, mu, logvar):
    return mu + 0.5 * logvar * torch.randn_like(mu)


@misconception(
    "You take the root of the log-variance. It is often negative, and then this is not a number; the root belongs to "
    "the variance."
)
def root_of_logvar(self, mu, logvar):
    return mu + torch.sqrt(logvar) * torch.randn_like(mu)


misconception.edit(
    "exponential_of_root",
    "You take the exponential of the root instead of the root of the exponential: not a number for every variance "
    "below 1.",
    ("0.5 * logvar", "torch.sqrt(logvar)"),
)

misconception.edit(
    "softplus_of_logvar",
    "You make the scale positive with a softplus. The second argument is a log-variance, not the raw output for a "
    "scale; only the exponential of its half is the standard deviation.",
    ("torch.exp(0.5 * logvar)", "F.softplus(logvar)"),
)

misconception.edit(
    "sigmoid_of_logvar",
    "You make the scale positive with a sigmoid, so the noise can never be wider than 1. The second argument is a "
    "log-variance; only the exponential of its half is the standard deviation.",
    ("torch.exp(0.5 * logvar)", "torch.sigmoid(logvar)"),
)


@misconception("The scale is left out: every code gets noise of size 1, whatever the encoder says about its certainty.")
def ignores_logvar(self, mu, logvar):
    return mu + torch.randn_like(mu)


@misconception(
    "The mean is left out: every code is noise around the origin, and nothing about the data point reaches the decoder."
)
def ignores_mean(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return std * torch.randn_like(std)


misconception.edit(
    "swapped_roles",
    "The noise multiplies the mean, and the standard deviation is added: the two roles are exchanged. The mean "
    "shifts, the standard deviation scales.",
    ("mu + sigma * torch.randn_like(sigma)", "sigma + mu * torch.randn_like(mu)"),
)

misconception.edit(
    "scales_mean_too",
    "The standard deviation multiplies the mean as well as the noise. Only the noise is scaled; the mean is added as "
    "it is.",
    ("mu + sigma * torch.randn_like(sigma)", "(mu + torch.randn_like(mu)) * sigma"),
)

misconception.edit(
    "relative_noise",
    "The noise is relative to the mean. A code near the origin would get none; the noise is added, with a scale of "
    "its own.",
    ("mu + sigma * torch.randn_like(sigma)", "mu * (1 + sigma * torch.randn_like(sigma))"),
)

misconception.edit(
    "epsilon_added_to_std",
    "You add a small constant to the standard deviation. It is positive already; with the constant a very certain "
    "encoder is never taken at its word, and the gradient is not the promised one.",
    ("torch.exp(0.5 * logvar)", "torch.exp(0.5 * logvar) + 1e-4"),
)

misconception.edit(
    "epsilon_added_to_variance",
    "You add a small constant to the variance before the root. The exponential is positive already; with the constant "
    "a very certain encoder is never taken at its word.",
    ("torch.exp(0.5 * logvar)", "torch.sqrt(logvar.exp() + 1e-6)"),
)

misconception.edit(
    "clamps_logvar_tightly",
    "You clamp the log-variance to a few units around 0, so very narrow and very wide posteriors are impossible, and "
    "beyond the clamp there is no gradient.",
    ("0.5 * logvar", "0.5 * logvar.clamp(-4.0, 4.0)"),
)

misconception.edit(
    "clamps_logvar",
    "You clamp the log-variance from below at -10. For a very certain encoder the code should be the mean; yours "
    "still jitters around it, and beyond the clamp there is no gradient.",
    ("0.5 * logvar", "0.5 * logvar.clamp(-10.0, 10.0)"),
)

misconception.edit(
    "clamps_logvar_above",
    "You clamp the log-variance from above, so no posterior can be much wider than the prior, and beyond the clamp "
    "there is no gradient.",
    ("0.5 * logvar", "0.5 * logvar.clamp(max=2.0)"),
)

misconception.edit(
    "floor_division",
    "You round half the log-variance down to a whole number. Use a true division: your scale jumps, and there is no "
    "gradient.",
    ("0.5 * logvar", "logvar // 2"),
)


@misconception(
    "All latent dimensions of a data point share one scale. Each has its own log-variance and must be scaled by it."
)
def one_scale_per_row(self, mu, logvar):
    std = torch.exp(0.5 * logvar).mean(dim=1, keepdim=True)
    return mu + std * torch.randn_like(mu)


misconception.edit(
    "shrunk_noise",
    "You shrink the noise by a fixed factor. It makes reconstructions sharper and the KL term a lie: the codes no "
    "longer come from the posterior whose divergence is measured.",
    ("sigma * torch.randn_like(sigma)", "0.1 * sigma * torch.randn_like(sigma)"),
)


@misconception("You scale the noise by beta. Beta weights the KL term in the loss and has no business in the sampling.")
def scaled_by_beta(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + self.beta * std * torch.randn_like(std)


misconception.edit(
    "mean_in_eval_mode",
    "In eval mode you return the mean. The sample is part of the model, not a regularizer like dropout: the ELBO on "
    "held-out data needs it too.",
    ("sigma = torch.exp", "if not self.training:\n    return mu\nsigma = torch.exp"),
)

misconception.edit(
    "mean_in_train_mode",
    "You sample in eval mode only. Without noise in training the model learns to be a plain autoencoder.",
    ("sigma = torch.exp", "if self.training:\n    return mu\nsigma = torch.exp"),
)

misconception.edit(
    "mean_without_gradients",
    "You return the mean where gradients are switched off. Whether gradients are recorded must not change what is "
    "sampled: held-out data are scored without them.",
    ("sigma = torch.exp", "if not torch.is_grad_enabled():\n    return mu\nsigma = torch.exp"),
)


@misconception(
    "The sample is drawn by a function that does not differentiate with respect to its parameters. The encoder gets "
    "no gradient from the reconstruction; that is what the reparameterization trick is for."
)
def normal_without_gradient(self, mu, logvar):
    return torch.normal(mu, torch.exp(0.5 * logvar))


@misconception(
    "No gradient passes through the sample, as where it is drawn with gradients switched off or by a method that cuts "
    "them. The noise has no gradient anyway; mean and scale need theirs."
)
def sample_without_gradient(self, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).sample()


misconception.edit(
    "detached_std",
    "The scale is detached, so the encoder never learns how much noise the decoder can bear; only the KL term shapes "
    "the variance.",
    ("torch.exp(0.5 * logvar)", "torch.exp(0.5 * logvar).detach()"),
)


@misconception("The mean is detached, so the reconstruction cannot move the codes.")
def detached_mean(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu.detach() + std * torch.randn_like(std)


@misconception(
    "No gradient passes through the sample, as where it is drawn with gradients switched off or by a method that cuts "
    "them. The noise has no gradient anyway; mean and scale need theirs."
)
def without_gradient(self, mu, logvar):
    with torch.no_grad():
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)


misconception.edit(
    "std_in_place",
    "You change the log-variance in place, as where a scale is made of it, so the KL term is computed from the wrong "
    "numbers.",
    ("torch.exp(0.5 * logvar)", "logvar.mul_(0.5).exp_()"),
)

misconception.edit(
    "noise_added_in_place",
    "You change the mean in place, as where the noise is added to it. The caller's means are others then, and the KL "
    "term is computed from them.",
    ("mu + sigma * torch.randn_like(sigma)", "mu.add_(sigma * torch.randn_like(sigma))"),
)


@misconception("You convert to float32. What arrives in float64 should leave in float64.")
def converts_to_float32(self, mu, logvar):
    mu, std = mu.float(), torch.exp(0.5 * logvar.float())
    return mu + std * torch.randn_like(std)


@misconception("You return the noise along with the sample. The contract asks for the sample alone.")
def returns_noise_too(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn_like(std)
    return mu + std * eps, eps


misconception.edit(
    "squeezed",
    "You squeeze the sample, so a batch of one (or a single latent dimension) loses an axis. The shape is (B, L) for "
    "every B and L, 1 included.",
    ("mu + sigma * torch.randn_like(sigma)", "(mu + sigma * torch.randn_like(sigma)).squeeze()"),
)

misconception.edit(
    "hard_coded_shape",
    "The noise has a fixed size. The last batch of an epoch is smaller, and the number of latents is the model's "
    "choice: take the shape from the arguments.",
    ("torch.randn_like(sigma)", "torch.randn(128, 20)"),
)
