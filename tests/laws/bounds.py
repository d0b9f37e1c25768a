"""The KL in ``(loss, recon, kl)`` where it does not count as it is: bounded, or held against a capacity.

The parts that are returned are looked at for posteriors from the prior itself to far from it. What is done to the KL
has a number in it, which one of the answers shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import oracles
import points
import torch

from grading.checks import Draws, Submission, unpack
from grading.diagnosis.laws import facts
from laws.three_parts import PARTS, Call, scalar

SCALES = (0.0, 0.1, 0.3, 0.7, 1.5, 3.0)
"""How far from the prior the posteriors are."""
BETAS = {"loss": (2.0, 0.5), "kl": (2.0,)}
LOW, HIGH, PLACES, STEPS = 1e-3, 1e3, 24, 48


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
            for c in dict.fromkeys(_numbers(of, rows)):
                if not _fits(rows, [of(row, c) for row in rows]):
                    continue
                where = "In the loss the KL" if part == "loss" else "The kl that is returned"
                return f"{where} {words.format(c=f'{c:.3g}')}."
        return None

    return fact


def _row(call: Call, part: str, submission: Submission, draws: Draws, scale: float, beta: float) -> Row:
    x, logits, mu, logvar = points.draw(draws, 4, 5, 3)
    point = points.Point(x, logits, scale * mu, scale * logvar)
    answer = unpack(call(submission, point, {"recon_loss": "gaussian", "beta": beta}), PARTS, "the function")
    counts = float(answer[PARTS.index(part)])
    if part == "loss":
        counts -= scalar(submission, "reconstruction_loss_gaussian", (logits, x), oracles.gaussian(logits, x))
    kl = scalar(submission, "kl_divergence", point[2:], oracles.kl(*point[2:]))
    mu, logvar = (t.double() for t in point[2:])
    return Row(counts, beta if part == "loss" else 1.0, kl, 0.5 * (mu**2 + logvar.exp() - logvar - 1))


def _numbers(of: Callable[[Row, float], float], rows: Sequence[Row]) -> Iterator[float]:
    """Numbers with which one of the rows comes out, by bisection of their logarithm between places some way apart."""
    places = [LOW * (HIGH / LOW) ** (i / PLACES) for i in range(PLACES + 1)]
    for row in rows:
        gaps = [of(row, place) - row.counts for place in places]
        for i in range(PLACES):
            if gaps[i] * gaps[i + 1] < 0:
                found = _bisected(lambda c, row=row: of(row, c) - row.counts, places[i], places[i + 1])  # type: ignore[misc]
                short = float(f"{found:.3g}")
                yield short if abs(short - found) < 1e-3 * found else found


def _bisected(gap: Callable[[float], float], low: float, high: float) -> float:
    begins = gap(low)
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if gap(middle) * begins > 0 else (low, middle)
    return low


def _fits(rows: Sequence[Row], expected: Sequence[float]) -> bool:
    return all(abs(r.counts - e) <= 1e-4 * abs(e) + 3e-5 for r, e in zip(rows, expected, strict=True))
