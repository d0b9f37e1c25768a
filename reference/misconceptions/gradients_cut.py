"""Right numbers of which one does not carry the gradient that it should, beside others that do."""

import torch

from grading.catalogue import Misconceptions
from reference.tasks import BUILD_MODEL, FORWARD, VAE_LOSS, WARMUP_FORWARD
from reference.vae import VAE, ElboTerms, VAEOutput, compute_elbo

wrong_forward = Misconceptions(FORWARD)
wrong_loss = Misconceptions(VAE_LOSS)
wrong_build = Misconceptions(BUILD_MODEL)
wrong_warmup_forward = Misconceptions(WARMUP_FORWARD)


@wrong_forward(
    "The code that you return carries no gradient, although the one that you decode does. A loss on the code could not "
    "train the encoder."
)
def returns_detached_code(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z.detach())


@wrong_forward(
    "The code carries only half of its gradient: part of it is detached, and the encoder learns at half its pace."
)
def half_of_the_gradient(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    z = 0.5 * z + 0.5 * z.detach()
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("The log-variance that you return carries no gradient, so the KL term cannot shape it.")
def returns_detached_logvar(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar.detach(), z)


@wrong_forward("The mean that you return carries no gradient, so the KL term cannot shape it.")
def returns_detached_mean(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu.detach(), logvar, z)


@wrong_loss("The reconstruction term beside your loss carries no gradient. Each of the three numbers does.")
def detached_reconstruction(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(terms.loss, terms.recon.detach(), terms.kl)


@wrong_loss("The KL term beside your loss carries no gradient. Each of the three numbers does.")
def detached_kl(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(terms.loss, terms.recon, terms.kl.detach())


@wrong_loss("Under a Laplace likelihood your loss carries no gradient at all: nothing can be trained with it.")
def laplace_loss_detached(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(*(term.detach() for term in terms)) if recon_loss == "laplace" else terms


@wrong_loss("The terms beside your loss carry a gradient under a Gaussian likelihood alone, and not under the others.")
def terms_detached_but_for_gaussian(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(loss, recon, kl) if recon_loss == "gaussian" else ElboTerms(loss, recon.detach(), kl.detach())


@wrong_loss("Both terms beside your loss carry no gradient, so nobody can train with another weight.")
def detached_terms(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return loss, recon.detach(), kl.detach()


@wrong_build("The model is frozen: none of its parameters takes a gradient, so it cannot be trained.")
def frozen(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    ).requires_grad_(False)


@wrong_build("The encoder is frozen, so that only the heads and the decoder could be trained.")
def frozen_encoder(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.enc.requires_grad_(False)
    return model


@wrong_build("The biases are frozen: they take no gradient and keep their first values.")
def frozen_biases(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.endswith("bias"))
    return model


@wrong_build("The head of the log-variance is frozen: its weights take no gradient, training leaves them as they are.")
def frozen_head(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.logvar.requires_grad_(False)
    return model


@wrong_warmup_forward("The mean that you return carries no gradient, so the KL term cannot shape it.")
def detached_mean(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar)), mu.detach(), logvar


@wrong_warmup_forward("The log-variance that you return carries no gradient, so the KL term cannot shape it.")
def detached_logvar(self, x):
    mu, logvar = self.encode(x)
    return self.decode(self.reparameterize(mu, logvar)), mu, logvar.detach()


@wrong_warmup_forward("The mean and the log-variance that you return carry no gradient, so the KL term trains nothing.")
def posterior_without_gradient(self, x):
    recon_x = self.decode(self.reparameterize(*self.encode(x)))
    with torch.no_grad():
        mu, logvar = self.encode(x)
    return recon_x, mu, logvar
