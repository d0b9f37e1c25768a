"""``vae_loss``: ``compute_elbo`` on the fields of a model's output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import points

from grading.checks import Draws, Record, Submission
from grading.diagnosis.laws import Law, Probe
from laws import objective
from laws.three_parts import code


def _call(submission: Submission, point: points.Point, options: dict[str, Any]) -> Any:
    # Not by the submission, which may be one that is seeded.
    fields = {"logits": point.logits, "mu": point.mu, "logvar": point.logvar, "z": code(point)}
    output = Record("VAEOutput", fields)
    return submission.vae_loss(output, point.x, **options)


CLAIMS = objective.claims_of(
    _call,
    "vae_loss",
    (
        *("drops_recon_loss", "drops_beta", "drops_both", "code_for_mean", "code_for_logvar", "unpacks_code_second"),
        *("swapped_mean_and_logvar", "swapped_data_and_logits", "sigmoid_on_logits", "std_for_logvar", "beta_twice"),
        *("kl_returned_weighted", "weights_whole_loss", "summed_over_batch", "per_feature", "rounds_data"),
    ),
)
"""Of mistakes that are in values alone: else there is more to tell."""


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What loss, recon and kl are made of."""
    return objective.iterate(_call, submission, draws)


def probes() -> list[Probe]:
    """Where they may be right and where not."""
    return objective.probes_of(_call)
