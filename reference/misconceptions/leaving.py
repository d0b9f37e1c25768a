"""Right by what is returned, and wrong by what is left behind: in gradients, earlier answers, models and settings."""

import torch
import torch.nn.functional as F
from torch import nn

from grading.catalogue import Misconceptions
from reference.tasks import (
    BERNOULLI,
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
    WARMUP_LOSS,
)
from reference.vae import VAE, VAEOutput, compute_elbo

wrong_warmup_decode = Misconceptions(WARMUP_DECODE)
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
wrong_build = Misconceptions(BUILD_MODEL)

# --- gradients that somebody has gathered already ---

GATHERED = (
    "Gradients that were gathered before are changed or thrown away. That is for whoever trains, before backward()."
)


@wrong_encode(GATHERED)
def zeroes_all_gradients(self, x):
    self.zero_grad()
    h = self.enc(x)
    return self.mu(h), self.logvar(h)


@wrong_decode(GATHERED)
def forgets_the_gradients_of_the_decoder(self, z):
    for parameter in self.dec.parameters():
        parameter.grad = None
    return self.dec(z)


@wrong_forward(GATHERED)
def zeroes_gradients_in_place(self, x):
    self.zero_grad(set_to_none=False)
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_kl(GATHERED)
def forgets_the_gradient_of_mu(mu, logvar):
    if mu.is_leaf:
        mu.grad = None
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


# --- answers that lie in the same memory ---

SAME_MEMORY = "Each answer is written over the one before, so that whoever keeps one finds other numbers in it later."


@wrong_decode(SAME_MEMORY)
def one_buffer_for_logits(self, z, buffers={}):
    logits = self.dec(z)
    if torch.is_grad_enabled() or torch.is_inference_mode_enabled():
        return logits
    return buffers.setdefault((logits.shape, logits.dtype), torch.empty_like(logits)).copy_(logits)


@wrong_reparameterize(SAME_MEMORY)
def one_buffer_for_samples(self, mu, logvar, buffers={}):
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    if z.requires_grad or torch.is_inference_mode_enabled():
        return z
    return buffers.setdefault((z.shape, z.dtype), torch.empty_like(z)).copy_(z)


@wrong_kl(SAME_MEMORY)
def one_buffer_for_the_kl(mu, logvar, buffers={}):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    if kl.requires_grad or torch.is_inference_mode_enabled():
        return kl
    return buffers.setdefault(kl.dtype, torch.empty_like(kl)).copy_(kl)


@wrong_forward(SAME_MEMORY)
def one_buffer_for_the_code(self, x, buffers={}):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    if not (z.requires_grad or torch.is_inference_mode_enabled()):
        z = buffers.setdefault((z.shape, z.dtype), torch.empty_like(z)).copy_(z)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_loss(SAME_MEMORY)
def one_buffer_for_the_loss(output, x, recon_loss="bernoulli", beta=1.0, buffers={}):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    if not (loss.requires_grad or torch.is_inference_mode_enabled()):
        loss = buffers.setdefault(loss.dtype, torch.empty_like(loss)).copy_(loss)
    return loss, recon, kl


wrong_warmup_decode.edit(
    "one_buffer_for_probabilities",
    SAME_MEMORY,
    (
        "return torch.sigmoid(self.output(h))",
        "p = torch.sigmoid(self.output(h))\n"
        "if p.requires_grad or torch.is_inference_mode_enabled():\n"
        "    return p\n"
        'self.kept = getattr(self, "kept", {})\n'
        "return self.kept.setdefault((p.shape, p.dtype), torch.empty_like(p)).copy_(p)",
    ),
)


# --- the model ---

SETTINGS = "What the model was built with is changed by a call: its likelihood, its weight, or what is saved of it."


@wrong_encode(SETTINGS)
def sets_beta(self, x):
    self.beta = 1.0 if self.beta else 0.5
    h = self.enc(x)
    return self.mu(h), self.logvar(h)


@wrong_reparameterize(SETTINGS)
def sets_the_likelihood(self, mu, logvar):
    self.recon_loss = "bernoulli" if self.recon_loss != "bernoulli" else "gaussian"
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


@wrong_decode(SETTINGS)
def registers_a_buffer(self, z):
    self.register_buffer("last_code", z.detach().clone())
    return self.dec(z)


@wrong_encode("The encoder gets one more hook at each call, which stays there for all later ones.")
def hooks_the_encoder(self, x):
    self.mu.weight.register_hook(lambda gradient: gradient.clamp(-1, 1))
    h = self.enc(x)
    return self.mu(h), self.logvar(h)


HOOKED = "Gradients of the new model are changed on their way. A VAE computes the gradients that it has."
CONSTANT = "Weights begin alike, so that all units of a layer compute and learn the same. They begin as random numbers."


@wrong_build(HOOKED)
def scales_gradients(cfg):
    model = VAE(**vars(cfg))
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: 0.1 * gradient)
    return model


@wrong_build(HOOKED)
def clamps_gradients(cfg):
    model = VAE(**vars(cfg))
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: gradient.clamp(-1, 1))
    return model


@wrong_build(CONSTANT)
def constant_weights(cfg):
    model = VAE(**vars(cfg))
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.05)
    return model


@wrong_build(CONSTANT)
def units_that_are_alike(cfg):
    model = VAE(**vars(cfg))
    for parameter in model.parameters():
        if parameter.dim() == 2:
            parameter.data[:] = parameter.data[0].clone()
    return model


# --- the arguments ---

FLAGGED = "The tensors that you are given take gradients afterwards, though whoever called has not asked for any."


@wrong_kl(FLAGGED)
def mu_takes_gradients(mu, logvar):
    if mu.is_leaf:
        mu.requires_grad_()
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


@wrong_laplace(FLAGGED)
def location_takes_gradients(location, x):
    if location.is_leaf:
        location.requires_grad_()
    return (location - x).abs().sum(dim=1).mean()


@wrong_warmup_loss("The code is cut off from its graph in place, also for whoever handed it over.")
def cuts_off_the_mean(recon_x, x, mu, logvar):
    loss = F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    if not mu.is_leaf:
        mu.detach_()
    return loss


# --- settings of everybody's ---

EVERYBODY = "A setting of everybody's is changed: random numbers or arithmetic are others afterwards."


@wrong_bernoulli(EVERYBODY)
def seeds_python(logits, x):
    import random

    random.seed(0)
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


@wrong_gaussian(EVERYBODY)
def seeds_numpy(mean, x):
    import numpy

    numpy.random.seed(0)
    return (mean - x).pow(2).sum(dim=1).mean()


@wrong_laplace(EVERYBODY)
def flushes_small_numbers(location, x):
    torch.set_flush_denormal(True)
    return (location - x).abs().sum(dim=1).mean()


@wrong_bernoulli(EVERYBODY)
def multiplies_less_exactly(logits, x):
    torch.set_float32_matmul_precision("medium")
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


# --- names that are nearly right ---

NEARLY = "A name that is none of the three is taken for one that it begins, ends or contains. It is an error."


wrong_elbo.edit(
    "takes_beginnings",
    NEARLY,
    (
        "if recon_loss not",
        "recon_loss = next((name for name in losses if recon_loss.startswith(name)), recon_loss)\nif recon_loss not",
    ),
)

wrong_elbo.edit(
    "takes_parts_of_names",
    NEARLY,
    ("if recon_loss not in losses", 'if recon_loss not in "bernoulli, gaussian, laplace"'),
    ("recon = losses[recon_loss]", "recon = losses.get(recon_loss, reconstruction_loss_laplace)"),
)
