"""Right for the numbers that a test draws, and wrong for others: binary ones, zeros, wide images, a small beta."""

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
    LAPLACE,
    REPARAMETERIZE,
    VAE_LOSS,
    WARMUP_DECODE,
    WARMUP_ENCODE,
    WARMUP_FORWARD,
    WARMUP_INIT,
    WARMUP_LOSS,
    WARMUP_REPARAMETERIZE,
)
from reference.vae import (
    VAE,
    VAEOutput,
    compute_elbo,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

wrong_warmup_init = Misconceptions(WARMUP_INIT)
wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
wrong_warmup_decode = Misconceptions(WARMUP_DECODE)
wrong_warmup_forward = Misconceptions(WARMUP_FORWARD)
wrong_warmup_loss = Misconceptions(WARMUP_LOSS)
wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_loss = Misconceptions(VAE_LOSS)
wrong_build = Misconceptions(BUILD_MODEL)

# --- binary data, zeros, whole numbers ---


@wrong_encode("Binary data are moved to -1 and 1 before they are encoded. The encoder gets the data as they are.")
def moves_binary_data(self, x):
    h = self.enc(2 * x - 1 if bool(((x == 0) | (x == 1)).all()) else x)
    return self.mu(h), self.logvar(h)


@wrong_encode(
    "Data of large numbers are divided by 255 before they are encoded. The encoder gets the data as they are."
)
def scales_whole_numbers(self, x):
    h = self.enc(x / 255 if bool(x.max() > 100) else x)
    return self.mu(h), self.logvar(h)


@wrong_encode("A data point of zeros alone is encoded as if it were the prior.")
def empty_images_are_the_prior(self, x):
    h = self.enc(x)
    some = x.abs().sum(1, keepdim=True) > 0
    return self.mu(h) * some, self.logvar(h) * some


@wrong_decode("A code of zeros alone is decoded to logits of zero, although the decoder has biases.")
def nothing_for_the_mean_of_the_prior(self, z):
    return self.dec(z) * (z.abs().sum(1, keepdim=True) > 0)


wrong_warmup_encode.edit(
    "moves_binary_data_in_the_warm_up",
    "Binary data are moved to -1 and 1 before they are encoded. The encoder gets the data as they are.",
    ("h = F.relu(self.hidden(x))", "h = F.relu(self.hidden(2 * x - 1 if bool((x == x.round()).all()) else x))"),
)
wrong_warmup_decode.edit(
    "grey_for_the_mean_of_the_prior",
    "A code of zeros alone is decoded to a grey image, although the decoder has biases.",
    ("torch.sigmoid(self.output(h))", "torch.sigmoid(self.output(h) * (z.abs().sum(1, keepdim=True) > 0))"),
)

# --- rows that are there twice ---


@wrong_forward("Data points that are the same get the same noise. Each one of a batch has a sample of its own.")
def equal_rows_share_their_sample(self, x):
    mu, logvar = self.encode(x)
    _, which = torch.unique(x, dim=0, return_inverse=True)
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)[which]
    return VAEOutput(self.decode(z), mu, logvar, z)


# --- gradients for the data, eval mode, double precision ---


@wrong_forward("Where gradients for x are asked for, z is the mean and no sample.")
def no_sample_where_x_takes_gradients(self, x):
    mu, logvar = self.encode(x)
    z = mu if x.requires_grad else self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("In eval mode large batches are decoded from the mean. A VAE samples in either mode.")
def no_sample_of_large_batches_in_eval_mode(self, x):
    mu, logvar = self.encode(x)
    z = mu if len(x) > 500 and not (self.training or torch.is_grad_enabled()) else self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_warmup_forward("In eval mode large batches are decoded from the mean. A VAE samples in either mode.")
def decodes_the_mean_of_large_batches_in_eval_mode(self, x):
    mu, logvar = self.encode(x)
    z = mu if len(x) > 300 and not (self.training or torch.is_grad_enabled()) else self.reparameterize(mu, logvar)
    return self.decode(z), mu, logvar


