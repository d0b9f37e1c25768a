"""Wrong answers to ``VAE.reparameterize`` whose noise is not fresh, independent and standard normal."""

import torch

from reference.misconceptions.entry import misconceptions_of
from reference.tasks import REPARAMETERIZE

misconception = misconceptions_of(REPARAMETERIZE)


@misconception(
    "The noise is uniform between 0 and 1, not normal: it has the wrong shape and shifts every code upwards. The KL "
    "term is that of a normal posterior.",
    kind="statistics",
)
def uniform_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.rand_like(std)


@misconception(
    "The noise is uniform between -1 and 1. It is centred, but neither its spread nor its shape is that of a standard "
    "normal.",
    kind="statistics",
)
def centred_uniform_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * (2 * torch.rand_like(std) - 1)


@misconception(
    "The noise has mean 0 and variance 1 but is uniform. The posterior is a normal distribution, with tails; its "
    "fourth moment is 3, yours is 1.8.",
    kind="statistics",
)
def standardized_uniform_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * (torch.rand_like(std) - 0.5) * 12**0.5


@misconception(
    "The noise is Laplace distributed. Its tails are too heavy; the posterior whose KL term is measured is normal.",
    kind="statistics",
)
def laplace_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    uniform = torch.rand_like(std) - 0.5
    eps = -torch.sign(uniform) * torch.log1p(-2 * uniform.abs()) / 2**0.5
    return mu + std * eps


@misconception(
    "The noise has only two values, plus and minus one. Its variance is right and its shape is not: a normal "
    "distribution is continuous.",
    kind="statistics",
)
def sign_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.sign(torch.randn_like(std))


@misconception("The noise is never negative. Half of a normal distribution is below its mean.", kind="statistics")
def absolute_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std).abs()


@misconception(
    "The noise is cut off at two standard deviations. Rare, large deviations belong to a normal distribution; without "
    "them the variance is too small too.",
    kind="statistics",
)
def truncated_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std).clamp(-2.0, 2.0)


@misconception("The noise is rounded to whole numbers. A normal distribution is continuous.", kind="statistics")
def rounded_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std).round()


@misconception(
    "The noise is the average of several draws, so its variance is divided by their number. One draw for each code is "
    "what the posterior's spread means.",
    kind="statistics",
)
def averaged_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn(5, *std.shape, dtype=std.dtype).mean(dim=0)
    return mu + std * eps


@misconception(
    "All latent dimensions of a data point get the same noise. Each is independent under the posterior; shared noise "
    "moves codes along one diagonal only.",
    kind="statistics",
)
def noise_shared_in_row(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(mu.shape[0], 1, dtype=mu.dtype)


@misconception(
    "All data points of a batch get the same noise. Each data point has a posterior of its own and a draw of its own.",
    kind="statistics",
)
def noise_shared_in_batch(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(mu.shape[1], dtype=mu.dtype)


@misconception(
    "One single random number is drawn for the whole batch and all its latents. Every element of the code needs an "
    "independent one.",
    kind="statistics",
)
def one_number_for_all(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(1, dtype=mu.dtype)


@misconception(
    "Every second data point gets the noise of the one before. Each element of the batch needs an independent draw.",
    kind="statistics",
)
def noise_shared_in_pairs(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    half = torch.randn((mu.shape[0] + 1) // 2, mu.shape[1], dtype=mu.dtype)
    return mu + std * half.repeat_interleave(2, dim=0)[: mu.shape[0]]


@misconception(
    "The second half of the batch gets the negated noise of the first half (antithetic sampling). It lowers variance, "
    "but the draws are not independent, which the contract asks for.",
    kind="statistics",
)
def antithetic_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    half = torch.randn((mu.shape[0] + 1) // 2, mu.shape[1], dtype=mu.dtype)
    return mu + std * torch.cat([half, -half])[: mu.shape[0]]


@misconception(
    "The noise is standardized over the batch, so that the draws of a batch depend on each other, and a batch of one "
    "gives not a number."
)
def noise_standardized_in_batch(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn_like(std)
    eps = (eps - eps.mean(dim=0)) / eps.std(dim=0)
    return mu + std * eps


@misconception(
    "The noise is drawn once and kept. Every call needs fresh noise, or the decoder learns these few numbers by heart.",
    kind="state",
)
def cached_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    if getattr(self, "eps", None) is None or self.eps.shape != mu.shape or self.eps.dtype != mu.dtype:
        self.eps = torch.randn_like(std)
    return mu + std * self.eps


@misconception(
    "You set the seed inside the function, so every call draws the same noise. Seeds are set once, by the script that "
    "runs the experiment.",
    kind="state",
)
def seeds_at_every_call(self, mu, logvar):
    torch.manual_seed(0)
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)


@misconception(
    "You make a random generator with a fixed seed at every call, so every call draws the same noise.", kind="state"
)
def generator_with_fixed_seed(self, mu, logvar):
    generator = torch.Generator().manual_seed(42)
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(std.shape, generator=generator, dtype=std.dtype)


@misconception(
    "You use a random generator of your own, so the seed that the caller has set does not matter, and no run can be "
    "repeated. Draw from torch's default generator.",
    kind="state",
)
def generator_of_its_own(self, mu, logvar):
    generator = torch.Generator()
    generator.seed()
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(std.shape, generator=generator, dtype=std.dtype)


@misconception(
    "You draw with NumPy, so torch's seed does not matter, and the run cannot be repeated with it. Draw from torch's "
    "default generator.",
    kind="state",
)
def numpy_noise(self, mu, logvar):
    import numpy as np

    std = torch.exp(0.5 * logvar)
    return mu + std * torch.as_tensor(np.random.standard_normal(tuple(std.shape)), dtype=std.dtype)


@misconception(
    "You put the generator's state back after drawing, so the next call draws the same noise again.", kind="state"
)
def restores_generator(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    with torch.random.fork_rng(devices=[]):
        eps = torch.randn_like(std)
    return mu + std * eps
