"""Submissions that are wrong where pooled statistics, own parts or a good end of the training do not show it."""

import pytest
from harness.conftest import ROOT
from harness.grading.test_run_command import assert_sound

pytestmark = pytest.mark.slow

FEW_VALUES = """
def _reparameterize(self, mu, logvar):
    return mu + torch.exp(0.5 * logvar) * torch.round(8 * torch.randn_like(mu)) / 8

VAE.reparameterize = _reparameterize
"""

ROW_WITHOUT_NOISE = """
_sampled = VAE.reparameterize

def _reparameterize(self, mu, logvar):
    row = torch.arange(len(mu))[:, None] == len(mu) // 2
    return torch.where(row & (len(mu) > 1), mu, _sampled(self, mu, logvar))

VAE.reparameterize = _reparameterize
"""

# What the training shows by itself, without the checks of the function.
WEAK_KL_IN_TRAINING = """
_loss = vae_loss

def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    return _loss(output, x, recon_loss, 0.5 * beta if len(x) == 128 else beta)
"""

LITTLE_NOISE_IN_TRAINING = """
_pass = VAE.forward

def _forward(self, x):
    output = _pass(self, x)
    if len(x) != 128:
        return output
    z = output.mu + 0.7 * (output.z - output.mu)
    return output._replace(z=z, logits=self.decode(z))

VAE.forward = _forward
"""

# Adam does not mind how long gradients are, so that this trains as well as any.
GRADIENT_OF_SOMETHING_ELSE = """
_loss = vae_loss

def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    loss, recon, kl = _loss(output, x, recon_loss, beta)
    if len(x) == 128:
        loss = loss.detach() + 3 * (loss - loss.detach())
    return loss, recon, kl
"""

INIT_FOLLOWS_SUIT = """
_init, _built = VAE.__init__, []

def _plain(self, *sizes, **options):
    _init(self, 3, 5, 2) if _built else _init(self, *sizes, **options)

def build_model(cfg):
    _built.append(cfg)
    return VAE()

VAE.__init__ = _plain
"""

HALF_FROZEN = """
_build = build_model

def build_model(cfg):
    model = _build(cfg)
    for parameter in list(model.parameters())[::2]:
        parameter.requires_grad_(False)
    return model
"""

REMEMBERS = """
_kl, _first = kl_divergence, {}

def kl_divergence(mu, logvar):
    return _first.setdefault((mu.shape, mu.requires_grad, logvar.requires_grad), _kl(mu, logvar))
"""

# What decode does at its fourth call is no reason for what forward got at its first.
RANDOM_LATER = """
_decode, _pass, _calls = VAE.decode, VAE.forward, []

def _random(self, z):
    _calls.append(1)
    logits = _decode(self, z)
    return logits + torch.randn_like(logits) if len(_calls) >= 4 else logits

def _shifted(self, x):
    output = _pass(self, x)
    return output._replace(logits=output.logits + 1)

VAE.decode, VAE.forward = _random, _shifted
"""

# Neither torch's generator nor its grad mode is a function's to change.
SEEDS_TORCH = """
_kl = kl_divergence

def kl_divergence(mu, logvar):
    torch.manual_seed(int(1e6 * mu.sum().abs()))
    return _kl(mu, logvar)
"""

# A wrong part that remembers nothing is no excuse for who does not call it, and is wrong elsewhere.
LARGE_BATCHES_HALVED = """
_right = compute_elbo

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    return ElboTerms(*(3 * term for term in _right(x, logits, mu, logvar, recon_loss, beta)))

def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    terms = _right(x, output.logits, output.mu, output.logvar, recon_loss, beta)
    return ElboTerms(*(term / 2 for term in terms)) if len(x) > 1_000 else terms
"""

# In training mu and logvar take gradients together, the logits with them, and the data none.
DETACHED_TOGETHER = """
_kl = kl_divergence

def kl_divergence(mu, logvar):
    return _kl(mu, logvar.detach() if mu.requires_grad and logvar.requires_grad else logvar)
"""

KL_DETACHED_BESIDE_LOGITS = """
_elbo = compute_elbo

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss == "laplace" and logits.requires_grad and mu.requires_grad:
        mu, logvar = mu.detach(), logvar.detach()
    return _elbo(x, logits, mu, logvar, recon_loss, beta)
"""

