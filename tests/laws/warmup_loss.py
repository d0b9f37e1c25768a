"""The warm-up's ``vae_loss``: squared error and ``1/2 (mu^2 + exp(logvar) - logvar - 1)``, summed over everything.

For these experiments there are as many latents as pixels, so that all four arguments have one shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Change, Formula, Law, Probe, Term, formula, is_near, number
from laws import kl_divergence

Four = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def _posterior(term: Term) -> Term:
    """A term of the KL as one of four arguments."""
    instead = tuple((words, lambda o, x, mu, lv, of=of: of(mu, lv)) for words, of in term.instead)
    return Term(term.words, term.weight, lambda o, x, mu, lv: term.of(mu, lv), instead)


SQUARES = Term(
    "the squared error",
    1.0,
    lambda o, x, mu, lv: (o - x) ** 2,
    (
        ("The squared error is averaged over the pixels.", lambda o, x, mu, lv: (o - x) ** 2 / o.shape[-1]),
        ("The squared error is averaged over the batch.", lambda o, x, mu, lv: (o - x) ** 2 / o.shape[-2]),
        ("The squared error is averaged over pixels and batch.",
         lambda o, x, mu, lv: (o - x) ** 2 / (o.shape[-1] * o.shape[-2])),
        ("The error is not squared: its absolute value is taken.", lambda o, x, mu, lv: (o - x).abs()),
        ("The error is not squared, so that errors cancel.", lambda o, x, mu, lv: o - x),
        ("The binary cross-entropy is computed in place of the squared error.",
         lambda o, x, mu, lv: -(x * o.log() + (1 - x) * (1 - o).log())),
        ("The binary cross-entropy, averaged over pixels and batch, stands in place of the squared error.",
         lambda o, x, mu, lv: -(x * o.log() + (1 - x) * (1 - o).log()) / (o.shape[-1] * o.shape[-2])),
        ("A sigmoid is applied to recon_x, which is one already.", lambda o, x, mu, lv: (o.sigmoid() - x) ** 2),
        ("Output and data are added instead of subtracted.", lambda o, x, mu, lv: (o + x) ** 2),
        ("The root of the squared error is taken.",
         lambda o, x, mu, lv: ((o - x) ** 2).sum((-2, -1), keepdim=True).sqrt() / (o.shape[-1] * o.shape[-2]) + 0 * o),
    ),
)  # fmt: skip
KL = tuple(_posterior(term) for term in kl_divergence.TERMS)


def _divided(axes: tuple[int, ...]) -> tuple[Term, ...]:
    def term(of: Term) -> Term:
        def values(o: torch.Tensor, x: torch.Tensor, mu: torch.Tensor, lv: torch.Tensor) -> torch.Tensor:
            found = of.of(o, x, mu, lv)
            for axis in axes:
                found = found / mu.shape[axis]
            return found

        return Term(of.words, of.weight, values)

    return tuple(term(of) for of in KL)


VARIANTS = (
    ("The KL is averaged over the batch, where this part sums.", (SQUARES, *_divided((-2,)))),
    ("The KL is averaged over the latents.", (SQUARES, *_divided((-1,)))),
    ("The KL is averaged over latents and batch.", (SQUARES, *_divided((-1, -2)))),
)


def _of_kl(weights: Mapping[str, float]) -> str | None:
    """What all terms of the KL count, where that is one number for all, and another one than for the squared error."""
    if weights.keys() != {term.words for term in (SQUARES, *KL)}:
        return None
    counts = [weights[term.words] / term.weight for term in KL]
    count, error = sum(counts) / len(counts), weights[SQUARES.words]
    if max(counts) - min(counts) > 5e-3 * abs(count) or abs(count - error) < 2e-3 * abs(error) or is_near(count, 1.0):
        return None
    beside = "" if is_near(error, 1.0) else f" The weight of the squared error is {number(error)}; it should be 1."
    if abs(count) < 2e-5:
        return f"The KL is missing.{beside}"
    if is_near(count, -1.0):
        return f"The KL is subtracted, so that the loss rewards codes that are far from the prior.{beside}"
    if is_near(count, 2.0):
        return f"The KL counts twice: its factor of one half is missing.{beside}"
    return f"The KL counts {number(count)} times; it should count once.{beside}"


def _draw(draws: Draws, batch: int, width: int, scale: float) -> Four:
    mu, logvar = draws.normal(batch, width, std=1.5), draws.normal(batch, width, std=1.5)
    x = draws.uniform(batch, width, low=0.02, high=0.98)
    return draws.uniform(batch, width, low=0.02, high=0.98), x, mu, logvar


def _changes() -> Iterator[Change]:
    for change in kl_divergence.changes(()):
        yield Change(change.words, lambda o, x, mu, lv, of=change.of: (o, x, *of(mu, lv)))
    yield Change("The data x are rounded.", lambda o, x, mu, lv: (o, x.round(), mu, lv))
    yield Change("The data x are not used.", lambda o, x, mu, lv: (o, o, mu, lv))


def _at(logvar: float, draws: Draws) -> Four:
    return *_draw(draws, 3, 2, 1.0)[:3], torch.full((3, 2), logvar)


LOSS = Formula(
    call=lambda submission, arguments: submission.vae_loss(*arguments),
    arguments=("recon_x", "x", "mu", "logvar"),
    terms=(SQUARES, *KL),
    reduction="sum_sum",
    features="columns",
    draw=_draw,
    extras=(
        *(_posterior(term) for term in kl_divergence.EXTRAS),
        Term("the absolute error", 0, lambda o, x, mu, lv: (o - x).abs()),
    ),
    changes=tuple(_changes()),
    variants=VARIANTS,
    situations=(
        ("for a perfect reconstruction", lambda d: (lambda a: (a[1], *a[1:]))(_draw(d, 4, 3, 1.0))),
        ("at mu = 0 and logvar = 0", lambda d: (*_draw(d, 4, 3, 1.0)[:2], torch.zeros(4, 3), torch.zeros(4, 3))),
        ("for logvar of about -60", lambda d: (*_draw(d, 4, 3, 1.0)[:3], d.uniform(4, 3, low=-70, high=-50))),
        ("for logvar of about 15", lambda d: (*_draw(d, 4, 3, 1.0)[:3], d.uniform(4, 3, low=12, high=18))),
        ("where there are more pixels than latents", lambda d: (*_draw(d, 4, 7, 1.0)[:2], *_draw(d, 4, 2, 1.0)[2:])),
    ),
    sweep=tuple(partial(_at, logvar) for logvar in kl_divergence.SWEEP),
    judged_at=(0, 2, 3),
    bends=kl_divergence.BENDS,
    readings=(_of_kl,),
)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What it computes."""
    return formula.explain(LOSS, submission, draws, until)


def probes() -> list[Probe]:
    """Where it may be right and where not."""
    return formula.probes(LOSS)
