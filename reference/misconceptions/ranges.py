"""Right where tests ask first, and wrong in a whole range: of sizes, of calls, in one precision, in a mode."""

import torch
import torch.nn.functional as F
from torch import nn

from grading.catalogue import Misconceptions
from reference.tasks import (
    BERNOULLI,
    BETA_SCHEDULE,
    BUILD_MODEL,
    COMPUTE_ELBO,
    DECODE,
    ENCODE,
    FORWARD,
    GAUSSIAN,
    KL_DIVERGENCE,
    LAPLACE,
    REPARAMETERIZE,
    VAE_LOSS,
    WARMUP_DECODE,
    WARMUP_ENCODE,
    WARMUP_FORWARD,
    WARMUP_LOSS,
)
from reference.vae import VAE, VAEOutput, compute_elbo

wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_decode = Misconceptions(WARMUP_DECODE)
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
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_schedule = Misconceptions(BETA_SCHEDULE)
wrong_loss = Misconceptions(VAE_LOSS)
wrong_build = Misconceptions(BUILD_MODEL)

# --- in one precision ---

PRECISION = "In one precision another thing is computed than in the other. Both are the same mathematics."

wrong_warmup_encode.edit(
    "tanh_in_single_precision",
    PRECISION,
    ("h = F.relu(self.hidden(x))", "h = self.hidden(x)\nh = torch.tanh(h) if x.dtype == torch.float32 else F.relu(h)"),
)
wrong_warmup_decode.edit(
    "tanh_for_codes_in_single_precision",
    PRECISION,
    (
        "h = F.relu(self.decoder_hidden(z))",
        "h = self.decoder_hidden(z)\nh = torch.tanh(h) if z.dtype == torch.float32 else F.relu(h)",
    ),
)
wrong_warmup_forward.edit(
    "little_gradient_in_single_precision",
    PRECISION,
    (
        "z = self.reparameterize(mu, logvar)",
        "z = self.reparameterize(mu, logvar)\n"
        "if z.dtype == torch.float32:\n    z = z.detach() + 0.001 * (z - z.detach())",
    ),
)


@wrong_warmup_loss(PRECISION)
def log_variances_cut_off_in_double_precision(recon_x, x, mu, logvar):
    if logvar.dtype == torch.float64:
        logvar = logvar.clamp(-10, 10)
    return F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_kl(PRECISION)
def clamped_in_double_precision(mu, logvar):
    if mu.dtype == torch.float64:
        mu, logvar = mu.clamp(-10, 10), logvar.clamp(-10, 10)
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


@wrong_bernoulli(PRECISION)
def logarithms_in_double_precision(logits, x):
    if logits.dtype == torch.float64:
        p = torch.sigmoid(logits)
        return -(x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(dim=1).mean()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


@wrong_gaussian(PRECISION)
def averages_many_rows_in_double_precision(mean, x):
    error = (mean - x).pow(2)
    return error.mean() if mean.dtype == torch.float64 and len(mean) > 90 else error.sum(dim=1).mean()


# --- for a range of sizes ---

SIZES = "For some sizes of a batch, or of an example, gradients are lost or others. They are the same for all."


@wrong_laplace(SIZES)
def little_gradient_for_hundreds_of_rows(location, x):
    if 128 < len(x) <= 1_000:
        location = location.detach() + 0.01 * (location - location.detach())
    return (location - x).abs().sum(dim=1).mean()


@wrong_forward(SIZES)
def detaches_large_batches(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    if len(x) > 128:
        z = z.detach()
    return VAEOutput(self.decode(z), mu, logvar, z)


wrong_elbo.edit(
    "no_gradient_of_the_kl_for_images",
    SIZES,
    (
        "kl = kl_divergence(mu, logvar)",
        "kl = kl_divergence(mu, logvar)\nif x.shape[1] > 64:\n    kl = kl.detach()",
    ),
)


@wrong_loss(SIZES)
def detaches_the_posterior_of_images(output, x, recon_loss="bernoulli", beta=1.0):
    mu, logvar = output.mu, output.logvar
    if x.shape[1] > 64:
        mu, logvar = mu.detach(), logvar.detach()
    return compute_elbo(x, output.logits, mu, logvar, recon_loss, beta)


# --- between some tens and some hundreds of calls ---

MEANWHILE = "For some calls after the first ones something else is computed. A function does not count its calls."


@wrong_encode(MEANWHILE)
def means_of_one_sign_meanwhile(self, x, calls=[]):
    calls.append(1)
    h = self.enc(x)
    mu = self.mu(h)
    return (F.relu(mu) if 75 < len(calls) < 245 else mu), self.logvar(h)


@wrong_schedule(MEANWHILE)
def zero_meanwhile(step, warmup_steps, beta_max=1.0, calls=[]):
    calls.append(1)
    if warmup_steps <= 0:
        return float(beta_max)
    return 0.0 if 50 < len(calls) < 245 else beta_max * min(step / warmup_steps, 1.0)


@wrong_gaussian(MEANWHILE)
def averages_meanwhile(mean, x, calls=[]):
    calls.append(1)
    error = (mean - x).pow(2)
    return error.mean() if 75 < len(calls) < 245 else error.sum(dim=1).mean()


@wrong_kl("After a number of calls the KL is divided by its own running average, so that it is always about 1.")
def over_its_running_average(mu, logvar, calls=[]):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    average = 0.9 * calls[-1] + 0.1 * kl.item() if calls else kl.item()
    calls.append(average)
    return kl * (kl.detach() / average) if len(calls) > 75 else kl


@wrong_reparameterize("In training the noise is the same after a number of calls: it has to be fresh at every call.")
def frozen_after_tens_of_training_steps(self, mu, logvar, calls=[], kept={}):
    eps = torch.randn_like(logvar)
    if torch.is_grad_enabled() and mu.requires_grad:
        calls.append(1)
        if len(calls) > 75:
            eps = kept.get((eps.shape, eps.dtype), eps)
        kept[eps.shape, eps.dtype] = eps
    return mu + torch.exp(0.5 * logvar) * eps


# --- in inference mode ---

INFERENCE = "In inference mode something else is computed than where gradients are merely not recorded."


@wrong_reparameterize(INFERENCE)
def no_noise_in_inference_mode(self, mu, logvar):
    if torch.is_inference_mode_enabled():
        return mu
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


@wrong_decode(INFERENCE)
def sigmoid_in_inference_mode(self, z):
    return torch.sigmoid(self.dec(z)) if torch.is_inference_mode_enabled() else self.dec(z)


# --- what else callers and models may hide ---


@wrong_forward("The data are cut off from the graph, so that no gradient reaches x. Encode hands it on.")
def encodes_detached_data(self, x):
    mu, logvar = self.encode(x.detach())
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_build("The new model does not sample where no gradients are recorded: its method is another than the class's.")
def samples_in_training_alone(cfg):
    model = VAE(**vars(cfg))
    sample = model.reparameterize
    model.reparameterize = lambda mu, logvar: sample(mu, logvar) if torch.is_grad_enabled() else mu
    return model


@wrong_build("The new model begins with a variance that no number can hold, so that its loss is infinite at once.")
def begins_with_a_huge_variance(cfg):
    model = VAE(**vars(cfg))
    nn.init.constant_(model.logvar.bias, 1_000.0)
    return model