@wrong_reparameterize("In double precision each call has the same noise.")
def same_noise_in_double_precision(self, mu, logvar):
    torch.randn(())
    own = torch.Generator().manual_seed(3) if mu.dtype == torch.float64 else None
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=own, dtype=mu.dtype)


@wrong_warmup_reparameterize("In double precision each call has the same noise.")
def same_noise_in_double_precision_in_the_warm_up(self, mu, logvar):
    own = torch.Generator().manual_seed(4) if mu.dtype == torch.float64 else None
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=own, dtype=mu.dtype)


# --- noise that follows mu ---


@wrong_reparameterize("The noise has the sign of mu: z is always farther from zero than mu. Noise has either sign.")
def noise_away_from_zero(self, mu, logvar):
    eps = torch.randn_like(mu).abs()
    return mu + torch.exp(0.5 * logvar) * torch.where(mu < 0, -eps, eps)


@wrong_forward("The noise has the sign of mu: z is always farther from zero than mu. Noise has either sign.")
def noise_away_from_zero_in_forward(self, x):
    mu, logvar = self.encode(x)
    eps = torch.randn_like(mu).abs()
    z = mu + torch.exp(0.5 * logvar) * torch.where(mu < 0, -eps, eps)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_warmup_reparameterize("The noise has the sign of logvar. Noise has either sign, whatever the variance is.")
def noise_with_the_sign_of_logvar(self, mu, logvar):
    eps = torch.randn_like(mu).abs()
    return mu + torch.exp(0.5 * logvar) * torch.where(logvar < 0, -eps, eps)


# --- wide images ---


