"""Mistakes that are in no catalogue are explained by experiment, several in one function too, and nothing else is."""

import sys
import time
from pathlib import Path

import pytest
from harness.boundary.sides import session_on

from grading.boundary.isolation import open_workers
from grading.boundary.proxy import Submission
from grading.diagnosis import experiments

ROOT = Path(__file__).resolve().parents[3]
FILES = {name: (ROOT / "reference" / name).read_text(encoding="utf-8") for name in ("vae.py", "simple_vae.py")}

KL = "return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()"
GAUSSIAN = "return (mean - x).pow(2).sum(dim=1).mean()"
BERNOULLI = 'return F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1).mean()'
SAMPLE = "return mu + sigma * torch.randn_like(sigma)"
ELBO = "return ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)"
SCHEDULE = "return beta_max * min(step / warmup_steps, 1.0)"

BOUND = KL.replace("logvar", "logvar.clamp(-5.5, 5.5)")
SUM = BERNOULLI.replace(".sum(dim=1).mean()", ".sum() * 2")
TANH = "return 3 * (mean.tanh() - x).pow(2).sum(dim=1).mean()"
MEAN = "return 0.5 * (mu.pow(2) + logvar.exp() + logvar - 1).mean()"

# Item, text of the solution, what stands in its place, and words that must be in the sentences, one each.
CASES = [
    ("kl_divergence", KL, MEAN, ["sign", "averaged over the latent"]),
    ("kl_divergence", KL, KL.replace("0.5", "0.7"), ["multiplied by 1.4"]),
    ("kl_divergence", KL, KL.replace("logvar -", "logvar.detach() -"), ["No gradient for logvar passes through"]),
    ("kl_divergence", KL, BOUND, ["is right in an ordinary case, but is wrong"]),
    ("reconstruction_loss_gaussian", GAUSSIAN, TANH, ["tanh", "by 3"]),
    ("reconstruction_loss_bernoulli", BERNOULLI, SUM, ["twice", "batch"]),
    ("reparameterize", SAMPLE, "return mu + sigma ** 2 * torch.rand_like(sigma)", ["without the half", "uniform"]),
    ("compute_elbo", ELBO, ELBO.replace("+ beta", "- 2 * beta"), ["recon - 2 beta kl"]),
    ("beta_schedule", SCHEDULE, "return beta_max * min((step / warmup_steps) ** 2, 1.0)", ["square"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def workers():
    workers = open_workers("none")
    sys.path.insert(0, str(ROOT / "tests"))
    yield workers
    sys.path.remove(str(ROOT / "tests"))
    workers.close()


def explain(workers, item, old, new, seconds=20.0):
    file = next(name for name, text in FILES.items() if old in text)
    source = FILES[file].replace(old, new)
    opened = []

    def fresh(*_):
        opened.append(item)
        return Submission(session_on(workers, source, timeout=2.0))

    why = experiments.explain(item, fresh, time.monotonic() + seconds)
    return why, len(opened)


@pytest.mark.slow
@pytest.mark.parametrize(("item", "old", "new", "words"), CASES)
def test_each_mistake_of_a_function_is_told(workers, item, old, new, words):
    why, _ = explain(workers, item, old, new)
    assert len(why) >= len(words)
    assert all(any(word in sentence for sentence in why) for word in words), why


@pytest.mark.slow
@pytest.mark.parametrize(
    "item", ["kl_divergence", "reparameterize", "encode", "decode", "compute_elbo", "beta_schedule"]
)
def test_nothing_is_told_of_a_right_function(workers, item):
    assert explain(workers, item, KL, KL)[0] == ()


def test_a_function_that_hangs_costs_no_more_than_one_question(workers):
    assert explain(workers, "kl_divergence", KL, "while True: pass") == ((), 1)


def test_experiments_take_a_quarter_of_a_run_at_most():
    for elapsed in (3.0, 12.0, 30.0, 200.0):
        assert experiments.budget(elapsed) <= elapsed / 3 + 1e-9


def test_an_assignment_without_laws_has_no_experiments(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert experiments.module_of("kl_divergence") is None
