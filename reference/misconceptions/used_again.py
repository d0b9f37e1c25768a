"""Right for tensors that are new or have changed; wrong for the very same ones again, while all else is otherwise."""

import torch
import torch.nn.functional as F

from grading.catalogue import Misconceptions
from reference.tasks import (
    BERNOULLI,
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
from reference.vae import (
    ElboTerms,
    VAEOutput,
    compute_elbo,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

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
wrong_loss = Misconceptions(VAE_LOSS)

WEIGHTS = (
    "What was computed for a tensor is returned again when the very same one comes, although the weights have changed "
    "between: a batch that is used again gets the answer of an earlier network."
)
GRAPH = (
    "What was computed for a tensor is returned again when the very same one comes, with the graph that an earlier "
    "backward pass has used up."
)
NOISE = "The noise is drawn once for a tensor: the very same one gets the very same sample again."
WEIGHT = "What was computed for a tensor is returned again when the very same one comes, whatever beta is then."


@wrong_warmup_encode(WEIGHTS)
def encoded_once_for_x(self, x):
    key = id(x), 0 if x.is_inference() else x._version
    if self.__dict__.get("encoded_for") != key:
        h = F.relu(self.hidden(x))
        self.encoded_for, self.encoded = key, (x, (self.mu(h), self.logvar(h)))
    return self.encoded[1]


@wrong_warmup_reparameterize(NOISE)
def drawn_once_for_mu(self, mu, logvar):
    key = id(mu), 0 if mu.is_inference() else mu._version
    if self.__dict__.get("drawn_for") != key:
        self.drawn_for, self.drawn = key, (mu, torch.randn_like(mu))
    return mu + torch.exp(0.5 * logvar) * self.drawn[1]


@wrong_warmup_decode(WEIGHTS)
def decoded_once_for_z(self, z):
    key = id(z), 0 if z.is_inference() else z._version
    if self.__dict__.get("decoded_for") != key:
        self.decoded_for, self.decoded = key, (z, torch.sigmoid(self.output(F.relu(self.decoder_hidden(z)))))
    return self.decoded[1]


@wrong_warmup_loss(GRAPH)
def warmup_loss_once_for_its_tensors(recon_x, x, mu, logvar, kept={}):
    key = [(id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in (recon_x, x, mu, logvar)]
    if kept.get("key") != key:
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        kept.update(key=key, tensors=(recon_x, x, mu, logvar), answer=F.mse_loss(recon_x, x, reduction="sum") + kl)
    return kept["answer"]


@wrong_encode(WEIGHTS)
def encodes_x_once(self, x):
    key = id(x), 0 if x.is_inference() else x._version
    if self.__dict__.get("encoded_for") != key:
        h = self.enc(x)
        self.encoded_for, self.encoded = key, (x, (self.mu(h), self.logvar(h)))
    return self.encoded[1]


@wrong_reparameterize(NOISE)
def draws_once_for_mu(self, mu, logvar):
    key = id(mu), 0 if mu.is_inference() else mu._version
    if self.__dict__.get("drawn_for") != key:
        self.drawn_for, self.drawn = key, (mu, torch.randn_like(mu))
    return mu + torch.exp(0.5 * logvar) * self.drawn[1]


@wrong_decode(WEIGHTS)
def decodes_z_once(self, z):
    key = id(z), 0 if z.is_inference() else z._version
    if self.__dict__.get("decoded_for") != key:
        self.decoded_for, self.decoded = key, (z, self.dec(z))
    return self.decoded[1]


@wrong_forward(WEIGHTS)
def passes_x_once(self, x):
    key = id(x), 0 if x.is_inference() else x._version
    if self.__dict__.get("passed_for") != key:
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        self.passed_for, self.passed = key, (x, VAEOutput(self.decode(z), mu, logvar, z))
    return self.passed[1]


@wrong_kl(GRAPH)
def kl_once_for_mu_and_logvar(mu, logvar, kept={}):
    key = [(id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in (mu, logvar)]
    if kept.get("key") != key:
        kept.update(
            key=key, tensors=(mu, logvar), answer=0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()
        )
    return kept["answer"]


@wrong_bernoulli(GRAPH)
def bernoulli_once_for_its_tensors(logits, x, kept={}):
    key = [(id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in (logits, x)]
    if kept.get("key") != key:
        kept.update(
            key=key, tensors=(logits, x), answer=F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        )
    return kept["answer"]


@wrong_gaussian(GRAPH)
def gaussian_once_for_its_tensors(mean, x, kept={}):
    key = [(id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in (mean, x)]
    if kept.get("key") != key:
        kept.update(key=key, tensors=(mean, x), answer=(mean - x).pow(2).sum(dim=1).mean())
    return kept["answer"]


@wrong_laplace(GRAPH)
def laplace_once_for_its_tensors(location, x, kept={}):
    key = [(id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in (location, x)]
    if kept.get("key") != key:
        kept.update(key=key, tensors=(location, x), answer=(location - x).abs().sum(dim=1).mean())
    return kept["answer"]


@wrong_elbo(WEIGHT)
def terms_once_for_these_tensors(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0, kept={}):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"unknown recon_loss {recon_loss!r}: expected one of bernoulli, gaussian, laplace")
    tensors = x, logits, mu, logvar
    key = [recon_loss, *((id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in tensors)]
    if kept.get("key") != key:
        recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
        kept.update(key=key, tensors=tensors, answer=ElboTerms(recon + beta * kl, recon, kl))
    return kept["answer"]


@wrong_loss(WEIGHT)
def loss_once_for_an_output(output, x, recon_loss="bernoulli", beta=1.0, kept={}):
    tensors = x, *output
    key = [recon_loss, *((id(tensor), 0 if tensor.is_inference() else tensor._version) for tensor in tensors)]
    if kept.get("key") != key:
        terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta)
        kept.update(key=key, tensors=tensors, answer=terms)
    return kept["answer"]
