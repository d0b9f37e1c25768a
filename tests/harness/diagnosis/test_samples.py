"""What is told of a sample, and all that is: each of several mistakes, and no consequence of one."""

import pytest
from harness.diagnosis.mistakes import SAMPLE
from harness.diagnosis.test_experiments import FILES, explain, workers

__all__ = ["workers"]

ALONE = "Sigma alone decides on it."
SIZE = "The size of the noise depends on the"
WITHOUT_HALF = "Sigma is the exponential of logvar, without the half: logvar is the logarithm of sigma squared."
# What stands in the place of the return of reparameterize, and all that is told.
CASES = {
    "root of the batch": (
        "return mu + sigma * torch.randn_like(mu) / len(mu) ** 0.5",
        [f"{SIZE} batch size: it is divided by the root of the batch size. {ALONE}"],
    ),
    "batch": (
        "return mu + 3 * sigma * torch.randn_like(mu) * len(mu)",
        [f"{SIZE} batch size: it grows with the batch size. {ALONE}"],
    ),
    "root of the latents": (
        "return mu + sigma * torch.randn_like(mu) * mu.shape[1] ** 0.5",
        [f"{SIZE} number of latent dimensions: it is multiplied by the root of the number of latent dimensions. "
         f"{ALONE}"],
    ),
    "no number of its own": (
        "return mu + sigma * torch.randn_like(mu) / (1 + len(mu)) ** 0.3",
        [f"{SIZE} batch size: it falls with the batch size. {ALONE}"],
    ),
    "average of three": (
        "return mu + sigma * torch.randn(3, *mu.shape).mean(0)",
        ["The noise is wrong: its standard deviation is near 0.58 instead of 1, as in an average of 3 samples."],
    ),
    "a factor that is none of an average": (
        "return mu + 0.7 * sigma * torch.randn_like(mu)",
        ["The noise is wrong: its standard deviation is near 0.7 instead of 1."],
    ),
    "uniform and shared": (
        "return mu + sigma * (torch.rand(len(mu), 1) - 0.5) * 12 ** 0.5",
        ["All latent dimensions of an example share the same noise; each needs its own.",
         "The noise is wrong: it is uniform, not normal."],
    ),
    "noise that is added": (
        "return mu + sigma + torch.randn_like(mu)",
        ["What shifts the sample is mu + sigma, where mu belongs.",
         "The noise is not multiplied by sigma: it is of one and the same size for every sigma."],
    ),
    "without the half, and cut off": (
        "return mu + logvar.clamp(-4, 4).exp() * torch.randn_like(mu)",
        [WITHOUT_HALF,
         "Sigma no longer follows logvar above 4 and below -4: it is bounded there."],
    ),
    "a small number beside the variance": (
        "return mu + (logvar.exp() + 1e-4).sqrt() * torch.randn_like(mu)",
        ["To the variance about 0.0001 is added, so that sigma is too large where logvar is small."],
    ),
    "a small number beside sigma": (
        "return mu + (sigma + 1e-3) * torch.randn_like(mu)",
        ["To sigma 0.001 is added."],
    ),
    "without the half, and cut off near 0": (
        "return mu + logvar.clamp(-2.5, 2).exp() * torch.randn_like(mu)",
        [WITHOUT_HALF, "logvar is cut off below -2.5 and above 2 before sigma is computed."],
    ),
    "dropout": (
        "return F.dropout(mu + sigma * torch.randn_like(mu), 0.2)",
        ["Numbers of z are set to 0 at random, with probability 0.2, and multiplied by 1.25 otherwise: that is a "
         "dropout."],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_with_a_sample_is_told_and_each_cause_once(workers, name):
    new, words = CASES[name]
    why, _ = explain(workers, "reparameterize", SAMPLE, new)
    assert list(why) == words


@pytest.mark.slow
def test_heads_may_be_every_second_row_of_one_layer(workers, monkeypatch):
    text = FILES["simple_vae.py"]
    old = "return self.mu(h), self.logvar(h)"
    assert old in text
    layer = "self.both = nn.Linear(hidden_dim, 2 * latent_dim)\n        "
    lines = [line for line in text.splitlines() if "self.mu =" not in line and "self.logvar =" not in line]
    at = next(i for i, line in enumerate(lines) if "self.decoder_hidden =" in line)
    lines[at] = lines[at].replace("self.", f"{layer}self.", 1)
    monkeypatch.setitem(
        FILES, "simple_vae.py", "\n".join(lines).replace(old, "b = self.both(h); return b[:, ::2], b[:, 1::2]")
    )
    assert explain(workers, "warmup_model", "return b[:, ::2]", "return b[:, ::2]")[0] == ()
    assert explain(workers, "warmup_model", "return b[:, ::2]", "return 2 * b[:, ::2]")[0] == (
        "mu is multiplied by 2.",
    )
