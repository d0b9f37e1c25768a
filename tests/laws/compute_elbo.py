"""``compute_elbo``: ``loss = recon + beta kl``, ``recon`` by name, ``kl`` without beta."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import points

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Law, Probe
from laws import objective


def _call(submission: Submission, point: points.Point, options: dict[str, Any]) -> Any:
    return submission.compute_elbo(*point, **options)


CLAIMS = objective.claims_of(
    _call,
    "compute_elbo",
    (
        *("kl_arguments_swapped", "data_and_logits_swapped", "always_bernoulli", "gaussian_and_laplace_swapped"),
        *("sigmoid_on_gaussian_mean", "sigmoid_on_real_values", "sigmoid_before_every_loss", "halved_gaussian"),
        *("negative_reconstruction", "ignores_beta", "kl_returned_weighted", "beta_twice", "beta_on_reconstruction"),
        *("beta_on_both", "divides_by_beta", "convex_mixture", "subtracts_kl", "returns_elbo", "mean_of_both_terms"),
        *("divided_by_features", "times_batch_size", "kl_over_latents", "kl_scaled_to_features", "default_beta_four"),
        *("default_gaussian", "key_error", "assertion", "unknown_name_is_laplace", "unknown_name_is_bernoulli"),
    ),
)
"""Of mistakes that are in values alone: else there is more to tell."""


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What loss, recon and kl are made of."""
    return objective.iterate(_call, submission, draws)


def probes() -> list[Probe]:
    """Where they may be right and where not."""
    return objective.probes_of(_call)
