"""What the three reconstruction losses have in common: a term for each feature of two matrices, output and data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import oracles
import torch

from grading.checks import Draws, Submission
from grading.diagnosis.laws import Bend, Change, Formula, Term, formula

Pair = tuple[torch.Tensor, torch.Tensor]
SQUASHED = "so that the decoder's raw output is not what it is taken for"


def changes(output: str) -> Iterator[Change]:
    """What may be done to the decoder's output, called ``output``, and the data before the formula."""
    start = output[0].upper() + output[1:]
    yield Change(f"A sigmoid is applied to {output}, {SQUASHED}.", lambda o, x: (o.sigmoid(), x))
    yield Change(f"tanh is applied to {output}, {SQUASHED}.", lambda o, x: (o.tanh(), x))
    yield Change(f"A softmax is applied to {output}, {SQUASHED}.", lambda o, x: (o.softmax(-1), x))
    yield Change(f"A ReLU is applied to {output}: what is negative is lost.", lambda o, x: (o.relu(), x))
    yield Change(f"Softplus is applied to {output}, {SQUASHED}.", lambda o, x: (torch.nn.functional.softplus(o), x))
    yield Change(f"The exponential is taken of {output}, {SQUASHED}.", lambda o, x: (o.exp(), x))
    yield Change(f"The absolute value is taken of {output}.", lambda o, x: (o.abs(), x))
    yield Change(f"Half of {output} is taken.", lambda o, x: (o / 2, x))
    yield Change(f"Twice {output} is taken.", lambda o, x: (2 * o, x))
    yield Change(f"The sign of {output} is turned round.", lambda o, x: (-o, x))
    yield Change(f"{start} and the data x stand in each other's place.", lambda o, x: (x, o))
    yield Change("The data x are not used: the output is compared with itself.", lambda o, x: (o, o))
    yield Change("The output is not used: the data x are compared with themselves.", lambda o, x: (x, x))
    yield Change("The data x are rounded to 0 and 1 first: what lies between is lost.", lambda o, x: (o, x.round()))
    yield Change("The data x are made 0 and 1, at one half.", lambda o, x: (o, (x > 0.5).to(x.dtype)))
    yield Change("The data x are made 1 wherever they are not 0.", lambda o, x: (o, (x > 0).to(x.dtype)))
    yield Change("The data x are turned round: 1 - x is compared.", lambda o, x: (o, 1 - x))
    yield Change("The data x are spread from -1 to 1 first.", lambda o, x: (o, 2 * x - 1))
    for share in (0.05, 0.1, 0.2):
        yield Change(
            f"The data x are drawn towards one half, by {share:g} of the way.",
            lambda o, x, share=share: (o, (1 - share) * x + share / 2),
        )
    yield Change(
        "The data x are spread from 0 for the smallest of all to 1 for the largest.", partial(_spread, (-2, -1))
    )
    yield Change(
        "The data x are spread in every example from 0 for the smallest to 1 for the largest.", partial(_spread, (-1,))
    )
    yield Change("A sigmoid is applied to the data x.", lambda o, x: (o, x.sigmoid()))
    yield Change("A sigmoid is applied to both, output and data.", lambda o, x: (o.sigmoid(), x.sigmoid()))
    yield Change("The examples of x are in another order, one further on.", lambda o, x: (o, x.roll(1, -2)))
    yield Change("The examples of x are in reverse order.", lambda o, x: (o, x.flip(-2)))
    yield Change("The features of x are in reverse order.", lambda o, x: (o, x.flip(-1)))
    yield Change("The output is averaged over the batch.", lambda o, x: (o.mean(-2, keepdim=True).expand_as(o), x))
    yield Change("The data are averaged over the batch.", lambda o, x: (o, x.mean(-2, keepdim=True).expand_as(x)))
    yield Change(
        "Output and data are averaged over the batch before they are compared.",
        lambda o, x: (o.mean(-2, keepdim=True).expand_as(o), x.mean(-2, keepdim=True).expand_as(x)),
    )
    yield Change(
        "Output and data are averaged over the features before they are compared.",
        lambda o, x: (o.mean(-1, keepdim=True).expand_as(o), x.mean(-1, keepdim=True).expand_as(x)),
    )
    yield Change(f"What is below 0 or above 1 in {output} is cut off.", lambda o, x: (o.clamp(0, 1), x))
    for bound in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0):
        yield Change(
            f"What is beyond -{bound:g} and {bound:g} in {output} is cut off.",
            lambda o, x, b=bound: (o.clamp(-b, b), x),
        )
    yield Change(f"Whole numbers are made of {output}.", lambda o, x: (o.round(), x))


