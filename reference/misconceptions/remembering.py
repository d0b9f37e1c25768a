"""Functions that remember: an earlier call decides what a later one gives."""

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

CACHED = "The result of an earlier call comes back for later ones of its size, whatever their numbers are."

wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_decode = Misconceptions(WARMUP_DECODE)
wrong_warmup_loss = Misconceptions(WARMUP_LOSS)
wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_kl_divergence = Misconceptions(KL_DIVERGENCE)
wrong_bernoulli = Misconceptions(BERNOULLI)
wrong_gaussian = Misconceptions(GAUSSIAN)
wrong_laplace = Misconceptions(LAPLACE)
wrong_compute_elbo = Misconceptions(COMPUTE_ELBO)
wrong_beta_schedule = Misconceptions(BETA_SCHEDULE)
wrong_vae_loss = Misconceptions(VAE_LOSS)
wrong_build_model = Misconceptions(BUILD_MODEL)


@wrong_warmup_encode(
    "What was computed of an earlier batch comes back for later ones of its size, whatever the data are."
)
def features_cached_by_batch_size(self, x):
    if not hasattr(self, "cache"):
        self.cache = {}
    h = self.cache.setdefault((len(x), x.dtype), F.relu(self.hidden(x)))
    return self.mu(h), self.logvar(h)


@wrong_warmup_decode(CACHED)
def decoded_once(self, z):
    if not hasattr(self, "cache"):
        self.cache = {}
    return self.cache.setdefault((len(z), z.dtype), torch.sigmoid(self.output(F.relu(self.decoder_hidden(z)))))


@wrong_warmup_loss(CACHED)
def loss_cached_by_batch_size(recon_x, x, mu, logvar, cache={}):
    loss = F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return cache.setdefault((len(x), x.shape[1], x.dtype), loss)


@wrong_warmup_loss(
    "The KL term of the first batch is added to every later loss, whatever its mean and log-variance are."
)
def kl_of_the_first_call(recon_x, x, mu, logvar, first=[]):
    first.append(-0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()))
    kl = first[0] if first[0].dtype == x.dtype else first[-1]
    return F.mse_loss(recon_x, x, reduction="sum") + kl


@wrong_encode("What was computed of an earlier batch comes back for later ones of its size, whatever the data are.")
def features_cached(self, x):
    if not hasattr(self, "cache"):
        self.cache = {}
    h = self.cache.setdefault((len(x), x.dtype), self.enc(x))
    return self.mu(h), self.logvar(h)


@wrong_reparameterize(
    "The scale of the first call is kept for all later ones of its shape: their log-variance has no say."
)
def scale_of_the_first_call(self, mu, logvar):
    if not hasattr(self, "scales"):
        self.scales = {}
    std = self.scales.setdefault((mu.shape, mu.dtype), torch.exp(0.5 * logvar))
    return mu + std * torch.randn_like(mu)


@wrong_decode(CACHED)
def decoded_cached(self, z):
    if not hasattr(self, "cache"):
        self.cache = {}
    return self.cache.setdefault((len(z), z.dtype), self.dec(z))


@wrong_forward("Mean and log-variance of an earlier batch come back for later ones of its size, whatever the data are.")
def posterior_cached(self, x):
    if not hasattr(self, "cache"):
        self.cache = {}
    mu, logvar = self.cache.setdefault((len(x), x.dtype), self.encode(x))
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_kl_divergence(CACHED)
def cached_by_shape(mu, logvar, cache={}):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    return cache.setdefault((mu.shape, mu.dtype), kl)


@wrong_kl_divergence(
    "After a number of calls you return what an earlier one gave. A function has no memory of its calls."
)
def stops_after_nine_calls(mu, logvar, given=[]):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
    if len(given) < 9:
        given.append(kl)
        return kl
    return given[-1].to(mu.dtype)


@wrong_bernoulli(CACHED)
def cached_by_batch_size(logits, x, cache={}):
    loss = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()
    return cache.setdefault((x.shape, x.dtype), loss)


