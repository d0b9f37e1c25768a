"""Right numbers whose gradients are right for a sum alone, and not where the result is a part of something else."""

import torch
import torch.nn.functional as F

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
    VAE_LOSS,
    WARMUP_LOSS,
)
from reference.vae import (
    VAE,
    ElboTerms,
    VAEOutput,
    compute_elbo,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

wrong_warmup_loss = Misconceptions(WARMUP_LOSS)
wrong_encode = Misconceptions(ENCODE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_kl = Misconceptions(KL_DIVERGENCE)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_loss = Misconceptions(VAE_LOSS)
wrong_build = Misconceptions(BUILD_MODEL)

ABOVE = (
    "The backward pass forgets what comes from above: its gradient is that of this number alone, whatever it is a part "
    "of. By the chain rule it is multiplied by what arrives."
)
ONE_SIGN = "Gradients of one sign alone are let through: what should grow smaller never does."
CLIPPED = "Gradients are cut off on their way back, so that large ones count as little as small ones."


@wrong_kl(ABOVE)
def kl_without_what_comes_from_above(mu, logvar):
    class Divergence(torch.autograd.Function):
        @staticmethod
        def forward(ctx, mu, logvar):
            ctx.save_for_backward(mu, logvar)
            return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()

        @staticmethod
        def backward(ctx, gradient):
            mu, logvar = ctx.saved_tensors
            return mu / len(mu), (logvar.exp() - 1) / (2 * len(mu))

    return Divergence.apply(mu, logvar)


@wrong_bernoulli(ABOVE)
def bernoulli_without_what_comes_from_above(logits, x):
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()
    if loss.requires_grad:
        loss.register_hook(torch.ones_like)
    return loss


@wrong_gaussian(CLIPPED)
def clipped_gradient_of_the_mean(mean, x):
    loss = (mean - x).pow(2).sum(dim=1).mean()
    if loss.requires_grad:
        loss.register_hook(lambda gradient: gradient.clamp(-1.0, 1.0))
    return loss


@wrong_laplace(ONE_SIGN)
def no_negative_gradient(location, x):
    loss = (location - x).abs().sum(dim=1).mean()
    if loss.requires_grad:
        loss.register_hook(torch.abs)
    return loss


@wrong_elbo(ABOVE)
def loss_alone_has_a_gradient(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"unknown recon_loss {recon_loss!r}: expected one of bernoulli, gaussian, laplace")
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
    loss = recon + beta * kl
    if loss.requires_grad:
        loss.register_hook(torch.ones_like)
    return ElboTerms(loss, recon, kl)


@wrong_encode(ONE_SIGN)
def heads_let_positive_gradients_through(self, x):
    h = self.enc(x)
    mu, logvar = self.mu(h), self.logvar(h)
    for head in (mu, logvar):
        if head.requires_grad:
            head.register_hook(lambda gradient: gradient.clamp(min=0))
    return mu, logvar


@wrong_decode(ONE_SIGN)
def logits_let_positive_gradients_through(self, z):
    logits = self.dec(z)
    if logits.requires_grad:
        logits.register_hook(lambda gradient: gradient.clamp(min=0))
    return logits


@wrong_forward(ONE_SIGN)
def code_lets_positive_gradients_through(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    if z.requires_grad:
        z.register_hook(torch.abs)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_loss(ABOVE)
def terms_without_what_comes_from_above(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    if terms[0].requires_grad:
        terms[0].register_hook(torch.ones_like)
    return terms


@wrong_warmup_loss(ABOVE)
def loss_without_what_comes_from_above(recon_x, x, mu, logvar):
    loss = F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    if loss.requires_grad:
        loss.register_hook(torch.ones_like)
    return loss


@wrong_build(ONE_SIGN)
def layers_let_positive_gradients_through(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.dec.register_full_backward_pre_hook(lambda module, gradients: tuple(g.clamp(min=0) for g in gradients))
    return model
