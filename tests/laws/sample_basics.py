"""What of a sample makes nothing of all else that is measured, and what the size of its noise depends on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import facts, number, start
from laws import noise_sizes, roles
from laws.sampler import Sampler


def first(sampler: Sampler) -> facts.Fact:
    """What makes nothing of all else that is measured: a dropout, or other things than mu and sigma in their places."""
    dropped, roles_of = _dropped(sampler), _roles(sampler)
    return lambda submission, draws: (
        facts.sentences_of(dropped, submission, draws) or facts.sentences_of(roles_of, submission, draws)
    )


def _dropped(sampler: Sampler) -> facts.Fact:
    """Whether some numbers of z are set to 0 at random, though at this mu and logvar z is mu."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        model = sampler.build(submission)

        def ratios() -> torch.Tensor:
            mu = draws.uniform(300, 20, low=1.0, high=3.0)
            return sampler.z(model, mu, torch.full_like(mu, -60.0)).detach() / mu

        return dropout(ratios, model)

    return fact


def dropout(ratios: Callable[[], torch.Tensor], model: Model) -> str | None:
    """What is said where numbers of z are 0 at random, and all others alike times what they should be.

    Args:
        ratios: of some z to what they should be.
        model: asked in train mode, and then in eval mode.
    """

    def seen() -> tuple[float, float] | None:
        """The share of zeros, and what all others are multiplied by."""
        ratio = ratios()
        kept = ratio[ratio != 0]
        share = 1 - kept.numel() / ratio.numel()
        one = 0.02 < share < 0.98 and float(kept.max() - kept.min()) < 1e-4
        return (share, float(kept.mean())) if one else None

    found = seen()
    if found is None:
        return None
    share, scale = found
    by_scale = 1 - 1 / scale  # as a dropout has it
    probability = by_scale if abs(by_scale - share) < 0.03 else round(share, 1)
    model.eval()
    mode = "" if seen() is not None else "In train mode "
    about = "" if probability is by_scale else "about "
    more = f", and multiplied by {number(round(scale, 3))} otherwise" if abs(scale - 1) > 1e-3 else ""
    words = f"numbers of z are set to 0 at random, with probability {about}{probability:.2g}{more}"
    return f"{mode}{words}: that is a dropout." if mode else f"{start(words)}: that is a dropout."


def _roles(sampler: Sampler) -> facts.Fact:
    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        model, ones = sampler.build(submission), torch.ones(400, 25)
        return roles.wrong(lambda mu, sigma: sampler.z(model, mu * ones, 2 * math.log(sigma) * ones))

    return fact


def of_size(sampler: Sampler) -> facts.Fact:
    """Whether the size of the noise depends on how many numbers are drawn."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        return noise_sizes.sentences(sampler.drawing(sampler.build(submission)))

    return fact