@wrong_gaussian("The data of the first batch are kept, and every later one of its shape is held against them.")
def data_of_the_first_call(mean, x, seen={}):
    x = seen.setdefault((x.shape, x.dtype), x.clone())
    return (mean - x).pow(2).sum(dim=1).mean()


@wrong_laplace("You return the average of all losses so far. A function has no memory of its calls.")
def running_average(location, x, losses=[]):
    losses.append((location - x).abs().sum(dim=1).mean())
    return torch.stack([loss.to(x.dtype) for loss in losses]).mean()


@wrong_compute_elbo("The weight of the first call is kept for all later ones, so that no schedule has an effect.")
def beta_of_the_first_call(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0, kept=[]):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be bernoulli, gaussian or laplace, not {recon_loss!r}")
    kept.append(beta)
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
    return ElboTerms(recon + kept[0] * kl, recon, kl)


@wrong_compute_elbo(
    "The likelihood of the first call is kept for all later ones: another name is accepted and not heeded."
)
def likelihood_of_the_first_call(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0, kept=[]):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss must be bernoulli, gaussian or laplace, not {recon_loss!r}")
    kept.append(losses[recon_loss])
    recon, kl = kept[0](logits, x), kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@wrong_beta_schedule(
    "The slope of the first warm-up is kept for all later ones, so another length or final weight has no effect."
)
def slope_of_the_first_call(step, warmup_steps, beta_max=1.0, slopes=[]):
    if warmup_steps <= 0:
        return float(beta_max)
    slopes.append(beta_max / warmup_steps)
    return min(slopes[0] * step, beta_max)


@wrong_vae_loss("The weight of the first call is kept for all later ones, so that no schedule has an effect.")
def weight_of_the_first_call(output, x, recon_loss="bernoulli", beta=1.0, kept=[]):
    kept.append(beta)
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, kept[0])


@wrong_vae_loss(CACHED)
def terms_cached_by_shape(output, x, recon_loss="bernoulli", beta=1.0, cache={}):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return cache.setdefault((x.shape, x.dtype, recon_loss, beta), terms)


@wrong_build_model("The likelihood of the first configuration is kept for all later models, whatever theirs says.")
def likelihood_of_the_first_model(cfg, kept=[]):
    kept.append(cfg.recon_loss)
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=kept[0],
        beta=cfg.beta,
    )


@wrong_build_model("All models of a configuration have one decoder between them: to train one changes the others.")
def shared_decoder(cfg, decoders={}):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.dec = decoders.setdefault(cfg, model.dec)
    for layer in model.dec[::2]:
        layer.reset_parameters()
    return model


LATEST = "The default is what the latest model was made with, and not what the signature says."


@wrong_compute_elbo(LATEST)
def weight_of_the_latest_model(x, logits, mu, logvar, recon_loss="bernoulli", beta=None):
    if beta is None:
        import gc

        models = [found for found in gc.get_objects() if type(found) is VAE]
        beta = models[-1].beta if models else 1.0
    if recon_loss == "bernoulli":
        recon = reconstruction_loss_bernoulli(logits, x)
    elif recon_loss == "gaussian":
        recon = reconstruction_loss_gaussian(logits, x)
    elif recon_loss == "laplace":
        recon = reconstruction_loss_laplace(logits, x)
    else:
        raise ValueError(f"unknown recon_loss {recon_loss!r}: expected one of bernoulli, gaussian, laplace")
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@wrong_vae_loss(LATEST)
def likelihood_of_the_latest_model(output, x, recon_loss=None, beta=1.0):
    if recon_loss is None:
        import gc

        models = [found for found in gc.get_objects() if type(found) is VAE]
        recon_loss = models[-1].recon_loss if models else "bernoulli"
    return compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)


@wrong_beta_schedule(LATEST)
def final_weight_of_the_latest_model(step, warmup_steps, beta_max=None):
    if beta_max is None:
        import gc

        models = [found for found in gc.get_objects() if type(found) is VAE]
        beta_max = models[-1].beta if models else 1.0
    if warmup_steps <= 0:
        return float(beta_max)
    return float(beta_max * min(1.0, step / warmup_steps))
