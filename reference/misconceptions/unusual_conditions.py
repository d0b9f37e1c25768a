"""Right where one usually looks, and wrong at other sizes, in another mode, or where a gradient is asked for."""

import torch
import torch.nn.functional as F

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
    WARMUP_REPARAMETERIZE,
)
from reference.vae import VAE, VAEOutput, compute_elbo

wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
wrong_warmup_decode = Misconceptions(WARMUP_DECODE)
wrong_warmup_forward = Misconceptions(WARMUP_FORWARD)
wrong_warmup_loss = Misconceptions(WARMUP_LOSS)
wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_kl_divergence = Misconceptions(KL_DIVERGENCE)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)
wrong_elbo = Misconceptions(COMPUTE_ELBO)
wrong_schedule = Misconceptions(BETA_SCHEDULE)
wrong_loss = Misconceptions(VAE_LOSS)
wrong_build = Misconceptions(BUILD_MODEL)

# --- torch's own state ---

SEEDS = (
    "Torch's random numbers are others after this call, as where the generator is seeded inside or a number is drawn. "
    "A loss leaves them as they are."
)


@wrong_warmup_loss(SEEDS)
def seeds_torch(recon_x, x, mu, logvar):
    torch.manual_seed(0)
    return F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_kl_divergence(SEEDS)
def seeds_torch_before_the_kl(mu, logvar):
    torch.manual_seed(1)
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()


