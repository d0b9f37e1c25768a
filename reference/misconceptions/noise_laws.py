"""Noise whose usual statistics are right: of another law, dependent beyond correlation, or missing in a part."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import FORWARD, REPARAMETERIZE, WARMUP_FORWARD, WARMUP_REPARAMETERIZE
from reference.vae import VAEOutput

wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_forward = Misconceptions(FORWARD)
wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
wrong_warmup_forward = Misconceptions(WARMUP_FORWARD)


@wrong_reparameterize(
    "The noise has three values only. Their mean, variance and fourth moment are those of a standard normal, which is "
    "continuous."
)
def three_point_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    uniform = torch.rand_like(std)
    return mu + std * 3**0.5 * ((uniform > 5 / 6).to(std.dtype) - (uniform < 1 / 6).to(std.dtype))


TWELVE = (
    "The noise is the sum of twelve uniform numbers, less 6. That has mean 0 and variance 1 and looks normal, but its "
    "tails are too thin and end at 6. Draw from the normal distribution itself."
)


@wrong_reparameterize(TWELVE)
def sum_of_twelve_uniform_numbers(self, mu, logvar):
    eps = torch.rand(12, *mu.shape, dtype=mu.dtype).sum(0) - 6
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_warmup_reparameterize(TWELVE)
def sum_of_twelve_uniform_numbers_in_warmup(self, mu, logvar):
    eps = torch.rand(12, *mu.shape, dtype=mu.dtype).sum(0) - 6
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_forward(
    "The noise is the sum of twelve uniform numbers, less 6, which is nearly normal. Leave that to reparameterize."
)
def sum_of_twelve_uniform_numbers_in_forward(self, x):
    mu, logvar = self.encode(x)
    z = mu + torch.exp(0.5 * logvar) * (torch.rand(12, *mu.shape, dtype=mu.dtype).sum(0) - 6)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_reparameterize(
    "The noise is rounded to quarters, so only a few codes can occur. A standard normal number is not rounded."
)
def noise_rounded_to_quarters(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.round(4 * torch.randn_like(std)) / 4


@wrong_reparameterize(
    "The noise comes from a short table of normal quantiles. A draw from a table has few values, a normal number any."
)
def noise_from_a_table(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    table = torch.special.ndtri((torch.arange(100, dtype=mu.dtype) + 0.5) / 100)
    return mu + std * table[torch.randint(100, mu.shape)] / table.std()


@wrong_reparameterize(
    "All data points of a batch share the size of their noise, and only its sign is drawn anew. Nothing is correlated, "
    "yet nothing is independent."
)
def size_shared_in_batch(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    size = torch.randn(1, mu.shape[1], dtype=mu.dtype).abs()
    return mu + std * size * torch.sign(torch.randn_like(std))


@wrong_reparameterize(
    "Neighbouring latent dimensions share the size of their noise. Each number needs a draw of its own, size and sign."
)
def size_shared_by_neighbours(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    size = torch.randn_like(std).abs()
    odd = torch.arange(mu.shape[1]) % 2 == 1
    size = torch.where(odd, size.roll(1, dims=1), size)
    return mu + std * size * torch.sign(torch.randn_like(std))


@wrong_reparameterize(
    "The first example of a batch gets no noise: its code is always the mean. Every example is sampled."
)
def first_row_without_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn_like(std)
    return mu + std * torch.where(torch.arange(mu.shape[0])[:, None] < 1, 0.0, 1.0).to(mu.dtype) * eps


@wrong_reparameterize(
    "The last latent dimension gets no noise: it is a plain autoencoder's code. Every dimension is sampled."
)
def last_column_without_noise(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    last = torch.arange(mu.shape[1]) == mu.shape[1] - 1
    return mu + std * torch.where(last, 0.0, 1.0).to(mu.dtype) * torch.randn_like(std)


@wrong_reparameterize(
    "Every seventh call adds no noise. Each call samples; none may depend on how many there were before."
)
def every_seventh_call_without_noise(self, mu, logvar, calls=[]):
    calls.append(1)
    if len(calls) % 7 == 0:
        return mu
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


CENTRED = (
    "The mean of all noise of a call is taken off it, so it adds up to zero each time: a single number gets none, and "
    "two are opposites. Independent numbers have a mean that varies."
)
SCALED = (
    "All noise of a call is scaled to mean 0 and variance 1, so that its numbers know of each other. A sample of "
    "independent numbers has another mean and another variance each time."
)


@wrong_reparameterize(CENTRED)
def noise_centred_over_the_call(self, mu, logvar):
    eps = torch.randn_like(mu)
    return mu + torch.exp(0.5 * logvar) * (eps - eps.mean())


@wrong_reparameterize(SCALED)
def noise_scaled_over_the_call(self, mu, logvar):
    eps = torch.randn_like(mu)
    return mu + torch.exp(0.5 * logvar) * (eps - eps.mean()) / eps.std()


@wrong_reparameterize(
    "The noise is drawn in strata, one number from each share of the distribution, and shuffled. Such numbers are not "
    "independent: a call never has more large ones than another."
)
def noise_in_strata(self, mu, logvar):
    n = mu.numel()
    shares = (torch.randperm(n).to(mu.dtype) + torch.rand(n, dtype=mu.dtype)) / n
    eps = torch.special.ndtri(shares.clamp(1e-7, 1 - 1e-7)).reshape(mu.shape)
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_warmup_reparameterize(CENTRED)
def noise_centred_over_the_call_in_warmup(self, mu, logvar):
    eps = torch.randn_like(mu)
    return mu + torch.exp(0.5 * logvar) * (eps - eps.mean())


@wrong_forward(CENTRED)
def noise_centred_over_the_pass(self, x):
    mu, logvar = self.encode(x)
    eps = torch.randn_like(mu)
    z = mu + torch.exp(0.5 * logvar) * (eps - eps.mean())
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward(
    "The noise of a pass is brought to one fixed length, that which it has on average. Independent numbers are longer "
    "at one time and shorter at another."
)
def noise_of_one_length_in_a_pass(self, x):
    mu, logvar = self.encode(x)
    eps = torch.randn_like(mu)
    z = mu + torch.exp(0.5 * logvar) * eps * eps.numel() ** 0.5 / eps.norm()
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("You round the noise to halves: only a few codes can occur around each mean.")
def noise_rounded_to_halves(self, x):
    mu, logvar = self.encode(x)
    eps = torch.round(2 * torch.randn_like(mu)) / 2
    z = mu + torch.exp(0.5 * logvar) * eps
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward(
    "The noise comes from a table of a thousand numbers. A draw from a table has few values, a normal number any."
)
def noise_from_a_long_table(self, x):
    mu, logvar = self.encode(x)
    table = torch.special.ndtri((torch.arange(1000, dtype=mu.dtype) + 0.5) / 1000)
    z = mu + torch.exp(0.5 * logvar) * table[torch.randint(1000, mu.shape)]
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("The last example of a batch is decoded from its mean. Every example of a batch is sampled.")
def last_row_without_noise(self, x):
    mu, logvar = self.encode(x)
    last = (torch.arange(mu.shape[0]) == mu.shape[0] - 1)[:, None]
    z = torch.where(last, mu, self.reparameterize(mu, logvar))
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("The second latent dimension is not sampled but taken from the mean. All of them are sampled.")
def second_column_without_noise(self, x):
    mu, logvar = self.encode(x)
    second = torch.arange(mu.shape[1]) == 1
    z = torch.where(second, mu, self.reparameterize(mu, logvar))
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("Every fifth pass decodes the mean. Each pass samples, whatever came before it.")
def every_fifth_pass_without_noise(self, x, passes=[]):
    passes.append(1)
    mu, logvar = self.encode(x)
    z = mu if len(passes) % 5 == 0 else self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_warmup_reparameterize(
    "The noise has three values only. Their mean, variance and fourth moment are right, the distribution is not."
)
def three_point_noise_in_warmup(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    uniform = torch.rand_like(std)
    return mu + std * 3**0.5 * ((uniform > 5 / 6).to(std.dtype) - (uniform < 1 / 6).to(std.dtype))


@wrong_warmup_reparameterize("The first example of a batch gets no noise: its code is always the mean.")
def first_row_without_noise_in_warmup(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    later = (torch.arange(mu.shape[0]) > 0)[:, None].to(mu.dtype)
    return mu + std * later * torch.randn_like(std)


@wrong_warmup_reparameterize("All examples of a batch share the size of their noise, and only its sign is drawn anew.")
def size_shared_in_batch_in_warmup(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    size = torch.randn(1, mu.shape[1], dtype=mu.dtype).abs()
    return mu + std * size * torch.sign(torch.randn_like(std))


@wrong_warmup_reparameterize(
    "Every fifth call adds no noise. Each call samples; none may depend on how many there were before."
)
def every_fifth_call_without_noise(self, mu, logvar, calls=[]):
    calls.append(1)
    if len(calls) % 5 == 0:
        return mu
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


@wrong_warmup_forward("The last example of a batch is decoded from its mean. Every example of a batch is sampled.")
def last_row_from_the_mean(self, x):
    mu, logvar = self.encode(x)
    last = (torch.arange(mu.shape[0]) == mu.shape[0] - 1)[:, None]
    return self.decode(torch.where(last, mu, self.reparameterize(mu, logvar))), mu, logvar


@wrong_warmup_forward("You round the noise to halves before it is scaled: only a few codes can occur around each mean.")
def rounded_noise(self, x):
    mu, logvar = self.encode(x)
    eps = torch.round(2 * torch.randn_like(mu)) / 2
    return self.decode(mu + torch.exp(0.5 * logvar) * eps), mu, logvar


@wrong_warmup_forward("Every fourth pass decodes the mean. Each pass samples, whatever came before it.")
def every_fourth_pass_from_the_mean(self, x, passes=[]):
    passes.append(1)
    mu, logvar = self.encode(x)
    z = mu if len(passes) % 4 == 0 else self.reparameterize(mu, logvar)
    return self.decode(z), mu, logvar
