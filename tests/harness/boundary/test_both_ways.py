"""The same checks, in one process and across the boundary: the score documents are equal item by item."""

import pytest
from harness.boundary.sides import ROOT

from grading.boundary.isolation import UnavailableError, open_workers

pytestmark = pytest.mark.slow

# Each replaces functions of the solution by later definitions of the same names.
WRONG_VALUES = """
def kl_divergence(mu, logvar): return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).sum()
def reconstruction_loss_gaussian(mean, x): return 0.5 * (mean - x).pow(2).sum(dim=1).mean()
def reconstruction_loss_laplace(location, x): return (location - x).abs().mean()
def beta_schedule(step, warmup_steps, beta_max=1.0): return beta_max * min((step + 1) / max(warmup_steps, 1), 1.0)
def build_model(cfg): return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim)
VAE.reparameterize = lambda self, mu, logvar: mu + torch.exp(logvar) * torch.randn_like(mu)
VAE.decode = lambda self, z: torch.sigmoid(self.dec(z))
"""
WRONG_KINDS = """
def kl_divergence(mu, logvar): return None
def reconstruction_loss_bernoulli(logits, x): raise NotImplementedError("task 2.6")
def reconstruction_loss_gaussian(mean, x): return [mean, "text", {1, 2}]
def reconstruction_loss_laplace(location, x): return (location - x).abs().detach().sum(dim=1).mean()
def beta_schedule(step, warmup_steps, beta_max=1.0): return step / warmup_steps
def compute_elbo(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0): return {"loss": 1, "recon": 2, "kl": 3}
VAE.encode = lambda self, x: self.no_such_layer(x)
VAE.reparameterize = lambda self, mu, logvar: mu.add_(torch.randn_like(mu))
VAE.decode = lambda self, z: float("nan") * self.dec(z)
del vae_loss
"""
SUBMISSIONS = {"solution": "", "wrong values": WRONG_VALUES, "wrong kinds": WRONG_KINDS, "broken": "\ndef :\n"}
# What a check's record says of how it was run, and not of the submission; and what may not have had the time.
INCIDENTAL = {"seconds", "duration", "misconception"}


def judged(document):
    """All that a document says about the submission."""
    items = [
        {**item, "checks": [{k: v for k, v in check.items() if k not in INCIDENTAL} for check in item["checks"]]}
        for item in document["items"]
    ]
    return {"items": items, "score": document["score"], "problems": document["problems"]}


# A few items that go wrong in different ways; all of them take several times as long.
SOME = ("kl_divergence", "reconstruction_loss_bernoulli", "reconstruction_loss_gaussian", "beta_schedule", "encode")
CASES = [
    pytest.param("solution", (), marks=pytest.mark.long),
    pytest.param("wrong values", SOME),
    pytest.param("wrong values", (), marks=pytest.mark.long),
    pytest.param("wrong kinds", SOME),
    pytest.param("wrong kinds", (), marks=pytest.mark.long),
    pytest.param("broken", (), marks=pytest.mark.long),
]


def named(document):
    """The names of the mistakes that there was time to explain, by check."""
    checks = [check for item in document["items"] for check in item["checks"]]
    return {check["id"]: check["misconception"]["name"] for check in checks if check.get("misconception")}


@pytest.mark.parametrize(("name", "items"), CASES)
def test_the_documents_are_equal(name, items, hand_in, graded, graded_here):
    source = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8") + SUBMISSIONS[name]
    folder = hand_in(vae=source)
    levels = [level for level in ("A", "B") if available(level)]
    if name != "solution":
        levels = levels[:1] or ["none"]
    only = [part for item in items for part in ("--only", item)]
    documents = {
        level: by(folder, "--isolation", level, "--seed", "both ways", *only).document
        for by, chosen in ((graded, ["in-process"]), (graded_here, levels))
        for level in chosen
    }
    for level in levels:
        assert documents[level]["isolation"]["level"] == level
        assert judged(documents[level]) == judged(documents["in-process"])
        here, there = named(documents[level]), named(documents["in-process"])
        both = here.keys() & there.keys()
        assert {check: here[check] for check in both} == {check: there[check] for check in both}
    if name == "solution":
        assert documents["in-process"]["score"]["earned"] == 100


def available(level):
    try:
        open_workers(level).close()
    except UnavailableError:
        return False
    return True
