"""Mistakes that are in no catalogue are explained by experiment, several in one function too, and nothing else is."""

import functools
import sys
import time
from pathlib import Path

import pytest
from harness.boundary.sides import session_on
from harness.diagnosis import beside
from harness.diagnosis.mistakes import ALONE, CASES, DECODED, ELBO, FIELDS, GAUSSIAN, KL, LONG, TWICE_WRONG, model
from harness.diagnosis.numbers import NUMBERS

from grading.boundary.isolation import open_workers
from grading.boundary.proxy import Submission
from grading.diagnosis import experiments

ROOT = Path(__file__).resolve().parents[3]
FILES = {name: (ROOT / "reference" / name).read_text(encoding="utf-8") for name in ("vae.py", "simple_vae.py")}


@pytest.fixture(scope="module")
def workers():
    workers = open_workers("none")
    sys.path.insert(0, str(ROOT / "tests"))
    yield workers
    sys.path.remove(str(ROOT / "tests"))
    workers.close()


def opener(workers, old, new):
    """What opens a submission that is the solution with one change, and the items that it was opened for."""
    file = next(name for name, text in FILES.items() if old in text)
    source = f"{FILES[file].replace(old, new)}\n\n_calls = []\n"
    opened = []

    def fresh(*_):
        opened.append(1)
        session = session_on(workers, source, timeout=2.0)
        vars(session)["fresh"] = functools.cache(lambda: session_on(workers, source, timeout=2.0))
        return Submission(session)

    return fresh, opened


def explain(workers, item, old, new, seconds=60.0):
    fresh, opened = opener(workers, old, new)
    return experiments.explain(item, fresh, time.monotonic() + seconds), len(opened)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("item", "old", "new", "words"),
    [pytest.param(*case, marks=pytest.mark.long if case[2] in LONG else ()) for case in CASES],
)
def test_each_mistake_of_a_function_is_told(workers, item, old, new, words):
    why, _ = explain(workers, item, old, new)
    assert len(why) >= len(words)
    assert all(any(word in sentence for sentence in why) for word in words), why


@pytest.mark.slow
@pytest.mark.parametrize(("item", "old", "new", "words"), TWICE_WRONG)
def test_two_mistakes_are_told_without_their_consequences(workers, item, old, new, words):
    assert explain(workers, item, old, new)[0] == words


@pytest.mark.slow
@pytest.mark.parametrize(("item", "old", "new", "words"), [*beside.CASES, *NUMBERS])
def test_each_is_told_word_for_word(workers, item, old, new, words):
    assert explain(workers, item, old, new)[0] == words


@pytest.mark.slow
def test_where_a_loss_is_right_it_is_so_for_data_beyond_0_and_1_too(workers):
    new = "m = mean.clamp(0, 1); return ((m - x).pow(2) * (1 + (m * x).sin())).sum(dim=1).mean()"
    why, _ = explain(workers, "reconstruction_loss_gaussian", GAUSSIAN, new)
    assert why
    assert not any("right where" in sentence for sentence in why), why


@pytest.mark.slow
@pytest.mark.parametrize(("item", "old", "new", "words"), ALONE)
def test_a_mistake_is_told_without_its_consequences(workers, item, old, new, words):
    assert explain(workers, item, old, new)[0] == (words,)


@pytest.mark.slow
def test_a_new_model_whose_variances_are_one_at_first_is_told_nothing(workers):
    new = "def build_model(cfg):\n    model = _build(cfg)\n    model.logvar.weight.data.zero_()\n    return model\n\n\n"
    assert explain(workers, "build_model", "def build_model(", f"{new}def _build(")[0] == ()


@pytest.mark.slow
def test_layers_with_names_of_their_own_hide_no_mistake(workers, monkeypatch):
    text = FILES["simple_vae.py"]
    for i, name in enumerate(("hidden", "mu", "logvar", "decoder_hidden", "output")):
        text = text.replace(f"self.{name}", f"self.fc{i}")
    monkeypatch.setitem(FILES, "simple_vae.py", text)
    old = "return self.fc1(h), self.fc2(h)"
    why, _ = explain(workers, "warmup_model", old, old.replace("self.fc2(h)", "F.softplus(self.fc2(h))"))
    assert why == ("logvar goes through softplus, so that it is never negative.",)


