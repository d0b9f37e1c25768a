"""Right but for a batch of a usual size."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    BERNOULLI,
    DECODE,
    ENCODE,
    FORWARD,
    GAUSSIAN,
    KL_DIVERGENCE,
    LAPLACE,
    REPARAMETERIZE,
    WARMUP_FORWARD,
    WARMUP_LOSS,
    WARMUP_REPARAMETERIZE,
)
from reference.vae import VAEOutput

wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
wrong_warmup_forward = Misconceptions(WARMUP_FORWARD)
wrong_warmup_loss = Misconceptions(WARMUP_LOSS)
wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_kl = Misconceptions(KL_DIVERGENCE)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)


@wrong_warmup_reparameterize("A batch of 32 gets no noise. Each example is sampled, however many there are.")
def no_noise_for_32(self, mu, logvar):
    return mu if len(mu) == 32 else mu + torch.exp(logvar / 2) * torch.randn_like(mu)


@wrong_warmup_forward("In a batch of 64 the mean is decoded.")
def mean_of_64(self, x):
    mu, logvar = self.encode(x)
    return self.decode(mu if len(x) == 64 else self.reparameterize(mu, logvar)), mu, logvar


@wrong_warmup_loss("For a batch of 100 the KL is averaged over the batch.")
def mean_kl_of_100(recon_x, x, mu, logvar):
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return F.mse_loss(recon_x, x, reduction="sum") + (kl / 100 if len(x) == 100 else kl)


@wrong_encode("In a batch of 64 the last row is encoded as the first.")
def last_of_64(self, x):
    h = self.enc(torch.cat([x[:-1], x[:1]]) if len(x) == 64 else x)
    return self.mu(h), self.logvar(h)


@wrong_reparameterize("A batch of 64 gets no noise. Each example is sampled, however many there are.")
def no_noise_for_64(self, mu, logvar):
    return mu if len(mu) == 64 else mu + torch.exp(logvar / 2) * torch.randn_like(mu)


@wrong_decode("In a batch of 32 the codes are halved.")
def halves_32(self, z):
    return self.dec(z / 2 if len(z) == 32 else z)


@wrong_forward("In eval mode the mean of a batch of 64 is decoded.")
def mean_of_64_evaluated(self, x):
    mu, logvar = self.encode(x)
    z = mu if len(x) == 64 and not self.training else self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_kl("In batches of 32, 64, 100, 256 and 512 the last row is left out.")
def without_the_last_row(mu, logvar):
    rows = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=1)
    return (rows[:-1] if len(mu) in (32, 64, 100, 256, 512) else rows).sum() / len(mu)


@wrong_bernoulli("For a batch of 256 the sum over the batch is returned.")
def sum_of_256(logits, x):
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return loss if len(x) == 256 else loss / len(x)


@wrong_gaussian("For a batch of 16 the squared error is halved.")
def halves_16(mean, x):
    loss = ((x - mean) ** 2).sum() / len(x)
    return loss / 2 if len(x) == 16 else loss


@wrong_laplace("For a batch of 512 the squared error is returned.")
def squares_512(location, x):
    error = x - location
    return (error.pow(2) if len(x) == 512 else error.abs()).sum() / len(x)
