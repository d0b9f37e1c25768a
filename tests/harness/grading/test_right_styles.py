"""Right answers that ask more of a worker than others: for memory, for libraries, for constants of less precision."""

import pytest
from harness.conftest import ROOT

pytestmark = pytest.mark.slow

DRAWS = "import matplotlib.pyplot as plt\nplt.rcParams['figure.dpi'] = 120\n"

WARMUP = """
def _reparameterize(self, mu, logvar):
    return torch.distributions.MultivariateNormal(mu, torch.diag_embed(logvar.exp())).rsample()

VAE.reparameterize = _reparameterize
"""

MODEL = """
from torch.distributions import MultivariateNormal, Normal


class UnknownLoss(KeyError, ValueError):
    pass


def _reparameterize(self, mu, logvar):
    return MultivariateNormal(mu, scale_tril=torch.diag_embed(torch.exp(logvar / 2))).rsample()


def _forward(self, x):
    mu, logvar = self.encode(x)
    z = MultivariateNormal(mu, torch.diag_embed(logvar.exp())).rsample()
    return VAEOutput(self.decode(z), mu, logvar, z)


VAE.reparameterize, VAE.forward = _reparameterize, _forward


def reconstruction_loss_gaussian(mean, x):
    density = Normal(mean, torch.sqrt(torch.tensor(0.5)))
    return -(density.log_prob(x) + torch.tensor(torch.pi).log() / 2).sum(dim=1).mean()


def reconstruction_loss_laplace(location, x):
    return torch.cdist(location, x, p=1).diagonal().mean()


def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise UnknownLoss(f"choose from {list(losses)}")
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
    return ElboTerms(recon + torch.tensor(beta) * kl, recon, kl)
"""


def test_they_get_full_marks_in_a_worker(judged, hand_in):
    files = {"simple_vae.py": WARMUP, "vae.py": MODEL}
    texts = {name: f"{DRAWS}{(ROOT / 'reference' / name).read_text()}{added}" for name, added in files.items()}
    graded = judged(hand_in(**{name.removesuffix(".py"): text for name, text in texts.items()}))
    assert graded.lost == set(), [check for check in graded.checks.values() if check["status"] != "passed"]
    assert graded.document["score"]["earned"] == 100
