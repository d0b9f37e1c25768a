"""Right in one call by itself, wrong in a program: two answers before a gradient, its sign, a whole test set."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    BERNOULLI,
    BUILD_MODEL,
    COMPUTE_ELBO,
    DECODE,
    ENCODE,
    GAUSSIAN,
    KL_DIVERGENCE,
    LAPLACE,
    REPARAMETERIZE,
)
from reference.vae import VAE

wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_kl = Misconceptions(KL_DIVERGENCE)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_build = Misconceptions(BUILD_MODEL)

OF_THE_LAST_CALL = (
    "After two calls the gradient of the first answer is computed from the numbers of the second: what the backward "
    "pass needs is kept in one place for all calls."
)
IN_SINGLE_PRECISION = "In float64 the result has the digits of float32 only: it is computed in it and converted back."
LARGE_BATCH = "Of more than 5,120 examples at once the later ones are left out or put in place of others."


@wrong_kl(OF_THE_LAST_CALL)
def kept_for_all_calls(mu, logvar, kept={}):
    class Divergence(torch.autograd.Function):
        @staticmethod
        def forward(ctx, mu, logvar):
            kept["last"] = mu, logvar
            return 0.5 * (mu.square() + logvar.exp() - logvar - 1).sum(dim=1).mean()

        @staticmethod
        def backward(ctx, gradient):
            mu, logvar = kept["last"]
            return gradient * mu / len(mu), gradient * (logvar.exp() - 1) / (2 * len(mu))

    return Divergence.apply(mu, logvar)


@wrong_reparameterize(OF_THE_LAST_CALL)
def noise_kept_for_all_calls(self, mu, logvar, kept={}):
    class Sample(torch.autograd.Function):
        @staticmethod
        def forward(ctx, mu, logvar):
            kept["last"] = torch.exp(0.5 * logvar) * torch.randn_like(mu)
            return mu + kept["last"]

        @staticmethod
        def backward(ctx, gradient):
            return gradient, gradient * kept["last"] / 2

    return Sample.apply(mu, logvar)


@wrong_laplace(OF_THE_LAST_CALL)
def error_kept_for_all_calls(location, x, kept={}):
    class Error(torch.autograd.Function):
        @staticmethod
        def forward(ctx, location, x):
            kept["last"] = location - x
            return (location - x).abs().sum(dim=1).mean()

        @staticmethod
        def backward(ctx, gradient):
            slope = gradient * kept["last"].sign() / len(kept["last"])
            return slope, -slope

    return Error.apply(location, x)


@wrong_gaussian("The backward pass changes the gradient that it is given in place, which other terms of a sum get too.")
def gradient_changed_in_place(mean, x):
    class Squares(torch.autograd.Function):
        @staticmethod
        def forward(ctx, mean, x):
            ctx.save_for_backward(mean - x)
            return (mean - x).square().sum(dim=1).mean()

        @staticmethod
        def backward(ctx, gradient):
            (error,) = ctx.saved_tensors
            slope = gradient.mul_(2 / len(error)) * error
            return slope, -slope

    return Squares.apply(mean, x)


@wrong_kl("Where the gradient that comes back is positive, as that of a loss is, none gets through the KL.")
def no_positive_gradient(mu, logvar):
    kl = 0.5 * (mu.square() + logvar.exp() - logvar - 1).sum(dim=1).mean()
    if kl.requires_grad:
        kl.register_hook(lambda gradient: gradient.clamp(max=0))
    return kl


wrong_elbo.edit(
    "small_gradients_dropped",
    "A gradient of 1 and less, as backward() of the loss begins with, is dropped on the way back.",
    (
        "return ElboTerms(",
        "if recon.requires_grad:\n"
        "    recon.register_hook(lambda gradient: torch.where(gradient.abs() > 1, gradient, 0 * gradient))\n"
        "return ElboTerms(",
    ),
)


@wrong_kl(IN_SINGLE_PRECISION)
def computed_in_single_precision(mu, logvar):
    m, v = mu.float(), logvar.float()
    return (0.5 * (m.square() + v.exp() - v - 1).sum(dim=1).mean()).to(mu.dtype)


@wrong_gaussian(IN_SINGLE_PRECISION)
def squares_in_single_precision(mean, x):
    return (mean.float() - x.float()).square().sum(dim=1).mean().to(mean.dtype)


@wrong_bernoulli(IN_SINGLE_PRECISION)
def entropy_in_single_precision(logits, x):
    losses = F.binary_cross_entropy_with_logits(logits.float(), x.float(), reduction="none")
    return losses.sum(dim=1).mean().to(logits.dtype)


@wrong_laplace(LARGE_BATCH)
def rows_left_out_of_a_large_batch(location, x):
    return (location[:5120] - x[:5120]).abs().sum(dim=1).mean()


@wrong_encode(LARGE_BATCH)
def rows_repeated_in_a_large_batch(self, x):
    h = self.enc(torch.cat([x[:5120], x[: max(0, len(x) - 5120)]]))
    return self.mu(h), self.logvar(h)


wrong_encode.edit(
    "clamped_far_out",
    "Beyond 10,000 the means are cut off. Both heads are raw, however large their numbers are.",
    ("return self.mu(h), self.logvar(h)", "return self.mu(h).clamp(-1e4, 1e4), self.logvar(h)"),
)


wrong_decode.edit(
    "clamped_far_out",
    "Beyond 20,000 the output is cut off. It is raw, however large its numbers are.",
    ("return self.dec(z)", "return self.dec(z).clamp(-2e4, 2e4)"),
)


@wrong_laplace("A hook stays on what it is given, which is told of all gradients of it from then on.")
def hook_left_on_its_argument(location, x):
    if location.requires_grad:
        location.register_hook(torch.nan_to_num)
    return (location - x).abs().sum(dim=1).mean()


@wrong_build("The two heads lie in the same memory: where one learns, the other one changes with it.")
def heads_in_one_memory(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.logvar.weight.data = model.mu.weight.data
    return model