DETACHED_WITHOUT_DATA = """
_loss = vae_loss

def vae_loss(recon_x, x, mu, logvar):
    training = recon_x.requires_grad and mu.requires_grad and not x.requires_grad
    return _loss(recon_x, x, mu.detach() if training else mu, logvar)
"""

# Whoever trains would have each gradient twice.
DIFFERENTIATES = """
_elbo = compute_elbo

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    terms = _elbo(x, logits, mu, logvar, recon_loss, beta)
    if terms.loss.requires_grad:
        terms.loss.backward(retain_graph=True)
    return terms
"""

# People write beta=4.
WHOLE_BETA_IS_ONE = """
_elbo = compute_elbo

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    return _elbo(x, logits, mu, logvar, recon_loss, beta if isinstance(beta, float) else 1.0)
"""

# What is changed for good, the first call alone changes.
FREEZES_WITHOUT_GRADIENTS = """
_pass = VAE.forward

def _forward(self, x):
    self.dec.requires_grad_(torch.is_grad_enabled() and self.dec[0].weight.requires_grad)
    return _pass(self, x)

VAE.forward = _forward
"""

EVALUATES_FROM_NOW_ON = """
_encode = VAE.encode

def _encoded(self, x):
    return _encode(self.eval(), x)

VAE.encode = _encoded
"""

MULTIPLIES_LESS_EXACTLY = """
_elbo_of = vae_loss

def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    torch.set_float32_matmul_precision("high")
    return _elbo_of(output, x, recon_loss, beta)
"""

# By item, since one process serves those that follow each other with the same one.
CASES = [
    ("vae", LARGE_BATCHES_HALVED, "vae_loss"),
    ("vae", MULTIPLIES_LESS_EXACTLY, "vae_loss"),
    ("vae", FREEZES_WITHOUT_GRADIENTS, "forward"),
    ("vae", RANDOM_LATER, "forward"),
    ("vae", SEEDS_TORCH, "kl_divergence"),
    ("vae", REMEMBERS, "kl_divergence"),
    ("vae", DETACHED_TOGETHER, "kl_divergence"),
    ("vae", KL_DETACHED_BESIDE_LOGITS, "compute_elbo"),
    ("vae", DIFFERENTIATES, "compute_elbo"),
    ("vae", WHOLE_BETA_IS_ONE, "compute_elbo"),
    ("simple_vae", DETACHED_WITHOUT_DATA, "warmup_loss"),
    ("simple_vae", EVALUATES_FROM_NOW_ON, "warmup_model"),
    ("vae", FEW_VALUES, "reparameterize"),
    ("vae", ROW_WITHOUT_NOISE, "reparameterize"),
    pytest.param("simple_vae", FEW_VALUES, "warmup_model", marks=pytest.mark.long),
    ("simple_vae", ROW_WITHOUT_NOISE, "warmup_model"),
    ("vae", WEAK_KL_IN_TRAINING, "training"),
    ("vae", LITTLE_NOISE_IN_TRAINING, "training"),
    ("vae", GRADIENT_OF_SOMETHING_ELSE, "training"),
    ("vae", INIT_FOLLOWS_SUIT, "build_model"),
    ("vae", HALF_FROZEN, "build_model"),
]


@pytest.mark.parametrize(("file", "change", "item"), CASES)
def test_what_is_wrong_earns_less(judged, hand_in, file, change, item):
    text = (ROOT / "reference" / f"{file}.py").read_text(encoding="utf-8")
    done = judged(hand_in(**{file: text + change}), item)
    assert_sound(done.document)
    assert item in done.lost
    if item == "training":
        assert [found["earned"] for found in done.document["items"] if found["id"] == item] == [0]


# Beside a wrong part whose answers nobody can foresee, who calls it rightly loses nothing, and nobody else gains.

RANDOM_DECODE = """
def _random(self, z):
    return self.dec(z) + 0.1 * torch.randn(len(z), 1)

VAE.decode = _random
"""

ANY_LOGITS = """
_pass = VAE.forward

def _any(self, x):
    output = _pass(self, x)
    return output._replace(logits=3 * self.dec(0.5 * output.z) + 7)

VAE.forward = _any
"""

NUMPY_NOISE = """
import numpy

def _outside(self, mu, logvar):
    eps = torch.from_numpy(numpy.random.standard_normal(mu.shape)).to(mu.dtype)
    return mu + 2 * torch.exp(0.5 * logvar) * eps

VAE.reparameterize = _outside
"""

