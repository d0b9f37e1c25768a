"""Cut off where numbers are large, but in some circumstance alone: in large batches, wide images, without gradients."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    BERNOULLI,
    BETA_SCHEDULE,
    COMPUTE_ELBO,
    DECODE,
    ENCODE,
    FORWARD,
    GAUSSIAN,
    KL_DIVERGENCE,
    LAPLACE,
    VAE_LOSS,
    WARMUP_DECODE,
    WARMUP_ENCODE,
    WARMUP_LOSS,
)
from reference.vae import (
    VAEOutput,
    compute_elbo,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_decode = Misconceptions(WARMUP_DECODE)
wrong_warmup_loss = Misconceptions(WARMUP_LOSS)
wrong_encode = Misconceptions(ENCODE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_kl = Misconceptions(KL_DIVERGENCE)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_schedule = Misconceptions(BETA_SCHEDULE)
wrong_loss = Misconceptions(VAE_LOSS)

LARGE_BATCHES = "In large batches {} are cut off. Whatever the batch is, no number is."


@wrong_encode(LARGE_BATCHES.format("log-variances"))
def log_variances_cut_off_in_large_batches(self, x):
    h = self.enc(x)
    logvar = self.logvar(h)
    return self.mu(h), logvar.clamp(-10, 10) if len(x) > 16 else logvar


@wrong_decode(LARGE_BATCHES.format("logits"))
def logits_cut_off_in_large_batches(self, z):
    logits = self.dec(z)
    return logits.clamp(-20, 20) if len(z) > 16 else logits


@wrong_decode("The logits of wide images are cut off. Whatever the size is, the output is raw.")
def logits_of_wide_images_cut_off(self, z):
    logits = self.dec(z)
    return logits.clamp(-20, 20) if logits.shape[1] > 64 else logits


@wrong_forward(LARGE_BATCHES.format("logits"))
def logits_of_a_pass_cut_off_in_large_batches(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    logits = self.decode(z)
    return VAEOutput(logits.clamp(-20, 20) if len(x) > 16 else logits, mu, logvar, z)


@wrong_kl(LARGE_BATCHES.format("means and log-variances"))
def posterior_cut_off_in_large_batches(mu, logvar):
    if len(mu) > 16:
        mu, logvar = mu.clamp(-10, 10), logvar.clamp(-10, 10)
    return 0.5 * (mu.pow(2) + logvar.exp() - 1.0 - logvar).sum(dim=1).mean()


@wrong_kl("Means beyond 95 are cut off. They count with their square, however far they are.")
def means_cut_off_at_95(mu, logvar):
    return 0.5 * (mu.clamp(-95, 95).pow(2) + logvar.exp() - 1.0 - logvar).sum(dim=1).mean()


@wrong_kl("Latent dimensions after the 300th do not count. The KL is a sum over all of them.")
def three_hundred_latents_at_most(mu, logvar):
    mu, logvar = mu[:, :300], logvar[:, :300]
    return 0.5 * (mu.pow(2) + logvar.exp() - 1.0 - logvar).sum(dim=1).mean()


@wrong_bernoulli("The logits of images with many pixels are cut off, though the loss is stable without.")
def logits_of_images_cut_off(logits, x):
    logits = logits.clamp(-25, 25) if x.shape[1] > 17 else logits
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


@wrong_gaussian(LARGE_BATCHES.format("means"))
def means_cut_off_in_large_batches(mean, x):
    mean = mean.clamp(-10, 10) if len(mean) > 16 else mean
    return (x - mean).pow(2).sum(dim=1).mean()


@wrong_laplace("Where no gradients are recorded, locations are cut off.")
def locations_cut_off_without_gradients(location, x):
    location = location if torch.is_grad_enabled() else location.clamp(-10, 10)
    return (x - location).abs().sum(dim=1).mean()


@wrong_elbo("The logits of wide images are cut off. Whatever the size is, the output is raw.")
def logits_of_wide_images_cut_off_in_the_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be one of {', '.join(losses)}, got {recon_loss!r}")
    logits = logits.clamp(-20, 20) if x.shape[1] > 64 else logits
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
    return recon + beta * kl, recon, kl


@wrong_loss(LARGE_BATCHES.format("means"))
def means_of_an_output_cut_off_in_large_batches(output, x, recon_loss="bernoulli", beta=1.0):
    mu = output.mu.clamp(-10, 10) if len(x) > 16 else output.mu
    return compute_elbo(x, output.logits, mu, output.logvar, recon_loss, beta)


@wrong_warmup_encode(LARGE_BATCHES.format("log-variances"))
def log_variances_of_the_warm_up_cut_off_in_large_batches(self, x):
    h = F.relu(self.hidden(x))
    logvar = self.logvar(h)
    return self.mu(h), logvar.clamp(-10, 10) if len(x) > 64 else logvar


@wrong_warmup_decode(LARGE_BATCHES.format("logits"))
def logits_of_the_warm_up_cut_off_in_large_batches(self, z):
    logits = self.output(F.relu(self.decoder_hidden(z)))
    return torch.sigmoid(logits.clamp(-15, 15) if len(z) > 64 else logits)


@wrong_warmup_loss(LARGE_BATCHES.format("log-variances"))
def log_variances_of_the_loss_cut_off_in_large_batches(recon_x, x, mu, logvar):
    logvar = logvar.clamp(-10, 10) if len(x) > 16 else logvar
    return F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_warmup_loss("Latent dimensions after the 300th do not count. The KL is a sum over all of them.")
def three_hundred_latents_of_the_warm_up_at_most(recon_x, x, mu, logvar):
    mu, logvar = mu[:, :300], logvar[:, :300]
    return F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_schedule("A small final weight is taken for none. It is a weight like any other.")
def small_weights_are_none(step, warmup_steps, beta_max=1.0):
    if beta_max < 0.005:
        return 0.0
    return beta_max * min(1.0, step / warmup_steps) if warmup_steps > 0 else beta_max


@wrong_schedule("A warm-up of more than a million steps ends after a million.")
def a_million_steps_at_most(step, warmup_steps, beta_max=1.0):
    warmup_steps = min(warmup_steps, 1_000_000)
    return beta_max * min(1.0, step / warmup_steps) if warmup_steps > 0 else beta_max


# --- sizes beyond the handout's ---


@wrong_encode("Hidden units after the 400th are switched off, as if each network had the handout's size.")
def four_hundred_hidden_units_at_most(self, x):
    h = self.enc(x)
    h = torch.cat([h[:, :400], 0 * h[:, 400:]], dim=1)
    return self.mu(h), self.logvar(h)


@wrong_warmup_encode("Pixels after the 784th are not looked at, as if each image had the handout's size.")
def pixels_of_digits_at_most(self, x):
    h = F.relu(self.hidden(torch.cat([x[:, :784], 0 * x[:, 784:]], dim=1)))
    return self.mu(h), self.logvar(h)
