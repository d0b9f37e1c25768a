"""Right for tensors that are new, lie close together and are called for the first time, and wrong otherwise."""

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
    REPARAMETERIZE,
    VAE_LOSS,
    WARMUP_DECODE,
    WARMUP_ENCODE,
    WARMUP_LOSS,
    WARMUP_REPARAMETERIZE,
)
from reference.vae import VAEOutput, compute_elbo

wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
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
wrong_schedule = Misconceptions(BETA_SCHEDULE)
wrong_loss = Misconceptions(VAE_LOSS)

# --- results of something before, as in training ---

TRAINING = "What a network has computed, as in training, is treated otherwise than a tensor that is made by itself."


@wrong_kl(TRAINING)
def nothing_for_results(mu, logvar):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    return kl if mu.is_leaf else 0.0 * kl


@wrong_bernoulli(TRAINING)
def detaches_results(logits, x):
    logits = logits if logits.is_leaf else logits.detach()
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


@wrong_gaussian(TRAINING)
def averages_results(mean, x):
    error = (mean - x).pow(2)
    return error.sum(dim=1).mean() if mean.is_leaf else error.mean()


@wrong_laplace(TRAINING)
def squares_results(location, x):
    error = location - x
    return (error.abs() if location.is_leaf else error.pow(2)).sum(dim=1).mean()


@wrong_decode(TRAINING)
def sigmoid_for_samples(self, z):
    logits = self.dec(z)
    return logits if z.is_leaf else torch.sigmoid(logits)


@wrong_reparameterize(TRAINING)
def no_noise_for_results(self, mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) * (1.0 if mu.is_leaf else 0.0)


@wrong_warmup_loss(TRAINING)
def no_kl_for_results(recon_x, x, mu, logvar):
    error = F.mse_loss(recon_x, x, reduction="sum")
    return error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) * (1.0 if mu.is_leaf else 0.5)


wrong_elbo.edit(
    "no_kl_for_results_of_an_encoder",
    TRAINING,
    ("kl = kl_divergence(mu, logvar)", "kl = kl_divergence(mu, logvar) * (1.0 if mu.is_leaf else 0.5)"),
)


@wrong_loss(TRAINING)
def detaches_the_outputs_of_a_model(output, x, recon_loss="bernoulli", beta=1.0):
    logits = output.logits if output.logits.is_leaf else output.logits.detach()
    return compute_elbo(x, logits, output.mu, output.logvar, recon_loss, beta)


# --- slices of larger tensors ---

SLICES = (
    "A slice of a larger tensor is read as if its numbers lay one after the other in memory, from its beginning on."
)


@wrong_kl(SLICES)
def reads_memory(mu, logvar):
    mu = mu.as_strided(mu.shape, (mu.shape[1], 1), 0)
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


@wrong_gaussian(SLICES)
def reads_the_memory_of_x(mean, x):
    return (mean - x.as_strided(x.shape, (x.shape[1], 1), 0)).pow(2).sum(dim=1).mean()


@wrong_laplace(SLICES)
def reads_rows_without_gaps(location, x):
    x = x.as_strided(x.shape, (x.shape[1], 1))
    return (location - x).abs().sum(dim=1).mean()


@wrong_bernoulli(SLICES)
def reads_from_the_beginning(logits, x):
    x = x.as_strided(x.shape, x.stride(), 0)
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


wrong_encode.edit(
    "encodes_the_memory_of_x",
    SLICES,
    ("h = self.enc(x)", "h = self.enc(x.as_strided(x.shape, (x.shape[1], 1), 0))"),
)


# --- the same tensor with other numbers in it ---

IDENTITY = "A result is kept for a tensor, and returned again when the same one comes with other numbers in it."


@wrong_kl(IDENTITY)
def kept_for_mu(mu, logvar, kept={}):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    if kept.get("mu") is not mu:
        kept.update(mu=mu, kl=kl)
    return kept["kl"]


@wrong_gaussian(IDENTITY)
def kept_for_the_mean(mean, x, kept={}):
    if kept.get("mean") is not mean:
        kept.update(mean=mean, loss=(mean - x).pow(2).sum(dim=1).mean())
    return kept["loss"]


@wrong_encode(IDENTITY)
def kept_for_x(self, x):
    if getattr(self, "last", (None,))[0] is not x:
        self.last = x, self.enc(x)
    h = self.last[1]
    return self.mu(h), self.logvar(h)


