"""What a report says of a mistake is true, and leads to it."""

import pytest
import torch
from harness.conftest import ROOT

from grading.checks import CheckFailure, assert_close
from grading.redaction import redact
from grading.scores import ScoreDocument

SOLUTION = {name: (ROOT / "reference" / f"{name}.py").read_text(encoding="utf-8") for name in ("simple_vae", "vae")}
SCALE = "sigma = torch.exp(0.5 * logvar)\n        return mu + sigma * torch.randn_like(sigma)"


def edited(file, *changes):
    text = SOLUTION[file]
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def failed(result):
    return {name.partition("/")[2]: check for name, check in result.checks.items() if check["status"] == "failed"}


def test_a_right_loss_beside_a_negated_kl_is_right(judged, hand_in):
    negated = edited("vae", ("recon=recon, kl=kl)", "recon=recon, kl=-kl)"))
    found = failed(judged(hand_in(vae=negated), "compute_elbo"))
    assert "compute_elbo/kl_is_reported_without_beta" in found
    assert "compute_elbo/loss_is_recon_plus_beta_times_kl" not in found
    assert not [check["message"] for check in found.values() if check["message"].startswith("the loss, recon + beta")]


def test_a_tanh_in_the_place_of_the_sigmoid_is_no_missing_nonlinearity(judged, hand_in):
    tanh = edited("simple_vae", ("torch.sigmoid(self.output(h))", "torch.tanh(self.output(h))"))
    found = failed(judged(hand_in(simple_vae=tanh), "warmup_model"))
    assert not [check for check in found.values() if "nonlinearity" in check["message"] or "nan" in check["actual"]]
    check = found["warmup_model/the_decoder_is_not_linear_before_its_sigmoid"]
    assert check["message"] == "decode(z) leaves the range from 0 to 1, which no sigmoid does"


@pytest.mark.parametrize("method", ["encode", "decode"])
def test_damage_is_pointed_at_the_method_that_does_it(judged, hand_in, method):
    argument = {"encode": "x", "decode": "z"}[method]
    head = SOLUTION["simple_vae"].partition(f"    def {method}(")[2]
    docstring_end = head.index('"""', head.index('"""') + 3) + 3
    start = SOLUTION["simple_vae"].index(head)
    text = SOLUTION["simple_vae"]
    text = text[: start + docstring_end] + f"\n        {argument}.mul_(0.5)" + text[start + docstring_end :]
    check = failed(judged(hand_in(simple_vae=text), "warmup_model"))[
        "warmup_model/leaves_its_arguments_and_torch_alone"
    ]
    assert (check["function"], check["message"]) == (method, f"{method} changes its arguments in place")


def test_noise_that_is_fresh_is_not_called_the_same(judged, hand_in):
    as_scale = edited("vae", (SCALE, "return mu + logvar * torch.randn_like(mu)"))
    found = failed(judged(hand_in(vae=as_scale), "reparameterize"))
    assert "reparameterize/z_is_mu_when_the_variance_vanishes" in found
    assert "reparameterize/two_calls_draw_different_noise" not in found


def test_noise_that_is_shared_is_not_called_a_wrong_scale(judged, hand_in):
    shared = edited("vae", (SCALE, "return mu + torch.exp(0.5 * logvar) * torch.randn(())"))
    found = failed(judged(hand_in(vae=shared), "reparameterize"))
    assert not [name for name in found if "sigma" in name]


@pytest.mark.parametrize(
    ("beta", "said"), [("1.0", "Beta is not passed on"), ("min(cfg.beta, 1.0)", "model.beta is never more than 1.")]
)
def test_a_mistake_is_named_only_where_its_words_are_true(judged, hand_in, beta, said):
    """The public checks ask for one beta, for which both are the same."""
    changed = edited("vae", ("beta=cfg.beta,", f"beta={beta},"))
    (check,) = failed(judged(hand_in(vae=changed), "build_model", tiers=("public",), explained=True)).values()
    assert check["misconception"]["tell"].startswith(said)


