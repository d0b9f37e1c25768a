"""Which of two things shifts a sample and which scales its noise: mu and sigma, or others in their places."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch

ROLES: tuple[tuple[str, Callable[[float, float], float]], ...] = (
    ("mu", lambda mu, sigma: mu),
    ("sigma", lambda mu, sigma: sigma),
    ("sigma squared", lambda mu, sigma: sigma**2),
    ("logvar", lambda mu, sigma: 2 * math.log(sigma)),
    ("mu + sigma", lambda mu, sigma: mu + sigma),
    ("mu times sigma", lambda mu, sigma: mu * sigma),
    ("nothing", lambda mu, sigma: 0.0),
)
PLACES = ((0.0, 1.0), (2.0, 0.5), (-1.5, 3.0), (3.0, 2.0))
"""Of mu and sigma, where the roles are all apart."""


def wrong(z: Callable[[float, float], torch.Tensor]) -> Iterator[str]:
    """A sentence for each role that something else has, as far as more than sigma as a function of logvar is wrong.

    Args:
        z: a large sample at one mean and one sigma.
    """
    seen = []
    for mu, sigma in PLACES:
        sample = z(mu, sigma).detach().double()
        seen.append((float(sample.mean()), float(sample.std())))

    def found(of_what: int) -> str | None:
        for words, of in ROLES:
            expected = [abs(of(*place)) if of_what else of(*place) for place in PLACES]
            if all(abs(e - s[of_what]) <= 0.06 * s[1] + 1e-5 for e, s in zip(expected, seen, strict=True)):
                return words
        return None

    shift, scale = found(0), found(1)
    if scale == "nothing":
        if shift not in (None, "mu"):
            yield f"z is {shift} at every call: there is no noise."
        return
    if shift not in (None, "mu", "nothing"):
        yield f"What shifts the sample is {shift}, where mu belongs."
        if scale is None and max(s[1] for s in seen) < 1.06 * min(s[1] for s in seen):
            yield "The noise is not multiplied by sigma: it is of one and the same size for every sigma."
    if scale is not None and ("mu" in scale or (shift not in (None, "mu", "nothing") and scale != "sigma")):
        yield f"The noise is scaled by {scale}, where sigma belongs."
