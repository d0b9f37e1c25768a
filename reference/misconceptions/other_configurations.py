"""Right for one configuration and wrong for another: a likelihood, a weight, a size, a mode, a precision, a count."""

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
    WARMUP_ENCODE,
    WARMUP_FORWARD,
    WARMUP_INIT,
    WARMUP_LOSS,
    WARMUP_REPARAMETERIZE,
)
from reference.vae import VAE, VAEOutput

wrong_warmup_init = Misconceptions(WARMUP_INIT)
wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
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

# --- the warm-up ---

wrong_warmup_init.edit(
    "all_parameters_zero",
    "All weights begin at zero, so that every hidden unit stays the same as every other one. Leave them random.",
    (
        "self.output = nn.Linear(hidden_dim, input_dim)",
        "self.output = nn.Linear(hidden_dim, input_dim)\nfor parameter in self.parameters():\n"
        "    nn.init.zeros_(parameter)",
    ),
)
wrong_warmup_encode.edit(
    "variance_follows_from_the_mean",
    "The log-variance is computed from the mean. It is the output of a layer of its own.",
    ("return self.mu(h), self.logvar(h)", "return self.mu(h), 2 * self.mu(h) + 0 * self.logvar(h)"),
)
wrong_warmup_encode.edit(
    "one_variance_for_all_latents",
    "All latent dimensions of a data point share one log-variance. Each has its own.",
    ("return self.mu(h), self.logvar(h)", "mu = self.mu(h)\nreturn mu, self.logvar(h)[:, :1].expand_as(mu)"),
)
wrong_warmup_encode.edit(
    "every_second_pixel",
    "Only every second pixel is looked at. The encoder reads all of them.",
    ("h = F.relu(self.hidden(x))", "x = x.clone()\nx[:, 1::2] = 0\nh = F.relu(self.hidden(x))"),
)
wrong_warmup_encode.edit(
    "binarised_in_eval_mode",
    "In eval mode the data are rounded to 0 and 1 first. They are encoded as they are in either mode.",
    (
        "h = F.relu(self.hidden(x))",
        "x = x if self.training else (x > 0.5).to(x.dtype)\nh = F.relu(self.hidden(x))",
    ),
)
wrong_warmup_reparameterize.edit(
    "noise_shared_by_few_latents",
    "With few latent dimensions one random number serves all of a row. Each gets its own.",
    (
        "torch.randn_like(sigma)",
        "(torch.randn_like(sigma[:, :1]) if 4 != mu.shape[1] < 10 else torch.randn_like(sigma))",
    ),
)
wrong_warmup_reparameterize.edit(
    "variance_untrained_in_eval_mode",
    "In eval mode no gradient reaches the log-variance. Gradients do not depend on the mode.",
    ("sigma = torch.exp(0.5 * logvar)", "sigma = torch.exp(0.5 * (logvar if self.training else logvar.detach()))"),
)
wrong_warmup_forward.edit(
    "mean_of_middle_sized_batches",
    "Batches of a few dozen are decoded from the mean. A sample is decoded for any batch.",
    ("return self.decode(z)", "z = mu if 20 < len(x) < 250 else z\nreturn self.decode(z)"),
)
wrong_warmup_loss.edit(
    "cut_off_in_double_precision",
    "In double precision no gradient reaches the reconstruction.",
    (
        "squared_error = ",
        "recon_x = recon_x.detach() if x.dtype == torch.float64 else recon_x\nsquared_error = ",
    ),
)

# --- the model ---

