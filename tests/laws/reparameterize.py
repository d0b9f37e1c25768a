"""``VAE.reparameterize``: ``z = mu + exp(logvar / 2) eps``, ``eps ~ N(0, 1)`` fresh for every element and call.

With the same seed two calls of one shape draw the same noise. So ``z`` at other arguments parts what is done to ``mu``
and ``logvar`` from the noise, however that is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator

import networks
import torch

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


_in_all_modes = examined_of(SAMPLER)


def examined(submission: Submission, draws: Draws) -> tuple[torch.Tensor, None]:
    """What a mistake that the checks have named must answer as the submission does.

    Noise that comes again because torch's generator is put back is another after somebody else has drawn from it; that
    of a generator that begins anew at each call is not.
    """
    model, mu, logvar = _model(submission), draws.normal(5, 3), draws.normal(5, 3)
    z = SAMPLER.z(model, mu.requires_grad_(), logvar, draws.seed())
    if z.requires_grad:
        z.sum().backward()  # for which the far side draws a number
    SAMPLER.z(model, mu, logvar)
    return _in_all_modes(submission, draws)


def probes() -> list[Probe]:
    """Where z may be right and where not."""
    return probes_of(SAMPLER)
