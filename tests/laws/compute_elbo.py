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


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What loss, recon and kl are made of."""
    return objective.iterate(_call, submission, draws)


def probes() -> list[Probe]:
    """Where they may be right and where not."""
    return objective.probes_of(_call)