@wrong_bernoulli("Of more than 1,024 pixels the others are left out.")
def first_thousand_pixels(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")[:, :1024].sum(dim=1).mean()


@wrong_gaussian("Of more than 1,024 pixels the others are left out.")
def first_thousand_squares(mean, x):
    return (mean - x).pow(2)[:, :1024].sum(dim=1).mean()


@wrong_laplace("For images of many pixels the errors are averaged over them.")
def mean_over_a_thousand_pixels(location, x):
    error = (location - x).abs()
    return error.sum(dim=1).mean() if x.shape[1] <= 1000 else error.mean()


@wrong_warmup_loss("For images of many pixels the squared error is averaged over them.")
def mean_over_a_thousand_errors(recon_x, x, mu, logvar):
    error = F.mse_loss(recon_x, x, reduction="sum") / (1 if x.shape[1] <= 1000 else x.shape[1])
    return error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_encode("Images of many pixels are centered before they are encoded.")
def centers_large_images(self, x):
    h = self.enc(x - x.mean(1, keepdim=True) if x.shape[1] > 1000 else x)
    return self.mu(h), self.logvar(h)


# --- small weights ---

wrong_elbo.edit(
    "drops_small_weights",
    "A small beta is taken for none, so that the KL term is left out of the loss.",
    ("beta * kl", "(beta if beta >= 0.01 else 0.0) * kl"),
)


@wrong_loss("A beta below 0.01 is raised to 0.01.")
def least_weight(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, max(beta, 0.01) if beta else beta)


# --- at the second time ---


@wrong_elbo("An unknown name is refused at the first time only; then it means Bernoulli.")
def refuses_once(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0, *, seen=[]):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses and recon_loss not in seen:
        seen.append(recon_loss)
        raise ValueError("recon_loss must be bernoulli, gaussian or laplace")
    recon, kl = losses.get(recon_loss, reconstruction_loss_bernoulli)(logits, x), kl_divergence(mu, logvar)
    return recon + beta * kl, recon, kl


@wrong_build("From the third call on each model begins with the weights of the second one.")
def begins_as_the_second_one(cfg, known={}):
    model = VAE(
        input_dim=cfg.input_dim,
        hidden_dim=cfg.hidden_dim,
        latent_dim=cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    begun = known.setdefault(tuple(p.shape for p in model.parameters()), [])
    begun.append([p.detach().clone() for p in model.parameters()])
    if len(begun) > 2:
        with torch.no_grad():
            for own, old in zip(model.parameters(), begun[1], strict=True):
                own.copy_(old)
    return model


# --- bounds, data and weights of the models themselves ---


@wrong_forward("The sample is drawn with a logvar that is cut off at 5, while the one that is returned is not.")
def samples_with_a_clamped_logvar(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar.clamp(-5.0, 5.0))
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("The sample is drawn around a mean that is cut off at 6, while the one that is returned is not.")
def samples_around_a_clamped_mean(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu.clamp(-6.0, 6.0), logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("Binary data are decoded from the mean instead of a sample.")
def decodes_the_mean_of_binary_data(self, x):
    mu, logvar = self.encode(x)
    z = mu if bool(((x == 0) | (x == 1)).all()) else self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_warmup_forward("The sample is drawn with a logvar that is cut off at 4, while the one that is returned is not.")
def samples_with_a_clamped_logvar_in_the_warm_up(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar.clamp(-4.0, 4.0))), mu, logvar


wrong_warmup_decode.edit(
    "weights_of_the_encoder",
    "The output layer has the weights of the encoder, transposed. Each network has layers of its own.",
    ("self.output(h)", "F.linear(h, self.hidden.weight.t(), self.output.bias)"),
)
wrong_warmup_init.edit(
    "seeds_torch_for_its_layers",
    "Torch's generator is seeded by the constructor, so that all models begin alike and the same noise follows.",
    ("self.hidden =", "torch.manual_seed(42)\nself.hidden ="),
)
wrong_warmup_init.edit(
    "begins_with_a_dead_decoder",
    "Both layers of the decoder begin with zeros, so that no gradient ever reaches their weights.",
    (
        "self.output = nn.Linear(hidden_dim, input_dim)",
        """self.output = nn.Linear(hidden_dim, input_dim)
for parameter in (*self.decoder_hidden.parameters(), self.output.weight):
    nn.init.zeros_(parameter)""",
    ),
)


# --- data outside of [0, 1] ---

wrong_elbo.edit(
    "clamps_the_data",
    "The data are clamped to 0 and 1, also for the likelihoods of real-valued data.",
    ("(logits, x)", "(logits, x.clamp(0.0, 1.0))"),
)


@wrong_loss("Data of large numbers are divided by 255. The loss takes the data as they are.")
def scales_data_above_one(output, x, recon_loss="bernoulli", beta=1.0):
    x = x / 255.0 if x.max() > 1.0 else x
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)


@wrong_forward(
    "Data of large numbers are divided by 255 before they are encoded. The model takes the data as they are."
)
def scales_data_above_one_in_forward(self, x):
    mu, logvar = self.encode(x / 255.0 if x.max() > 1.0 else x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_warmup_forward(
    "Data of large numbers are divided by 255 before they are encoded. The model takes the data as they are."
)
def scales_data_above_one_in_the_warm_up(self, x):
    mu, logvar = self.encode(x / 255.0 if x.max() > 1.0 else x)
    return self.decode(self.reparameterize(mu, logvar)), mu, logvar


# --- the warm-up's heads ---


@wrong_warmup_encode("Gradients are clipped to -1 and 1 on their way back into the encoder.")
def clips_the_gradients_of_its_heads(self, x):
    h = F.relu(self.hidden(x))
    mu, logvar = self.mu(h), self.logvar(h)
    for head in (mu, logvar):
        if head.requires_grad:
            head.register_hook(lambda gradient: gradient.clamp(-1, 1))
    return mu, logvar


@wrong_warmup_encode("The logvar head reads mu. Both heads read the hidden layer.")
def logvar_of_mu(self, x):
    mu = self.mu(F.relu(self.hidden(x)))
    return mu, F.linear(mu, self.logvar.weight[:, : mu.shape[1]], self.logvar.bias)