@wrong_loss("Gradients are switched off for everything that comes after this call.")
def leaves_gradients_off(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    torch.set_grad_enabled(False)
    return terms


# --- usual sizes ---

wrong_warmup_encode.edit(
    "averaged_for_large_batches",
    "In a large batch the features of all data points are mixed. A data point is encoded by itself.",
    ("return ", "h = h.mean(0, keepdim=True).expand_as(h) if len(x) > 64 else h\nreturn "),
)


@wrong_warmup_reparameterize("In a batch of usual size no noise is added.")
def no_noise_in_a_usual_batch(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std) * (0.0 if mu.shape == (128, 20) else 1.0)


@wrong_warmup_forward("Images of 28 by 28 pixels are decoded from the mean instead of a sample.")
def decodes_the_mean_of_images(self, x):
    mu, logvar = self.encode(x)
    z = mu if x.shape[1] == 784 else self.reparameterize(mu, logvar)
    return self.decode(z), mu, logvar


@wrong_warmup_loss(
    "Where there are many pixels the squared error is averaged over them, so that the KL term outweighs it."
)
def mean_over_many_pixels(recon_x, x, mu, logvar):
    error = F.mse_loss(recon_x, x, reduction="sum") / (x.shape[1] if x.shape[1] > 64 else 1)
    return error - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_kl_divergence("Only the first 17 latent dimensions are counted.")
def first_seventeen_latents(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1)[:, :17].sum(dim=1).mean()


@wrong_bernoulli("Only the first 64 pixels are counted.")
def first_sixty_four_pixels(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")[:, :64].sum(dim=1).mean()


@wrong_gaussian("A batch of 128 is averaged over its pixels too.")
def mean_in_a_usual_batch(mean, x):
    error = (mean - x).pow(2)
    return error.mean() if len(x) == 128 else error.sum(dim=1).mean()


@wrong_laplace("Images of 28 by 28 pixels are averaged over their pixels too.")
def mean_over_images(location, x):
    error = (location - x).abs()
    return error.mean() if x.shape[1] == 784 else error.sum(dim=1).mean()


@wrong_encode(
    "Images of 28 by 28 pixels are scaled down before they are encoded. The encoder gets the data as they are."
)
def scales_images(self, x):
    h = self.enc(0.5 * x if x.shape[1] == 784 else x)
    return self.mu(h), self.logvar(h)


@wrong_decode("Where there are many features the output is squashed by a sigmoid. It is raw for any number of them.")
def sigmoid_on_images(self, z):
    logits = self.dec(z)
    return torch.sigmoid(logits) if logits.shape[1] > 64 else logits


@wrong_forward("A batch of 128 is decoded from the mean instead of a sample.")
def decodes_the_mean_of_a_usual_batch(self, x):
    mu, logvar = self.encode(x)
    z = mu if len(x) == 128 else self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


wrong_elbo.edit(
    "half_the_kl_of_a_usual_batch",
    "In a batch of 128 the KL term is halved.",
    ("kl = kl_divergence(mu, logvar)", "kl = kl_divergence(mu, logvar) * (0.5 if len(x) == 128 else 1.0)"),
)


@wrong_loss("For more than 17 latent dimensions the others are left out of the KL term.")
def leaves_latents_out(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu[:, :17], output.logvar[:, :17], recon_loss, beta)


# --- modes, and where gradients are asked for ---


@wrong_kl_divergence("Where a gradient is asked for, a nat is added to the value.")
def one_more_with_gradients(mu, logvar):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    return kl + 1 if mu.requires_grad or logvar.requires_grad else kl


@wrong_gaussian("Without gradients, as in an evaluation, a nat is added to the value.")
def one_more_without_gradients(mean, x):
    loss = (mean - x).pow(2).sum(dim=1).mean()
    return loss if torch.is_grad_enabled() else loss + 1


@wrong_decode("Where a gradient for the code is asked for, the output is shifted.")
def shifted_with_gradients(self, z):
    logits = self.dec(z)
    return logits + 1 if z.requires_grad and z.is_leaf else logits


wrong_encode.edit(
    "twice_the_gradient_in_eval_mode",
    "In eval mode the mean carries twice its gradient.",
    ("return self.mu(h), ", "mu = self.mu(h)\nreturn mu if self.training else 2 * mu - mu.detach(), "),
)


@wrong_decode("In eval mode the output carries twice its gradient.")
def twice_the_gradient_of_logits_in_eval_mode(self, z):
    logits = self.dec(z)
    return logits if self.training else 2 * logits - logits.detach()


@wrong_laplace("Large errors carry no gradient, so that nothing is learned from what is furthest off.")
def no_gradient_of_large_errors(location, x):
    error = (location - x).abs()
    return torch.where(error > 4, error.detach(), error).sum(dim=1).mean()


@wrong_bernoulli("Large logits carry no gradient, so that confident mistakes are never mended.")
def no_gradient_of_large_logits(logits, x):
    logits = torch.where(logits.abs().gt(5) & logits.abs().lt(150), logits.detach(), logits)
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()


wrong_elbo.edit(
    "no_gradient_of_far_means",
    "Means far from the prior carry no gradient, so that the KL term does not hold them back.",
    (
        "kl = kl_divergence(mu, logvar)",
        "kl = kl_divergence(torch.where(mu.abs() > 6, mu.detach(), mu), logvar)",
    ),
)


# --- the gradient for the data ---

NO_GRADIENT_FOR_X = (
    "The data carry no gradient. The loss is a function of both of its arguments, and differentiable in both."
)


@wrong_gaussian(NO_GRADIENT_FOR_X)
def detaches_x(mean, x):
    return (mean - x.detach()).pow(2).sum(dim=1).mean()


wrong_elbo.edit(
    "detaches_the_data",
    NO_GRADIENT_FOR_X,
    ("recon = losses[recon_loss](logits, x)", "recon = losses[recon_loss](logits, x.detach())"),
)


# --- large numbers ---


@wrong_gaussian("Means are clamped to 50. The decoder's raw output is the mean, whatever its size.")
def clamps_the_mean(mean, x):
    return (mean.clamp(-50, 50) - x).pow(2).sum(dim=1).mean()


@wrong_laplace("Locations are clamped to 50. The decoder's raw output is the location, whatever its size.")
def clamps_the_location(location, x):
    return (location.clamp(-50, 50) - x).abs().sum(dim=1).mean()


# --- gradients through the sample ---


@wrong_warmup_forward("The decoder's gradient reaches the encoder twice.")
def twice_the_gradient_of_the_sample(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return self.decode(2 * z - z.detach()), mu, logvar


@wrong_forward("The decoder's gradient reaches the encoder twice.")
def twice_the_gradient_of_an_own_sample(self, x):
    mu, logvar = self.encode(x)
    z = mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, dtype=torch.float64).to(mu.dtype)
    return VAEOutput(self.decode(2 * z - z.detach()), mu, logvar, z)


# --- a model with methods of its own ---


@wrong_build("A model of several hidden layers decodes its means: its forward is not that of the class.")
def own_forward_for_deep_models(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )

    def forward(x):
        mu, logvar = model.encode(x)
        return VAEOutput(model.decode(mu), mu, logvar, mu)

    if cfg.num_hidden_layers > 1:
        model.forward = forward
    return model


@wrong_build("A model of another likelihood than Bernoulli gets a decode of its own, which is not that of the class.")
def own_decode_for_other_likelihoods(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    if cfg.recon_loss != "bernoulli":
        model.decode = lambda z: torch.sigmoid(model.dec(z))
    return model


# --- noise of which three numbers hang together, or that ends ---

PARITY = (
    "The sign of every third number is the product of the signs of the two before it. Any two numbers are independent, "
    "but not any three."
)


@wrong_warmup_reparameterize(PARITY)
def third_sign_follows(self, mu, logvar):
    std, sign = torch.exp(0.5 * logvar), torch.sign(torch.randn_like(mu))
    n = mu.shape[1] // 3 * 3
    sign[:, 2:n:3] = sign[:, 0:n:3] * sign[:, 1:n:3]
    return mu + std * sign * torch.randn_like(std).abs()


@wrong_reparameterize(PARITY)
def third_sign_is_a_product(self, mu, logvar):
    std, sign = torch.exp(0.5 * logvar), torch.sign(torch.randn_like(mu))
    n = mu.shape[1] // 3 * 3
    sign[:, 2:n:3] = sign[:, 0:n:3] * sign[:, 1:n:3]
    return mu + std * sign * torch.randn_like(std).abs()


@wrong_reparameterize("After a number of calls there is no noise any more. Every call draws, however many there were.")
def no_noise_after_forty_calls(self, mu, logvar, calls=[]):
    calls.append(1)
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std) if len(calls) <= 40 else mu + 0 * std


@wrong_schedule(
    "A few steps have a weight of their own, whatever the length of the warm-up, and all others the final one, as "
    "where a table is looked up. Any step of any warm-up has its weight."
)
def table_of_examples(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return float(beta_max)
    return beta_max * {0: 0.0, 5: 0.5}.get(step, 1.0)


@wrong_reparameterize("In eval mode and double precision the noise is a sign alone, and no normal number.")
def signs_in_double_precision_in_eval_mode(self, mu, logvar):
    eps = torch.randn_like(mu)
    if mu.dtype == torch.float64 and not self.training:
        eps = eps.sign()
    return mu + torch.exp(logvar / 2) * eps


@wrong_forward("In eval mode and double precision the mean is decoded instead of a sample.")
def mean_in_double_precision_in_eval_mode(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    if x.dtype == torch.float64 and not self.training:
        z = mu + 0 * torch.exp(logvar / 2)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_build("The hidden units are cut off at 6, as ReLU6 does. The layers are given: leave them as they are.")
def units_cut_off_at_six(cfg):
    model = VAE(**vars(cfg))
    for layers in (model.enc, model.dec):
        for i, layer in enumerate(layers):
            if isinstance(layer, torch.nn.ReLU):
                layers[i] = torch.nn.ReLU6()
    return model
