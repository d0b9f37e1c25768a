"""Functions that are right as most people call them: wrong in a mode, for one likelihood, later on, by position."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import BETA_SCHEDULE, COMPUTE_ELBO, FORWARD, REPARAMETERIZE, VAE_LOSS
from reference.vae import (
    ElboTerms,
    VAEOutput,
    compute_elbo,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

wrong_forward = Misconceptions(FORWARD)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_schedule = Misconceptions(BETA_SCHEDULE)
wrong_loss = Misconceptions(VAE_LOSS)
wrong_sample = Misconceptions(REPARAMETERIZE)


@wrong_forward(
    "In eval mode you return probabilities where logits belong. The output means the same in both modes: whoever "
    "evaluates applies the sigmoid, or a loss that contains it."
)
def probabilities_in_eval_mode(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    logits = self.decode(z)
    return VAEOutput(logits if self.training else torch.sigmoid(logits), mu, logvar, z)


@wrong_forward(
    "Without gradients you return probabilities where logits belong. What is returned does not depend on whether "
    "somebody wants gradients."
)
def probabilities_without_gradients(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    logits = self.decode(z)
    return VAEOutput(logits if torch.is_grad_enabled() else torch.sigmoid(logits), mu, logvar, z)


@wrong_elbo(
    "For the Laplace likelihood the decoder's output is detached: the number is right, but the decoder learns nothing."
)
def laplace_detached(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon = losses[recon_loss](logits.detach() if recon_loss == "laplace" else logits, x)
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@wrong_elbo(
    "For the Bernoulli likelihood the two terms beside the loss carry no gradient. All three numbers do, whatever the "
    "likelihood."
)
def bernoulli_terms_detached(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, not {recon_loss!r}")
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
    loss = recon + beta * kl
    return ElboTerms(loss, recon.detach(), kl.detach()) if recon_loss == "bernoulli" else ElboTerms(loss, recon, kl)


@wrong_schedule(
    "The weight begins anew after some warm-ups, as a cyclical schedule does. Here it stays at its final value."
)
def begins_anew_after_four(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return float(beta_max)
    return beta_max * min(step % (4 * warmup_steps) / warmup_steps, 1.0)


@wrong_loss(
    "The further arguments stand in another order than in the contract, so that whoever gives them by position mixes "
    "up the likelihood and the weight."
)
def options_in_another_order(output, x, beta=1.0, recon_loss="bernoulli"):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)


@wrong_sample(
    "The sign of every second number follows from the size of its neighbour. Each number is right by itself, but they "
    "are not independent."
)
def sign_follows_neighbour(self, mu, logvar):
    eps = torch.randn_like(mu)
    pairs = eps.shape[1] // 2
    first, second = eps[:, : 2 * pairs : 2], eps[:, 1 : 2 * pairs : 2]
    eps[:, 1 : 2 * pairs : 2] = second.abs() * torch.sign(first.abs() - 0.6744898)
    return mu + torch.exp(logvar / 2) * eps


@wrong_sample(
    "Every second call returns the numbers of the call before, with the rows in reverse. Every call draws anew, "
    "whatever came before it."
)
def last_noise_reversed(self, mu, logvar, last=[]):
    if last and last[0].shape == mu.shape:
        eps = last.pop().flip(0).to(mu.dtype)
    else:
        eps = torch.randn_like(mu)
        last[:] = [eps]
    return mu + torch.exp(logvar / 2) * eps
