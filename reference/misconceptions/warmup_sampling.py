"""Wrong answers to the warm-up's ``VAE.reparameterize`` and ``VAE.forward``."""

import torch

from reference.misconceptions.entry import misconceptions_of
from reference.tasks import WARMUP_FORWARD, WARMUP_REPARAMETERIZE

wrong_reparameterize = misconceptions_of(WARMUP_REPARAMETERIZE)
wrong_forward = misconceptions_of(WARMUP_FORWARD)


@wrong_reparameterize("No noise is added: the code is always the mean. That is a plain autoencoder.")
def no_noise(self, mu, logvar):
    return mu


@wrong_reparameterize(
    "The noise is scaled with the variance, not with its root: half the log-variance is to be exponentiated.",
    kind="statistics",
)
def logvar_not_halved(self, mu, logvar):
    std = torch.exp(logvar)
    return mu + std * torch.randn_like(std)


@wrong_reparameterize(
    "The log-variance is used as the standard deviation. It may be negative; it has to be turned into a scale first.",
    kind="statistics",
)
def logvar_as_std(self, mu, logvar):
    return mu + logvar * torch.randn_like(mu)


@wrong_reparameterize(
    "The scale is left out: every code gets noise of size 1, whatever the encoder says about its certainty.",
    kind="statistics",
)
def ignores_logvar(self, mu, logvar):
    return mu + torch.randn_like(mu)


@wrong_reparameterize(
    "The noise is uniform between 0 and 1, not normal: it has the wrong shape and shifts every code upwards.",
    kind="statistics",
)
def uniform_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.rand_like(std)


@wrong_reparameterize(
    "All latent dimensions of a data point get the same noise. Each needs an independent draw.", kind="statistics"
)
def noise_shared_in_row(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(mu.shape[0], 1, dtype=mu.dtype)


@wrong_reparameterize(
    "All data points of a batch get the same noise. Each needs an independent draw.", kind="statistics"
)
def noise_shared_in_batch(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(mu.shape[1], dtype=mu.dtype)


@wrong_reparameterize(
    "The sample is drawn without gradients, so the reconstruction cannot train the encoder. Avoiding just that is "
    "what the reparameterization trick is for.",
    kind="gradient",
)
def sample_without_gradient(self, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).sample()


@wrong_reparameterize(
    "The scale is detached, so the encoder never learns how much noise the decoder can bear.", kind="gradient"
)
def detached_std(self, mu, logvar):
    std = torch.exp(0.5 * logvar).detach()
    return mu + std * torch.randn_like(std)


@wrong_reparameterize(
    "The seed is set inside, so every call draws the same noise, and the decoder learns these numbers by heart.",
    kind="state",
)
def seeds_at_every_call(self, mu, logvar):
    torch.manual_seed(0)
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)


@wrong_reparameterize(
    "In eval mode you return the mean. The sample is part of the model, not a regularizer like dropout.", kind="state"
)
def mean_in_eval_mode(self, mu, logvar):
    if not self.training:
        return mu
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)


@wrong_reparameterize(
    "You turn the log-variance into a scale in place, so the KL term is computed from the wrong numbers afterwards.",
    kind="mutation",
)
def std_in_place(self, mu, logvar):
    std = logvar.mul_(0.5).exp_()
    return mu + std * torch.randn_like(std)


@wrong_forward(
    "You decode the mean instead of a sample, so the decoder never sees noise: a plain autoencoder with a KL term.",
    kind="state",
)
def decodes_mean(self, x):
    mu, logvar = self.encode(x)
    return self.decode(mu), mu, logvar


@wrong_forward(
    "Mean and log-variance have changed places in the result, so the KL term squares the one and exponentiates the "
    "other wrongly."
)
def swapped_mean_and_logvar(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar)), logvar, mu


@wrong_forward(
    "The reconstruction comes last in your result. It comes first, then the mean, then the log-variance.",
    kind="structure",
)
def reconstruction_last(self, x):
    mu, logvar = self.encode(x)
    return mu, logvar, self.decode(self.reparameterize(mu, logvar))


@wrong_forward(
    "You return the code too. In the warm-up three things are asked for: the reconstruction, the mean and the "
    "log-variance.",
    kind="structure",
)
def returns_code_too(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return self.decode(z), mu, logvar, z


@wrong_forward("You return the reconstruction alone. The loss needs mean and log-variance too.", kind="structure")
def returns_reconstruction_only(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar))


@wrong_forward("You return the sample where the mean belongs. The KL term needs the parameters of the posterior.")
def returns_code_for_mean(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return self.decode(z), z, logvar


@wrong_forward("The sample is detached, so the reconstruction error never reaches the encoder.", kind="gradient")
def detached_sample(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar).detach()
    return self.decode(z), mu, logvar


@wrong_forward(
    "Mean and log-variance are exchanged when you sample: the code then lies around the log-variance.",
    kind="statistics",
)
def samples_with_swapped_arguments(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(logvar, mu)), mu, logvar


@wrong_forward(
    "The code is drawn from the prior, so the reconstruction has nothing to do with the input.", kind="statistics"
)
def samples_from_prior(self, x):
    mu, logvar = self.encode(x)
    return self.decode(torch.randn_like(mu)), mu, logvar


@wrong_forward("You return a dictionary. Three tensors in order are asked for.", kind="structure")
def returns_dict(self, x):
    mu, logvar = self.encode(x)
    return {"recon_x": self.decode(self.reparameterize(mu, logvar)), "mu": mu, "logvar": logvar}
