"""Wrong answers to the warm-up's ``VAE.reparameterize`` and ``VAE.forward``."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import WARMUP_FORWARD, WARMUP_REPARAMETERIZE

wrong_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
wrong_forward = Misconceptions(WARMUP_FORWARD)


@wrong_reparameterize("No noise is added: the code is always the mean. That is a plain autoencoder.")
def no_noise(self, mu, logvar):
    return mu


wrong_reparameterize.edit(
    "logvar_not_halved",
    "The noise is scaled with the variance, not with its root: half the log-variance is to be exponentiated.",
    ("0.5 * logvar", "logvar"),
)


@wrong_reparameterize(
    "The log-variance is used as the standard deviation. It may be negative; it has to be turned into a scale first."
)
def logvar_as_std(self, mu, logvar):
    return mu + logvar * torch.randn_like(mu)


@wrong_reparameterize(
    "The scale is left out: every code gets noise of size 1, whatever the encoder says about its certainty."
)
def ignores_logvar(self, mu, logvar):
    return mu + torch.randn_like(mu)


wrong_reparameterize.edit(
    "uniform_noise",
    "The noise is uniform between 0 and 1, not normal: it has the wrong shape and shifts every code upwards.",
    ("torch.randn_like", "torch.rand_like"),
)


@wrong_reparameterize("All latent dimensions of a data point get the same noise. Each needs an independent draw.")
def noise_shared_in_row(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(mu.shape[0], 1, dtype=mu.dtype)


@wrong_reparameterize("All data points of a batch get the same noise. Each needs an independent draw.")
def noise_shared_in_batch(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(mu.shape[1], dtype=mu.dtype)


@wrong_reparameterize(
    "The sample is drawn without gradients, so the reconstruction cannot train the encoder. Avoiding just that is "
    "what the reparameterization trick is for."
)
def sample_without_gradient(self, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).sample()


@wrong_reparameterize("The scale is detached, so the encoder never learns how much noise the decoder can bear.")
def detached_std(self, mu, logvar):
    std = torch.exp(0.5 * logvar).detach()
    return mu + std * torch.randn_like(std)


wrong_reparameterize.edit(
    "seeds_at_every_call",
    "The seed is set inside, so every call draws the same noise, and the decoder learns these numbers by heart.",
    ("sigma = torch.exp", "torch.manual_seed(0)\nsigma = torch.exp"),
)

wrong_reparameterize.edit(
    "mean_in_eval_mode",
    "In eval mode you return the mean. The sample is part of the model, not a regularizer like dropout.",
    ("sigma = torch.exp", "if not self.training:\n    return mu\nsigma = torch.exp"),
)

wrong_reparameterize.edit(
    "std_in_place",
    "You change the log-variance in place, as where a scale is made of it, so the KL term is computed from the wrong "
    "numbers afterwards.",
    ("torch.exp(0.5 * logvar)", "logvar.mul_(0.5).exp_()"),
)

wrong_forward.edit(
    "decodes_mean",
    "You decode the mean instead of a sample, so the decoder never sees noise: a plain autoencoder with a KL term.",
    ("z = self.reparameterize(mu, logvar)\nreturn self.decode(z), mu, logvar", "return self.decode(mu), mu, logvar"),
)


@wrong_forward(
    "Mean and log-variance have changed places in the result, so the KL term squares the one and exponentiates the "
    "other wrongly."
)
def swapped_mean_and_logvar(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar)), logvar, mu


@wrong_forward("The reconstruction comes last in your result. It comes first, then the mean, then the log-variance.")
def reconstruction_last(self, x):
    mu, logvar = self.encode(x)
    return mu, logvar, self.decode(self.reparameterize(mu, logvar))


wrong_forward.edit(
    "returns_code_too",
    "You return the code too. In the warm-up three things are asked for: the reconstruction, the mean and the "
    "log-variance.",
    ("self.decode(z), mu, logvar", "self.decode(z), mu, logvar, z"),
)


@wrong_forward("You return the reconstruction alone. The loss needs mean and log-variance too.")
def returns_reconstruction_only(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar))


@wrong_forward("You return the sample where the mean belongs. The KL term needs the parameters of the posterior.")
def returns_code_for_mean(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return self.decode(z), z, logvar


@wrong_forward("The sample is detached, so the reconstruction error never reaches the encoder.")
def detached_sample(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar).detach()
    return self.decode(z), mu, logvar


@wrong_forward("Mean and log-variance are exchanged when you sample: the code then lies around the log-variance.")
def samples_with_swapped_arguments(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(logvar, mu)), mu, logvar


@wrong_forward("The code is drawn from the prior, so the reconstruction has nothing to do with the input.")
def samples_from_prior(self, x):
    mu, logvar = self.encode(x)
    return self.decode(torch.randn_like(mu)), mu, logvar


@wrong_forward("You return a dictionary. Three tensors in order are asked for.")
def returns_dict(self, x):
    mu, logvar = self.encode(x)
    return {"recon_x": self.decode(self.reparameterize(mu, logvar)), "mu": mu, "logvar": logvar}
