"""A loss of ``compute_elbo`` or ``vae_loss`` that comes back alone, without recon and kl."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import points
import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import facts
from laws.three_parts import Call


def lone_fact(call: Call, *makers: Callable[[Call], facts.Fact]) -> facts.Fact:
    """What it is made of, by the first of some facts that says anything of it.

    Args:
        call: asks the function.
        makers: make a fact of a call that gives three numbers, of which the first one counts.
    """

    def thrice(submission: Submission, point: points.Point, options: dict[str, Any]) -> Any:
        answer = call(submission, point, options)
        return (answer,) * 3 if _is_number(answer) else answer

    made = [make(thrice) for make in makers]

    def fact(submission: Submission, draws: Draws) -> tuple[str, ...]:
        answer = call(submission, points.draw(draws, 4, 5, 3), {"recon_loss": "bernoulli", "beta": 1.0})
        said = (facts.sentences_of(of, submission, draws) for of in made) if _is_number(answer) else ()
        return next(filter(None, said), ())

    return fact


def _is_number(answer: Any) -> bool:
    return isinstance(answer, torch.Tensor) and not answer.dim()
