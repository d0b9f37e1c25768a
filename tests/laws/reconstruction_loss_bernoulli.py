"""``reconstruction_loss_bernoulli``: ``-x log p - (1 - x) log(1 - p)`` with ``p = sigmoid(logits)``.

Summed over features, averaged over the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Bend, Formula, Law, Probe, Term, formula, number
from laws import likelihoods

log_sigmoid = torch.nn.functional.logsigmoid

softplus = torch.nn.functional.softplus
ONES, ZEROS = "x log p", "(1 - x) log(1 - p)"
POSITIVE = Term("the positive part of the logits", 1.0, lambda o, x: o.relu())
OF_BOTH = "the product of logits and x"
PRODUCT = Term("minus x times the logits", 1.0, lambda o, x: -x * o)
REST = Term("log(1 + exp(-|logits|))", 1.0, lambda o, x: softplus(-o.abs()))
STABLE = "the stable form is max(logits, 0) - x logits + log(1 + exp(-|logits|))"

Arguments = tuple[torch.Tensor, ...]


def _logs(f: Formula, arguments: Arguments, of: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """The loss by way of probabilities in float32, as somebody computes them, with the weights of its two terms."""
    o, x = arguments
    p = o.float().sigmoid()
    ones, zeros = f.weight(ONES), f.weight(ZEROS)
    return ones * x * of(p).double() + zeros * (1 - x) * of(1 - p).double()


def _clamped(f: Formula, arguments: Arguments, b: float) -> torch.Tensor:
    """The same where the probability is kept away from both ends before anything is made of it, in float32."""
    o, x = arguments
    p = o.float().sigmoid().clamp(b, 1 - b)
    return f.weight(ONES) * x * p.log().double() + f.weight(ZEROS) * (1 - x) * (1 - p).log().double()


def _focal(of: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The loss with a weight for each element: a power of what is left of a probability."""
    return lambda v, f, a, b: f.reduced((1 - of(f, *a)) ** b * f.elements(a))


def _stable(words: str, *terms: Term) -> tuple[str, tuple[Term, ...]]:
    """A mistake in the form that does not overflow, where somebody writes it by hand."""
    return f"{words}: {STABLE}.", terms


def smoothed(weights: Mapping[str, float]) -> str | None:
    """The data that a loss is right for, where they lie between x and one half: ``(x - 1/2) logits`` are left over."""
    share, known = weights.get(OF_BOTH, 0.0), {ONES: -1.0, ZEROS: -1.0}
    known |= {OF_BOTH: share, "the output": -share / 2}
    if share <= 1e-4 or any(abs(weights.get(w, 0.0) - known.get(w, 0.0)) > 1e-4 for w in {*weights, *known}):
        return None
    return f"The data x are drawn towards one half, by {number(share)} of the way."


BY_HAND = (
    _stable("The absolute value is missing in exp(-|logits|)", POSITIVE, PRODUCT,
            Term("log(1 + exp(-logits))", 1.0, lambda o, x: softplus(-o))),
    _stable("The sign in exp(-|logits|) is wrong", POSITIVE, PRODUCT,
            Term("log(1 + exp(|logits|))", 1.0, lambda o, x: softplus(o.abs()))),
    _stable("The positive part of the logits is missing", PRODUCT, REST),
    _stable("The absolute value of the logits stands where their positive part belongs",
            Term("|logits|", 1.0, lambda o, x: o.abs()), PRODUCT, REST),
    _stable("The negative part of the logits stands where their positive part belongs",
            Term("min(logits, 0)", 1.0, lambda o, x: -(-o).relu()), PRODUCT, REST),
    ("The sign of the logits in log(1 + exp(logits)) is wrong: the loss is log(1 + exp(logits)) - x logits.",
     (PRODUCT, Term("log(1 + exp(-logits))", 1.0, lambda o, x: softplus(-o)))),
    ("The sign of x logits is wrong: the loss is log(1 + exp(logits)) - x logits.",
     (Term("x times the logits", 1.0, lambda o, x: x * o),
      Term("log(1 + exp(logits))", 1.0, lambda o, x: softplus(o)))),
)  # fmt: skip

