"""``reconstruction_loss_laplace``: ``|location - x|``, summed over features, averaged over the batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Law, Probe, Term, formula
from laws import likelihoods

LAPLACE = likelihoods.loss_of(
    lambda submission: submission.reconstruction_loss_laplace,
    "the location",
    (
        Term(
            "the absolute error",
            1.0,
            lambda o, x: (o - x).abs(),
            (
                ("The error is squared instead of taken by its size.", lambda o, x: (o - x) ** 2),
                ("The sign of the error is kept, so that errors of either sign cancel.", lambda o, x: o - x),
                ("The sign of the error is kept, so that errors of either sign cancel.", lambda o, x: x - o),
                ("Only what the output is too large counts.", lambda o, x: (o - x).relu()),
                ("Only what the output is too small counts.", lambda o, x: (x - o).relu()),
                ("Output and data are added instead of subtracted.", lambda o, x: (o + x).abs()),
                ("The sizes are subtracted, not the numbers.", lambda o, x: o.abs() - x.abs()),
                ("The sizes are compared, without their signs.", lambda o, x: (o.abs() - x.abs()).abs()),
                ("The root of the absolute error is taken.", lambda o, x: (o - x).abs().sqrt()),
                ("The size of the sum of an example's errors is taken, so that they cancel.",
                 lambda o, x: (o - x).sum(-1, keepdim=True).abs() / o.shape[-1] + 0 * o),
                ("The root of an example's summed squares is taken: its Euclidean distance.",
                 lambda o, x: ((o - x) ** 2).sum(-1, keepdim=True).sqrt() / o.shape[-1] + 0 * o),
                ("The largest error of an example stands for all.",
                 lambda o, x: (o - x).abs().amax(-1, keepdim=True) / o.shape[-1] + 0 * o),
                ("The smooth absolute error (Huber's) is taken: near 0 it is a square.",
                 lambda o, x: torch.nn.functional.smooth_l1_loss(o, x, reduction="none")),
                ("The binary cross-entropy is computed.",
                 lambda o, x: torch.nn.functional.binary_cross_entropy_with_logits(o, x, reduction="none")),
                ("The logarithm of the hyperbolic cosine of the error is taken: near 0 it is a square.",
                 lambda o, x: likelihoods.log_cosh(o - x)),
                ("The exponential of minus the error is taken.", lambda o, x: (-(o - x).abs()).exp()),
                ("tanh of the error is taken.", lambda o, x: (o - x).abs().tanh()),
                ("The error is taken relative to the data.", lambda o, x: (o - x).abs() / x),
            ),
        ),
    ),
    (likelihoods.CONSTANT, likelihoods.SINGLE, Term("the squared error", 0, lambda o, x: (o - x) ** 2),
     Term("the error", 0, lambda o, x: o - x), *likelihoods.POWERS),
    (*likelihoods.ERRORS, *likelihoods.CUT_OFF, *likelihoods.scalings("the location")),
    likelihoods.MATRIX_NORMS,
    situations=(likelihoods.NEARLY, (likelihoods.OUTSIDE, likelihoods.outside),),
    sweep=likelihoods.SWEEP,
    elsewhere=likelihoods.beyond,
)  # fmt: skip


# Errors that are added up before their size is taken are told as that.
LAPLACE = replace(LAPLACE, changes=tuple(c for c in LAPLACE.changes if "averaged over the features" not in c.words))


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What it computes."""
    return formula.explain(LAPLACE, submission, draws, until)


def probes() -> list[Probe]:
    """Where it may be right and where not."""
    return formula.probes(LAPLACE)