SAME_NOISE = "torch.empty_like(sigma).normal_(generator=torch.Generator().manual_seed(torch.initial_seed()))"
UNKNOWN = "raise ValueError(f\"unknown recon_loss {recon_loss!r}: choose one of {', '.join(losses)}\")"
# Item, a change of the solution, and words that are not so, though a mistake of the catalogue answers the same.
UNTRUE = [
    ("beta_schedule", ("return float(beta_max)", "return float(beta_max) * (step > 0)"), ["One of these", "because"]),
    ("reparameterize", ("torch.randn_like(sigma)", SAME_NOISE), ["the generator's state"]),
    ("reparameterize", ("return mu + sigma * torch.randn_like(sigma)",
     "return (mu + sigma * torch.randn_like(sigma)).clone().detach()"), ["One of these", "distribution object"]),
    ("build_model", ("return VAE(", "torch.manual_seed(7)\n    return VAE("), ["all units of a layer"]),
    ("build_model", ("=cfg.num_hidden_layers", "=1 if cfg.num_hidden_layers < 4 else cfg.num_hidden_layers"),
     ["every model"]),
    ("compute_elbo", (UNKNOWN, "print('an unknown name'); recon_loss = 'bernoulli'"), ["quietly", "without a word"]),
    ("vae_loss", ("recon_loss=recon_loss, beta=beta",
     "recon_loss=recon_loss if recon_loss in ('gaussian', 'laplace') else 'bernoulli', beta=beta"), ["catch"]),
    ("kl_divergence", ("return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1)",
     "kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1)\n    logvar.add_(1.0)\n    return kl"),
     ["is then the variance"]),
    ("decode", ("return self.dec(z)",
     "out = self.dec(z)\n        return out if out.shape[1] < 65 or out.shape[1] == 70 else out.sigmoid()"),
     ["More than 64"]),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("item", "change", "words"), UNTRUE)
def test_of_a_mistake_with_another_cause_only_the_effect_is_said(judged, hand_in, item, change, words):
    found = failed(judged(hand_in(vae=edited("vae", change)), item, explained=True))
    told = " ".join(sorted({check["misconception"]["tell"] for check in found.values() if check["misconception"]}))
    assert told
    assert not [word for word in words if word in told], told


def test_what_public_checks_have_named_may_not_be_all(judged, hand_in):
    """Values explain what they show; that the message names nothing is shown by a hidden check alone."""
    both = edited("vae", ("recon=recon, kl=kl)", "recon=kl, kl=recon)"), ("{', '.join(losses)}", "another one"))
    document = judged(hand_in(vae=both), "compute_elbo", explained=True).document
    told = {tier: texts_of(document, tier) for tier in ("public", "hidden")}
    swapped, no_name = "The two parts have changed places", "does not name bernoulli, gaussian, laplace"
    assert all(text.startswith(swapped) for text in told["public"])
    assert any(no_name in text for text in told["hidden"])
    for_student = redact(ScoreDocument.from_json(document)).to_json()
    assert not [text for tier in told for text in texts_of(for_student, tier) if no_name in text]


def texts_of(document, tier):
    checks = [check for item in document["items"] for check in item["checks"] if check["tier"] == tier]
    return {check["misconception"]["tell"] for check in checks if check["misconception"]}


def test_no_name_of_a_check_claims_what_the_submission_does_right(judged, hand_in):
    """Of a missing half none says that the reduction is wrong."""
    doubled = edited("vae", ("0.5 * (mu.pow(2) + logvar.exp()", "1.0 * (mu.pow(2) + logvar.exp()"))
    found = failed(judged(hand_in(vae=doubled), "kl_divergence", tiers=("public",)))
    assert len(found) == 4
    assert not [name for name in found if "sums" in name or "averages" in name]


def test_without_time_for_it_nothing_is_explained_and_nothing_said_of_it(judged, hand_in):
    doubled = edited("vae", ("0.5 * (mu.pow(2) + logvar.exp()", "1.0 * (mu.pow(2) + logvar.exp()"))
    done = judged(hand_in(vae=doubled), "kl_divergence", tiers=("public",))
    assert not done.document["run_problems"]
    assert not [check for check in failed(done).values() if check["misconception"]]


def test_numbers_that_differ_are_shown_with_the_digits_in_which_they_do():
    right, close = (torch.tensor(value, dtype=torch.float64) for value in (2.75015413, 2.750154123))
    for actual, expected in ((close, right), (torch.stack([right, close]), torch.stack([right, right]))):
        with pytest.raises(CheckFailure) as failure:
            assert_close(actual, expected, "the KL", rtol=1e-10, atol=0.0)
        wanted, found = (text.split()[0] for text in (failure.value.expected, failure.value.actual))
        assert (float(wanted), float(found)) == (2.75015413, 2.750154123)
