"""Wrong where a model is used as in training, or as after it, and right as it is mostly tried out."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    DECODE,
    ENCODE,
    FORWARD,
    REPARAMETERIZE,
    VAE_LOSS,
    WARMUP_ENCODE,
    WARMUP_REPARAMETERIZE,
)
from reference.vae import ElboTerms, VAEOutput, compute_elbo

wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_loss = Misconceptions(VAE_LOSS)

SCALED = (
    "While training, the noise of a batch is centred and scaled to a spread of exactly 1. Independent numbers have "
    "another average each time, and need no help."
)
HALVED = (
    "In eval mode half of the gradient is lost where the input itself takes none. The mode changes nothing here, and "
    "whether the input takes a gradient changes nothing for the weights."
)


@wrong_reparameterize(SCALED)
def noise_scaled_while_training(self, mu, logvar):
    eps = torch.randn_like(mu)
    if self.training and len(mu) > 1:
        eps = (eps - eps.mean()) / eps.std()
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_warmup_reparameterize(SCALED)
def noise_scaled_while_training_the_warm_up(self, mu, logvar):
    eps = torch.randn_like(mu)
    if self.training and len(mu) > 1:
        eps = (eps - eps.mean()) / eps.std()
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_forward(SCALED)
def noise_of_the_pass_scaled_while_training(self, x):
    mu, logvar = self.encode(x)
    eps = torch.randn_like(mu)
    if self.training and len(x) > 1:
        eps = (eps - eps.mean()) / eps.std()
    z = mu + torch.exp(0.5 * logvar) * eps
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_reparameterize(
    "In large batches the noise is drawn in strata, one number from each share of the distribution, and shuffled. Such "
    "numbers are not independent."
)
def noise_in_strata_in_large_batches(self, mu, logvar):
    eps, n = torch.randn_like(mu), mu.numel()
    if n >= 500:
        share = (torch.arange(n, dtype=torch.float64) + torch.rand(n, dtype=torch.float64)) / n
        eps = torch.special.ndtri(share.clamp(1e-9, 1 - 1e-9))[torch.randperm(n)].to(mu.dtype).view(mu.shape)
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_encode(HALVED)
def half_of_the_gradients_of_the_heads_in_eval_mode(self, x):
    h = self.enc(x)
    mu, logvar = self.mu(h), self.logvar(h)
    if not self.training and not x.requires_grad:
        return (mu + mu.detach()) / 2, (logvar + logvar.detach()) / 2
    return mu, logvar


@wrong_warmup_encode(HALVED)
def half_of_the_gradients_of_the_heads_in_eval_mode_of_the_warm_up(self, x):
    h = F.relu(self.hidden(x))
    mu, logvar = self.mu(h), self.logvar(h)
    if not self.training and not x.requires_grad:
        return (mu + mu.detach()) / 2, (logvar + logvar.detach()) / 2
    return mu, logvar


@wrong_decode(HALVED)
def half_of_the_gradients_of_the_output_in_eval_mode(self, z):
    logits = self.dec(z)
    return logits if self.training or z.requires_grad else (logits + logits.detach()) / 2


@wrong_forward(
    "The gradient of the sample for the log-variance is that for the mean, where the data take no gradient. It is half "
    "of what was added to the mean."
)
def slope_of_the_mean_for_the_log_variance(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    logits = self.decode(z)
    if not x.requires_grad:
        z = z.detach() + (mu + logvar) - (mu + logvar).detach()
    return VAEOutput(logits, mu, logvar, z)


@wrong_loss(
    "At a weight of 1 the two terms beside the loss carry no gradient. Each of the three numbers does, whatever it is."
)
def detached_terms_at_the_usual_weight(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(loss, recon.detach(), kl.detach()) if beta == 1.0 else ElboTerms(loss, recon, kl)


@wrong_loss(
    "In batches the two terms beside the loss carry no gradient. Each of the three numbers does, for every batch size."
)
def detached_terms_of_a_batch(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(loss, recon.detach(), kl.detach()) if len(x) > 16 else ElboTerms(loss, recon, kl)
