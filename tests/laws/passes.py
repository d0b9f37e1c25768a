"""The parts of a pass through a model: what each one gives that was asked alone, and what may stand in its place."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import ORDINARY, Raised, alike, ask
from laws import layers

NAMES = ("logits", "mu", "logvar", "z")


INPUTS: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("a rounded x", torch.round),
    ("an x that is made 0 and 1, at one half", lambda x: (x > 0.5).to(x.dtype)),
    ("an x that is cut off below 0 and above 1", lambda x: x.clamp(0, 1)),
    ("an x that is normalized by mean and spread of all its numbers", lambda x: (x - x.mean()) / x.std()),
    ("an x that is normalized over the batch", lambda x: (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()),
    ("an x that is spread from -1 to 1", lambda x: 2 * x - 1),
    ("an x from which one half is taken", lambda x: x - 0.5),
    ("an x that is divided by 255", lambda x: x / 255),
    ("half of x", lambda x: x / 2),
    ("1 - x", lambda x: 1 - x),
    ("a sigmoid of x", torch.sigmoid),
)
"""What may be given to encode in the place of x."""


def own_parts(model: Model, x: torch.Tensor, right: Any) -> tuple[Model, torch.Tensor, torch.Tensor]:
    """The model in a process of its own, and what encode gives there; the true values where it gives none.

    Gradients of what it gives reach the parameters of the model itself.
    """
    twin = model.alone().share(model)
    own = twin.encode(x)
    usable = isinstance(own, (tuple, list)) and len(own) == 2 and all(isinstance(t, torch.Tensor) for t in own)
    return twin, *(own if usable else right)


def sampled(twin: Model, seed: int, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """A sample by the submission's own reparameterize; the true one where it gives none."""
    own = twin.seeded(seed).reparameterize(mu, logvar)
    return own if isinstance(own, torch.Tensor) and own.shape == mu.shape else mu


def codes(twin: Model, seed: int, mu: torch.Tensor, logvar: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """What may stand in the place of a sample."""
    sigma = (logvar / 2).exp()
    yield "mu: no sample is drawn", mu
    yield "logvar", logvar
    yield "sigma, the exponential of half of logvar", sigma
    yield "mu + sigma: there is no noise", mu + sigma
    yield "mu + the variance: there is no noise", mu + logvar.exp()
    yield "mu + logvar", mu + logvar
    yield "reparameterize(logvar, mu): the arguments are exchanged", sampled(twin, seed, logvar, mu)
    z = sampled(twin, seed, mu, logvar)
    eps = ((z - mu) / sigma).detach()  # what rounding leaves of its gradients is none
    plain = sampled(twin, seed, torch.zeros_like(mu), torch.zeros_like(logvar)).detach()
    eps = plain if torch.allclose(eps, plain, atol=1e-2) else eps  # the same, without what rounding adds
    yield "the noise alone", eps
    yield "the noise times sigma, without mu", sigma * eps
    yield "a sample with the variance in place of logvar", sampled(twin, seed, mu, logvar.exp())
    yield "a sample with sigma in place of logvar", sampled(twin, seed, mu, sigma)
    yield "a sample with twice logvar", sampled(twin, seed, mu, 2 * logvar)
    yield "a sample with half of logvar", sampled(twin, seed, mu, logvar / 2)
    yield "a sample with minus logvar", sampled(twin, seed, mu, -logvar)
    yield "a sample with logvar = 0", sampled(twin, seed, mu, torch.zeros_like(logvar))
    yield "a sample at mu = 0 and logvar = 0", sampled(twin, seed, torch.zeros_like(mu), torch.zeros_like(logvar))
    yield "a sample around a sample: noise is added twice", _around_sample(twin, seed, mu, logvar)
    yield "a sample that is rounded", z.round()
    yield "reparameterize(mu, mu)", sampled(twin, seed, mu, mu)


def _around_sample(twin: Model, seed: int, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """A sample around a sample, with noise that is drawn after that of the first."""
    own = twin.reparameterize(sampled(twin, seed, mu, logvar), logvar)
    return own if isinstance(own, torch.Tensor) and own.shape == mu.shape else mu


def decoded(twin: Model, z: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """What the submission's own decode gives; the true value where it gives none."""
    own = twin.decode(z)
    return own if isinstance(own, torch.Tensor) else right


def returned(answer: Any, right: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """``mu``, ``logvar`` and ``z`` as they came back; the right ones where there are none of their shape."""
    own = answer[1:] if isinstance(answer, (tuple, list)) and len(answer) == len(NAMES) else right
    return [
        given.to(like.dtype) if isinstance(given, torch.Tensor) and given.shape == like.shape else like
        for given, like in zip(own, right, strict=True)
    ]


def order(answer: Any, right: tuple[torch.Tensor, ...]) -> tuple[str, ...] | None:
    """Which of ``mu``, ``logvar`` and ``z`` stand in the places of these; None where each is in its own, or missing."""
    if not isinstance(answer, (tuple, list)) or len(answer) != len(NAMES):
        return None
    given, wanted = answer[1:], [t.detach() for t in right]
    if sum(not alike(a, b) for a, b in zip(given, wanted, strict=True)) < 2 or alike(wanted[0], wanted[2]):
        return None
    for places in itertools.permutations(range(len(wanted))):
        if all(alike(own, wanted[place]) for own, place in zip(given, places, strict=True)):
            return tuple(NAMES[1 + place] for place in places)
    if alike(given[0], wanted[1]) and alike(given[1], wanted[0]):  # whatever z is
        return NAMES[2], NAMES[1], NAMES[3]
    return None


def in_order(answer: Any, right: tuple[torch.Tensor, ...]) -> Any:
    """An answer with its fields in their own places, where they stand in others'."""
    found = order(answer, right)
    return answer if found is None else (answer[0], *(answer[1 + found.index(name)] for name in NAMES[1:]))


def works_at(submission: Submission, draws: Draws) -> dict[str, Any]:
    """Options of a setting in which a pass can be asked for: those of the handout where no other sizes work."""
    x = draws.uniform(6, layers.SIZES[0])
    works = not isinstance(ask(lambda: layers.model(submission, draws, ORDINARY)(x)), Raised)
    return {} if works else {"sizes": layers.OF_HANDOUT}