@pytest.mark.slow
@pytest.mark.parametrize(
    "item",
    ["kl_divergence", "reparameterize", "encode", "decode", "forward", "compute_elbo", "beta_schedule", "build_model"],
)
def test_nothing_is_told_of_a_right_function(workers, item):
    assert explain(workers, item, KL, KL)[0] == ()


@pytest.mark.slow
def test_a_function_that_hangs_costs_no_more_than_one_question(workers):
    assert explain(workers, "kl_divergence", KL, "while True: pass") == ((), 1)


def test_explanations_take_a_quarter_of_a_run_at_most_and_a_little_of_a_short_one():
    for elapsed in (7.0, 12.0, 30.0, 200.0):
        assert experiments.budget(elapsed) <= elapsed / 3 + 1e-9
    assert experiments.budget(1.0) == experiments.LEAST_SECONDS
    assert experiments.budget(1.0, slow=3.0) == 3 * experiments.LEAST_SECONDS
    assert experiments.budget(1.0, slow=2.0, alone=True) == 2 * experiments.ALONE_SECONDS
    assert 1.0 <= experiments.slowness() <= 4.0


SKIPS_LAST = "for i in range(len(self.dec)): z = z if i == len(self.dec) - 2 else self.dec[i](z)\n        return z"
LINEAR = "for i in range(0, len(self.dec), 2): z = self.dec[i](z)\n        return z"


@pytest.mark.parametrize(("body", "refuted"), [(LINEAR, False), (SKIPS_LAST, True)])
def test_what_is_said_of_networks_of_any_depth_is_tried_with_two_layers(workers, body, refuted):
    fresh, _ = opener(workers, DECODED, body)
    names = ["decode.without_activation"]
    assert bool(experiments.refuted("decode", names, fresh, time.monotonic() + 20.0)) is refuted


SMALL = ELBO.replace("recon + beta * kl", "recon + kl")
PLAIN = 'recon_loss="gaussian"'
# Item, mistake of the catalogue, text of the solution, what stands in its place, and whether there is more to tell.
ALSO = [
    ("compute_elbo", "ignores_beta", ELBO, SMALL, False),
    ("compute_elbo", "ignores_beta", ELBO, SMALL.replace("recon + kl", "recon.detach() + kl"), True),
    ("vae_loss", "code_for_mean", FIELDS, FIELDS.replace("output.mu", "output.z"), False),
    ("vae_loss", "code_for_mean", FIELDS, FIELDS.replace("output.mu, output.logvar", "output.z, output.logvar.data"),
     True),
    ("build_model", "hard_coded_recon_loss", "recon_loss=cfg.recon_loss", PLAIN, False),
    ("build_model", "hard_coded_recon_loss", "def build_model(",
     model("model.recon_loss = 'gaussian'; model.mu.requires_grad_(False)"), True),
    # What is said of every model: the public checks ask for one configuration.
    ("build_model", "drops_num_hidden_layers", "=cfg.num_hidden_layers", "=1", False),
    ("build_model", "drops_num_hidden_layers", "=cfg.num_hidden_layers", "=(cfg.num_hidden_layers + 1) // 2", True),
    ("build_model", "hard_coded_hidden_size", "cfg.hidden_dim", "max(cfg.hidden_dim, 400)", True),
    ("build_model", "halved_hidden_size", "cfg.hidden_dim", "int(0.5 * cfg.hidden_dim)", False),
    ("build_model", "swapped_hidden_and_latent", "cfg.latent_dim", "cfg.hidden_dim", True),
    ("build_model", "whole_number_beta", "cfg.beta", "min(int(cfg.beta), 4)", True),
]  # fmt: skip


@pytest.mark.parametrize(("item", "name", "old", "new", "refuted"), ALSO)
def test_what_is_said_of_a_mistake_is_tried_beyond_the_checks(workers, item, name, old, new, refuted):
    fresh, _ = opener(workers, old, new)
    assert bool(experiments.refuted(item, [f"{item}.{name}"], fresh, time.monotonic() + 20.0)) is refuted


def test_an_assignment_without_laws_has_no_experiments(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert experiments.module_of("kl_divergence") is None
