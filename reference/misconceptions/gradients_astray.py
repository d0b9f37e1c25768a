"""Right numbers of which one carries a gradient that is not its own, or lacks one where few are asked for."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    BERNOULLI,
    COMPUTE_ELBO,
    DECODE,
    ENCODE,
    FORWARD,
    GAUSSIAN,
    KL_DIVERGENCE,
    LAPLACE,
    REPARAMETERIZE,
    VAE_LOSS,
    WARMUP_LOSS,
)
from reference.vae import VAEOutput, compute_elbo

wrong_warmup_loss = Misconceptions(WARMUP_LOSS)
wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_kl = Misconceptions(KL_DIVERGENCE)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_loss = Misconceptions(VAE_LOSS)

ASTRAY = "A result carries a gradient for something that it is no function of, although its number is right."
ALONE = "A gradient is missing where it is the only one that is asked for."

TERMS = "return ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)"

wrong_elbo.edit(
    "recon_with_a_gradient_for_mu",
    ASTRAY,
    (TERMS, "return ElboTerms(recon + beta * kl, recon + (mu - mu.detach()).sum(), kl)"),
)

wrong_elbo.edit(
    "kl_with_a_gradient_for_the_logits",
    ASTRAY,
    (TERMS, "return ElboTerms(recon + beta * kl, recon, kl + (logits - logits.detach()).sum())"),
)

wrong_elbo.edit(
    "recon_without_a_gradient_for_x_alone",
    ALONE,
    (TERMS, "return ElboTerms(recon + beta * kl, recon if logits.requires_grad else recon.detach(), kl)"),
)


@wrong_encode(ASTRAY)
def mean_with_the_gradient_of_the_logvar(self, x):
    h = self.enc(x)
    mu, logvar = self.mu(h), self.logvar(h)
    return mu + (logvar - logvar.detach()), logvar


@wrong_decode(ASTRAY)
def logits_with_the_gradient_of_the_encoder(self, z):
    bias = self.mu.bias
    return self.dec(z) + (bias - bias.detach()).sum()


@wrong_forward(ASTRAY)
def mean_with_the_gradient_of_the_logits(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    logits = self.decode(z)
    return VAEOutput(logits, mu + (logits - logits.detach()).sum(), logvar, z)


@wrong_reparameterize(ALONE)
def no_gradient_for_mu_alone(self, mu, logvar):
    mean = mu if logvar.requires_grad else mu.detach()
    return mean + torch.exp(0.5 * logvar) * torch.randn_like(logvar)


@wrong_kl(ALONE)
def no_gradient_for_logvar_alone(mu, logvar):
    logvar = logvar if mu.requires_grad else logvar.detach()
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


@wrong_bernoulli(ALONE)
def no_gradient_for_x_alone(logits, x):
    x = x if logits.requires_grad else x.detach()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


@wrong_gaussian(ALONE)
def no_gradient_for_the_data_alone(mean, x):
    x = x if mean.requires_grad else x.detach()
    return (mean - x).pow(2).sum(dim=1).mean()


@wrong_laplace(ALONE)
def no_gradient_for_targets_alone(location, x):
    x = x if location.requires_grad else x.detach()
    return (location - x).abs().sum(dim=1).mean()


@wrong_warmup_loss(ALONE)
def no_gradient_for_data_alone(recon_x, x, mu, logvar):
    x = x if recon_x.requires_grad else x.detach()
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return F.mse_loss(recon_x, x, reduction="sum") + kl


@wrong_loss(ALONE)
def no_gradient_for_the_data_by_itself(output, x, recon_loss="bernoulli", beta=1.0):
    data = x if output.logits.requires_grad else x.detach()
    return compute_elbo(data, output.logits, output.mu, output.logvar, recon_loss, beta)
