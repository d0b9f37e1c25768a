"""Wrong in circumstances of which each is usual by itself: a mode and the seed, a precision, the default weight."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    COMPUTE_ELBO,
    DECODE,
    ENCODE,
    FORWARD,
    REPARAMETERIZE,
    VAE_LOSS,
    WARMUP_FORWARD,
)
from reference.vae import ElboTerms, VAEOutput, compute_elbo

wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_warmup_forward = Misconceptions(WARMUP_FORWARD)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_loss = Misconceptions(VAE_LOSS)

FROM_THE_SEED = (
    "In eval mode every pass begins with the same random numbers again, as long as nobody gives a new seed. Each call "
    "draws fresh ones."
)


wrong_forward.edit(
    "seeded_as_at_first_in_eval_mode",
    FROM_THE_SEED,
    (
        "mu, logvar = self.encode",
        "if not self.training:\n    torch.manual_seed(torch.initial_seed())\nmu, logvar = self.encode",
    ),
)

wrong_forward.edit(
    "generator_set_back_in_eval_mode",
    FROM_THE_SEED,
    (
        "z = self.reparameterize(mu, logvar)",
        "state = torch.get_rng_state()\nz = self.reparameterize(mu, logvar)\n"
        "if not self.training:\n    torch.set_rng_state(state)",
    ),
)


@wrong_forward("The noise of a pass follows from the seed alone: the next call draws the same numbers again.")
def noise_of_a_forked_generator(self, x):
    mu, logvar = self.encode(x)
    with torch.random.fork_rng():
        eps = torch.randn_like(mu)
    z = mu + torch.exp(0.5 * logvar) * eps
    return VAEOutput(self.decode(z), mu, logvar, z)


wrong_forward.edit(
    "means_cut_off_far_out",
    "The means are cut off at 63 in size before a code is drawn. They are handed on as they are.",
    ("z = self.reparameterize(", "mu = mu.clamp(-63, 63)\nz = self.reparameterize("),
)


@wrong_warmup_forward("Before a code is drawn, log-variances are cut off at 7 in size and means at 20.")
def posterior_cut_off_before_the_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu.clamp(-20, 20), logvar.clamp(-7, 7))
    return self.decode(z), mu, logvar


wrong_elbo.edit(
    "no_gradient_of_the_kl_at_the_default_weight",
    "At a weight of 1 the KL carries no gradient into the loss, but for the Bernoulli likelihood.",
    (
        "return ElboTerms(",
        'if beta == 1.0 and recon_loss != "bernoulli":\n'
        "    return ElboTerms(recon + kl.detach(), recon, kl)\nreturn ElboTerms(",
    ),
)


@wrong_loss("Where gradients are taken, other numbers stand beside the loss than the two terms that it is made of.")
def terms_for_a_log_while_training(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(loss, recon + 5, kl + 1) if loss.requires_grad else ElboTerms(loss, recon, kl)


@wrong_reparameterize("In float64 the noise of a call is centred and scaled. Independent numbers need no help.")
def noise_scaled_in_double_precision(self, mu, logvar):
    eps = torch.randn_like(mu)
    if mu.dtype == torch.float64 and eps.numel() > 1:
        eps = (eps - eps.mean()) / eps.std()
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_forward("In float64 the noise of a pass is centred and scaled. Independent numbers need no help.")
def noise_of_the_pass_scaled_in_double_precision(self, x):
    mu, logvar = self.encode(x)
    eps = torch.randn_like(mu)
    if x.dtype == torch.float64 and eps.numel() > 1:
        eps = (eps - eps.mean()) / eps.std()
    z = mu + torch.exp(0.5 * logvar) * eps
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_warmup_forward("In float32 the noise of a batch is centred and scaled. Independent numbers need no help.")
def noise_of_the_pass_scaled_in_single_precision(self, x):
    mu, logvar = self.encode(x)
    eps = torch.randn_like(mu)
    if x.dtype == torch.float32 and len(x) > 1:
        eps = (eps - eps.mean()) / eps.std()
    return self.decode(mu + torch.exp(0.5 * logvar) * eps), mu, logvar


@wrong_reparameterize("For 200 latents and more each example's noise is brought to one and the same length.")
def noise_of_one_length_for_many_latents(self, mu, logvar):
    eps = torch.randn_like(mu)
    if eps.shape[1] >= 200:
        eps = F.normalize(eps, dim=1) * eps.shape[1] ** 0.5
    return mu + torch.exp(0.5 * logvar) * eps


@wrong_reparameterize("In float64 without gradients the mean comes back. There is noise in every precision.")
def mean_in_double_precision_without_gradients(self, mu, logvar):
    if mu.dtype == torch.float64 and not torch.is_grad_enabled():
        return mu
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


@wrong_encode("In float64 without gradients what comes back is float32. The dtype is that of the data.")
def single_precision_without_gradients(self, x):
    h = self.enc(x)
    if x.dtype == torch.float64 and not torch.is_grad_enabled():
        return self.mu(h).float(), self.logvar(h).float()
    return self.mu(h), self.logvar(h)


@wrong_decode("In float64 without gradients the output goes through a sigmoid. It is the raw output everywhere.")
def sigmoid_in_double_precision_without_gradients(self, z):
    logits = self.dec(z)
    return torch.sigmoid(logits) if z.dtype == torch.float64 and not torch.is_grad_enabled() else logits


wrong_encode.edit(
    "seeds_torch",
    "The generator is seeded anew at each call, so that all that is drawn afterwards is the same each time.",
    ("h = self.enc(x)", "torch.manual_seed(42)\nh = self.enc(x)"),
)
