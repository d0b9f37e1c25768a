"""A part that cannot be used costs itself alone: who calls it is judged with the solution's part in its place."""

import pytest
from harness.conftest import ASSIGNMENT, ROOT

pytestmark = pytest.mark.slow

RAISES = """
def broken(*args, **kwargs):
    raise ValueError("no")
"""
ITEMS = tuple(item.id for item in ASSIGNMENT.items if item.file == "vae.py")
"""Those of the other file cannot lose anything by this one."""
CASES = {
    "reparameterize raises": ("VAE.reparameterize = broken", {"reparameterize"}),
    "encode gives one tensor": ("VAE.encode = lambda self, x: self.mu(self.enc(x))", {"encode"}),
    "two parts raise": ("VAE.encode = VAE.reparameterize = broken", {"encode", "reparameterize"}),
    "three parts raise, so that a training is not the submission's": (
        "VAE.encode = VAE.reparameterize = VAE.decode = broken",
        {"encode", "reparameterize", "decode", "training"},
    ),
    "parts that are not written yet have parameters of other names": (
        """
def kl_divergence(logvar, mean):
    raise NotImplementedError
def decode(self, latent):
    raise NotImplementedError
VAE.decode = decode
def forward(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(latent=z), mu, logvar, z)
VAE.forward = forward
def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    kl = kl_divergence(mean=mu, logvar=logvar)
    losses = (reconstruction_loss_bernoulli, reconstruction_loss_gaussian, reconstruction_loss_laplace)
    names = ("bernoulli", "gaussian", "laplace")
    if recon_loss not in names:
        raise ValueError(f"choose one of {names}")
    recon = losses[names.index(recon_loss)](logits, x)
    return ElboTerms(recon + beta * kl, recon, kl)
""",
        {"kl_divergence", "decode"},
    ),
    "a part that is not written yet is called by a name that it does not have": (
        """
def kl_divergence(mu, logvar):
    raise NotImplementedError
def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"choose one of {', '.join(losses)}")
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu=mu, log_variance=logvar)
    return ElboTerms(recon + beta * kl, recon, kl)
""",
        {"kl_divergence", "compute_elbo", "vae_loss", "training"},
    ),
    "losses that are plain numbers": (
        """
_kl, _gaussian = kl_divergence, reconstruction_loss_gaussian
def kl_divergence(mu, logvar):
    return _kl(mu, logvar).item()
def reconstruction_loss_gaussian(mean, x):
    return _gaussian(mean, x).item()
""",
        {"kl_divergence", "reconstruction_loss_gaussian", "training"},
    ),
    "terms that come back as a dictionary, and a code that is centred in place": (
        """
_elbo = compute_elbo
def compute_elbo(*args, **kwargs):
    return _elbo(*args, **kwargs)._asdict()
def decode(self, z):
    z -= z.mean()
    return self.dec(z)
VAE.decode = decode
""",
        {"compute_elbo", "decode", "training"},
    ),
    "noise that is no number": (
        "VAE.reparameterize = lambda self, mu, logvar: mu + torch.sqrt(logvar) * torch.randn_like(mu)",
        {"reparameterize", "training"},
    ),
    "parts with another convention, which forward follows": (
        """
def encode(self, x):
    h = self.enc(x)
    return {"mu": self.mu(h), "sigma": torch.exp(self.logvar(h) / 2)}
def reparameterize(self, mu, sigma):
    eps = torch.randn_like(mu)
    return mu + sigma * eps, eps
def forward(self, x):
    posterior = self.encode(x)
    z, _ = self.reparameterize(posterior["mu"], posterior["sigma"])
    return VAEOutput(self.decode(z), posterior["mu"], 2 * torch.log(posterior["sigma"]), z)
VAE.encode, VAE.reparameterize, VAE.forward = encode, reparameterize, forward
""",
        {"encode", "reparameterize"},
    ),
    "an encoder with three results, which forward follows, beside a decoder that is wrong": (
        """
def encode(self, x):
    h = self.enc(x)
    return self.mu(h), self.logvar(h), h
def forward(self, x):
    mu, logvar, _ = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(z), mu, logvar, z)
VAE.encode, VAE.forward, VAE.decode = encode, forward, lambda self, z: torch.sigmoid(self.dec(z))
""",
        {"encode", "decode", "training"},
    ),
    "an encoder that gives a dict, and gradients that forward halves": (
        """
def encode(self, x):
    h = self.enc(x)
    return {"mu": self.mu(h), "logvar": self.logvar(h)}
def forward(self, x):
    mu, logvar = self.encode(x).values()
    z = mu + torch.exp((logvar + logvar.detach()) / 4) * torch.randn_like(mu)
    return VAEOutput((self.decode(z) + self.decode(z).detach()) / 2, mu, logvar, z)
VAE.encode, VAE.forward = encode, forward
""",
        {"encode", "forward", "training"},
    ),
    "terms that come back as a dictionary, which vae_loss follows, beside a KL that is wrong": (
        """
_elbo, _kl = compute_elbo, kl_divergence
def kl_divergence(mu, logvar):
    return 2 * _kl(mu, logvar)
def compute_elbo(*args, **kwargs):
    return _elbo(*args, **kwargs)._asdict()
def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    return ElboTerms(**compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta))
""",
        {"compute_elbo", "kl_divergence", "training"},
    ),
    "a likelihood that ends where it is no longer judged": (
        """
_bernoulli = reconstruction_loss_bernoulli
def reconstruction_loss_bernoulli(logits, x):
    return _bernoulli(logits.clamp(-1e4, 1e4), x)
""",
        set(),
    ),
    "the KL is right, but changes mu in place": (
        """
def kl_divergence(mu, logvar):
    return (0.5 * (mu.square_() + logvar.exp() - 1.0 - logvar).sum(1)).mean()
""",
        {"kl_divergence"},
    ),
    "the KL is right, but has no gradient that can be computed": (
        """
class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, kl):
        return kl.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise ValueError("no")

_kl = kl_divergence

def kl_divergence(mu, logvar):
    return Broken.apply(_kl(mu, logvar))
""",
        {"kl_divergence"},
    ),
    "parts ask the one that calls them": (
        """
def kl_divergence(mu, logvar):
    return compute_elbo(torch.zeros(len(mu), 1), torch.zeros(len(mu), 1), mu, logvar)[2]
def reconstruction_loss_bernoulli(x, logits):
    return compute_elbo(x, logits, torch.zeros(len(x), 1), torch.zeros(len(x), 1))[1]
def encode(self, x):
    return self(x)[1:3]
VAE.encode = encode
def compute_elbo(*args, **kwargs):
    raise NotImplementedError
def forward(self, x):
    raise NotImplementedError
VAE.forward = forward
""",
        {"encode", "forward", "kl_divergence", "reconstruction_loss_bernoulli", "compute_elbo", "training"},
    ),
    "the KL and one likelihood raise": (
        "kl_divergence = reconstruction_loss_laplace = broken",
        {"kl_divergence", "reconstruction_loss_laplace"},
    ),
    "compute_elbo raises": ("def compute_elbo(*args, **kwargs):\n    return broken()", {"compute_elbo"}),
    "a part that answers, so that the whole has a result, which is wrong": (
        "_decode = VAE.decode\nVAE.decode = lambda self, z: 0 * _decode(self, z)",
        {"decode", "training"},
    ),
    "a wrong part that is missing where a training asks for it": (
        """
def kl_divergence(mu, logvar):
    if mu.shape == (128, 8):
        raise NotImplementedError
    return 0.5 * (mu.pow(2) + logvar.exp() - 1.0 - logvar).mean()
""",
        {"kl_divergence", "training"},
    ),
    "a part of another dtype": (
        "_encode = VAE.encode\nVAE.encode = lambda self, x: tuple(t.double() for t in _encode(self, x))",
        {"encode"},
    ),
    "a caller that is wrong too": (
        """
VAE.reparameterize = broken
def forward(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.decode(mu), mu, logvar, z)
VAE.forward = forward
""",
        {"reparameterize", "forward", "training"},
    ),
    "a part that raises for one caller alone": (
        """
import sys
_reparameterize = VAE.reparameterize
def reparameterize(self, mu, logvar):
    if sys._getframe(1).f_code.co_name == "forward":
        raise ValueError("no")
    return _reparameterize(self, mu, logvar)
VAE.reparameterize = reparameterize
""",
        {"forward", "training"},
    ),
    "noise that no seed repeats, beside a sigmoid that is too early": (
        """
import random
def reparameterize(self, mu, logvar):
    eps = torch.tensor([random.gauss(0, 1) for _ in range(mu.numel())], dtype=mu.dtype).view(mu.shape)
    return mu + torch.exp(logvar / 2) * eps
VAE.reparameterize = reparameterize
VAE.decode = lambda self, z: torch.sigmoid(self.dec(z))
""",
        {"reparameterize", "decode", "training"},
    ),
    "noise of a generator of its own, beside a sigmoid that is too early": (
        """
def reparameterize(self, mu, logvar):
    generator = torch.Generator()
    generator.seed()
    eps = torch.empty_like(mu.detach()).normal_(generator=generator)
    return mu + torch.exp(logvar / 2) * eps
VAE.reparameterize = reparameterize
VAE.decode = lambda self, z: torch.sigmoid(self.dec(z))
""",
        {"reparameterize", "decode", "training"},
    ),
    "an encoder that draws with NumPy": (
        """
import numpy as np
def encode(self, x):
    h = self.enc(x)
    h = h * torch.as_tensor(np.random.default_rng().random(h.shape) > 0.5).to(h) * 2
    return self.mu(h), self.logvar(h)
VAE.encode = encode
""",
        {"encode", "training"},
    ),
    "an encoder that seeds torch": (
        """
def encode(self, x):
    torch.manual_seed(42)
    h = self.enc(x)
    return self.mu(h), self.logvar(h)
VAE.encode = encode
""",
        {"encode", "training"},
    ),
    "noise that all numbers share and no seed repeats, and a dropout before it": (
        """
import random
VAE.reparameterize = lambda self, mu, logvar: mu + torch.exp(logvar / 2) * random.gauss(0, 1)
def encode(self, x):
    h = F.dropout(self.enc(x), 0.5, True)
    return self.mu(h), self.logvar(h)
VAE.encode = encode
""",
        {"encode", "reparameterize", "training"},
    ),
    "a sample with a dimension too many, which forward takes off": (
        """
def reparameterize(self, mu, logvar):
    return mu + torch.exp(logvar / 2) * torch.randn(1, *mu.shape, dtype=mu.dtype)
VAE.reparameterize = reparameterize
def forward(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)[0]
    return VAEOutput(self.decode(z), mu, logvar, z)
VAE.forward = forward
""",
        {"reparameterize"},
    ),
    "a part that ends its process": (
        """
import os
_kl = kl_divergence
def kl_divergence(mu, logvar):
    if len(mu) > 1_000:
        os._exit(0)
    return _kl(mu, logvar)
""",
        {"kl_divergence"},
    ),
    "a part that never answers": (
        "def compute_elbo(*args, **kwargs):\n    while True:\n        pass",
        {"compute_elbo", "training"},
    ),
    "arguments that swell": (
        """
kl_divergence = broken
def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    return kl_divergence(torch.zeros(100_000, 1), torch.zeros(1, 100_000)), 0.0, 0.0
""",
        {"kl_divergence", "compute_elbo", "vae_loss", "training"},
    ),
}


# Of these, others show the same: a part that raises beside others, or a part whose answer is none; and a training that
# is not the submission's, where parts ask the one that calls them.
LONG = {
    "three parts raise, so that a training is not the submission's",
    "reparameterize raises",
    "encode gives one tensor",
    "two parts raise",
    "the KL and one likelihood raise",
    "compute_elbo raises",
    "arguments that swell",
    "a part that never answers",
    "a part that answers, so that the whole has a result, which is wrong",
}


@pytest.mark.parametrize(
    ("code", "wrong"),
    [pytest.param(*case, id=name, marks=pytest.mark.long if name in LONG else ()) for name, case in CASES.items()],
)
def test_a_part_that_cannot_be_used_costs_itself_alone(judged, hand_in, code, wrong):
    solution = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
    outcome = judged(hand_in(vae=solution + RAISES + code), *ITEMS)
    assert outcome.lost == wrong, [c for c in outcome.checks.values() if c["status"] != "passed"]
