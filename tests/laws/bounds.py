"""The KL in ``(loss, recon, kl)`` where it does not count as it is: bounded, or held against a capacity.

The parts that are returned are looked at for posteriors from the prior itself to far from it. What is done to the KL
has a number in it, which one of the answers shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import elbo
import oracles
import torch

from grading.checks import Draws, Submission, unpack
from grading.diagnosis.laws import facts
from laws.three_parts import PARTS, Call, scalar

SCALES = (0.0, 0.1, 0.3, 0.7, 1.5, 3.0)
"""How far from the prior the posteriors are."""
BETAS = {"loss": (2.0, 0.5), "kl": (2.0,)}
LOW, HIGH, STEPS = 1e-3, 1e3, 60


class Row(NamedTuple):
    """What the KL counts in one answer, the weight that it should have, and what it is, also for each element."""

    counts: float
    beta: float
    kl: float
    elements: torch.Tensor


FORMS: tuple[tuple[str, Callable[[Row, float], float]], ...] = (
    ("is never less than {c}", lambda r, c: r.beta * max(r.kl, c)),
    ("is never more than {c}", lambda r, c: r.beta * min(r.kl, c)),
    ("counts by its distance from {c}", lambda r, c: r.beta * abs(r.kl - c)),
    ("counts only by what it is more than {c}", lambda r, c: r.beta * max(r.kl - c, 0.0)),
    ("is never less than {c} after it was multiplied by beta", lambda r, c: max(r.beta * r.kl, c)),
    ("is never more than {c} after it was multiplied by beta", lambda r, c: min(r.beta * r.kl, c)),
    ("is never less than {c} for any latent dimension, in the mean over the batch",
     lambda r, c: r.beta * float(r.elements.mean(0).clamp(min=c).sum())),
    ("is never less than {c} for any example and latent dimension",
     lambda r, c: r.beta * float(r.elements.clamp(min=c).sum(1).mean())),
    ("is never less than {c} for any example", lambda r, c: r.beta * float(r.elements.sum(1).clamp(min=c).mean())),
    ("is never more than {c} for any example", lambda r, c: r.beta * float(r.elements.sum(1).clamp(max=c).mean())),
)  # fmt: skip


def bound_fact(call: Call, part: str) -> facts.Fact:
    """What is done to the KL before it becomes a part of the loss, or is returned."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        rows = [_row(call, part, submission, draws, scale, beta) for scale in SCALES for beta in BETAS[part]]
        if _fits(rows, [row.beta * row.kl for row in rows]):
            return None
        for words, of in FORMS:
            c = _number(of, rows)
            if c is not None and _fits(rows, [of(row, c) for row in rows]):
                where = "In the loss the KL" if part == "loss" else "The kl that is returned"
                return f"{where} {words.format(c=f'{c:.3g}')}."
        return None

    return fact


def _row(call: Call, part: str, submission: Submission, draws: Draws, scale: float, beta: float) -> Row:
    x, logits, mu, logvar = elbo.draw(draws, 4, 5, 3)
    point = elbo.Point(x, logits, scale * mu, scale * logvar)
    answer = unpack(call(submission, point, {"recon_loss": "gaussian", "beta": beta}), PARTS, "the function")
    counts = float(answer[PARTS.index(part)])
    if part == "loss":
        counts -= scalar(submission, "reconstruction_loss_gaussian", (logits, x), oracles.gaussian(logits, x))
    kl = scalar(submission, "kl_divergence", point[2:], oracles.kl(*point[2:]))
    mu, logvar = (t.double() for t in point[2:])
    return Row(counts, beta if part == "loss" else 1.0, kl, 0.5 * (mu**2 + logvar.exp() - logvar - 1))


def _number(of: Callable[[Row, float], float], rows: Sequence[Row]) -> float | None:
    """The number with which one of the rows comes out, by bisection of its logarithm."""
    for row in rows:
        low, high = LOW, HIGH
        begins = of(row, low) - row.counts
        if not begins * (of(row, high) - row.counts) < 0:
            continue
        for _ in range(STEPS):
            middle = math.sqrt(low * high)
            low, high = (middle, high) if (of(row, middle) - row.counts) * begins > 0 else (low, middle)
        short = float(f"{low:.3g}")
        return short if abs(short - low) < 1e-3 * low else low
    return None


def _fits(rows: Sequence[Row], expected: Sequence[float]) -> bool:
    return all(abs(r.counts - e) <= 1e-4 * abs(e) + 3e-5 for r, e in zip(rows, expected, strict=True))