def _spread(axes: tuple[int, ...], o: torch.Tensor, x: torch.Tensor) -> Pair:
    low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
    return o, (x - low) / (high - low).clamp(min=1e-9)


def draw(draws: Draws, batch: int, features: int, scale: float) -> Pair:
    """An output and data in [0, 1], which differ everywhere."""
    x = draws.uniform(batch, features, low=0.02, high=0.98)
    return x + scale * 1.2 * oracles.away_from_zero(draws, batch, features), x


def _of(scale: float) -> formula.Drawn:
    return lambda draws: draw(draws, 4, 3, scale)


BINARY, HALVES = OF_DATA = "for data that are 0 or 1", "for data of one half"
USUAL = (BINARY, "where the output is below the data", "where the output is above the data")
SITUATIONS: tuple[tuple[str, formula.Drawn], ...] = (
    ("where the output is small", _of(0.05)),
    ("where the output is of the order of 10", _of(6.0)),
    ("where the output is of the order of 100", _of(70.0)),
    ("where the output is of the order of 1000", _of(1000.0)),
    ("where the output is below the data", lambda d: (-d.uniform(4, 3, low=0.3, high=2.0), d.uniform(4, 3))),
    ("where the output is above the data", lambda d: (1 + d.uniform(4, 3, low=0.3, high=2.0), d.uniform(4, 3))),
    (BINARY, lambda d: (draw(d, 4, 3, 1.0)[0], d.uniform(4, 3).round())),
    (HALVES, lambda d: (draw(d, 4, 3, 1.0)[0], torch.full((4, 3), 0.5))),
    ("where all examples are alike", lambda d: tuple(a.repeat(4, 1) for a in draw(d, 1, 3, 1.0))),
)


def _apart(size: float, draws: Draws) -> Pair:
    x, signs = draws.uniform(3, 2), draws.uniform(3, 2).round() * 2 - 1
    return x + size * signs * draws.uniform(3, 2, low=0.8, high=1.2), x


NEARLY = ("where the output is nearly the data", partial(_apart, 0.01))
SWEEP = tuple(partial(_apart, 10 ** (place / 4)) for place in range(-12, 13))
"""Errors of all sizes, near enough to each other to see how a bend begins."""


