"""A divergence that is estimated from samples of ``z``, ``log q(z) - log p(z)``, rather than computed.

Where ``logvar = 0`` that is ``mu^2 / 2 + mu e`` for one latent dimension, with the mean ``e`` of the noise; where
``mu = 0`` it is ``-logvar / 2 + (exp(logvar) - 1) s / 2``, with the mean ``s`` of its squares. Under one seed both
means are the same for all ``mu`` and ``logvar``.
"""

from __future__ import annotations

import math

import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Formula

SEEDS = 16
"""Under which it must be so."""
USUAL = 68
"""Where the seeds come from that are always the same, so that the number in the words is."""
CALLS = 200
"""From which the number of samples is measured, to a tenth."""


def sentence(formula: Formula, submission: Submission, draws: Draws) -> str | None:
    """From how many samples it is estimated, which is told as it is found from seeds that are always the same."""

    def value(mu: float, logvar: float, seed: int) -> float:
        arguments = torch.full((1, 1), mu), torch.full((1, 1), logvar)
        return float(formula.call(submission.seeded(seed), arguments))  # type: ignore[arg-type]

    def mean(mu: float, seed: int) -> float:
        return (value(mu, 0.0, seed) - mu**2 / 2) / mu

    def square(logvar: float, seed: int) -> float:
        return (value(0.0, logvar, seed) + logvar / 2) * 2 / math.expm1(logvar)

    seeds = [draws.seed() for _ in range(SEEDS)]
    for one, other in [[mean(mu, seed) for mu in (1.5, -4.0)] for seed in seeds] + [
        [square(v, seed) for v in (1.0, -2.0)] for seed in seeds
    ]:
        if not abs(one - other) < 2e-3 * (1 + abs(one)):
            return None
    always = Draws(USUAL)
    usual = torch.tensor([mean(2.0, always.seed()) for _ in range(CALLS)], dtype=torch.float64)
    fresh = torch.tensor([mean(2.0, draws.seed()) for _ in range(CALLS // 4)], dtype=torch.float64)
    size = float(usual.var())
    # Five standard errors on either side, so that independent noise passes in all but one case of a million.
    if not 1e-4 < size < 1.3 or not abs(math.log(float(fresh.var()) / size)) < 5 * math.sqrt(10 / CALLS):
        return None
    samples = "one sample" if size > 0.75 else f"about {round(1 / size)} samples"
    return (
        f"The divergence is estimated from {samples} of z, by log q(z) - log p(z), and not computed: it is right on "
        "average only, and random away from the prior."
    )