BENDS = (
    Bend("The data x are drawn towards one half, by {b} of the way.",
         lambda v, f, a, b: v((a[0], (1 - b) * a[1] + b / 2)), 0.001, 0.9, True),
    Bend("{b} is added to the probabilities before their logarithm is taken, so that large logits are wrong.",
         lambda v, f, a, b: f.reduced(_logs(f, a, lambda p: (p + b).log())), 1e-12, 0.1, True),
    Bend("The probabilities are kept {b} away from 0 and 1, so that large logits are wrong and without gradient.",
         lambda v, f, a, b: f.reduced(_logs(f, a, lambda p: p.clamp(b, 1 - b).log())), 1e-9, 0.2, True),
    Bend("The probabilities are kept {b} away from 0 and 1, so that large logits are wrong and without gradient.",
         lambda v, f, a, b: f.reduced(_clamped(f, a, b)), 1e-7, 0.2, True),
    *(Bend("It is the focal loss with the exponent {b}: what is predicted well counts less.", of, 0.1, 10.0, True)
      for of in (_focal(lambda f, o, x: (-f.elements((o, x))).exp()),
                 _focal(lambda f, o, x: x * o.sigmoid() + (1 - x) * (-o).sigmoid()))),
    Bend("It is the generalized cross-entropy with the exponent {b}: confident misses count less.",
         lambda v, f, a, b: f.reduced(-torch.expm1(-b * f.elements(a)) / b), 0.05, 1.0, True),
    *likelihoods.scalings("the logits"),
    Bend("The logarithms of the probabilities end at {b}, as binary_cross_entropy of a sigmoid has it.",
         lambda v, f, a, b: f.reduced(_logs(f, a, lambda p: p.log().clamp(min=b))), -1000.0, -5.0),
)  # fmt: skip

BERNOULLI = likelihoods.loss_of(
    lambda submission: submission.reconstruction_loss_bernoulli,
    "the logits",
    (
        Term(
            ONES,
            -1.0,
            lambda o, x: x * log_sigmoid(o),
            (
                ("In the first term p stands without its logarithm.", lambda o, x: x * o.sigmoid()),
                ("In the first term the logits stand where log p belongs.", lambda o, x: x * o),
                ("The first term is not weighted with x.", lambda o, x: log_sigmoid(o)),
                ("In the first term log(1 - p) stands where log p belongs.", lambda o, x: x * log_sigmoid(-o)),
                ("In the first term 1 - x stands where x belongs.", lambda o, x: (1 - x) * log_sigmoid(o)),
            ),
        ),
        Term(
            ZEROS,
            -1.0,
            lambda o, x: (1 - x) * log_sigmoid(-o),
            (
                ("In the second term 1 - p stands without its logarithm.", lambda o, x: (1 - x) * (-o).sigmoid()),
                ("The second term is not weighted with 1 - x.", lambda o, x: log_sigmoid(-o)),
                ("In the second term log p stands where log(1 - p) belongs.", lambda o, x: (1 - x) * log_sigmoid(o)),
                ("In the second term x stands where 1 - x belongs.", lambda o, x: x * log_sigmoid(-o)),
                ("In the second term the sigmoid is taken of 1 - logits where 1 - p belongs.",
                 lambda o, x: (1 - x) * log_sigmoid(1 - o)),
                ("In the second term 1 - log p stands where log(1 - p) belongs.",
                 lambda o, x: (1 - x) * (1 - log_sigmoid(o))),
            ),
        ),
    ),
    (likelihoods.CONSTANT, likelihoods.SINGLE, Term("the squared error of p", 0, lambda o, x: (o.sigmoid() - x) ** 2),
     Term("the squared error of the logits", 0, lambda o, x: (o - x) ** 2),
     Term("the absolute error of p", 0, lambda o, x: (o.sigmoid() - x).abs()),
     Term("the absolute error of the logits", 0, lambda o, x: (o - x).abs()),
     Term("the entropy of x", 0, lambda o, x: -torch.xlogy(x, x) - torch.xlogy(1 - x, 1 - x)),
     Term("the entropy of p", 0,
          lambda o, x: -o.sigmoid() * log_sigmoid(o) - (-o).sigmoid() * log_sigmoid(-o)),
     Term("the positive part of the logits", 0, lambda o, x: o.relu()),
     Term(OF_BOTH, 0, lambda o, x: o * x),
     Term("the logarithm of the constant of a continuous Bernoulli law", 0,
          lambda o, x: (o.abs() / (o.abs() / 2).tanh()).log()),
     Term("p", 0, lambda o, x: o.sigmoid()),
     Term("log p", 0, lambda o, x: log_sigmoid(o)),
     Term("log(1 - p)", 0, lambda o, x: log_sigmoid(-o)), *likelihoods.POWERS),
    BENDS,
    (("A softmax cross-entropy is computed: the features of an example compete, as if one of them were its class.",
      (Term("x log softmax", -1.0, lambda o, x: x * o.log_softmax(-1)),)),
     ("A hinge loss is computed: confident hits count nothing, and it gives no probabilities.",
      (Term("the hinge", 1.0, lambda o, x: (1 - (2 * x - 1) * o).relu()),)),
     ("The exponential loss is computed, as boosting has it.",
      (Term("the exponential", 1.0, lambda o, x: (-(2 * x - 1) * o).exp()),)), *BY_HAND),
    ((PRODUCT, Term("softplus of the logits", 1.0, lambda o, x: softplus(o))),
     (POSITIVE, PRODUCT, REST)),
    readings=(smoothed,),
)  # fmt: skip


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """What it computes."""
    return formula.explain(BERNOULLI, submission, draws, until)


def probes() -> list[Probe]:
    """Where it may be right and where not."""
    return formula.probes(BERNOULLI)