def beyond(arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """An output and data that were in [0, 1], some of them below and some above: only their difference matters."""
    shift = torch.linspace(-2.0, 2.0, arguments[0].shape[-1]).to(arguments[0].dtype)
    return tuple(a + shift for a in arguments)


def log_cosh(e: torch.Tensor) -> torch.Tensor:
    """The logarithm of the hyperbolic cosine, which is larger than any number itself where that is large."""
    return e.abs() + torch.nn.functional.softplus(-2 * e.abs()) - math.log(2)


def scalings(output: str) -> tuple[Bend, ...]:
    """A factor or a constant in one of the arguments, ``output`` or the data."""
    start = output[0].upper() + output[1:]
    return (
        Bend(f"{start} is multiplied by {{b}} first.", lambda v, f, a, b: v((b * a[0], a[1])), 0.02, 50.0, True),
        Bend(f"To {output} {{b}} is added first.", lambda v, f, a, b: v((a[0] + b, a[1])), -5.0, 5.0),
        Bend("The data x are multiplied by {b} first.", lambda v, f, a, b: v((a[0], b * a[1])), 3e-3, 300.0, True),
        Bend("To the data x {b} is added first.", lambda v, f, a, b: v((a[0], a[1] + b)), -3.0, 3.0),
    )


CUT_OFF = (
    Bend(
        "The data x are cut off below 0 and above {b}.",
        lambda v, f, a, b: v((a[0], a[1].clamp(0, b))),
        0.05,
        50.0,
        True,
    ),
    Bend("The data x are cut off above {b}.", lambda v, f, a, b: v((a[0], a[1].clamp(max=b))), -3.0, 3.0),
    Bend("The data x are cut off below {b}.", lambda v, f, a, b: v((a[0], a[1].clamp(min=b))), -3.0, 3.0),
    Bend(
        "The data x are cut off beyond -{b} and {b}.", lambda v, f, a, b: v((a[0], a[1].clamp(-b, b))), 0.05, 50.0, True
    ),
)
"""What is done to data that may be any numbers."""
OUTSIDE = "for data below 0 and above 1"


def outside(draws: Draws) -> Pair:
    """Data on either side of [0, 1], and an output near them."""
    x = draws.normal(5, 4, std=2.0)
    return x + 0.5 * oracles.away_from_zero(draws, 5, 4), x


def _huber(e: torch.Tensor, b: float) -> torch.Tensor:
    return torch.where(e.abs() < b, e**2 / 2, b * (e.abs() - b / 2))


WEIGHTED = (
    Bend("Each element counts 1 + b x times, where b is {b}.",
         lambda v, f, a, b: f.reduced((1 + b * a[1]) * f.elements(a)), 0.02, 50.0, True),
    Bend("Each element counts 1 - b x times, where b is {b}.",
         lambda v, f, a, b: f.reduced((1 - b * a[1]) * f.elements(a)), 0.02, 5.0, True),
    Bend("Each element counts as much as x to the power {b}.",
         lambda v, f, a, b: f.reduced(a[1] ** b * f.elements(a)), 0.2, 5.0, True),
    Bend("Where x is above one half an element counts {b} times.",
         lambda v, f, a, b: f.reduced(torch.where(a[1] > 0.5, b, 1.0) * f.elements(a)), 0.01, 100.0, True),
    Bend("Where x is one half or more an element counts {b} times.",
         lambda v, f, a, b: f.reduced(torch.where(a[1] >= 0.5, b, 1.0) * f.elements(a)), 0.01, 100.0, True),
    Bend("Where x is 0 an element counts {b} times.",
         lambda v, f, a, b: f.reduced(torch.where(a[1] == 0, b, 1.0) * f.elements(a)), 0.0, 24.0),
)  # fmt: skip
"""Weights that depend on the data."""
ERRORS = (
    Bend("It is the Huber loss: beyond an error of {b} it no longer grows with the square.",
         lambda v, f, a, b: f.reduced(_huber(a[0] - a[1], b)), 0.01, 20, True),
    Bend("It is twice the Huber loss: beyond an error of {b} it no longer grows with the square.",
         lambda v, f, a, b: f.reduced(2 * _huber(a[0] - a[1], b)), 0.01, 20, True),
    Bend("It is the smooth absolute error (smooth L1): an error below {b} counts with its square over twice that, a "
         "larger one with its size less half of that.",
         lambda v, f, a, b: f.reduced(_huber(a[0] - a[1], b) / b), 0.01, 20, True),
    Bend("It is smoothed at 0: the root is taken of the squared error plus {b}.",
         lambda v, f, a, b: f.reduced(((a[0] - a[1]) ** 2 + b).sqrt()), 1e-8, 10, True),
    Bend("Each error is taken to the power {b}.",
         lambda v, f, a, b: f.reduced((a[0] - a[1]).abs() ** b), 0.2, 8.0, True),
    Bend("The logarithm is taken of 1 plus the squared error over {b}, so that large errors hardly count.",
         lambda v, f, a, b: f.reduced(((a[0] - a[1]) ** 2 / b).log1p()), 0.01, 100.0, True),
    Bend("The logarithm is taken of the hyperbolic cosine of the error over {b}: near 0 it is a square.",
         lambda v, f, a, b: f.reduced(b * log_cosh((a[0] - a[1]) / b)), 0.02, 50.0, True),
    Bend("Errors that are large against {b} count no more than 1.",
         lambda v, f, a, b: f.reduced(-torch.expm1(-((a[0] - a[1]) ** 2) / (2 * b**2))), 0.05, 20.0, True),
    Bend("Errors are cut off above {b}.", lambda v, f, a, b: f.reduced(f.elements(
        (a[1] + (a[0] - a[1]).clamp(-b, b), a[1]))), 0.05, 1e4, True),
    Bend("Errors below {b} count as 0.", lambda v, f, a, b: f.reduced(f.elements(
        (torch.where((a[0] - a[1]).abs() < b, a[1], a[0]), a[1]))), 0.01, 5.0, True),
    Bend("Of each error {b} is taken off.", lambda v, f, a, b: f.reduced(f.elements(
        (a[1] + ((a[0] - a[1]).abs() - b).relu(), a[1]))), 0.01, 5.0, True),
)  # fmt: skip


def _of_matrix(axis: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The largest sum of sizes over an axis, shared out so that all elements of an example add up to B times it."""

    def values(o: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        largest = (o - x).abs().sum(axis).amax(-1)
        return largest[..., None, None] / (o.shape[-1] * o.shape[-2]) + 0 * o

    return values


MATRIX_NORMS = tuple(
    (f"The norm of the whole matrix of errors is taken: of all {lines} the one with the largest sum of sizes.",
     (Term("that norm", 1.0, _of_matrix(axis)),))
    for lines, axis in (("columns", -2), ("rows", -1))
)  # fmt: skip


def loss_of(
    call: Callable[[Submission], Callable[..., object]],
    output: str,
    terms: tuple[Term, ...],
    extras: tuple[Term, ...],
    bends: tuple[Bend, ...] = (),
    variants: tuple[tuple[str, tuple[Term, ...]], ...] = (),
    otherwise: tuple[tuple[Term, ...], ...] = (),
    situations: tuple[tuple[str, formula.Drawn], ...] = (),
    sweep: tuple[formula.Drawn, ...] = (),
    elsewhere: Callable[[tuple[torch.Tensor, ...]], tuple[torch.Tensor, ...]] | None = None,
    readings: tuple[Callable[[Mapping[str, float]], str | None], ...] = (),
) -> Formula:
    """The formula of one reconstruction loss; its own situations are usual ones."""
    return Formula(
        call=lambda submission, arguments: call(submission)(*arguments),
        arguments=(output, "x"),
        terms=terms,
        reduction="sum_mean",
        features="features",
        draw=draw,
        extras=extras,
        changes=tuple(changes(output)),
        situations=(*SITUATIONS, *situations),
        elsewhere=elsewhere,
        readings=readings,
        placed=OF_DATA,
        sweep=sweep,
        usual=(*USUAL, *(words for words, _ in situations)),
        judged_at=(0,),
        bends=(*bends, *WEIGHTED),
        variants=variants,
        otherwise=otherwise,
        rests=(("where output and data are the same", lambda draws: (draws.uniform(4, 3),) * 2),),
    )


CONSTANT = Term("a constant for each feature", 0, lambda o, x: torch.ones_like(o))
SINGLE = Term("a constant for each example", 0, lambda o, x: torch.ones_like(o) / o.shape[-1])
POWERS = (
    Term("the squared output", 0, lambda o, x: o**2),
    Term("the squared data", 0, lambda o, x: x**2),
    Term("the output", 0, lambda o, x: o),
    Term("the data", 0, lambda o, x: x),
    Term("the size of the output", 0, lambda o, x: o.abs()),
)
