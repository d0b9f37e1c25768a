"""``VAE.reparameterize``: ``z = mu + exp(logvar / 2) eps``, ``eps ~ N(0, 1)`` fresh for every element and call.

With the same seed two calls of one shape draw the same noise. So ``z`` at other arguments parts what is done to ``mu``
and ``logvar`` from the noise, however that is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator

import networks

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import Law, Probe, facts
from laws.sampler import Sampler
from laws.sampling import examined_of, facts_of, probes_of


def _model(submission: Submission) -> Model:
    return networks.build(submission, 11, 13, 3)


SAMPLER = Sampler(_model, sized=lambda submission, latent: networks.build(submission, 11, 13, latent))


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """Mean, spread, noise and gradients, each by itself."""
    return facts.explain(facts_of(SAMPLER), submission, draws)


examined = examined_of(SAMPLER)
"""What a mistake that the checks have named must answer as the submission does."""


def probes() -> list[Probe]:
    """Where z may be right and where not."""
    return probes_of(SAMPLER)