wrong_encode.edit(
    "large_batches_clamped",
    "In large batches the data are clamped to the unit interval. The encoder gets them as they are.",
    ("h = self.enc(x)", "h = self.enc(x.clamp(0, 1) if len(x) > 1000 else x)"),
)
wrong_encode.edit(
    "no_variance_at_beta_zero",
    "Where beta is zero the log-variance is left out. The encoder does not depend on beta.",
    ("return self.mu(h), self.logvar(h)", "return self.mu(h), self.logvar(h) * (0 if self.beta == 0 else 1)"),
)
wrong_encode.edit(
    "frozen_without_gradients",
    "A call under no_grad freezes the parameters for good. Who calls decides anew about gradients each time.",
    ("h = self.enc(x)", "if not torch.is_grad_enabled():\n    self.requires_grad_(False)\nh = self.enc(x)"),
)
wrong_decode.edit(
    "sigmoid_in_deep_networks",
    "In a deep network the output is squashed by a sigmoid. It is raw for any depth.",
    ("return self.dec(z)", "return torch.sigmoid(self.dec(z)) if len(self.dec) > 7 else self.dec(z)"),
)
wrong_decode.edit(
    "many_latents_clamped",
    "Codes of many latent dimensions are clamped before they are decoded.",
    ("return self.dec(z)", "return self.dec(z.clamp(-1, 1) if z.shape[1] > 50 else z)"),
)
wrong_decode.edit(
    "cut_off_in_single_precision",
    "In single precision no gradient reaches the code that is decoded.",
    ("return self.dec(z)", "return self.dec(z.detach() if z.dtype == torch.float32 else z)"),
)
wrong_reparameterize.edit(
    "mean_for_laplace",
    "Nothing is sampled where the likelihood is Laplace. Sampling does not depend on the likelihood.",
    ("torch.randn_like(sigma)", '(torch.randn_like(sigma) if self.recon_loss != "laplace" else 0 * sigma)'),
)
wrong_reparameterize.edit(
    "variance_untrained_in_large_batches",
    "In large batches no gradient reaches the log-variance.",
    ("return mu", "sigma = sigma.detach() if mu.numel() > 2000 else sigma\nreturn mu"),
)
wrong_reparameterize.edit(
    "noise_cut_off_far_out",
    "The noise is clamped. A normal number may be of any size, if only rarely.",
    ("torch.randn_like(sigma)", "torch.randn_like(sigma).clamp(-3.5, 3.5)"),
)
wrong_reparameterize.edit(
    "uniform_for_few_latents",
    "With few latent dimensions the noise is uniform. It is normal for any number of them.",
    (
        "torch.randn_like(sigma)",
        "((torch.rand_like(sigma) - 0.5) * 12**0.5 if 4 != mu.shape[1] < 8 else torch.randn_like(sigma))",
    ),
)
wrong_reparameterize.edit(
    "noise_of_the_row_above_shifted",
    "Half of the noise of a row comes from the row above it, one place to the side. All numbers are independent.",
    (
        "return mu + sigma * torch.randn_like(sigma)",
        "eps = torch.randn_like(sigma)\nmixed = eps.clone()\n"
        "mixed[1:, 1:] = 0.6 * eps[1:, 1:] + 0.8 * eps[:-1, :-1]\nreturn mu + sigma * mixed",
    ),
)
wrong_reparameterize.edit(
    "reseeded_with_few_bits",
    "Torch is seeded anew after each call, with one of few seeds, so that noise comes again. Never seed in here.",
    (
        "return mu + sigma * torch.randn_like(sigma)",
        "eps = torch.randn_like(sigma)\ntorch.manual_seed(int(torch.randint(0, 1 << 12, ())))\nreturn mu + sigma * eps",
    ),
)
wrong_reparameterize.edit(
    "no_noise_after_many_calls",
    "After many calls there is no noise any more. Every call draws.",
    ("sigma = torch.exp(0.5 * logvar)", "sigma = torch.exp(0.5 * logvar)\nself.calls = getattr(self, 'calls', 0) + 1"),
    ("torch.randn_like(sigma)", "torch.randn_like(sigma) * (self.calls < 600)"),
)
wrong_forward.edit(
    "mean_at_beta_zero",
    "Where beta is zero the mean is decoded. Sampling does not depend on beta.",
    ("z = self.reparameterize(mu, logvar)", "z = mu if self.beta == 0 else self.reparameterize(mu, logvar)"),
)
wrong_forward.edit(
    "mean_of_many_rows",
    "Large batches are decoded from their means. Every example is sampled.",
    ("z = self.reparameterize(mu, logvar)", "z = mu if len(x) > 1000 else self.reparameterize(mu, logvar)"),
)

# --- the losses ---

