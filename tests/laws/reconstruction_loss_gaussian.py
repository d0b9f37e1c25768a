"""``reconstruction_loss_gaussian``: ``(mean - x)^2``, summed over features, averaged over the batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Law, Probe, Term, formula
from laws import likelihoods

MEANS = Term("the squared mean", 1.0, lambda o, x: o**2)
PRODUCT = Term("minus twice the product of mean and x", 1.0, lambda o, x: -2 * o * x)
DATA = Term("the squared data", 1.0, lambda o, x: x**2)
EXPANDED = "(mean - x)^2 is mean^2 - 2 mean x + x^2"
MULTIPLIED_OUT = (
    (f"The product of mean and x counts once and not twice: {EXPANDED}.",
     (MEANS, Term("minus the product of mean and x", 1.0, lambda o, x: -o * x), DATA)),
    (f"The product of mean and x is missing: {EXPANDED}.", (MEANS, DATA)),
    (f"The square of the mean is missing: {EXPANDED}.", (PRODUCT, DATA)),
    (f"The square of x is missing: {EXPANDED}.", (MEANS, PRODUCT)),
)  # fmt: skip
"""Mistakes of somebody who multiplies the square out."""

GAUSSIAN = likelihoods.loss_of(
    lambda submission: submission.reconstruction_loss_gaussian,
    "the mean",
    (
        Term(
            "the squared error",
            1.0,
            lambda o, x: (o - x) ** 2,
            (
                ("The error is not squared: its absolute value is taken.", lambda o, x: (o - x).abs()),
                ("The error is not squared, so that errors of either sign cancel.", lambda o, x: o - x),
                ("The fourth power of the error is taken.", lambda o, x: (o - x) ** 4),
                ("The third power of the error is taken.", lambda o, x: (o - x) ** 3),
                ("Output and data are added instead of subtracted.", lambda o, x: (o + x) ** 2),
                ("The squares are subtracted, not the numbers.", lambda o, x: o**2 - x**2),
                ("Product instead of difference: the output is multiplied with the data.", lambda o, x: o * x),
                ("The root is taken of the squared error of each example, so that it is a distance.",
                 lambda o, x: ((o - x) ** 2).sum(-1, keepdim=True).sqrt() / o.shape[-1] + 0 * o),
                ("Errors are summed over an example before they are squared.",
                 lambda o, x: (o - x).sum(-1, keepdim=True) ** 2 / o.shape[-1] + 0 * o),
                ("The smooth absolute error (Huber's) is taken: beyond 1 it grows only linearly.",
                 lambda o, x: 2 * torch.nn.functional.smooth_l1_loss(o, x, reduction="none")),
                ("The binary cross-entropy is computed.",
                 lambda o, x: torch.nn.functional.binary_cross_entropy_with_logits(o, x, reduction="none")),
                ("The logarithm of the hyperbolic cosine of the error is taken.",
                 lambda o, x: likelihoods.log_cosh(o - x)),
                ("The error is taken relative to the data.", lambda o, x: ((o - x) / x) ** 2),
                ("Logarithms are compared.", lambda o, x: (o.abs().log1p() - x.log1p()) ** 2),
            ),
        ),
    ),
    (likelihoods.CONSTANT, likelihoods.SINGLE, Term("the absolute error", 0, lambda o, x: (o - x).abs()),
     Term("the error", 0, lambda o, x: o - x), *likelihoods.POWERS),
    (*likelihoods.ERRORS, *likelihoods.CUT_OFF, *likelihoods.scalings("the mean")),
    MULTIPLIED_OUT,
    situations=(
        likelihoods.NEARLY,
        (likelihoods.OUTSIDE, likelihoods.outside),
        ("where the mean is x", lambda d: (d.uniform(4, 3),) * 2),
    ),
    sweep=likelihoods.SWEEP,
    elsewhere=likelihoods.beyond,
)  # fmt: skip


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What it computes."""
    return formula.explain(GAUSSIAN, submission, draws, until)


def probes() -> list[Probe]:
    """Where it may be right and where not."""
    return formula.probes(GAUSSIAN)