DETACHED_LOGITS = """
_pass = VAE.forward

def _any(self, x):
    output = _pass(self, x)
    return output._replace(logits=output.logits.detach() + 0 * output.z.sum())

VAE.forward = _any
"""

REMEMBERING_KL = """
_kl, _asked = kl_divergence, {}

def kl_divergence(mu, logvar):
    key = (float(mu.sum()), float(logvar.sum()))
    _asked[key] = _asked.get(key, -1) + 1
    return _kl(mu, logvar) + 0.05 * _asked[key]
"""

ANY_TERMS = """
_elbo = compute_elbo

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    _, recon, kl = _elbo(x, logits, mu, logvar, recon_loss, beta)
    recon, kl = 3 * recon + 1, 0 * kl + 7
    return ElboTerms(recon + beta * kl, recon, kl)
"""

NO_NOISE = """
def _mean(self, mu, logvar):
    return mu

VAE.reparameterize = _mean
"""

NEVER_SAMPLES = """
def _autoencoder(self, x):
    mu, logvar = self.encode(x)
    return VAEOutput(self.decode(mu), mu, logvar, mu)

VAE.forward = _autoencoder
"""

SYMMETRIC_KL = """
def kl_divergence(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.pow(2)).sum(dim=1).mean()
"""

EXCHANGED = """
_elbo = compute_elbo

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    return _elbo(x, logits, logvar, mu, recon_loss, beta)
"""

BERNOULLI_ALONE = """
def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    recon, kl = reconstruction_loss_bernoulli(logits, x), kl_divergence(mu, logvar)
    return ElboTerms(recon + kl, recon, kl)
"""

PASSES_NOTHING_ON = """
def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, output.logits, output.mu, output.logvar)
"""

# It raises where it is not answered as by its own part, so that it cannot be seen to be wrong with a right one.
GUARDED = """
def vae_loss(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar)
    if not torch.equal(terms.loss, compute_elbo(x, output.logits, output.mu, output.logvar, beta=7.0).loss):
        raise RuntimeError("no")
    return terms
"""

BESIDE = [
    # Wrong in the same way as the part, so that nothing of it shows with that.
    ("reparameterize", NO_NOISE, "forward", NEVER_SAMPLES, 5.5),
    pytest.param("kl_divergence", SYMMETRIC_KL, "compute_elbo", EXCHANGED, 5.5, marks=pytest.mark.long),
    ("compute_elbo", BERNOULLI_ALONE, "vae_loss", PASSES_NOTHING_ON, 1.5),
    ("compute_elbo", BERNOULLI_ALONE, "vae_loss", GUARDED, 1.5),
    ("decode", RANDOM_DECODE, "forward", ANY_LOGITS, 5.5),
    pytest.param("reparameterize", NUMPY_NOISE, "forward", DETACHED_LOGITS, 7.5, marks=pytest.mark.long),
    pytest.param("kl_divergence", REMEMBERING_KL, "compute_elbo", ANY_TERMS, 2.5, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("part_item", "part", "item", "caller", "most"), BESIDE)
def test_a_part_that_cannot_be_repeated_is_no_excuse(judged, hand_in, part_item, part, item, caller, most):
    text = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
    for change, right in ((part, True), (caller + part, False)):
        done = judged(hand_in(str(right), vae=text + change), part_item, item)
        assert_sound(done.document)
        (found,) = (found for found in done.document["items"] if found["id"] == item)
        assert found["earned"] == found["possible"] if right else found["earned"] <= most


TABLE = """
def reconstruction_loss_bernoulli(logits, x):
    return F.binary_cross_entropy_with_logits(logits, x)

LOSSES = {name: globals()["reconstruction_loss_" + name] for name in ("bernoulli", "gaussian", "laplace")}

def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss not in LOSSES:
        raise ValueError(f"none of {sorted(LOSSES)}")
    recon, kl = LOSSES[recon_loss](logits, x), kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)
"""


def test_a_wrong_part_in_a_table_of_functions_costs_itself_alone(judged, hand_in):
    text = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
    done = judged(hand_in(vae=text + TABLE), "reconstruction_loss_bernoulli", "compute_elbo", "vae_loss")
    assert_sound(done.document)
    assert done.lost == {"reconstruction_loss_bernoulli"}