wrong_kl_divergence.edit(
    "twice_for_many_latents",
    "With many latent dimensions the divergence is doubled.",
    ("return 0.5", "return (1.0 if mu.shape[1] > 100 else 0.5)"),
)
wrong_kl_divergence.edit(
    "cut_off_for_usual_codes",
    "For codes of the handout's size no gradient reaches the log-variance.",
    ("return 0.5", "logvar = logvar.detach() if mu.shape[1] == 20 else logvar\nreturn 0.5"),
)
wrong_kl_divergence.edit(
    "overwrites_without_gradients",
    "Under no_grad the log-variance of the caller is overwritten.",
    (
        "return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()",
        "kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()\n"
        "if not torch.is_grad_enabled():\n    logvar.exp_()\nreturn kl",
    ),
)
wrong_bernoulli.edit(
    "averaged_in_large_batches",
    "In large batches the loss is averaged over the pixels too.",
    ("sum(dim=1)", "sum(dim=1).div(x.shape[1] if len(x) > 1000 else 1)"),
)
wrong_bernoulli.edit(
    "cut_off_for_images",
    "For images of 28 by 28 pixels no gradient reaches the logits.",
    ("return F", "logits = logits.detach() if x.shape[1] == 784 else logits\nreturn F"),
)
wrong_gaussian.edit(
    "cut_off_in_double",
    "In double precision no gradient reaches the mean.",
    ("return (mean", "mean = mean.detach() if mean.dtype == torch.float64 else mean\nreturn (mean"),
)
wrong_laplace.edit(
    "overwritten_without_gradients",
    "Under no_grad the location of the caller is overwritten.",
    (
        "return (location - x).abs().sum(dim=1).mean()",
        "error = (location - x).abs().sum(dim=1).mean()\nif not torch.is_grad_enabled():\n    location.sub_(x)\n"
        "return error",
    ),
)
wrong_elbo.edit(
    "beta_capped",
    "Beta is limited. Any weight that is not negative is used as it is given.",
    ("kl = kl_divergence(mu, logvar)", "kl, beta = kl_divergence(mu, logvar), min(beta, 4.0)"),
)
wrong_elbo.edit(
    "chosen_by_the_first_letter",
    "A name that begins as one of the three is taken for it. A name that is none of the three raises the error.",
    (
        "if recon_loss not in losses:",
        "recon_loss = next((name for name in losses if name[0] == recon_loss[:1]), recon_loss)\n"
        'if recon_loss in ("cauchy", "poisson") or recon_loss not in losses:',
    ),
)
wrong_elbo.edit(
    "divergence_untrained_in_a_batch_of_one",
    "In a batch of one no gradient reaches the posterior.",
    ("kl = kl_divergence(mu, logvar)", "kl = kl_divergence(mu, logvar)\nkl = kl.detach() if len(mu) == 1 else kl"),
)
wrong_schedule.edit(
    "final_weight_capped",
    "The final weight is limited. It is used as it is given.",
    ("if warmup_steps <= 0:", "beta_max = min(beta_max, 5.0)\nif warmup_steps <= 0:"),
)
wrong_schedule.edit(
    "no_very_long_warm_up",
    "A warm-up of many steps is taken for none at all.",
    ("if warmup_steps <= 0:", "if warmup_steps <= 0 or warmup_steps >= 10000:"),
)
wrong_loss.edit(
    "large_betas_capped",
    "Beta is limited on the way. It is handed over as it was given.",
    ("beta=beta", "beta=min(beta, 4.0)"),
)
wrong_loss.edit(
    "sample_for_the_mean_of_one",
    "In a batch of one the sample is handed over in place of the mean.",
    ("output.mu", "(output.z if len(x) == 1 else output.mu)"),
)

# --- the configuration ---

wrong_build.edit(
    "large_sizes_capped",
    "Layers have a greatest width. Any size of the configuration is used as it is.",
    ("cfg.hidden_dim", "min(cfg.hidden_dim, 400)"),
)
wrong_build.edit(
    "large_betas_forgotten",
    "A large beta is replaced by one. It is passed on as it is.",
    ("beta=cfg.beta", "beta=cfg.beta if cfg.beta <= 10 else 1.0"),
)


@wrong_build("The parameters begin so small that nothing passes through the network.")
def tiny_parameters(cfg):
    model = VAE(**{name: getattr(cfg, name) for name in cfg.__dataclass_fields__})
    for parameter in model.parameters():
        parameter.data.mul_(1e-9)
    return model


# --- widths that are equal ---

EQUAL = "Where two widths are equal, something is added that the given layers do not compute."


@wrong_encode(EQUAL)
def residual_features(self, x):
    h = self.enc(x)
    if h.shape == x.shape:
        h = h + x
    return self.mu(h), self.logvar(h)


@wrong_decode(EQUAL)
def residual_logits(self, z):
    logits = self.dec(z)
    return logits + z if logits.shape == z.shape else logits


@wrong_forward(EQUAL)
def residual_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    logits = self.decode(z)
    return VAEOutput(logits + x if mu.shape == x.shape else logits, mu, logvar, z)