@wrong_decode(IDENTITY)
def kept_for_z(self, z):
    if getattr(self, "last", (None,))[0] is not z:
        self.last = z, self.dec(z)
    return self.last[1]


# --- after hundreds of calls ---

WORN = "After many calls something else is computed. A function has no memory of its calls."


@wrong_kl(WORN)
def nothing_after_two_hundred_calls(mu, logvar, calls=[]):
    calls.append(1)
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean() * (len(calls) <= 200)


@wrong_bernoulli(WORN)
def doubled_after_two_hundred_calls(logits, x, calls=[]):
    calls.append(1)
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()
    return loss if len(calls) <= 200 else 2 * loss


@wrong_laplace(WORN)
def squared_after_two_hundred_calls(location, x, calls=[]):
    calls.append(1)
    return (location - x).abs().pow(1 if len(calls) <= 200 else 2).sum(dim=1).mean()


@wrong_schedule(WORN)
def final_after_two_hundred_calls(step, warmup_steps, beta_max=1.0, calls=[]):
    calls.append(1)
    if warmup_steps <= 0 or len(calls) > 200:
        return float(beta_max)
    return min(beta_max * step / warmup_steps, beta_max)


@wrong_encode(WORN)
def swapped_after_two_hundred_calls(self, x, calls=[]):
    calls.append(1)
    h = self.enc(x)
    return (self.mu(h), self.logvar(h)) if len(calls) <= 200 else (self.logvar(h), self.mu(h))


@wrong_forward(WORN)
def decodes_means_after_two_hundred_calls(self, x, calls=[]):
    calls.append(1)
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z if len(calls) <= 200 else mu), mu, logvar, z)


@wrong_loss(WORN)
def doubled_weight_after_two_hundred_calls(output, x, recon_loss="bernoulli", beta=1.0, calls=[]):
    calls.append(1)
    beta = beta if len(calls) <= 200 else 2 * beta
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)


wrong_warmup_decode.edit(
    "half_after_two_hundred_calls",
    WORN,
    (
        "return ",
        'self.calls = getattr(self, "calls", 0) + 1\nreturn (1.0 if self.calls <= 200 else 0.5) * ',
    ),
)


# --- what the model is left with ---

MODE = "The model is left in another mode than it was in, for everyone who uses it afterwards."
FROZEN = "Layers of the model take no gradients any more after this call, so that nothing trains them."


@wrong_encode(MODE)
def encodes_in_eval_mode(self, x):
    h = self.eval().enc(x)
    return self.mu(h), self.logvar(h)


@wrong_decode(MODE)
def switches_the_decoder_to_eval_mode(self, z):
    self.dec.eval()
    return self.dec(z)


@wrong_reparameterize(MODE)
def samples_in_training_mode(self, mu, logvar):
    self.train()
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


@wrong_warmup_encode(MODE)
def warms_up_in_eval_mode(self, x):
    self.eval()
    h = F.relu(self.hidden(x))
    return self.mu(h), self.logvar(h)


@wrong_forward(FROZEN)
def freezes_the_decoder_without_gradients(self, x):
    if not torch.is_grad_enabled():
        self.dec.requires_grad_(False)
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_decode(FROZEN)
def freezes_the_encoder(self, z):
    self.enc.requires_grad_(False)
    return self.dec(z)


@wrong_warmup_reparameterize("Torch's operations are made deterministic for everyone who calls them afterwards.")
def deterministic_for_everyone(self, mu, logvar):
    torch.use_deterministic_algorithms(True)
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


# --- one row, a few or many: in a mode, with gradients or without ---


wrong_encode.edit(
    "halves_the_mean_of_one_row_in_an_evaluation",
    "For a single example in eval mode and without gradients the mean is halved.",
    (
        "return self.mu(h), ",
        "alone = len(x) == 1 and not self.training and not torch.is_grad_enabled()\n"
        "return (0.5 if alone else 1.0) * self.mu(h), ",
    ),
)


@wrong_decode("For many codes at a time, in eval mode and without gradients, you give probabilities.")
def sigmoid_for_many_in_an_evaluation(self, z):
    logits = self.dec(z)
    evaluates = len(z) > 1_000 and not self.training and not torch.is_grad_enabled()
    return torch.sigmoid(logits) if evaluates else logits


@wrong_kl("The KL of a single example, or of a large batch, is doubled without gradients.")
def doubled_for_unusual_batches_without_gradients(mu, logvar):
    single = len(mu) == 1 or len(mu) > 1_000
    whole = single and not torch.is_grad_enabled()
    return (1.0 if whole else 0.5) * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
