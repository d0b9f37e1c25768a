"""Facts: what is measured of a function that the right one would not show.

A fact is a function that asks and gives a sentence, or None where it has nothing to say. A law is made of it by asking
again with fresh inputs in a fresh process: it is told only if the same sentence comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from ...boundary.errors import RefusedError, StudentError
from ...boundary.proxy import Submission
from ...checks.draws import Draws
from .asking import UNUSABLE, alike
from .law import Law, Trial, number

Tensor = torch.Tensor
Fact = Callable[[Submission, Draws], str | None]


def explain(facts: Iterable[Fact], submission: Submission, draws: Draws) -> Iterator[Law]:
    """A law for each fact that has something to say."""
    for fact in facts:
        said = _said(fact, submission, draws)
        if said is not None:

            def trials(submission: Submission, draws: Draws, fact: Fact = fact, said: str = said) -> Iterator[Trial]:
                for _ in range(2):
                    again = _said(fact, submission, draws)
                    yield Trial(again == said, again is None)

            yield Law((said,), trials)


def _said(fact: Fact, submission: Submission, draws: Draws) -> str | None:
    try:
        return fact(submission, draws)
    except (StudentError, RefusedError, *UNUSABLE):
        return None  # what raises, or has another structure, is told by the checks


ELEMENTWISE: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("goes through a ReLU: what is negative is lost", torch.relu),
    ("goes through a sigmoid, so that it stays between 0 and 1", torch.sigmoid),
    ("goes through tanh, so that it stays between -1 and 1", torch.tanh),
    ("goes through softplus, so that it is never negative", torch.nn.functional.softplus),
    ("goes through a LeakyReLU", lambda t: torch.nn.functional.leaky_relu(t, 0.01)),
    ("goes through ELU", torch.nn.functional.elu),
    ("goes through GELU", torch.nn.functional.gelu),
    ("goes through SiLU", torch.nn.functional.silu),
    ("goes through softsign", torch.nn.functional.softsign),
    ("goes through a softmax, so that a row adds up to 1", lambda t: t.softmax(-1)),
    ("goes through a log-softmax", lambda t: t.log_softmax(-1)),
    ("goes through a log-sigmoid", torch.nn.functional.logsigmoid),
    ("goes through the exponential", torch.exp),
    ("goes through the exponential of its half", lambda t: (t / 2).exp()),
    ("goes through a logarithm", lambda t: t.log()),
    ("goes through a logarithm of its size", lambda t: t.abs().log()),
    ("goes through the sigmoid twice", lambda t: t.sigmoid().sigmoid()),
    ("loses its sign", torch.abs),
    ("is squared", torch.square),
    ("is rounded", torch.round),
    ("goes through the sine", torch.sin),
    ("is spread from a sigmoid to -1 and 1", lambda t: 2 * t.sigmoid() - 1),
    ("goes through the sigmoid and a threshold of one half", lambda t: (t > 0).to(t.dtype)),
    ("has its sign turned round", torch.neg),
    ("is normalized in every row, to mean 0 and variance 1", lambda t: torch.nn.functional.layer_norm(t, t.shape[-1:])),
    ("is normalized in every row, to length 1", lambda t: torch.nn.functional.normalize(t, dim=-1)),
    (
        "is normalized over the batch, to mean 0 and variance 1",
        lambda t: (t - t.mean(0)) / (t.var(0, unbiased=False) + 1e-5).sqrt(),
    ),
    ("has the mean of the batch taken off", lambda t: t - t.mean(0)),
    ("is averaged over the batch", lambda t: t.mean(0, keepdim=True).expand_as(t)),
    ("is averaged over each row", lambda t: t.mean(-1, keepdim=True).expand_as(t)),
    ("has its rows in reverse order", lambda t: t.flip(0)),
    ("has its columns in reverse order", lambda t: t.flip(-1)),
    ("has its rows moved by one", lambda t: t.roll(1, 0)),
    ("has its columns moved by one", lambda t: t.roll(1, -1)),
    ("is that of the first row everywhere", lambda t: t[:1].expand_as(t)),
)
"""What may be done to a matrix of numbers, as the end of a sentence."""


def change_between(true: Tensor, own: Any) -> str | None:
    """How ``own`` comes from ``true``, as the end of a sentence: empty where it is the same, None if nothing fits."""
    if not isinstance(own, torch.Tensor) or own.shape != true.shape:
        return None
    own, true = own.detach().to(true.dtype), true.detach()
    if alike(own, true):
        return ""
    if not bool(torch.isfinite(own).all() and torch.isfinite(true).all()):
        return None
    if not bool(own.any()):
        return "is always 0"
    for words, of in ELEMENTWISE:
        if alike(own, of(true)):
            return words
    low, high = float(own.min()), float(own.max())
    if alike(own, true.clamp(low, high)) and low < high:
        below, above = bool(true.min() < low), bool(true.max() > high)
        places = ([f"below {number(round(low, 4))}"] if below else []) + (
            [f"above {number(round(high, 4))}"] if above else []
        )
        return f"is cut off {' and '.join(places)}"
    return _linear(true, own)


def _linear(true: Tensor, own: Tensor) -> str | None:
    """A factor and a constant, found by least squares."""
    flat = true.double().reshape(-1)
    columns = torch.stack([flat, torch.ones_like(flat)], 1)
    slope, offset = torch.linalg.lstsq(columns, own.double().reshape(-1, 1), driver="gelsd").solution[:, 0].tolist()
    if not alike(own, (slope * true + offset).to(own.dtype)):
        return None
    said = [f"is multiplied by {number(slope)}"] if abs(slope - 1) > 1e-4 else []
    said += [f"has {number(offset)} added"] if abs(offset) > 1e-4 else []
    return " and ".join(said) or None


def identify(own: Any, candidates: Iterable[tuple[str, Tensor]]) -> tuple[str, str] | None:
    """Which of the candidates ``own`` comes from, and how, as ``change_between`` says it: the plainest first."""
    listed = [
        (words, tensor) for words, tensor in candidates if isinstance(own, torch.Tensor) and tensor.shape == own.shape
    ]
    for words, tensor in listed:
        if alike(own.detach().to(tensor.dtype), tensor.detach()):
            return words, ""
    for words, tensor in listed:
        change = change_between(tensor, own)
        if change:
            return words, change
    return None
