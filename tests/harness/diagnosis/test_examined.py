"""A mistake of the catalogue that the checks cannot tell from others is asked about what no check asks."""

import functools
import sys
import time
from pathlib import Path

import pytest
from harness.boundary.sides import session_on

from grading import catalogue
from grading.boundary.isolation import open_workers
from grading.boundary.proxy import Submission
from grading.diagnosis import experiments
from grading.diagnosis.replay import Replayed

ROOT = Path(__file__).resolve().parents[3]
TEXT, WARMUP = ((ROOT / "reference" / name).read_text(encoding="utf-8") for name in ("vae.py", "simple_vae.py"))
GAUSSIAN = "return (mean - x).pow(2).sum(dim=1).mean()"
KL = "return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()"
SIGMA = "sigma = torch.exp(0.5 * logvar)"
SCALED = "mu + sigma * torch.randn_like(sigma)"
AGAIN, PUT_BACK = "torch.Generator().manual_seed(torch.initial_seed())", "You put the generator's state back"
CUT, SINGLE = "You decode detached codes", "In single precision no gradient"

# Item, text of the solution, what stands in its place, how the text of each mistake begins, and those left of them.
CASES = [
    ("reconstruction_loss_gaussian", GAUSSIAN, GAUSSIAN.replace("mean -", "mean.clamp(0, 1) -"),
     ["You clamp the mean between 0 and 1"], [0]),
    ("reconstruction_loss_gaussian", GAUSSIAN, f"mean = mean + (mean.clamp(0, 1) - mean).detach(); {GAUSSIAN}",
     ["You clamp the mean between 0 and 1"], []),
    ("kl_divergence", KL, KL.replace(".sum(dim=1).mean()", ".sum()"), ["You sum over the batch too"], [0]),
    ("kl_divergence", KL, KL.replace(".sum(dim=1).mean()", ".sum()").replace("mu.pow", "mu.detach().pow"),
     ["You sum over the batch too"], []),
    ("decode", "return self.dec(z)", "return self.dec(z.detach())", [CUT, SINGLE], [0]),
    ("decode", "return self.dec(z)", "return self.dec(z if z.dtype == torch.float64 else z.detach())", [CUT, SINGLE],
     [1]),
    ("reparameterize", SIGMA, "sigma = F.softplus(logvar)", ["You make the scale positive with a softplus"], [0]),
    ("reparameterize", SIGMA, "sigma = F.softplus(logvar) if self.training else 0 * logvar",
     ["You make the scale positive with a softplus"], []),
    ("reparameterize", f"return {SCALED}",
     f"state = torch.get_rng_state(); z = {SCALED}; torch.set_rng_state(state); return z", [PUT_BACK], [0]),
    ("reparameterize", SCALED, f"mu + sigma * torch.randn(mu.shape, generator={AGAIN}, dtype=mu.dtype)",
     [PUT_BACK], []),
    ("warmup_model", SCALED, "mu + logvar.exp() * torch.randn_like(mu)", ["The noise is scaled with the var"], [0]),
    ("warmup_model", SCALED, "mu + logvar.exp().detach() * torch.randn_like(mu)",
     ["The noise is scaled with the var"], []),
    ("warmup_model", SCALED, "mu.detach() + torch.randn_like(mu)", ["The scale is left out"], []),
    ("warmup_model", "self.decode(z), mu, logvar", "self.decode(mu), mu, logvar.detach()",
     ["You decode the mean instead of a sample"], []),
]  # fmt: skip


@pytest.fixture(scope="module")
def replayed():
    workers = open_workers("none")
    sys.path.insert(0, str(ROOT / "tests"))
    yield Replayed(catalogue.load(ROOT / "reference", ("vae.py", "simple_vae.py")), workers)
    sys.path.remove(str(ROOT / "tests"))
    workers.close()


@pytest.mark.slow
@pytest.mark.parametrize(("item", "old", "new", "begins", "left"), CASES)
def test_what_answers_other_questions_otherwise_is_no_longer_named(replayed, item, old, new, begins, left):
    text = WARMUP if item == "warmup_model" else TEXT
    assert old in text

    def fresh(*_):
        session = session_on(replayed.workers, text.replace(old, new), timeout=2.0)
        vars(session)["fresh"] = functools.cache(
            lambda: session_on(replayed.workers, text.replace(old, new), timeout=2.0)
        )
        return Submission(session)

    tells = replayed.tells(item)
    names = [next(name for name, tell in tells.items() if tell.startswith(words)) for words in begins]
    until = time.monotonic() + 30.0
    wrong = replayed.contradicted(item, names, experiments.examined(item, fresh, until), until)
    assert [i for i, name in enumerate(names) if name not in wrong] == left
