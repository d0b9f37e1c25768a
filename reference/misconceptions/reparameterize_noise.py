"""Wrong answers to ``VAE.reparameterize`` whose noise is not fresh, independent and standard normal."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import REPARAMETERIZE

misconception = Misconceptions(REPARAMETERIZE)


misconception.edit(
    "uniform_noise",
    "The noise is uniform between 0 and 1, not normal: it has the wrong shape and shifts every code upwards. The KL "
    "term is that of a normal posterior.",
    ("torch.randn_like", "torch.rand_like"),
)

misconception.edit(
    "centred_uniform_noise",
    "The noise is uniform between -1 and 1. It is centred, but neither its spread nor its shape is that of a standard "
    "normal.",
    ("torch.randn_like(sigma)", "(2 * torch.rand_like(sigma) - 1)"),
)

misconception.edit(
    "standardized_uniform_noise",
    "The noise has mean 0 and variance 1 but is uniform. The posterior is a normal distribution, with tails; its "
    "fourth moment is 3, yours is 1.8.",
    ("torch.randn_like(sigma)", "(torch.rand_like(sigma) - 0.5) * 12**0.5"),
)


@misconception(
    "The noise is Laplace distributed. Its tails are too heavy; the posterior whose KL term is measured is normal."
)
def laplace_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    uniform = torch.rand_like(std) - 0.5
    eps = -torch.sign(uniform) * torch.log1p(-2 * uniform.abs()) / 2**0.5
    return mu + std * eps


misconception.edit(
    "sign_noise",
    "The noise has only two values, plus and minus one. Its variance is right and its shape is not: a normal "
    "distribution is continuous.",
    ("torch.randn_like(sigma)", "torch.sign(torch.randn_like(sigma))"),
)


@misconception("The noise is never negative. Half of a normal distribution is below its mean.")
def absolute_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std).abs()


misconception.edit(
    "truncated_noise",
    "The noise is cut off at two standard deviations. Rare, large deviations belong to a normal distribution; without "
    "them the variance is too small too.",
    ("torch.randn_like(sigma)", "torch.randn_like(sigma).clamp(-2.0, 2.0)"),
)


@misconception("The noise is rounded to whole numbers. A normal distribution is continuous.")
def rounded_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std).round()


@misconception(
    "The noise is the average of several draws, so its variance is divided by their number. One draw for each code is "
    "what the posterior's spread means."
)
def averaged_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn(5, *std.shape, dtype=std.dtype).mean(dim=0)
    return mu + std * eps


misconception.edit(
    "noise_shared_in_row",
    "All latent dimensions of a data point get the same noise. Each is independent under the posterior; shared noise "
    "moves codes along one diagonal only.",
    ("torch.randn_like(sigma)", "torch.randn(mu.shape[0], 1, dtype=mu.dtype)"),
)

misconception.edit(
    "noise_shared_in_batch",
    "All data points of a batch get the same noise. Each data point has a posterior of its own and a draw of its own.",
    ("torch.randn_like(sigma)", "torch.randn(mu.shape[1], dtype=mu.dtype)"),
)

misconception.edit(
    "one_number_for_all",
    "One single random number is drawn for the whole batch and all its latents. Every element of the code needs an "
    "independent one.",
    ("torch.randn_like(sigma)", "torch.randn(1, dtype=mu.dtype)"),
)


@misconception(
    "Every second data point gets the noise of the one before. Each element of the batch needs an independent draw."
)
def noise_shared_in_pairs(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    half = torch.randn((mu.shape[0] + 1) // 2, mu.shape[1], dtype=mu.dtype)
    return mu + std * half.repeat_interleave(2, dim=0)[: mu.shape[0]]


@misconception(
    "The second half of the batch gets the negated noise of the first half (antithetic sampling). It lowers variance, "
    "but the draws are not independent, which the contract asks for."
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
    "The noise is drawn once and kept. Every call needs fresh noise, or the decoder learns these few numbers by heart."
)
def cached_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    if getattr(self, "eps", None) is None or self.eps.shape != mu.shape or self.eps.dtype != mu.dtype:
        self.eps = torch.randn_like(std)
    return mu + std * self.eps


misconception.edit(
    "seeds_at_every_call",
    "You set the seed inside the function, so every call draws the same noise. Seeds are set once, by the script that "
    "runs the experiment.",
    ("sigma = torch.exp", "torch.manual_seed(0)\nsigma = torch.exp"),
)


@misconception("You make a random generator with a fixed seed at every call, so every call draws the same noise.")
def generator_with_fixed_seed(self, mu, logvar):
    generator = torch.Generator().manual_seed(42)
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn(std.shape, generator=generator, dtype=std.dtype)


misconception.edit(
    "generator_of_its_own",
    "You use a random generator of your own, so the seed that the caller has set does not matter, and no run can be "
    "repeated. Draw from torch's default generator.",
    ("sigma = torch.exp", "generator = torch.Generator()\ngenerator.seed()\nsigma = torch.exp"),
    ("torch.randn_like(sigma)", "torch.randn(sigma.shape, generator=generator, dtype=sigma.dtype)"),
)

misconception.edit(
    "numpy_noise",
    "You draw with NumPy, so torch's seed does not matter, and the run cannot be repeated with it. Draw from torch's "
    "default generator.",
    ("sigma = torch.exp", "import numpy as np\nsigma = torch.exp"),
    ("torch.randn_like(sigma)", "torch.as_tensor(np.random.standard_normal(tuple(sigma.shape)), dtype=sigma.dtype)"),
)


@misconception("You put the generator's state back after drawing, so the next call draws the same noise again.")
def restores_generator(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    with torch.random.fork_rng(devices=[]):
        eps = torch.randn_like(std)
    return mu + std * eps
