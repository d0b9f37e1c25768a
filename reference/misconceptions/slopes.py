"""Right values with wrong gradients: of the other sign, averaged over the batch, for what has no part in them."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    DECODE,
    ENCODE,
    FORWARD,
    REPARAMETERIZE,
    VAE_LOSS,
    WARMUP_DECODE,
    WARMUP_ENCODE,
    WARMUP_FORWARD,
    WARMUP_REPARAMETERIZE,
)
from reference.vae import VAEOutput, compute_elbo

wrong_warmup_encode = Misconceptions(WARMUP_ENCODE)
wrong_warmup_reparameterize = Misconceptions(WARMUP_REPARAMETERIZE)
wrong_warmup_decode = Misconceptions(WARMUP_DECODE)
wrong_warmup_forward = Misconceptions(WARMUP_FORWARD)
wrong_encode = Misconceptions(ENCODE)
wrong_reparameterize = Misconceptions(REPARAMETERIZE)
wrong_decode = Misconceptions(DECODE)
wrong_forward = Misconceptions(FORWARD)
wrong_loss = Misconceptions(VAE_LOSS)

OTHER_SIGN = "The gradients have the other sign: training goes uphill."
AVERAGED = "Each row of a batch gets the gradient of their average. Rows have nothing to do with each other."


@wrong_warmup_encode(OTHER_SIGN)
def gradients_of_the_heads_with_the_other_sign(self, x):
    h = F.relu(self.hidden(x))
    mu, logvar = self.mu(h), self.logvar(h)
    return 2 * mu.detach() - mu, 2 * logvar.detach() - logvar


@wrong_warmup_decode(OTHER_SIGN)
def gradients_of_the_output_with_the_other_sign(self, z):
    recon_x = torch.sigmoid(self.output(F.relu(self.decoder_hidden(z))))
    return 2 * recon_x.detach() - recon_x


@wrong_warmup_forward("The data are detached before they are encoded, so that no gradient arrives at them.")
def data_detached_in_the_warm_up(self, x):
    mu, logvar = self.encode(x.detach())
    return self.decode(self.reparameterize(mu, logvar)), mu, logvar


@wrong_encode(AVERAGED)
def averaged_gradients_of_the_heads(self, x):
    h = self.enc(x)
    mu, logvar = self.mu(h), self.logvar(h)
    for head in (mu, logvar):
        if head.requires_grad:
            head.register_hook(lambda gradient: gradient.mean(0, keepdim=True).expand_as(gradient))
    return mu, logvar


@wrong_decode(AVERAGED)
def averaged_gradients_of_the_output(self, z):
    logits = self.dec(z)
    if logits.requires_grad:
        logits.register_hook(lambda gradient: gradient.mean(0, keepdim=True).expand_as(gradient))
    return logits


@wrong_reparameterize(AVERAGED)
def averaged_gradients_of_the_sample(self, mu, logvar):
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    if z.requires_grad and len(z) > 16:
        z.register_hook(lambda gradient: gradient.mean(0, keepdim=True).expand_as(gradient))
    return z


@wrong_loss("The loss has a gradient for z, of which it is no function: a term of value zero is added to the logits.")
def gradient_for_the_sample(output, x, recon_loss="bernoulli", beta=1.0):
    logits = output.logits + (output.z - output.z.detach()).sum()
    return compute_elbo(x, logits, output.mu, output.logvar, recon_loss, beta)


# --- noise in some circumstance alone ---

FAR = "Where the mean is far from 0 there is no noise. The variance does not depend on the mean."


@wrong_reparameterize(FAR)
def no_noise_far_from_zero(self, mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) * (mu.abs() < 12)


@wrong_warmup_reparameterize(FAR)
def no_noise_far_from_zero_in_the_warm_up(self, mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) * (mu.abs() < 12)


@wrong_reparameterize("In batches of some thousand there is no noise.")
def no_noise_in_thousands(self, mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu) * (not 2_000 < len(mu) < 8_000)


@wrong_forward("In double precision only half of the noise is left.")
def half_of_the_noise_in_double_precision(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    z = mu + 0.5 * (z - mu) if x.dtype == torch.float64 else z
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_forward("In batches of some thousand only half of the noise is left.")
def half_of_the_noise_in_thousands(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    z = mu + 0.5 * (z - mu) if len(x) > 2_000 else z
    return VAEOutput(self.decode(z), mu, logvar, z)


@wrong_warmup_forward("Where there are many latent dimensions the mean is decoded, and no sample.")
def means_of_many_codes(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return self.decode(mu if mu.shape[1] > 20 else z), mu, logvar


@wrong_forward("What is added to the mean is detached, so that no gradient of the sample arrives at the log-variance.")
def noise_of_its_own_with_a_detached_sigma(self, x):
    mu, logvar = self.encode(x)
    z = mu + torch.exp(0.5 * logvar).detach() * torch.randn_like(mu)
    return VAEOutput(self.decode(z), mu, logvar, z)
